//! Pipelines: several calls that make one answer, called like a model.
//!
//! Every call is a decision of its own, with the pipeline's name in its metadata; the answer's headers
//! name that of the answer that won, and what all calls cost together.

mod best_of;
mod cascade;
mod check;
mod config;
mod crew;
mod judge;
mod learned;
mod sequence;
mod vote;

use pointsman_types::{ModelName, Usd};
use pointsman_wire::{Error, Failure, FailureKind};

pub(crate) use self::best_of::BestOf;
pub(crate) use self::cascade::Cascade;
pub use self::config::{
    BestOfConfig, CascadeConfig, CheckConfig, LearnedConfig, PipelineConfig, SequenceConfig,
    StepConfig, VoteConfig,
};
use self::crew::Step;
pub(crate) use self::crew::{Crew, Done, Entry, Ledger, Request};
pub(crate) use self::learned::Learned;
pub(crate) use self::sequence::Sequence;
pub(crate) use self::vote::Vote;
use super::refused::Refused;
use crate::Decide;

/// The most calls of one pipeline.
const MOST_CALLS: usize = 16;

/// A pipeline that was checked.
pub(crate) struct Pipeline {
    pub(crate) name: ModelName,
    /// The most that all calls together may cost, as expected before each.
    pub(crate) max_cost: Option<Usd>,
    work: Work,
}

enum Work {
    Cascade(Cascade),
    Learned(Learned),
    Sequence(Sequence),
    BestOf(BestOf),
    Vote(Vote),
}

/// Why a call of a pipeline gave no answer.
pub(crate) enum Stopped {
    /// It would have cost more than is left.
    TooDear(Usd),
    /// It failed, or was refused.
    Refused(Box<Refused>),
}

impl Pipeline {
    /// Checks what the settings say; that its models exist is somebody else's affair.
    pub(crate) fn new(config: &PipelineConfig) -> Result<Self, String> {
        let work = match config {
            PipelineConfig::Cascade(one) => Work::Cascade(Cascade::new(one)?),
            PipelineConfig::LearnedCascade(one) => Work::Learned(Learned::new(one)?),
            PipelineConfig::Sequence(one) => Work::Sequence(Sequence::new(one)?),
            PipelineConfig::BestOf(one) => Work::BestOf(BestOf::new(one)?),
            PipelineConfig::Vote(one) => Work::Vote(Vote::new(one)?),
        };
        Ok(Self {
            name: config.name().clone(),
            max_cost: config.max_cost(),
            work,
        })
    }

    /// Why it asks one model only where this router serves; `None` where it does what it is for.
    pub(crate) fn idle(&self, router: &dyn Decide) -> Option<&'static str> {
        match &self.work {
            Work::Learned(work) => work.idle(router),
            Work::Cascade(_) | Work::Sequence(_) | Work::BestOf(_) | Work::Vote(_) => None,
        }
    }

    /// Makes the calls.
    pub(crate) async fn run(&self, crew: &Crew<'_>) -> Result<Done, Refused> {
        let done = match &self.work {
            Work::Cascade(work) => work.run(crew).await,
            Work::Learned(work) => work.run(crew).await,
            Work::Sequence(work) => work.run(crew).await,
            Work::BestOf(work) => work.run(crew).await,
            Work::Vote(work) => work.run(crew).await,
        };
        done.map_err(Refused::from)
    }
}

impl From<Stopped> for Refused {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Refused(refused) => *refused,
            Stopped::TooDear(most) => {
                let why = format!(
                    "the next call may cost more than is left of the pipeline's ${}",
                    most.as_f64()
                );
                Failure::new(FailureKind::Unprocessable, why).into()
            }
        }
    }
}

impl From<Refused> for Stopped {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Refused::from(failure).into()
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Refused::from(error).into()
    }
}

/// How many calls `models` asked `samples` times make, if that is few enough.
fn calls(models: &[ModelName], samples: usize) -> Result<usize, String> {
    let calls = models.len().saturating_mul(samples);
    match (1..=MOST_CALLS).contains(&calls) {
        true => Ok(calls),
        false => Err(format!(
            "makes {calls} calls; it must be between 1 and {MOST_CALLS}"
        )),
    }
}
