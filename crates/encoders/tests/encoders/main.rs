//! Encoders as their callers have them: a directory in, vectors out.
//!
//! | file | what it holds to |
//! |---|---|
//! | `tables.rs` | static tables: what counts, what does not, what is refused |
//! | `transformers.rs` | directories of BERT models: what is read, what is refused |
//! | `cache.rs` | what is kept, what a killed writer leaves, what is refused |
//! | `real.rs` | real encoders against the vectors that others compute, where they are there |

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where and stop"
)]

mod cache;
mod made_up;
mod real;
mod tables;
mod transformers;
