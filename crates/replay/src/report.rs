//! The figures of a replay.

use serde::Serialize;

use crate::course::mean;
use crate::plan::{Plan, Regime};
use crate::scenario::{self, ScenarioReport};
use crate::seed::{Outcome, mean_course};

/// Mean utility of each policy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Utilities {
    /// The router without learning.
    pub frozen: f64,
    /// The model that is best on the online prompts, in hindsight.
    pub best_single: f64,
    /// The router in service.
    pub online: f64,
    /// Always the best by what is known.
    pub greedy: f64,
    /// The best by an upper bound.
    pub linucb: f64,
    /// The best in a draw from the posterior.
    pub thompson: f64,
    /// Any in a twentieth of the decisions.
    pub epsilon_greedy: f64,
    /// By inverse gaps.
    pub squarecb: f64,
    /// A regression on all online outcomes, in hindsight.
    pub fitted: f64,
}

impl Utilities {
    /// Their mean over several.
    pub(crate) fn mean_of(all: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| mean(&all.iter().map(value).collect::<Vec<f64>>());
        Self {
            frozen: of(|one| one.frozen),
            best_single: of(|one| one.best_single),
            online: of(|one| one.online),
            greedy: of(|one| one.greedy),
            linucb: of(|one| one.linucb),
            thompson: of(|one| one.thompson),
            epsilon_greedy: of(|one| one.epsilon_greedy),
            squarecb: of(|one| one.squarecb),
            fitted: of(|one| one.fitted),
        }
    }

    /// With their names.
    #[must_use]
    pub fn named(&self) -> [(&'static str, f64); 9] {
        [
            ("frozen", self.frozen),
            ("best_single", self.best_single),
            ("online", self.online),
            ("greedy", self.greedy),
            ("linucb", self.linucb),
            ("thompson", self.thompson),
            ("epsilon_greedy", self.epsilon_greedy),
            ("squarecb", self.squarecb),
            ("fitted", self.fitted),
        ]
    }
}

/// Online minus another policy, paired by seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The other policy.
    pub from: &'static str,
    /// Mean over the seeds.
    pub mean: f64,
    /// Its standard error; none with one seed.
    pub error: Option<f64>,
}

/// A replay in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Means over the seeds.
    pub utility: Utilities,
    /// By how much the running mean of online, averaged over the seeds, was below frozen's at
    /// worst, after 500 requests; below 0 where it never was.
    pub worst_drop_after_500: Option<f64>,
    /// The same for the worst seed by itself.
    pub worst_drop_of_a_seed: Option<f64>,
    /// Of the way from frozen to fitted, the share that online went.
    pub way_to_fitted: f64,
    /// Online minus `max(frozen, best single)`.
    pub above_the_better: f64,
    /// Online minus each of the others.
    pub online_minus: Vec<Difference>,
    /// Share of the decisions that were drawn though another looked better.
    pub explored: f64,
    /// Complete prompts in the log.
    pub prompts: usize,
    /// Mean number of prompts online.
    pub online_prompts: f64,
    /// Splits.
    pub seeds: usize,
    /// Streams over each.
    pub streams: usize,
    /// How the parts differ.
    pub regime: Regime,
    /// Labelled prompts of the training.
    pub labels: usize,
    /// Share of the decisions with feedback.
    pub feedback: f64,
    /// The longest delay of feedback, in requests.
    pub delay: usize,
    /// What a dollar is worth in score.
    pub lambda: f64,
    /// What happened half-way, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub happened: Option<ScenarioReport>,
}

impl Report {
    pub(crate) fn of(outcomes: &[Outcome], plan: &Plan, prompts: usize) -> Self {
        let seeds: Vec<Utilities> = outcomes.iter().map(|one| one.utilities).collect();
        let utility = Utilities::mean_of(&seeds);
        let leads: Vec<&[f64]> = outcomes.iter().map(|one| one.lead.as_slice()).collect();
        let of_seeds = leads.iter().filter_map(|lead| deepest(lead));
        let happened: Vec<_> = outcomes.iter().filter_map(|one| one.happened).collect();
        let over =
            |value: fn(&Outcome) -> f64| mean(&outcomes.iter().map(value).collect::<Vec<f64>>());
        Self {
            worst_drop_after_500: deepest(&mean_course(&leads)),
            worst_drop_of_a_seed: of_seeds.reduce(f64::max),
            way_to_fitted: (utility.online - utility.frozen) / (utility.fitted - utility.frozen),
            above_the_better: utility.online - utility.frozen.max(utility.best_single),
            online_minus: differences(&seeds),
            utility,
            explored: over(|one| one.explored),
            prompts,
            online_prompts: over(|one| one.online_prompts as f64),
            seeds: outcomes.len(),
            streams: plan.streams,
            regime: plan.regime,
            labels: plan.labels,
            feedback: plan.feedback,
            delay: plan.delay,
            lambda: plan.lambda,
            happened: plan
                .scenario
                .map(|which| scenario::report(which, &happened)),
        }
    }
}

/// The lowest point of a course, as a depth.
fn deepest(lead: &[f64]) -> Option<f64> {
    lead.iter().map(|lead| -lead).reduce(f64::max)
}

fn differences(seeds: &[Utilities]) -> Vec<Difference> {
    let names = seeds[0].named().map(|(name, _)| name);
    let others = names.into_iter().enumerate();
    others
        .filter(|(_, name)| *name != "online")
        .map(|(at, from)| {
            let gaps: Vec<f64> = seeds
                .iter()
                .map(|one| one.online - one.named()[at].1)
                .collect();
            Difference {
                from,
                mean: mean(&gaps),
                error: standard_error(&gaps),
            }
        })
        .collect()
}

fn standard_error(values: &[f64]) -> Option<f64> {
    let (count, centre) = (values.len() as f64, mean(values));
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (count > 1.0).then(|| (squares / (count - 1.0) / count).sqrt())
}
