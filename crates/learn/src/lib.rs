//! What a server learns from the feedback that comes back, and how it proves it before it acts on
//! it.
//!
//! Arithmetic on records: no HTTP, no database, no clock and no random source. `serve` brings
//! records and time, and keeps what comes out; `replay` does the same on a log whose truth is known.

pub mod drift;
pub mod learner;
pub mod pacing;
pub mod promotion;
