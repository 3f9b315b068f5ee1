//! Pipelines as settings list them: `[[pipelines]]`, each called like a model.

use pointsman_types::{ModelName, Usd};
use serde::Deserialize;

/// One of `pipelines`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PipelineConfig {
    /// A cheap model first; the next one where its answer does not pass.
    Cascade(CascadeConfig),
    /// Steps with templates over what was said before.
    Sequence(SequenceConfig),
    /// Several answers, of which a judge takes the best.
    BestOf(BestOfConfig),
    /// Several answers, of which the most frequent one wins.
    Vote(VoteConfig),
}

/// A cascade.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CascadeConfig {
    /// What callers name it.
    pub name: ModelName,
    /// The models, in the order in which they are asked. The last one's answer is not checked.
    pub models: Vec<ModelName>,
    /// What an answer must pass, all of it.
    pub checks: Vec<CheckConfig>,
    /// The most that all calls together may cost, as expected before each.
    pub max_cost_usd: Option<Usd>,
}

/// One of a cascade's `checks`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CheckConfig {
    /// The mean log-probability of its tokens is at least this. Passed where the back end tells none.
    Logprob {
        /// In nats, at most 0.
        least: f64,
    },
    /// It has so many characters.
    Length {
        /// At least.
        least: Option<usize>,
        /// At most.
        most: Option<usize>,
    },
    /// The model did not decline.
    Refusal {},
    /// It is JSON, by the schema of the request where that has one.
    Json {},
    /// It has a part that matches, or must not have one.
    Regex {
        /// In the syntax of the `regex` crate.
        pattern: String,
        /// Whether a match is a fault.
        #[serde(default)]
        forbidden: bool,
    },
    /// A model finds it good enough.
    Judge {
        /// Who judges.
        model: ModelName,
        /// From which grade in [0, 1] it passes.
        least: f64,
        /// What to look at, in words.
        criteria: Option<String>,
    },
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceConfig {
    /// What callers name it.
    pub name: ModelName,
    /// One after the other; the last one's answer is the answer.
    pub steps: Vec<StepConfig>,
    /// The most that all calls together may cost, as expected before each.
    pub max_cost_usd: Option<Usd>,
}

/// One of a sequence's `steps`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepConfig {
    /// What later steps call its answer.
    pub name: String,
    /// Who is asked: a model, or `auto`.
    pub model: ModelName,
    /// What it is set up with.
    pub system: Option<String>,
    /// What it is asked. `{{input}}` is the caller's last turn, `{{last}}` the answer before, `{{NAME}}`
    /// that of a step.
    pub prompt: String,
}

/// The best of several answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestOfConfig {
    /// What callers name it.
    pub name: ModelName,
    /// Who is asked.
    pub models: Vec<ModelName>,
    /// How often each is.
    #[serde(default = "once")]
    pub samples: usize,
    /// Who takes the best.
    pub judge: ModelName,
    /// What to look at, in words.
    pub criteria: Option<String>,
    /// The most that all calls together may cost, as expected before each.
    pub max_cost_usd: Option<Usd>,
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoteConfig {
    /// What callers name it.
    pub name: ModelName,
    /// Who is asked.
    pub models: Vec<ModelName>,
    /// How often each is.
    #[serde(default = "once")]
    pub samples: usize,
    /// What of an answer counts: the first group of the last match, or all of it.
    pub extract: Option<String>,
    /// The most that all calls together may cost, as expected before each.
    pub max_cost_usd: Option<Usd>,
}

const fn once() -> usize {
    1
}

impl PipelineConfig {
    /// What callers name it.
    #[must_use]
    pub const fn name(&self) -> &ModelName {
        match self {
            Self::Cascade(one) => &one.name,
            Self::Sequence(one) => &one.name,
            Self::BestOf(one) => &one.name,
            Self::Vote(one) => &one.name,
        }
    }

    /// The most that all calls together may cost.
    #[must_use]
    pub const fn max_cost(&self) -> Option<Usd> {
        match self {
            Self::Cascade(one) => one.max_cost_usd,
            Self::Sequence(one) => one.max_cost_usd,
            Self::BestOf(one) => one.max_cost_usd,
            Self::Vote(one) => one.max_cost_usd,
        }
    }

    /// Every model that it may call.
    pub(crate) fn models(&self) -> Vec<&ModelName> {
        match self {
            Self::Cascade(one) => {
                let judges = one.checks.iter().filter_map(CheckConfig::judge);
                one.models.iter().chain(judges).collect()
            }
            Self::Sequence(one) => one.steps.iter().map(|step| &step.model).collect(),
            Self::BestOf(one) => one.models.iter().chain([&one.judge]).collect(),
            Self::Vote(one) => one.models.iter().collect(),
        }
    }
}

impl CheckConfig {
    const fn judge(&self) -> Option<&ModelName> {
        match self {
            Self::Judge { model, .. } => Some(model),
            _ => None,
        }
    }
}
