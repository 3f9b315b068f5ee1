//! One binary for everything that needs more than one room.
//!
//! | file | what it holds to |
//! |---|---|
//! | `closing_the_loop.rs` | rows, fit, serve, feedback, export, retrain: the new router is better; read this first |
//! | `learning.rs` | what a router must not learn: noise, a duplicate's name; what it must: prices |
//! | `cold_start.rs` | a new model from a few scores: what comes back, what stays as it was |
//! | `learning_curve.rs` | more labels make a better router, and the curve says by how much |
//! | `serving.rs` | what was evaluated is what is served; nothing acknowledged is lost |
//! | `command_line.rs` | every bad input gets a clear error and leaves nothing behind |
//! | `report_page.rs` | the report in a real browser |
//! | `golden.rs` | the measures on real rows, where they are there |
//! | `rooms.rs` | who may know whom |
//!
//! The program itself is tested as built: `cargo build --release --bin pointsman` comes first.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where and stop"
)]

mod closing_the_loop;
mod cold_start;
mod command_line;
mod golden;
mod learning;
mod learning_curve;
mod program;
mod report_page;
mod rooms;
mod serving;
