//! One request on its way through a cascade: a model answers, its answer is read, then that is
//! returned or another model is called.
//!
//! Deterministic, and calls nobody: the caller does, and tells here what came back. Who serves and
//! who evaluates take the same steps.

use std::sync::Arc;

use pointsman_models::{AnswerSigns, Cascade};
use pointsman_policy::{Means, Move, begin, go_on};
use pointsman_types::{Candidate, ModelName, Quality, Refusal, Request, Usd};

use crate::{Router, Unsatisfiable};

/// What holds for one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CascadeRules {
    /// Quality that a US dollar must buy; finite and at least 0.
    pub lambda: f64,
    /// The most calls, the first included.
    pub most_calls: usize,
    /// The most that all calls together may be expected to cost, those made included.
    pub most_cost: Option<Usd>,
}

impl CascadeRules {
    /// The most calls unless told otherwise: a fourth answer changed next to nothing on real logs.
    pub const MOST_CALLS: usize = 3;

    /// Rules at this quality per US dollar, without a cap on the cost.
    #[must_use]
    pub fn at(lambda: f64) -> Self {
        Self {
            lambda,
            most_calls: Self::MOST_CALLS,
            most_cost: None,
        }
    }
}

/// An answer that came back.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerSeen {
    /// Who gave it.
    pub model: ModelName,
    /// Its log-probability in nats, in the same sense as in the log of the training.
    pub logprob: Option<f64>,
    /// Its length in characters.
    pub chars: Option<usize>,
    /// What the call cost; by default what was expected.
    pub cost: Option<Usd>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Return one of the answers.
    Stop {
        /// Its number among those seen.
        answer: usize,
        /// How good it is expected to be.
        quality: Quality,
    },
    /// Call one more model.
    Call {
        /// Which one.
        model: ModelName,
        /// How good its answer is expected to be.
        quality: Quality,
        /// What the call is expected to cost.
        cost: Usd,
    },
}

/// A cascade that cannot go on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CascadeStopped {
    /// The router has learnt no cascade.
    #[error("the router has no cascade; train it with --cascade")]
    Untrained,
    /// Limits refuse every model.
    #[error(transparent)]
    Unsatisfiable(#[from] Unsatisfiable),
    /// The rules allow no first call.
    #[error("no model can be called within {calls} calls and {}", cap(*.cost))]
    NoCall {
        /// How many calls were allowed.
        calls: usize,
        /// What they might cost.
        cost: Option<Usd>,
    },
    /// An answer by a model that the router does not know.
    #[error("an answer is by `{0}`, which the router does not know")]
    Unknown(ModelName),
}

fn cap(cost: Option<Usd>) -> String {
    cost.map_or_else(|| "at any cost".to_owned(), |cost| cost.to_string())
}

/// A request that a cascade serves. Holds all that it needs, so that it can wait for answers.
#[derive(Debug, Clone)]
pub struct Cascading {
    cascade: Arc<Cascade>,
    candidates: Vec<Candidate>,
    quality: Vec<f64>,
    cost: Vec<f64>,
    foresight: Vec<Vec<Vec<f64>>>,
}

impl Router {
    /// Begins a request as a cascade. Its first step is [`Cascading::after`] no answers.
    ///
    /// # Errors
    /// When no cascade was trained, or limits refuse every model.
    pub fn cascade(&self, request: &Request) -> Result<Cascading, CascadeStopped> {
        let cascade = self.cascade_fitted().ok_or(CascadeStopped::Untrained)?;
        let candidates = self.candidates(request);
        if candidates.iter().all(|one| one.refusal.is_some()) {
            return Err(Unsatisfiable { candidates }.into());
        }
        let quality: Vec<f64> = candidates
            .iter()
            .map(|one| f64::from(one.quality.get()))
            .collect();
        Ok(Cascading {
            foresight: cascade.foresight(&quality),
            cost: candidates.iter().map(|one| one.cost.as_f64()).collect(),
            cascade: Arc::clone(cascade),
            candidates,
            quality,
        })
    }

    /// Whether a cascade was trained.
    #[must_use]
    pub fn has_cascade(&self) -> bool {
        self.cascade_fitted().is_some()
    }
}

impl Cascading {
    /// Every model as it looks before anybody has answered, in the order of [`Router::models`].
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Lets others refuse models, such as a budget; returns what they say.
    pub fn narrow<T>(&mut self, narrow: impl FnOnce(&mut [Candidate]) -> T) -> T {
        narrow(&mut self.candidates)
    }

    /// The same without a model, for example one whose call failed. What it answered before still
    /// counts.
    #[must_use]
    pub fn without(mut self, model: &ModelName) -> Self {
        let mut candidates = self.candidates.iter_mut();
        if let Some(one) = candidates.find(|one| one.model == *model) {
            one.refusal.get_or_insert(Refusal::NotAllowed);
        }
        self
    }

    /// What to do with the answers that are there; with none, whom to call first. Never calls a
    /// model again, and never returns anything but the answer that is expected to be best.
    ///
    /// # Errors
    /// When an answer is by an unknown model, or the rules leave nobody to call first.
    pub fn after(
        &self,
        answers: &[AnswerSeen],
        rules: &CascadeRules,
    ) -> Result<Next, CascadeStopped> {
        let signs = self.signs(answers)?;
        let callable: Vec<bool> = self
            .candidates
            .iter()
            .map(|one| one.refusal.is_none())
            .collect();
        let means = Means {
            cost: &self.cost,
            callable: &callable,
            lambda: rules.lambda,
            purse: self.purse(answers, &signs, rules),
            calls: rules.most_calls.saturating_sub(answers.len()),
        };
        if signs.is_empty() {
            let first = begin(&self.foresight, means).ok_or(CascadeStopped::NoCall {
                calls: rules.most_calls,
                cost: rules.most_cost,
            })?;
            return Ok(self.call(first, &self.quality));
        }
        let quality = self.cascade.qualities(&self.quality, &signs);
        let answered: Vec<usize> = signs.iter().map(|one| one.model).collect();
        match go_on(&quality, &answered, means).expect("there is an answer") {
            Move::Call(model) => Ok(self.call(model, &quality)),
            Move::Stop(model) => Ok(Next::Stop {
                answer: last_of(&answered, model),
                quality: Quality::clamped(quality[model] as f32),
            }),
        }
    }

    /// The quality of every model's answer in the light of those that are there, in the order of
    /// [`Router::models`].
    ///
    /// # Errors
    /// When an answer is by an unknown model.
    pub fn qualities(&self, answers: &[AnswerSeen]) -> Result<Vec<Quality>, CascadeStopped> {
        let signs = self.signs(answers)?;
        let qualities = self.cascade.qualities(&self.quality, &signs);
        let clamped = |quality: f64| Quality::clamped(quality as f32);
        Ok(qualities.into_iter().map(clamped).collect())
    }

    fn call(&self, model: usize, quality: &[f64]) -> Next {
        let candidate = &self.candidates[model];
        Next::Call {
            model: candidate.model.clone(),
            quality: Quality::clamped(quality[model] as f32),
            cost: candidate.cost,
        }
    }

    fn purse(&self, answers: &[AnswerSeen], signs: &[AnswerSigns], rules: &CascadeRules) -> f64 {
        let spent = answers.iter().zip(signs).map(|(answer, signs)| {
            let expected = self.cost[signs.model];
            answer.cost.map_or(expected, Usd::as_f64)
        });
        let most = rules.most_cost.map_or(f64::INFINITY, Usd::as_f64);
        most - spent.sum::<f64>()
    }

    fn signs(&self, answers: &[AnswerSeen]) -> Result<Vec<AnswerSigns>, CascadeStopped> {
        let sign = |answer: &AnswerSeen| {
            let mut candidates = self.candidates.iter();
            let model = candidates
                .position(|one| one.model == answer.model)
                .ok_or_else(|| CascadeStopped::Unknown(answer.model.clone()))?;
            Ok(AnswerSigns {
                model,
                logprob: answer.logprob.filter(|logprob| logprob.is_finite()),
                chars: answer.chars.map(|chars| chars as f64),
            })
        };
        answers.iter().map(sign).collect()
    }
}

/// Of a model that answered twice the last answer is the one that was read.
fn last_of(answered: &[usize], model: usize) -> usize {
    let last = answered.iter().rposition(|one| *one == model);
    last.expect("only models that answered are stopped at")
}
