//! The chance in decisions: who may be part of an exploration, and the draws for it.

use std::sync::{Mutex, PoisonError};

use pointsman_types::Draw;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::{Mode, Settings};

/// Draws for the requests that may explore.
pub(crate) struct Chance {
    /// Whether a draw can make a difference: a rule explores, or models may be new.
    matters: bool,
    excluded_tiers: Vec<String>,
    rng: Mutex<ChaCha8Rng>,
}

impl Chance {
    pub(crate) fn new(settings: &Settings) -> Self {
        let may_be_new = settings.learning.mode == Mode::Apply;
        Self {
            matters: settings.explore.explores() || may_be_new,
            excluded_tiers: settings.explore_not_tiers.clone(),
            rng: Mutex::new(ChaCha8Rng::from_seed(seed())),
        }
    }

    /// A draw for a request of this tier, unless nothing explores or it is excluded. Then the best
    /// model is chosen with probability 1.
    pub(crate) fn draw(&self, tier: Option<&str>, no_explore: bool) -> Option<Draw> {
        let excluded = tier.is_some_and(|tier| self.excluded_tiers.iter().any(|one| one == tier));
        if !self.matters || no_explore || excluded {
            return None;
        }
        // A panic while drawing leaves a generator that is as good as any.
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        Draw::new(rng.random()).ok()
    }
}

/// The random bits of two fresh ids: enough that no two servers explore alike.
fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(Uuid::now_v7().as_bytes());
    seed[16..].copy_from_slice(Uuid::now_v7().as_bytes());
    seed
}

#[cfg(test)]
mod tests {
    use pointsman_policy::Exploration;

    use super::*;
    use crate::{Config, LearningConfig};

    fn chance(share: f64, mode: Mode) -> Chance {
        let config = Config {
            explore: Exploration::Epsilon { share },
            explore_not_tiers: vec!["gold".into()],
            learning: LearningConfig {
                mode,
                ..LearningConfig::default()
            },
            ..Config::default()
        };
        Chance::new(&config.check().unwrap())
    }

    #[test]
    fn who_is_excluded_gets_no_draw() {
        let chance = chance(0.1, Mode::Bypass);
        assert!(chance.draw(None, false).is_some());
        assert!(chance.draw(Some("free"), false).is_some());
        assert!(chance.draw(Some("gold"), false).is_none());
        assert!(chance.draw(Some("free"), true).is_none());
    }

    #[test]
    fn nothing_is_drawn_where_nothing_explores_and_no_model_is_new() {
        assert!(chance(0.0, Mode::Observe).draw(None, false).is_none());
        assert!(chance(0.0, Mode::Apply).draw(None, false).is_some());
    }

    #[test]
    fn draws_are_even() {
        let chance = chance(0.1, Mode::Bypass);
        let draws = (0..4000).filter_map(|_| chance.draw(None, false));
        let below = draws.filter(|draw| draw.get() < 0.25).count();
        assert!(
            (800..1200).contains(&below),
            "{below} of 4000 below a quarter"
        );
    }
}
