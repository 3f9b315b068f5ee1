//! Benchmarks, one file per question; the answers stand in `RESULTS.md`. What they share is here.

pub mod closed;
pub mod http;
pub mod load;
pub mod program;
pub mod stand_in;
