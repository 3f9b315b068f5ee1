//! Benchmarks, one file per question; the answers stand in `RESULTS.md`.
