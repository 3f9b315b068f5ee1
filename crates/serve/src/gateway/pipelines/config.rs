//! Pipelines as settings list them: `[[pipelines]]`, each called like a model.

use pointsman_router::CascadeRules;
use pointsman_types::{ModelName, Usd};
use serde::Deserialize;

use crate::Decide;

/// One of `pipelines`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PipelineConfig {
    /// A cheap model first; the next one where its answer does not pass.
    Cascade(CascadeConfig),
    /// The router's learnt cascade reads each answer: it is returned, or another model is asked.
    LearnedCascade(LearnedConfig),
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

/// A learnt cascade.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedConfig {
    /// What callers name it.
    pub name: ModelName,
    /// Who may be asked; by default every model that the request may use.
    pub models: Option<Vec<ModelName>>,
    /// The most answers that are asked for.
    #[serde(default = "most_calls")]
    pub max_calls: usize,
    /// Quality that a US dollar must buy; by default as the budget (`[learning.pacing]`) says, else as
    /// the router's policy does.
    pub lambda: Option<f64>,
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

const fn most_calls() -> usize {
    CascadeRules::MOST_CALLS
}

impl PipelineConfig {
    /// What callers name it.
    #[must_use]
    pub const fn name(&self) -> &ModelName {
        match self {
            Self::Cascade(one) => &one.name,
            Self::LearnedCascade(one) => &one.name,
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
            Self::LearnedCascade(one) => one.max_cost_usd,
            Self::Sequence(one) => one.max_cost_usd,
            Self::BestOf(one) => one.max_cost_usd,
            Self::Vote(one) => one.max_cost_usd,
        }
    }

    /// Why it would ask one model only where this router serves; `None` where it does what it is for.
    #[must_use]
    pub fn idle(&self, router: &dyn Decide) -> Option<&'static str> {
        match self {
            Self::LearnedCascade(one) => one.idle(router),
            Self::Cascade(_) | Self::Sequence(_) | Self::BestOf(_) | Self::Vote(_) => None,
        }
    }

    /// Every model that it may call.
    pub(crate) fn models(&self) -> Vec<&ModelName> {
        match self {
            Self::Cascade(one) => {
                let judges = one.checks.iter().filter_map(CheckConfig::judge);
                one.models.iter().chain(judges).collect()
            }
            Self::LearnedCascade(one) => one.models.iter().flatten().collect(),
            Self::Sequence(one) => one.steps.iter().map(|step| &step.model).collect(),
            Self::BestOf(one) => one.models.iter().chain([&one.judge]).collect(),
            Self::Vote(one) => one.models.iter().collect(),
        }
    }
}

impl LearnedConfig {
    /// Why the choice of this router would stand and no answer be read; `None` where answers are.
    pub(super) fn idle(&self, router: &dyn Decide) -> Option<&'static str> {
        match (router.has_cascade(), self.lambda.or(router.lambda())) {
            (false, _) => Some(UNTRAINED),
            (true, None) => Some(NO_LAMBDA),
            (true, Some(_)) => None,
        }
    }
}

/// Why a router's choice stands where answers were to be read.
const UNTRAINED: &str = "the router has learnt no cascade; train it with --cascade";
const NO_LAMBDA: &str =
    "the router's policy weighs no money against quality; set `lambda` of the pipeline";

impl CheckConfig {
    const fn judge(&self) -> Option<&ModelName> {
        match self {
            Self::Judge { model, .. } => Some(model),
            _ => None,
        }
    }
}
