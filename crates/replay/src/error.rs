//! Why a replay came to nothing.

use pointsman_router::RouterError;
use pointsman_train::{AddError, TrainError};

/// A replay that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A setting is out of range.
    #[error("{setting} must be {range}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// Too little of the log is complete.
    #[error(
        "the {part} part has {found} prompts that every model scored and that have every cost, {needed} are needed"
    )]
    FewPrompts {
        /// Offline or online.
        part: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Nothing to split by.
    #[error("the log has {0} categories; a shift needs at least 2 (column `category`)")]
    FewCategories(usize),
    /// Nothing to choose between.
    #[error("the log has {0} models; at least {1} are needed")]
    FewModels(usize, usize),
    /// The offline part trains no router.
    #[error("no router can be trained on the labelled prompts")]
    Train(#[from] TrainError),
    /// The router cannot be put together.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// The new model cannot be added.
    #[error("the new model cannot be added")]
    Add(#[source] Box<AddError>),
}

impl From<AddError> for ReplayError {
    fn from(error: AddError) -> Self {
        Self::Add(Box::new(error))
    }
}
