//! The words every other room speaks: prompts, models and their prices, log rows, requests,
//! decisions, feedback, and the units they are counted in.
//!
//! Values only. Nothing here reads a file, a clock or a random source, and nothing here knows
//! tensors or tables.

mod answers;
mod catalog;
mod comparison;
mod decision;
mod entry;
mod feedback;
mod grid;
mod log_row;
mod log_table;
mod name;
mod prompt;
mod rating;
mod request;
mod scored_row;
mod stage;
mod units;

pub use answers::Answers;
pub use catalog::{Billed, Capability, Catalog, CatalogError, ModelCard, PriceTier, Prices};
pub use comparison::{Comparison, Rival, Winner};
pub use decision::{Candidate, Correction, Decision, Reason, Refusal};
pub use feedback::{Feedback, Signal, Usage, Verdict};
pub use grid::Grid;
pub use log_row::LogRow;
pub use log_table::{LogTable, PromptRow};
pub use name::ModelName;
pub use prompt::{Message, Prompt, Turn, fold_of, text_hash, turns_of};
pub use rating::{Choice, Rating};
pub use request::{Limits, MaxPrice, Request};
pub use scored_row::ScoredRow;
pub use stage::Stage;
pub use units::{Draw, OutOfRange, Probability, Quality, Tokens, Usd, UsdPerMillion};
