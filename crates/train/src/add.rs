//! Cold start: one more model for a router that is there, from a few scored prompts or from none.
//!
//! The new model counts as one more draw from the population of models that the router knows: its
//! level starts from its price and family ([`prior`]) and moves to its scores; what a prompt adds to
//! it is a combination of what the prompt adds to the others ([`population`]), so that the heads that
//! are there can say it. Nothing that is there is fitted anew.

mod amounts;
mod few;
mod population;
mod prior;
mod report;

pub use report::{Addition, Alike};

use pointsman_models::{LowerCurve, Model};
use pointsman_router::{Artifact, Encoding, Router, RouterError};
use pointsman_types::{Catalog, CatalogError, LogTable, ModelName, text_hash};

use crate::calibrate::{NORMAL_QUANTILE, wilson_lower};
use crate::error::TrainError;
use crate::judges::level_judges;
use amounts::WithAmounts;
use few::Few;
use population::Posterior;
use prior::Prior;

/// A model that cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// It is there.
    #[error("the router already has `{0}`; train again to use more scores of it")]
    Known(ModelName),
    /// The logs leave open which model is meant.
    #[error("the logs have {} models that the router does not know: {}; name one with --model", .0.len(), listed(.0))]
    Several(Vec<ModelName>),
    /// The logs have no new model.
    #[error("the logs have no model that the router does not know; name the new one with --model")]
    NoneNew,
    /// Nothing to go by.
    #[error(
        "nothing is known of `{0}`: the logs have no score of it and the catalogue has no price; add one of them (--logs, --catalog)"
    )]
    NothingKnown(ModelName),
    /// The card does not fit the catalogue.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The router cannot be put together, before or after.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// The equations failed.
    #[error(transparent)]
    Fit(#[from] TrainError),
}

fn listed(models: &[ModelName]) -> String {
    let names: Vec<String> = models.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// A router with one more model.
#[derive(Debug, Clone)]
pub struct Added {
    /// What is saved.
    pub artifact: Artifact,
    /// How the model was added; stands in the artifact's report as well.
    pub addition: Addition,
}

/// Adds the model `name`, or the only one in the log that the router does not know. Its scores may
/// be few or none; scores of the router's models on the same prompts sharpen its level. Its card is
/// taken from `catalog`, or from the router's own. A guarantee does not survive: it spoke of the
/// models that were there.
///
/// # Errors
/// When the model is there already, is not told which, nothing is known of it, or nothing says what it
/// costs.
pub fn add_model(
    artifact: Artifact,
    encoding: &Encoding,
    mut log: LogTable,
    catalog: &Catalog,
    name: Option<&ModelName>,
) -> Result<Added, AddError> {
    let judged = level_judges(&mut log);
    let name = new_model(&artifact, &log, name)?;
    let catalog = with_card(&artifact.catalog, catalog, &name)?;
    let prices = catalog.get(name.as_str()).and_then(|card| card.prices());
    let router = Router::new_with(artifact.clone(), encoding)?;
    let few = Few::new(&router, &artifact.model, &log, &name);
    if few.scores.is_empty() && prices.is_none() {
        return Err(AddError::NothingKnown(name));
    }
    let amounts = WithAmounts::new(&artifact.model, &few, &catalog, &name);
    let names: Vec<ModelName> = artifact
        .model
        .names
        .iter()
        .chain([&name])
        .cloned()
        .collect();
    let costs = amounts.typical_costs(&names, &catalog);
    let prior = Prior::new(&artifact.model.names, &few.levels, &name, &costs);
    let posterior = Posterior::new(&few, &prior)?;
    let lower = lower_curve(&posterior, few.scores.len());
    let mut addition = Addition::new(
        &name,
        &artifact.model.names,
        &few,
        &amounts,
        (&prior, &posterior),
    );
    addition.notes.extend(judged);
    addition.notes.extend(lost_guarantee(&artifact, &name));
    addition.notes.extend(lost_cascade(&artifact, &name));
    let mut added = Artifact {
        model: with_model(artifact.model, name, amounts, &posterior, lower),
        cascade: None,
        catalog,
        guarantee: None,
        ..artifact
    };
    added
        .trained_on
        .extend(log.prompts.iter().map(|row| text_hash(&row.text)));
    addition.write_into(&mut added.report);
    // Nothing is handed out that could not be put to work.
    Router::new_with(added.clone(), encoding)?;
    Ok(Added {
        artifact: added,
        addition,
    })
}

/// What was promised was promised of the models that were there.
fn lost_guarantee(artifact: &Artifact, name: &ModelName) -> Option<String> {
    artifact.guarantee.as_ref().map(|guarantee| {
        format!("no guarantee any more: `{name}` was not there when this was tested: {guarantee}")
    })
}

/// How a new model's answers hang together with the others' cannot be told from few of them.
fn lost_cascade(artifact: &Artifact, name: &ModelName) -> Option<String> {
    artifact.cascade.as_ref().map(|_| {
        format!("no cascade any more: it was fitted without `{name}`; train with --cascade again")
    })
}

fn new_model(
    artifact: &Artifact,
    log: &LogTable,
    name: Option<&ModelName>,
) -> Result<ModelName, AddError> {
    let known = |name: &ModelName| artifact.model.names.contains(name);
    if let Some(name) = name {
        return match known(name) {
            true => Err(AddError::Known(name.clone())),
            false => Ok(name.clone()),
        };
    }
    let new: Vec<ModelName> = log
        .models
        .iter()
        .filter(|name| !known(name))
        .cloned()
        .collect();
    match new.as_slice() {
        [] => Err(AddError::NoneNew),
        [only] => Ok(only.clone()),
        _ => Err(AddError::Several(new)),
    }
}

/// The router's catalogue with the new model's card, if there is one; other cards stay as they are,
/// since they decide what the other models cost.
fn with_card(own: &Catalog, more: &Catalog, name: &ModelName) -> Result<Catalog, CatalogError> {
    let Some(card) = more.get(name.as_str()) else {
        return Ok(own.clone());
    };
    let others = own.cards().filter(|other| other.name != *name);
    Catalog::new(others.chain([card]).cloned().collect())
}

fn with_model(
    mut model: Model,
    name: ModelName,
    amounts: WithAmounts,
    posterior: &Posterior,
    lower: LowerCurve,
) -> Model {
    let level = posterior.level as f32;
    model.calibration = model
        .calibration
        .with_guest(&model.quality.mean, level, lower);
    let shares: Vec<f32> = posterior.shares.iter().map(|share| *share as f32).collect();
    model.quality = model.quality.with_combination(level, &shares);
    model.prior = model
        .prior
        .with_combination(&shares, posterior.error as f32);
    model.names.push(name);
    model.input_tokens = amounts.input_tokens;
    model.output_tokens = amounts.output_tokens;
    model.logged_cost = amounts.logged_cost;
    model
}

/// The same distance below every quality: that of a bound on the level. With scores it is Wilson's,
/// as for the other models; without, that of the prior.
fn lower_curve(posterior: &Posterior, scores: usize) -> LowerCurve {
    let level = posterior.level;
    let gap = match scores {
        0 => NORMAL_QUANTILE * posterior.error,
        scores => level - wilson_lower(level, scores as f64),
    };
    let gap = gap.min(1.0) as f32;
    LowerCurve(vec![(gap, 0.0), (1.0, 1.0 - gap)])
}
