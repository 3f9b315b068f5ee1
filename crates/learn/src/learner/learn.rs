//! The learner: lessons in, a posterior out.

use pointsman_models::{Posterior, Prior};
use serde::Serialize;

use super::influence::{Influence, Said};
use super::{LearnerSettings, Lesson, Outcome};

/// Below this a lesson's weight is nothing.
const NO_WEIGHT: f64 = 1e-6;

/// Learns from feedback. One writer; readers take clones of [`Learner::posterior`].
#[derive(Debug, Clone, PartialEq)]
pub struct Learner {
    pub(super) posterior: Posterior,
    pub(super) influence: Influence,
    pub(super) counts: LearnerCounts,
    settings: LearnerSettings,
}

/// What became of all lessons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LearnerCounts {
    /// Learnt, capped ones too.
    pub learned: u64,
    /// Learnt with less weight, since their key has its share.
    pub capped: u64,
    /// Came too late.
    pub late: u64,
    /// Set aside with their key.
    pub quarantined: u64,
    /// By a metric without weight.
    pub ignored: u64,
    /// Could not be used.
    pub refused: u64,
    /// Taken back or changed afterwards.
    pub corrected: u64,
    /// How often the posterior was unsound and began again at its prior.
    pub restarts: u64,
}

/// How one key stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyStanding {
    /// Its hash; `None` for those without a key.
    pub key: Option<u64>,
    /// Lessons it sent.
    pub lessons: u64,
    /// Of those, the ones that were set aside.
    pub set_aside: u64,
    /// Whether it is set aside now.
    pub is_quarantined: bool,
    /// Its share of all that was said lately, from 0 to 1.
    pub share: f64,
    /// By how much its scores differ from what was expected, on average.
    pub severity: f64,
}

/// The learner as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// For each model by how much its quality differs from the predictions, with a standard error.
    pub levels: Vec<(f64, f64)>,
    /// Judgements learnt.
    pub judgements: u64,
    /// What became of all lessons.
    pub counts: LearnerCounts,
    /// The keys with the largest shares, and every one that is set aside.
    pub keys: Vec<KeyStanding>,
}

/// So many keys are shown.
const SHOWN_KEYS: usize = 20;

impl Learner {
    /// Before any feedback.
    #[must_use]
    pub fn new(prior: Prior, settings: LearnerSettings) -> Self {
        Self::with_posterior(Posterior::new(prior), settings)
    }

    /// Goes on from a posterior, such as one that was carried to other models.
    #[must_use]
    pub fn with_posterior(posterior: Posterior, settings: LearnerSettings) -> Self {
        let (influence, counts) = (Influence::new(), LearnerCounts::default());
        Self::assembled(posterior, influence, counts, settings)
    }

    pub(super) fn assembled(
        posterior: Posterior,
        influence: Influence,
        counts: LearnerCounts,
        settings: LearnerSettings,
    ) -> Self {
        Self {
            posterior,
            influence,
            counts,
            settings,
        }
    }

    /// What it believes.
    #[must_use]
    pub fn posterior(&self) -> &Posterior {
        &self.posterior
    }

    /// The same keys and counts over another posterior: of other models, or in doubt of one.
    pub fn replace_posterior(&mut self, posterior: Posterior) {
        self.posterior = posterior;
    }

    /// A model changed: its level may be anywhere within `spread` of where it was.
    pub fn doubt(&mut self, model: usize, spread: f64) {
        if model < self.models() && spread.is_finite() {
            self.posterior.doubt(model, spread);
        }
    }

    /// What became of all lessons.
    #[must_use]
    pub fn counts(&self) -> LearnerCounts {
        self.counts
    }

    fn models(&self) -> usize {
        self.posterior.prior().models()
    }

    /// Learns, or says why not. The caller sees to it that a judgement comes once: what repeats or
    /// changes one is for [`Learner::correct`].
    pub fn learn(&mut self, lesson: &Lesson) -> Outcome {
        let outcome = self.learned(lesson);
        self.count(outcome);
        outcome
    }

    fn learned(&mut self, lesson: &Lesson) -> Outcome {
        if let Some(reason) = lesson.fault(self.models()) {
            return Outcome::Refused { reason };
        }
        let asked = lesson.weight * self.settings.weight(&lesson.metric);
        if asked <= NO_WEIGHT {
            return Outcome::Ignored;
        }
        if lesson.delay_ms() > self.settings.horizon_ms {
            return Outcome::Late;
        }
        let (shift, variance) = self.posterior.expected(&lesson.coordinates, lesson.model);
        let expected = lesson.predicted + shift;
        let said = Said {
            key: lesson.key,
            score: lesson.score,
            expected,
            weight: asked,
        };
        let Some(share) = self.influence.hear(said, &self.settings) else {
            return Outcome::Quarantined;
        };
        let error = (variance + lesson.noise() / asked).sqrt();
        let weight = asked * share * self.trust((lesson.score - expected) / error);
        self.update(lesson, weight);
        match share < 1.0 {
            true => Outcome::Capped { weight },
            false => Outcome::Learned { weight },
        }
    }

    /// Huber's weight of a standardised residual.
    fn trust(&self, standardised: f64) -> f64 {
        (self.settings.outlier / standardised.abs()).min(1.0)
    }

    fn update(&mut self, lesson: &Lesson, weight: f64) {
        if weight <= NO_WEIGHT {
            return;
        }
        let (residual, noise) = (lesson.score - lesson.predicted, lesson.noise() / weight);
        let posterior = &mut self.posterior;
        if !posterior.learn(&lesson.coordinates, lesson.model, residual, noise) {
            self.posterior = Posterior::new(self.posterior.prior().clone());
            self.counts.restarts += 1;
        }
    }

    /// A judgement that was learnt with `weight`, as its outcome said, is now `score`: exact as long
    /// as nothing was forgotten since, else nearly. The same score again changes nothing. Returns
    /// whether anything changed.
    pub fn correct(&mut self, old: &Lesson, weight: f64, score: f64) -> bool {
        let now = Lesson {
            score,
            ..old.clone()
        };
        let is_sound = [old, &now]
            .iter()
            .all(|one| one.fault(self.models()).is_none());
        let change = score - old.score;
        if !is_sound || change == 0.0 || !weight.is_finite() || weight <= NO_WEIGHT {
            return false;
        }
        let noise = old.noise() / weight;
        self.posterior
            .correct(&old.coordinates, old.model, change, noise);
        self.counts.corrected += 1;
        true
    }

    fn count(&mut self, outcome: Outcome) {
        let counts = &mut self.counts;
        match outcome {
            Outcome::Learned { .. } => counts.learned += 1,
            Outcome::Capped { .. } => {
                counts.learned += 1;
                counts.capped += 1;
            }
            Outcome::Late => counts.late += 1,
            Outcome::Quarantined => counts.quarantined += 1,
            Outcome::Ignored => counts.ignored += 1,
            Outcome::Refused { .. } => counts.refused += 1,
        }
    }

    /// How it stands, for people.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut keys = self.influence.standings();
        keys.sort_by(|one, other| {
            let by_share = || other.share.total_cmp(&one.share);
            other
                .is_quarantined
                .cmp(&one.is_quarantined)
                .then_with(by_share)
        });
        let set_aside = keys.iter().filter(|key| key.is_quarantined).count();
        keys.truncate(SHOWN_KEYS.max(set_aside));
        Snapshot {
            levels: self.posterior.levels(),
            judgements: self.posterior.judgements(),
            counts: self.counts,
            keys,
        }
    }
}
