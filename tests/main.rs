//! One binary for everything that needs more than one room.
//!
//! | file | what it holds to |
//! |---|---|
//! | `closing_the_loop.rs` | rows, fit, serve, feedback, export, retrain: the new router is better; read this first |
//! | `learning.rs` | what a router must not learn: noise, a duplicate's name; what it must: prices |
//! | `cold_start.rs` | a new model from a few scores: what comes back, what stays as it was |
//! | `streaming.rs` | a log larger than the table: no row is wasted, none is learnt from that should not be |
//! | `replay.rs` | serving with feedback on a log whose truth is known: learning does no harm |
//! | `notebook.rs` | the notebook on learning runs on a real replay |
//! | `clients.rs` | the packages people use against the gateway; its settings, its kills |
//! | `online.rs` | learning while serving, by the program itself: nothing is lost by a kill |
//! | `learning_curve.rs` | more labels make a better router, and the curve says by how much |
//! | `cascade.rs` | reading an answer before deciding: what it gains, and that every call is paid for |
//! | `cascade_served.rs` | the gateway reads answers as the evaluation does, by a trained router |
//! | `faults.rs` | a full disk, a clock that is set, a router replaced and a SIGTERM under load |
//! | `many_connections.rs` | five thousand connections at once |
//! | `labels.rs` | scores, comparisons and choices of a policy, against a truth that is known |
//! | `teaching.rs` | what a student has of a teacher, and what neither may tell |
//! | `serving.rs` | what was evaluated is what is served; nothing acknowledged is lost |
//! | `promotion.rs` | a new version takes over by steps, and a kill leaves the old one or the new one |
//! | `command_line.rs` | every bad input gets a clear error and leaves nothing behind |
//! | `keys.rs` | a key that the program draws is let in by the lines that it prints |
//! | `off_policy.rs` | what `ope` says of a router on another policy's decisions, against the truth |
//! | `odd_prompts.rs` | empty, huge and foreign prompts, in logs and in requests |
//! | `report_page.rs` | the report in a real browser |
//! | `guarantee.rs` | what is guaranteed holds on new prompts, or is refused |
//! | `golden.rs` | the measures on real rows, where they are there |
//! | `rooms.rs` | who may know whom |
//!
//! The program itself is tested as built: `cargo build --release --bin pointsman` comes first.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where and stop"
)]

mod cascade;
mod cascade_served;
mod clients;
mod closing_the_loop;
mod cold_start;
mod command_line;
mod faults;
mod golden;
mod guarantee;
mod keys;
mod labels;
mod learning;
mod learning_curve;
mod many_connections;
mod notebook;
mod odd_prompts;
mod off_policy;
mod online;
mod program;
mod promotion;
mod provider;
mod replay;
mod report_page;
mod rooms;
mod serving;
mod streaming;
mod teaching;
