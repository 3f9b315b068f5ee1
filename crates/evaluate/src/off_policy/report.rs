//! An off-policy evaluation as it goes into `off_policy.json` and onto the page.

use pointsman_measures::{
    Difference, Estimate, Estimator, Logged, OffPolicy, OffPolicyRefusal, Overlap, Target,
};
use pointsman_router::Router;
use pointsman_types::{LogRow, ModelName, Usd};
use serde::Serialize;

use super::finding::{finding, warnings};
use super::options::{OffPolicyOptions, Reward};
use super::rows::{Rows, Used};
use super::weights;

/// How many left-out decisions are listed in full.
const LISTED: usize = 20;
/// Upper ends of the bins of weights; the last has none.
const BINS: [f64; 8] = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];

/// What a router would have been worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OffPolicyReport {
    /// What it is called.
    pub title: String,
    /// Whether the log was made by a simulator.
    pub synthetic: bool,
    /// The result in a sentence or two.
    pub finding: String,
    /// What a reader must know before trusting the figures.
    pub warnings: Vec<String>,
    /// How it was estimated.
    pub facts: OffPolicyFacts,
    /// The router's value by each estimator.
    pub estimates: Vec<EstimateRow>,
    /// The weight from which on switch-DR takes the prediction; `None` where it never does.
    pub switch_threshold: Option<f64>,
    /// The mean reward of what was logged.
    pub logged: Estimate,
    /// How much better the router is than what decided; `None` where the log cannot tell.
    pub difference: Option<PolicyDifference>,
    /// Why it cannot.
    pub difference_refused: Option<String>,
    /// How far the two policies overlap.
    pub overlap: Overlap,
    /// How weights are spread.
    pub weights: Vec<WeightBin>,
    /// Who got and who would get the traffic.
    pub models: Vec<ModelTraffic>,
    /// Mean cost of the logged decisions, as logged or else as expected.
    pub logged_cost_usd: Usd,
    /// Mean expected cost of the router's choices.
    pub target_cost_usd: Usd,
    /// What could not be used.
    pub left_out: LeftOutDecisions,
}

/// How a value was estimated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OffPolicyFacts {
    /// The router's policy, in words.
    pub policy: String,
    /// Artifact, catalogue and policy.
    pub policy_version: String,
    /// The policies that decided, as logged.
    pub logged_versions: Vec<String>,
    /// What a decision is worth.
    pub reward: Reward,
    /// With which probability an interval covers the true value.
    pub confidence: f64,
    /// How intervals were made.
    pub interval: &'static str,
    /// Resamples behind them.
    pub replicates: usize,
    /// Their seed.
    pub seed: u64,
    /// What is assumed of decisions without feedback.
    pub assumption: &'static str,
}

/// The value by one estimator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EstimateRow {
    /// Which one.
    pub estimator: Estimator,
    /// The value.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// How much better the router is than what decided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PolicyDifference {
    /// By DR on the same decisions.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// It is better by at least this much with the confidence asked for (one-sided).
    pub at_least: f64,
    /// The share of the decisions in which the two differ.
    pub differs: f64,
}

/// Decisions with weights in a range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WeightBin {
    /// Above this; the first bin has the weights that are 0.
    pub above: f64,
    /// At most this; `None` for the last.
    pub most: Option<f64>,
    /// The share of the decisions.
    pub decisions: f64,
    /// The share of the weight.
    pub weight: f64,
}

/// One model's traffic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelTraffic {
    /// Which model.
    pub model: ModelName,
    /// Decisions logged for it.
    pub decisions: usize,
    /// Those with a reward.
    pub with_reward: usize,
    /// The mean of those rewards.
    pub mean_reward: Option<f64>,
    /// Its share of the logged decisions.
    pub logged_share: f64,
    /// Its share of the router's choices.
    pub target_share: f64,
    /// Whether it was chosen at least once when others could have been.
    pub tried: bool,
}

/// Rows that could not be used, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftOutDecisions {
    /// Rows read.
    pub rows: usize,
    /// No propensity was logged.
    pub without_propensity: usize,
    /// A propensity of 0 was logged.
    pub zero_propensity: usize,
    /// The router does not know the model.
    pub unknown_model: usize,
    /// Limits of the catalogue refuse every model.
    pub undecided: usize,
    /// The router was trained on the prompt.
    pub trained_on: usize,
    /// The same decision was there before.
    pub repeated: usize,
    /// The first of them.
    pub first: Vec<LeftOutDecision>,
}

/// One row that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOutDecision {
    /// Its `decision_id`, else its `prompt_id`.
    pub id: String,
    /// Why.
    pub why: String,
}

impl LeftOutDecisions {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    pub(super) fn list(&mut self, decision: LeftOutDecision) {
        if self.first.len() < LISTED {
            self.first.push(decision);
        }
    }

    /// How many there are of each kind, in words; kinds that do not occur are left out.
    #[must_use]
    pub fn counts(&self) -> Vec<(usize, &'static str)> {
        let all = [
            (self.without_propensity, "have no propensity"),
            (self.zero_propensity, "have a propensity of 0"),
            (
                self.unknown_model,
                "name a model that the router does not know",
            ),
            (
                self.undecided,
                "have a prompt that every model is refused for",
            ),
            (
                self.trained_on,
                "have a prompt that the router was trained on",
            ),
            (self.repeated, "repeat a decision_id"),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).collect()
    }
}

/// Everything that a report is made of.
pub(super) struct Found<'a> {
    pub(super) router: &'a Router,
    pub(super) rows: &'a Rows<'a>,
    pub(super) options: &'a OffPolicyOptions,
    pub(super) logged: &'a [Logged],
    pub(super) targets: &'a [Target],
    pub(super) found: OffPolicy,
    pub(super) against: Result<Difference, OffPolicyRefusal>,
}

pub(super) fn report(all: Found<'_>) -> OffPolicyReport {
    let confidence = all.options.confidence.get();
    let estimates = Estimator::ALL.map(|estimator| EstimateRow {
        estimator,
        estimate: all.found.by(estimator),
    });
    let (difference, refused) = match &all.against {
        Ok(found) => (Some(against(found, confidence)), None),
        Err(refusal) => (None, Some(refusal.to_string())),
    };
    let threshold = all.found.switch_threshold;
    let mut report = OffPolicyReport {
        title: all.options.title.clone(),
        synthetic: all.options.synthetic,
        finding: String::new(),
        warnings: Vec::new(),
        facts: facts(&all),
        estimates: estimates.to_vec(),
        switch_threshold: threshold.is_finite().then_some(threshold),
        logged: all.found.logged,
        difference,
        difference_refused: refused,
        overlap: all.found.overlap.clone(),
        weights: bins(all.logged, all.targets),
        models: models(all.rows),
        logged_cost_usd: mean_cost(all.rows, |used| used.logged_cost()),
        target_cost_usd: mean_cost(all.rows, |used| {
            let both = used.probability.iter().zip(&used.cost);
            both.map(|(probability, cost)| probability * cost).sum()
        }),
        left_out: all.rows.left_out.clone(),
    };
    report.finding = finding(&report);
    report.warnings = warnings(&report, was_trained_on(&all));
    report
}

fn against(found: &Difference, confidence: f64) -> PolicyDifference {
    PolicyDifference {
        estimate: found.estimate(),
        at_least: found.lower(confidence),
        differs: found.differs,
    }
}

fn facts(all: &Found<'_>) -> OffPolicyFacts {
    OffPolicyFacts {
        policy: all.router.policy().to_string(),
        policy_version: all.router.policy_version().to_owned(),
        logged_versions: versions(all.rows.used.iter().map(|used| used.row)),
        reward: all.options.reward,
        confidence: all.options.confidence.get(),
        interval: match all.options.bernstein {
            false => "studentised bootstrap",
            true => "empirical Bernstein",
        },
        replicates: all.options.replicates,
        seed: all.options.seed,
        assumption: "whether a decision got feedback depends on its model, and beyond that not on \
                     the prompt or on how good the answer was",
    }
}

fn versions<'a>(rows: impl Iterator<Item = &'a LogRow>) -> Vec<String> {
    let mut versions: Vec<String> = rows.filter_map(|row| row.policy_version.clone()).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

/// Decisions whose prompts the router learnt from, where they were kept.
fn was_trained_on(all: &Found<'_>) -> usize {
    let prompts = all.rows.used.iter().map(|used| &used.row.prompt);
    prompts
        .filter(|prompt| all.router.was_trained_on(prompt))
        .count()
}

fn bins(logged: &[Logged], targets: &[Target]) -> Vec<WeightBin> {
    let total: f64 = weights(logged, targets).sum();
    let bin = |(above, most): (f64, Option<f64>)| {
        let within = |weight: &f64| *weight > above && most.is_none_or(|most| *weight <= most);
        let here: Vec<f64> = weights(logged, targets).filter(within).collect();
        WeightBin {
            above,
            most,
            decisions: here.len() as f64 / logged.len() as f64,
            weight: here.iter().sum::<f64>() / total.max(f64::MIN_POSITIVE),
        }
    };
    let below = std::iter::once(f64::NEG_INFINITY).chain(BINS);
    let ends = BINS.into_iter().map(Some).chain(std::iter::once(None));
    let mut bins: Vec<WeightBin> = below.zip(ends).map(bin).collect();
    bins[0].above = 0.0;
    bins
}

fn models(rows: &Rows<'_>) -> Vec<ModelTraffic> {
    let all = rows.used.len().max(1) as f64;
    let model = |(at, name): (usize, &ModelName)| {
        let of_model = || rows.used.iter().filter(move |used| used.chosen == at);
        let rewards: Vec<f64> = of_model().filter_map(|used| used.reward).collect();
        let mean = rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
        let decisions = of_model().count();
        let target = rows
            .used
            .iter()
            .map(|used| used.probability[at])
            .sum::<f64>();
        ModelTraffic {
            model: name.clone(),
            decisions,
            with_reward: rewards.len(),
            mean_reward: (!rewards.is_empty()).then_some(mean),
            logged_share: decisions as f64 / all,
            target_share: target / all,
            tried: rows.tried[at],
        }
    };
    rows.models.iter().enumerate().map(model).collect()
}

fn mean_cost(rows: &Rows<'_>, cost: impl Fn(&Used<'_>) -> f64) -> Usd {
    let sum: f64 = rows.used.iter().map(cost).sum();
    Usd::saturating(sum / rows.used.len().max(1) as f64)
}
