//! What was learnt of one artifact, and how records change it. No clock and no store here.

use std::collections::VecDeque;
use std::sync::Arc;

use pointsman_learn::drift::{
    Consequence, DriftEvent, DriftSettings, Judgement, Monitor, State, Subject,
};
use pointsman_learn::learner::{CostFactors, Learner, Lesson, Outcome};
use pointsman_models::Posterior;
use pointsman_policy::Quotas;
use pointsman_router::{Learned, Router};
use pointsman_store::{Bills, KeptDecision, News};
use pointsman_types::{ModelName, Quality};
use serde::{Deserialize, Serialize};

use super::LearningConfig;
use super::lesson::{Bill, Seen, chosen, lesson};

/// Judgements whose weight is remembered, so that they can be corrected.
const REMEMBERED: usize = 4096;
/// How far a model's level may have moved when its quality is alarmed: as much as a drop that
/// matters.
const DOUBT: f64 = 0.2;

/// A learner with everything beside it.
#[derive(Debug, Clone)]
pub(crate) struct Mind {
    pub(crate) learner: Learner,
    pub(crate) rest: Rest,
}

/// What is not the learner's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rest {
    /// The models, in the order of the learner.
    pub(crate) models: Vec<ModelName>,
    /// Rises with every state that is handed out.
    pub(crate) revision: u64,
    pub(crate) read: Cursors,
    pub(crate) costs: CostFactors,
    pub(crate) bills: u64,
    pub(crate) monitor: Monitor,
    /// What the monitor was told to tolerate.
    pub(crate) drift: DriftSettings,
    /// Judgements learnt of each model.
    pub(crate) judged: Vec<u64>,
    /// Models that are new, and how many judgements of each there were when it came.
    pub(crate) new: Vec<ModelName>,
    /// Number and weight of the last judgements.
    weights: VecDeque<(i64, f64)>,
    /// Feedback that could not be learnt from: of another artifact, or without coordinates.
    pub(crate) foreign: u64,
    /// Decisions that the monitor did not look at, since there were too many.
    pub(crate) skipped: u64,
}

/// The numbers of the last records that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Cursors {
    pub(crate) news: i64,
    pub(crate) bills: i64,
    pub(crate) decisions: i64,
}

/// What a page of records brought.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) events: Vec<DriftEvent>,
    /// Whether predictions, costs or probabilities are others now.
    pub(crate) is_news: bool,
}

impl Mind {
    /// Before anything was learnt of this router.
    pub(crate) fn new(router: &Router, config: &LearningConfig) -> Self {
        let models = router.models().to_vec();
        let prior = router.model().prior.clone();
        Self {
            learner: Learner::new(prior, config.feedback.clone()),
            rest: Rest {
                revision: 0,
                read: Cursors::default(),
                costs: CostFactors::new(models.len()),
                bills: 0,
                monitor: monitor(config, &models),
                drift: config.drift.clone(),
                judged: vec![0; models.len()],
                new: Vec::new(),
                weights: VecDeque::new(),
                foreign: 0,
                skipped: 0,
                models,
            },
        }
    }

    /// What carries over to a router whose predictions of the models in both are the same. Those
    /// that only it has are new.
    pub(crate) fn carried_to(&self, router: &Router, config: &LearningConfig) -> Self {
        let mut carried = Self::new(router, config);
        let was = |model: &ModelName| self.rest.models.iter().position(|one| one == model);
        let from: Vec<Option<usize>> = router.models().iter().map(was).collect();
        let prior = router.model().prior.clone();
        let posterior = self.learner.posterior().carried_to(prior, &from);
        carried.learner = self.learner.clone();
        carried.learner.replace_posterior(posterior);
        let rest = &mut carried.rest;
        rest.costs = self.rest.costs.carried_to(&from);
        (rest.bills, rest.read, rest.revision) =
            (self.rest.bills, self.rest.read, self.rest.revision);
        for (at, was) in from.iter().enumerate() {
            match was {
                Some(was) => rest.judged[at] = self.rest.judged[*was],
                None => rest.new.push(router.models()[at].clone()),
            }
        }
        carried
    }

    /// Learns from a page of feedback.
    pub(crate) fn hear(&mut self, page: &[News], router: &Router) -> Heard {
        let mut heard = Heard::default();
        for news in page {
            self.rest.read.news = news.feedback.seq;
            match lesson(news, router) {
                Some(lesson) => self.learn(news, &lesson, &mut heard),
                None => self.rest.foreign += 1,
            }
        }
        heard
    }

    fn learn(&mut self, news: &News, lesson: &Lesson, heard: &mut Heard) {
        let before = news.replaced.and_then(|old| self.weight_of(old.seq));
        let weight = match (news.replaced, before) {
            (Some(old), Some(weight)) => {
                let said = Lesson {
                    score: f64::from(old.value.get()),
                    ..lesson.clone()
                };
                heard.is_news |= self.learner.correct(&said, weight, lesson.score);
                self.remember(news.feedback.seq, weight);
                return;
            }
            // So old that its weight is forgotten: to learn the new one would count both.
            (Some(_), None) => 0.0,
            (None, _) => {
                let outcome = self.learner.learn(lesson);
                heard.outcomes.push(outcome);
                outcome.weight()
            }
        };
        self.remember(news.feedback.seq, weight);
        if weight > 0.0 {
            heard.is_news = true;
            self.rest.judged[lesson.model] += 1;
            self.watch(news, lesson.model, weight, heard);
        }
    }

    /// Scores are compared with what decided: where feedback corrects predictions, with those.
    fn watch(&mut self, news: &News, model: usize, weight: f64, heard: &mut Heard) {
        let Some(candidate) = chosen(&news.decision) else {
            return;
        };
        let judged = Judgement {
            model,
            group: news.decision.category.as_deref(),
            predicted: candidate.quality,
            score: news.feedback.value,
            weight,
        };
        let events = self.rest.monitor.judged(&judged);
        self.notice(events.unwrap_or_default(), heard);
    }

    fn weight_of(&self, seq: i64) -> Option<f64> {
        let mut weights = self.rest.weights.iter();
        let found = weights.find(|(number, _)| *number == seq);
        found.map(|(_, weight)| *weight)
    }

    fn remember(&mut self, seq: i64, weight: f64) {
        if self.rest.weights.len() == REMEMBERED {
            self.rest.weights.pop_front();
        }
        self.rest.weights.push_back((seq, weight));
    }

    /// Takes in what calls cost.
    pub(crate) fn bill(&mut self, page: &Bills, router: &Router) -> Heard {
        let mut heard = Heard::default();
        self.rest.read.bills = page.read_to;
        for billed in &page.bills {
            let Some(bill) = Bill::of(billed, router) else {
                continue;
            };
            self.rest.bills += 1;
            heard.is_news = true;
            let costs = &mut self.rest.costs;
            costs.observe(bill.model, bill.actual, bill.predicted);
            let events = self.rest.monitor.answered(&bill.answer);
            self.notice(events.unwrap_or_default(), &mut heard);
        }
        heard
    }

    /// Lets the monitor see decisions.
    pub(crate) fn see(&mut self, page: &[KeptDecision], router: &Router) -> Heard {
        let mut heard = Heard::default();
        for decision in page {
            self.rest.read.decisions = decision.seq;
            let Some(seen) = Seen::of(decision, router) else {
                continue;
            };
            let events = self.rest.monitor.decided(&seen.observation());
            self.notice(events.unwrap_or_default(), &mut heard);
        }
        heard
    }

    /// A model that got worse or better is learnt anew, faster than an old belief would allow.
    fn notice(&mut self, events: Vec<DriftEvent>, heard: &mut Heard) {
        for event in &events {
            let Subject::Quality { model, group: None } = &event.subject else {
                continue;
            };
            let is_found = event.to == State::Alarm && event.from != State::Alarm;
            let place = self.rest.models.iter().position(|one| one == model);
            if let Some(place) = place.filter(|_| is_found) {
                self.learner.doubt(place, DOUBT);
            }
        }
        heard.is_news |= !events.is_empty();
        heard.events.extend(events);
    }

    /// What should follow from drift.
    pub(crate) fn consequence(&self) -> Consequence {
        self.rest.monitor.consequence()
    }

    /// Whether there is anything beyond the prior.
    pub(crate) fn has_learnt(&self) -> bool {
        let (judgements, new) = (self.learner.posterior().judgements(), &self.rest.new);
        judgements + self.rest.bills > 0 || !new.is_empty()
    }

    /// The next state to decide by.
    pub(crate) fn learned(&mut self, config: &LearningConfig, now_ms: i64) -> Arc<Learned> {
        // Times are never given twice, also after a crash that lost the last number.
        self.rest.revision = (self.rest.revision + 1).max(u64::try_from(now_ms).unwrap_or(0));
        Arc::new(Learned {
            revision: self.rest.revision,
            posterior: self.learner.posterior().clone(),
            cost_factors: self.rest.costs.factors(),
            widening: self.widening(),
            quotas: self.quotas(config),
        })
    }

    /// By how much each model's lower estimate is lowered.
    pub(crate) fn widening(&self) -> Vec<f64> {
        let widened = self.consequence().widened;
        let by = |model: &ModelName| {
            let mut overall = widened.iter().filter(|one| one.group.is_none());
            overall
                .find(|one| one.model == *model)
                .map_or(0.0, |one| one.by)
        };
        self.rest.models.iter().map(by).collect()
    }

    /// New models are tried until enough is known of them, unless drift says to try nothing.
    pub(crate) fn quotas(&self, config: &LearningConfig) -> Quotas {
        if self.consequence().stop_exploring {
            return Quotas::new();
        }
        let few = u64::from(config.new_model_judgements);
        let (models, judged) = (&self.rest.models, &self.rest.judged);
        let new = models.iter().zip(judged).filter(|(model, judged)| {
            let is_new = self.rest.new.contains(model);
            is_new && **judged < few
        });
        new.map(|(model, _)| (model.clone(), config.new_model_share))
            .collect()
    }

    pub(crate) fn posterior(&self) -> &Posterior {
        self.learner.posterior()
    }

    /// A score of 0 or 1 on a prompt of middling difficulty: the noise that a judgement has at most.
    pub(crate) const NOISE: f64 = 0.25;
}

/// A monitor that has seen nothing.
pub(crate) fn monitor(config: &LearningConfig, models: &[ModelName]) -> Monitor {
    let monitor = Monitor::new(config.drift.clone(), models.to_vec(), None);
    monitor.expect("the settings were checked")
}

/// Whether two routers predict the same of the models in both: one was made from the other by adding
/// or taking away models.
pub(crate) fn predict_alike(one: &Router, other: &Router) -> bool {
    const PROBES: [&str; 3] = [
        "What is the capital of France?",
        "Prove that there are infinitely many primes, step by step.",
        "fn main() { println!(\"{}\", (1..=10).sum::<i32>()); }",
    ];
    let qualities = |router: &Router, probe: &str| -> Vec<(ModelName, Quality)> {
        let said = router.predict(&probe.into(), None);
        let predicted = said
            .iter()
            .map(|said| said.learned.map_or(said.quality, |one| one.predicted));
        router.models().iter().cloned().zip(predicted).collect()
    };
    PROBES.iter().all(|probe| {
        let (ours, theirs) = (qualities(one, probe), qualities(other, probe));
        let shared =
            |(model, _): &&(ModelName, Quality)| theirs.iter().any(|(name, _)| name == model);
        let mut common = ours.iter().filter(shared).peekable();
        common.peek().is_some() && common.all(|pair| theirs.contains(pair))
    })
}
