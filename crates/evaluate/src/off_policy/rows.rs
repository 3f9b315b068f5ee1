//! Logged rows as decisions that the router could have made: which can be used, what it would have
//! done instead, and how likely they were to get feedback.

use std::collections::HashSet;

use pointsman_measures::{Logged, Target};
use pointsman_router::Router;
use pointsman_types::{Decision, LogRow, ModelName, Prompt, Request, text_hash};
use rayon::prelude::*;

use super::correction::Predicted;
use super::options::{OffPolicyOptions, Reward};
use super::report::{LeftOutDecision, LeftOutDecisions};
use crate::{EvaluateError, Seen};

/// A propensity from here on leaves the other models none.
const CERTAIN: f64 = 1.0 - 1e-9;
/// Decisions of all models that the rate of feedback of one counts besides its own.
const RATE_PRIOR: f64 = 20.0;

/// The decisions that can be used.
pub(super) struct Rows<'a> {
    pub(super) used: Vec<Used<'a>>,
    pub(super) models: Vec<ModelName>,
    /// Models that were chosen at least once when others could have been.
    pub(super) tried: Vec<bool>,
    pub(super) left_out: LeftOutDecisions,
}

/// One decision that can be used.
pub(super) struct Used<'a> {
    pub(super) row: &'a LogRow,
    pub(super) propensity: f64,
    /// The logged model's place among the router's.
    pub(super) chosen: usize,
    pub(super) reward: Option<f64>,
    /// With which probability the router would choose each model.
    pub(super) probability: Vec<f64>,
    /// What the router predicts of each model, as a reward.
    pub(super) predicted: Vec<f64>,
    /// What a call of each model is expected to cost, in US dollars.
    pub(super) cost: Vec<f64>,
    pub(super) context: Vec<f32>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(
        router: &Router,
        rows: &'a [LogRow],
        options: &OffPolicyOptions,
    ) -> Result<Self, EvaluateError> {
        let looked: Vec<Result<Used<'a>, WhyNot>> = rows
            .par_iter()
            .map(|row| used(router, row, options))
            .collect();
        let (mut left_out, mut seen) = (LeftOutDecisions::new(rows.len()), HashSet::new());
        let mut kept = Vec::new();
        for (row, looked) in rows.iter().zip(looked) {
            let id = row.decision_id.as_deref();
            match looked {
                Ok(_) if id.is_some_and(|id| !seen.insert(id)) => {
                    leave_out(&mut left_out, row, WhyNot::Repeated, options)?;
                }
                Ok(used) => kept.push(used),
                Err(why) => leave_out(&mut left_out, row, why, options)?,
            }
        }
        let models = router.models().to_vec();
        Ok(Self {
            tried: tried(&kept, models.len()),
            used: kept,
            models,
            left_out,
        })
    }

    /// As `measures` takes them, with what the corrected predictions say.
    pub(super) fn decisions(&self, predicted: &Predicted) -> (Vec<Logged>, Vec<Target>) {
        let rates = self.feedback_rates();
        let both = self.used.iter().enumerate().map(|(at, used)| {
            let said = predicted.row(at);
            let logged = Logged {
                propensity: used.propensity,
                reward: used.reward,
                predicted: said[used.chosen],
                feedback_rate: rates[used.chosen],
                group: used.group(),
            };
            let value = used.probability.iter().zip(said).map(|(p, q)| p * q).sum();
            let target = Target {
                probability: used.probability[used.chosen],
                value,
                unsupported: self.unsupported(used),
            };
            (logged, target)
        });
        both.unzip()
    }

    /// The router's probability of models that the logging policy cannot have chosen.
    fn unsupported(&self, used: &Used<'_>) -> f64 {
        if used.propensity >= CERTAIN {
            return (1.0 - used.probability[used.chosen]).max(0.0);
        }
        let untried = used.probability.iter().zip(&self.tried);
        untried.filter(|(_, tried)| !**tried).map(|(p, _)| p).sum()
    }

    /// The share of each model's decisions that have a reward, shrunk towards that of all.
    fn feedback_rates(&self) -> Vec<f64> {
        let count = |is: &dyn Fn(&Used<'_>) -> bool| {
            self.used.iter().filter(|used| is(used)).count() as f64
        };
        let all = count(&|used| used.reward.is_some()).max(1.0) / self.used.len().max(1) as f64;
        let rate = |model: usize| {
            let rated = count(&|used| used.chosen == model && used.reward.is_some());
            let chosen = count(&|used| used.chosen == model);
            (rated + RATE_PRIOR * all) / (chosen + RATE_PRIOR)
        };
        (0..self.models.len()).map(rate).collect()
    }
}

impl Used<'_> {
    /// Decisions of a session are drawn together; without one, those on the same prompt.
    fn group(&self) -> u64 {
        match &self.row.session_id {
            Some(session) => text_hash(session),
            None => text_hash(self.row.prompt.text()),
        }
    }

    /// What the logged call cost, or was expected to, in US dollars.
    pub(super) fn logged_cost(&self) -> f64 {
        let logged = self.row.cost_usd.map(pointsman_types::Usd::as_f64);
        logged.unwrap_or(self.cost[self.chosen])
    }
}

/// Why a row cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhyNot {
    NoPropensity,
    ZeroPropensity,
    UnknownModel,
    Undecided,
    Trained,
    Repeated,
}

impl WhyNot {
    fn words(self, row: &LogRow) -> String {
        match self {
            Self::NoPropensity => "it has no propensity".to_owned(),
            Self::ZeroPropensity => "its propensity is 0, with which nothing is chosen".to_owned(),
            Self::UnknownModel => format!("the router does not know `{}`", row.model),
            Self::Undecided => "every model is refused for its prompt".to_owned(),
            Self::Trained => "the router was trained on its prompt".to_owned(),
            Self::Repeated => "its decision_id was there before".to_owned(),
        }
    }

    fn count(self, left_out: &mut LeftOutDecisions) -> &mut usize {
        match self {
            Self::NoPropensity => &mut left_out.without_propensity,
            Self::ZeroPropensity => &mut left_out.zero_propensity,
            Self::UnknownModel => &mut left_out.unknown_model,
            Self::Undecided => &mut left_out.undecided,
            Self::Trained => &mut left_out.trained_on,
            Self::Repeated => &mut left_out.repeated,
        }
    }
}

/// Training prompts are left out by design, so they are no fault even where strictness is asked for.
fn leave_out(
    left_out: &mut LeftOutDecisions,
    row: &LogRow,
    why: WhyNot,
    options: &OffPolicyOptions,
) -> Result<(), EvaluateError> {
    let decision = LeftOutDecision {
        id: row
            .decision_id
            .clone()
            .unwrap_or_else(|| row.prompt_id.clone()),
        why: why.words(row),
    };
    if options.strict && why != WhyNot::Trained {
        return Err(EvaluateError::Decision {
            id: decision.id,
            why: decision.why,
        });
    }
    *why.count(left_out) += 1;
    left_out.list(decision);
    Ok(())
}

fn used<'a>(
    router: &Router,
    row: &'a LogRow,
    options: &OffPolicyOptions,
) -> Result<Used<'a>, WhyNot> {
    let propensity = row.propensity.ok_or(WhyNot::NoPropensity)?.get();
    if propensity <= 0.0 {
        return Err(WhyNot::ZeroPropensity);
    }
    let mut models = router.models().iter();
    let chosen = models.position(|model| *model == row.model);
    let chosen = chosen.ok_or(WhyNot::UnknownModel)?;
    if options.seen == Seen::LeaveOut && router.was_trained_on(&row.prompt) {
        return Err(WhyNot::Trained);
    }
    let request = Request {
        input_tokens: row.input_tokens,
        ..Request::new(row.prompt.clone())
    };
    let decision = router.decide(&request).map_err(|_| WhyNot::Undecided)?;
    let said = Said::of(router, &decision, options.reward);
    Ok(Used {
        row,
        propensity,
        chosen,
        reward: options.reward.of_row(row, said.cost[chosen]),
        probability: said.probability,
        predicted: said.predicted,
        cost: said.cost,
        context: context(router, &row.prompt),
    })
}

fn context(router: &Router, prompt: &Prompt) -> Vec<f32> {
    router.point(prompt.text()).context
}

/// What a decision says of each model, in the order of the router's.
struct Said {
    probability: Vec<f64>,
    predicted: Vec<f64>,
    cost: Vec<f64>,
}

impl Said {
    fn of(router: &Router, decision: &Decision, reward: Reward) -> Self {
        let candidate = |model: &ModelName| {
            let mut all = decision.candidates.iter();
            all.find(|one| one.model == *model)
                .expect("a decision lists every model of the router")
        };
        let all: Vec<_> = router.models().iter().map(candidate).collect();
        let predicted = all.iter().map(|one| {
            let quality = f64::from(one.quality.get());
            reward.of(quality, one.cost.as_f64())
        });
        Self {
            probability: all.iter().map(|one| one.probability.get()).collect(),
            predicted: predicted.collect(),
            cost: all.iter().map(|one| one.cost.as_f64()).collect(),
        }
    }
}

fn tried(used: &[Used<'_>], models: usize) -> Vec<bool> {
    let mut tried = vec![false; models];
    let free = used.iter().filter(|used| used.propensity < CERTAIN);
    free.for_each(|used| tried[used.chosen] = true);
    tried
}
