//! The chance in decisions: who may be part of an exploration, and the draws for it.

use std::sync::{Mutex, PoisonError};

use pointsman_policy::Exploration;
use pointsman_types::Draw;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

/// Draws for the requests that may explore.
pub(crate) struct Chance {
    explores: bool,
    excluded_tiers: Vec<String>,
    rng: Mutex<ChaCha8Rng>,
}

impl Chance {
    pub(crate) fn new(exploration: &Exploration, excluded_tiers: &[String]) -> Self {
        Self {
            explores: exploration.explores(),
            excluded_tiers: excluded_tiers.to_vec(),
            rng: Mutex::new(ChaCha8Rng::from_seed(seed())),
        }
    }

    /// A draw for a request of this tier, unless nothing explores or it is excluded. Then the best
    /// model is chosen with probability 1.
    pub(crate) fn draw(&self, tier: Option<&str>, no_explore: bool) -> Option<Draw> {
        let excluded = tier.is_some_and(|tier| self.excluded_tiers.iter().any(|one| one == tier));
        if !self.explores || no_explore || excluded {
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
    use super::*;

    fn chance(share: f64) -> Chance {
        Chance::new(&Exploration::Epsilon { share }, &["gold".into()])
    }

    #[test]
    fn who_is_excluded_gets_no_draw() {
        let chance = chance(0.1);
        assert!(chance.draw(None, false).is_some());
        assert!(chance.draw(Some("free"), false).is_some());
        assert!(chance.draw(Some("gold"), false).is_none());
        assert!(chance.draw(Some("free"), true).is_none());
    }

    #[test]
    fn nothing_is_drawn_where_nothing_explores() {
        assert!(chance(0.0).draw(None, false).is_none());
    }

    #[test]
    fn draws_are_even() {
        let chance = chance(0.1);
        let draws = (0..4000).filter_map(|_| chance.draw(None, false));
        let below = draws.filter(|draw| draw.get() < 0.25).count();
        assert!(
            (800..1200).contains(&below),
            "{below} of 4000 below a quarter"
        );
    }
}
