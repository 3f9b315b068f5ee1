//! Conversations stay with their model: a provider has its prompt in a cache, and a task in the middle
//! is not handed to somebody else.

use std::time::{Duration, Instant};

use pointsman_types::{Decision, ModelCard, ModelName, Probability, Reason, Refusal};
use pointsman_wire::{Conversation, Role};
use quick_cache::sync::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::fleet::Fleet;

/// The table `sessions`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// Whether conversations stay with their model.
    pub sticky: bool,
    /// How long a silent conversation is remembered.
    pub idle_s: u64,
    /// The most conversations that are remembered; those that nobody goes on with are forgotten first.
    pub most: u64,
    /// How long a provider keeps a prompt in its cache.
    pub prompt_cache_s: u64,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            sticky: true,
            idle_s: 3600,
            most: 100_000,
            prompt_cache_s: 300,
        }
    }
}

/// Names a conversation of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey([u8; 32]);

/// The conversation a request belongs to, and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    pub(crate) key: SessionKey,
    /// The model that answered last.
    pub(super) before: Option<Before>,
    /// The models wait for each other here: none may be changed.
    inside_tool_loop: bool,
}

impl Thread {
    /// What becomes of the conversation's model, in a word for the caller.
    pub(crate) fn became(&self, model: &ModelName) -> &'static str {
        match &self.before {
            None => "new",
            Some(before) if before.model == *model => "kept",
            Some(_) => "switched",
        }
    }
}

/// The model that answered last, and how much of the prompt its provider has in its cache.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) model: ModelName,
    cached: u64,
    at: Instant,
}

/// The conversations there are.
pub(crate) struct Sessions {
    known: Cache<SessionKey, Before>,
    pub(super) config: SessionConfig,
}

impl Sessions {
    pub(crate) fn new(config: &SessionConfig) -> Self {
        Self {
            known: Cache::new(config.most as usize),
            config: config.clone(),
        }
    }

    /// The conversation of a request: the one that the caller names, or the one that began with the
    /// same messages.
    pub(crate) fn thread(
        &self,
        caller: Option<&str>,
        named: Option<&str>,
        said: &Conversation<'_>,
    ) -> Option<Thread> {
        if !self.config.sticky {
            return None;
        }
        let key = key(caller, named, said)?;
        // An unnamed conversation is known to go on only if somebody has answered in it.
        let goes_on = named.is_some() || said.turns.iter().any(|turn| turn.role == Role::Assistant);
        Some(Thread {
            key,
            before: goes_on.then(|| self.before(key)).flatten(),
            inside_tool_loop: said.needs().inside_tool_loop,
        })
    }

    /// Who answered last, unless that was too long ago.
    fn before(&self, key: SessionKey) -> Option<Before> {
        let before = self.known.get(&key)?;
        let idle = Duration::from_secs(self.config.idle_s);
        (before.at.elapsed() <= idle).then_some(before)
    }

    /// A model answered; its provider has now so much of the prompt in its cache.
    pub(crate) fn keep(&self, key: SessionKey, model: ModelName, cached: u64) {
        let at = Instant::now();
        self.known.insert(key, Before { model, cached, at });
    }

    /// Tokens that the provider of the last answer still has in its cache.
    fn cached(&self, before: &Before) -> u64 {
        let is_warm = before.at.elapsed() <= Duration::from_secs(self.config.prompt_cache_s);
        if is_warm { before.cached } else { 0 }
    }

    /// The decision, or the same with the model that the conversation has: inside a tool loop always,
    /// else unless the gain of a change exceeds what the provider's cache saves.
    pub(crate) fn settle(&self, fleet: &Fleet, thread: &Thread, decision: Decision) -> Decision {
        let Some(before) = &thread.before else {
            return decision;
        };
        let mut candidates = decision.candidates.iter();
        let Some(at) = candidates.position(|one| one.model == before.model) else {
            return decision;
        };
        let may_answer = decision.candidates[at]
            .refusal
            .is_none_or(|why| !why.is_limit());
        if at == 0 || !may_answer {
            return decision;
        }
        let saved = fleet.place(before.model.as_str()).map_or(0.0, |place| {
            saved(&fleet.members[place].card, self.cached(before))
        });
        let stays = thread.inside_tool_loop || !gains(&decision, at, saved);
        if stays { kept(decision, at) } else { decision }
    }
}

/// What reading so many tokens from the cache saves, in US dollars.
fn saved(card: &ModelCard, cached: u64) -> f64 {
    let prices = card.prices();
    prices.map_or(0.0, |prices| {
        let read = prices.cached_input.unwrap_or(prices.input);
        prices.input.times(cached as f64) - read.times(cached as f64)
    })
}

/// Whether the chosen model is worth more than the one before, given that this one is cheaper by
/// `saved` than it looks. Where quality has no price, cost decides between adequate models.
fn gains(decision: &Decision, before: usize, saved: f64) -> bool {
    let [new, old] = [0, before].map(|at| &decision.candidates[at]);
    let dearer = new.cost.as_f64() - (old.cost.as_f64() - saved);
    match (decision.lambda, old.refusal) {
        (Some(lambda), _) => f64::from(new.quality.get() - old.quality.get()) > lambda * dearer,
        (None, Some(Refusal::BelowTarget { .. })) => true,
        (None, _) => dearer < 0.0,
    }
}

/// The same with another candidate in front.
fn kept(mut decision: Decision, at: usize) -> Decision {
    decision.candidates[..=at].rotate_right(1);
    let probabilities = decision.candidates.iter_mut().enumerate();
    probabilities.for_each(|(at, one)| one.probability = certain(at == 0));
    let [chosen, other, ..] = &mut decision.candidates[..] else {
        return decision;
    };
    chosen.refusal = None;
    other.refusal = Some(Refusal::LowerUtility);
    decision.model = chosen.model.clone();
    decision.propensity = Probability::ONE;
    decision.reason = Reason::SessionKept;
    decision
}

fn certain(is_it: bool) -> Probability {
    if is_it {
        Probability::ONE
    } else {
        Probability::ZERO
    }
}

/// `None` for a conversation in which nobody has said anything.
fn key(caller: Option<&str>, named: Option<&str>, said: &Conversation<'_>) -> Option<SessionKey> {
    let mut hash = Sha256::new();
    let mut part = |kind: &str, text: &str| {
        hash.update(kind.len().to_le_bytes());
        hash.update(kind);
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    };
    part("caller", caller.unwrap_or_default());
    match named {
        Some(name) => part("session", name),
        None => {
            let utterances = said.utterances();
            let user = utterances.iter().position(|one| one.role == "user")?;
            for one in &utterances[..=user] {
                part(one.role, &one.text);
            }
        }
    }
    Some(SessionKey(hash.finalize().into()))
}

#[cfg(test)]
mod tests {
    use pointsman_types::{Candidate, Quality, Usd};

    use super::*;

    fn candidate(model: &str, quality: f32, cost: f64, refusal: Option<Refusal>) -> Candidate {
        Candidate {
            model: model.into(),
            quality: Quality::clamped(quality),
            quality_lower: Quality::clamped(quality),
            learned: None,
            cost: Usd::new(cost).unwrap(),
            output_tokens: None,
            output_tokens_p50: None,
            output_tokens_p90: None,
            probability: certain(refusal.is_none()),
            refusal,
        }
    }

    /// `new` is chosen over `old`, which costs a cent more or less.
    fn decision(quality: [f32; 2], cost: [f64; 2], lambda: Option<f64>) -> Decision {
        Decision {
            model: "new".into(),
            reason: Reason::BestUtility,
            familiarity: 1.0,
            coordinates: Vec::new(),
            lambda,
            propensity: Probability::ONE,
            policy_version: "v".into(),
            candidates: vec![
                candidate("new", quality[0], cost[0], None),
                candidate("old", quality[1], cost[1], Some(Refusal::LowerUtility)),
            ],
        }
    }

    #[test]
    fn a_change_must_gain_more_than_the_cache_saves() {
        let better = decision([0.8, 0.7], [0.010, 0.010], Some(10.0));
        assert!(
            gains(&better, 1, 0.005),
            "0.1 of quality is worth $0.010, the cache $0.005"
        );
        assert!(!gains(&better, 1, 0.015));
        let cheaper = decision([0.8, 0.8], [0.001, 0.010], Some(10.0));
        assert!(gains(&cheaper, 1, 0.005));
        assert!(!gains(&cheaper, 1, 0.0095));
    }

    #[test]
    fn where_quality_has_no_price_cost_decides() {
        let mut adequate = decision([0.8, 0.8], [0.005, 0.010], None);
        assert!(gains(&adequate, 1, 0.001));
        assert!(!gains(&adequate, 1, 0.006));
        let target = Quality::clamped(0.9);
        adequate.candidates[1].refusal = Some(Refusal::BelowTarget { target });
        assert!(gains(&adequate, 1, 0.006));
    }

    #[test]
    fn what_is_kept_is_chosen_with_certainty() {
        let kept = kept(decision([0.8, 0.7], [0.01, 0.01], Some(1.0)), 1);
        assert_eq!(
            (kept.model.as_str(), kept.reason),
            ("old", Reason::SessionKept)
        );
        assert_eq!(kept.candidates[0].refusal, None);
        let probabilities: Vec<f64> = kept
            .candidates
            .iter()
            .map(|one| one.probability.get())
            .collect();
        assert_eq!(probabilities, [1.0, 0.0]);
    }

    #[test]
    fn callers_do_not_share_conversations() {
        let said = Conversation::new("auto");
        let named = |caller, name| key(caller, Some(name), &said).unwrap();
        assert_eq!(named(Some("a"), "1"), named(Some("a"), "1"));
        assert_ne!(named(Some("a"), "1"), named(Some("b"), "1"));
        assert_ne!(named(Some("a"), "1"), named(Some("a"), "2"));
        assert_eq!(key(None, None, &said), None);
    }
}
