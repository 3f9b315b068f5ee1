//! A mind as bytes, and back: what a snapshot of the store holds. A version in front, then the
//! learner's own bytes, then everything else as JSON.

use std::sync::Arc;

use pointsman_learn::learner::{Learner, LearnerError};
use pointsman_models::Prior;
use pointsman_router::{Learned, Router};
use serde::{Deserialize, Serialize};

use super::LearningConfig;
use super::mind::{Mind, Rest, monitor};
use super::pacing::Paced;

const MAGIC: &[u8; 8] = b"PTSMMND\0";
/// Raised whenever the meaning of what follows changes.
const VERSION: u32 = 1;

/// A state that cannot be used; learning then begins anew from what the store still has.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// It is something else.
    #[error("this is no state of a server that learns")]
    Foreign,
    /// Another release wrote it.
    #[error("the state has version {0}, this release reads version {VERSION}")]
    Version(u32),
    /// It ends early.
    #[error("the state ends early")]
    Truncated,
    /// The learner's part.
    #[error("the learner's part cannot be used")]
    Learner(#[from] LearnerError),
    /// The other part.
    #[error("the part beside the learner cannot be read")]
    Rest(#[from] serde_json::Error),
    /// It is of other models, or of the same ones with another prior.
    #[error("the state is of another router")]
    OtherRouter,
    /// The parts are of different sizes.
    #[error("the parts of the state do not fit each other")]
    Torn,
}

/// Everything but the learner.
#[derive(Serialize)]
struct Written<'a> {
    rest: &'a Rest,
    paced: Option<&'a Paced>,
}

#[derive(Deserialize)]
struct Read {
    rest: Rest,
    paced: Option<Paced>,
}

/// The bytes of a snapshot.
pub(crate) fn to_bytes(mind: &Mind, paced: Option<&Paced>) -> Vec<u8> {
    let learner = mind.learner.to_bytes();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((learner.len() as u64).to_le_bytes());
    bytes.extend(learner);
    let rest = Written {
        rest: &mind.rest,
        paced,
    };
    serde_json::to_writer(&mut bytes, &rest)
        .expect("keys are strings and writing to memory does not fail");
    bytes
}

/// What a snapshot has learnt of a router, as its decisions read it. The settings decide nothing in
/// that: they are about what is still to be learnt.
pub(crate) fn learned_in(bytes: &[u8], router: &Router) -> Result<Arc<Learned>, StateError> {
    let config = LearningConfig::default();
    let (mut mind, _) = from_bytes(bytes, &router.model().prior, &config)?;
    // No time is told, so that the same snapshot is the same version whenever it is read.
    Ok(mind.learned(&config, 0))
}

/// The state that [`to_bytes`] wrote, for a router with this prior.
pub(crate) fn from_bytes(
    bytes: &[u8],
    prior: &Prior,
    config: &LearningConfig,
) -> Result<(Mind, Option<Paced>), StateError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(StateError::Foreign)?;
    let (version, rest) = rest.split_first_chunk().ok_or(StateError::Truncated)?;
    match u32::from_le_bytes(*version) {
        VERSION => {}
        other => return Err(StateError::Version(other)),
    }
    let (length, rest) = rest.split_first_chunk().ok_or(StateError::Truncated)?;
    let length = usize::try_from(u64::from_le_bytes(*length));
    let parts = length.ok().and_then(|length| rest.split_at_checked(length));
    let (learner, rest) = parts.ok_or(StateError::Truncated)?;
    let learner = Learner::from_bytes(learner, config.feedback.clone())?;
    let Read { rest, paced } = serde_json::from_slice(rest)?;
    if learner.posterior().prior() != prior {
        return Err(StateError::OtherRouter);
    }
    let models = prior.models();
    let fits = rest.models.len() == models
        && rest.judged.len() == models
        && rest.costs.factors().len() == models
        && rest.monitor.models().count() == models;
    if !fits {
        return Err(StateError::Torn);
    }
    let mut mind = Mind { learner, rest };
    if mind.rest.drift != config.drift {
        mind.rest.monitor = monitor(config, &mind.rest.models);
        mind.rest.drift = config.drift.clone();
    }
    Ok((mind, paced))
}
