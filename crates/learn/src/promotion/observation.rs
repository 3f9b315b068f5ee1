//! One request on which two versions decided, and what came of it.

use pointsman_types::{Decision, Probability};

/// One model, as both versions saw it for one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// The probability with which it was really chosen: the mixture of the two.
    pub logged: f64,
    /// The probability by the new version alone.
    pub new: f64,
    /// The probability by the version it is compared with, alone.
    pub current: f64,
    /// Predicted quality: the mean of the two versions' predictions at decision time.
    pub quality: f64,
    /// Expected cost in US dollars, in the same way.
    pub cost_usd: f64,
}

/// One request on which two versions decided, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Every model that either version knows.
    pub arms: Vec<Arm>,
    /// Which of them was chosen.
    pub chosen: usize,
    /// The name of that model.
    pub model: String,
    /// Quality per US dollar at which it was decided.
    pub lambda: f64,
    /// What the answer was judged as.
    pub score: Option<f64>,
    /// What the call really cost, in US dollars, where that was reported.
    pub paid_usd: Option<f64>,
    /// Whether the call failed, where calls are reported.
    pub failed: Option<bool>,
    /// How long the call took, in milliseconds, where that was reported.
    pub latency_ms: Option<f64>,
    /// The task's label.
    pub category: Option<String>,
    /// The asking user's tier.
    pub tier: Option<String>,
    /// What is drawn together when resampling, such as a session.
    pub group: u64,
    /// Whether the new version is the one that decided.
    pub by_new: bool,
    /// Whether the version beside the current one failed or was too slow.
    pub beside_failed: bool,
}

impl Observation {
    /// The chosen arm.
    #[must_use]
    pub fn arm(&self) -> &Arm {
        &self.arms[self.chosen]
    }

    /// Utility as judged: score minus lambda times cost, expected cost where none was reported.
    #[must_use]
    pub fn utility(&self) -> Option<f64> {
        let cost = self.paid_usd.unwrap_or(self.arm().cost_usd);
        Some(self.score? - self.lambda * cost)
    }
}

/// The decision of the version that was drawn, with the probabilities of the draw and of both
/// versions together: `(1 - share) p_current + share p_new` for every candidate. Exact, so what is
/// learnt from the choice can be corrected for it.
#[must_use]
pub fn mixture(drawn: &Decision, other: &Decision, share_of_drawn: Probability) -> Decision {
    let mut mixed = drawn.clone();
    let share = share_of_drawn.get();
    for candidate in &mut mixed.candidates {
        let mut twins = other.candidates.iter();
        let twin = twins.find(|one| one.model == candidate.model);
        let theirs = twin.map_or(0.0, |one| one.probability.get());
        candidate.probability = mixed_of(share, candidate.probability.get(), theirs);
    }
    mixed.propensity = mixed.candidates[0].probability;
    mixed
}

/// Rounding may lead a hair beyond 1.
fn mixed_of(share: f64, ours: f64, theirs: f64) -> Probability {
    let mixed = share * ours + (1.0 - share) * theirs;
    Probability::new(mixed.clamp(0.0, 1.0)).unwrap_or(Probability::ZERO)
}
