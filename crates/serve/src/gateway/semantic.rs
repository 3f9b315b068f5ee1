//! Answers to similar questions, for those who want that: the same request but for the user's last
//! text, whose vector must be close enough to that of the question that was answered. How close is
//! calibrated on labelled pairs by `pointsman cache calibrate`.
//!
//! `cache` keeps answers to equal requests and is asked before.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use pointsman_encoders::{Device, Encoder, EncoderSpec};
use pointsman_guard::{BuiltIn, Config as Rules, Guard};
use pointsman_wire::{Block, Conversation, Role};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::cache::{CacheKey, Kept};
use super::caching::Asked;

/// The table `cache.semantic`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SemanticConfig {
    /// The names that callers ask for, `auto`, models or pipelines, whose answers are also given to
    /// similar questions; none by default.
    pub models: Vec<String>,
    /// What makes a vector of a text.
    pub encoder: Option<EncoderSpec>,
    /// The least cosine of two questions that share an answer, in (0, 1].
    pub threshold: f32,
    /// Whether answers that were drawn at a temperature above 0 are given again, too; so are those
    /// whose request names none.
    pub any_temperature: bool,
    /// The most bytes of answers and vectors that are kept.
    pub most_bytes: usize,
}

impl Default for SemanticConfig {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            encoder: None,
            threshold: 1.0,
            any_temperature: false,
            most_bytes: 64 << 20,
        }
    }
}

/// The most questions that one is compared with, the newest of those that differ in nothing else.
const MOST_COMPARED: usize = 1024;
/// What rounding may take from the cosine of two equal vectors.
const ROUNDING: f32 = 1e-6;

/// Answers to similar questions.
pub(crate) struct Semantic {
    pub(crate) config: SemanticConfig,
    encoder: Encoder,
    /// Finds all personal data that can be found, whatever the settings redact.
    guard: Guard,
    shelf: Mutex<Shelf>,
}

/// A question that may share its answer.
pub(crate) struct Question {
    semantic: Arc<Semantic>,
    key: CacheKey,
    /// Of unit length.
    vector: Vec<f32>,
}

/// An answer to a similar question.
pub(crate) struct Near {
    pub(crate) kept: Arc<Kept>,
    /// Cosine of the two questions.
    pub(crate) similarity: f32,
}

/// Questions that differ in their last text alone stand together, the oldest first.
#[derive(Default)]
struct Shelf {
    places: HashMap<CacheKey, VecDeque<Answered>>,
    /// Where the answers stand, in the order in which they came.
    order: VecDeque<CacheKey>,
    bytes: usize,
}

struct Answered {
    vector: Vec<f32>,
    kept: Arc<Kept>,
}

impl Answered {
    fn bytes(&self) -> usize {
        self.kept.bytes() + size_of_val(self.vector.as_slice())
    }
}

impl Semantic {
    /// `None` where nobody wants it.
    ///
    /// # Errors
    /// What of its settings is wrong, each with its name.
    pub(crate) fn open(config: &SemanticConfig) -> Result<Option<Self>, Vec<String>> {
        if config.models.is_empty() {
            return Ok(None);
        }
        let mut problems = Vec::new();
        if !(config.threshold > 0.0 && config.threshold <= 1.0) {
            let threshold = config.threshold;
            problems.push(format!("threshold: is {threshold}; it must be above 0 and at most 1; `pointsman cache calibrate` finds one"));
        }
        let encoder = match &config.encoder {
            Some(spec) => Encoder::open(spec, &Device::Cpu).map_err(|error| error.to_string()),
            None => Err("is needed: static:DIR or minilm:DIR".to_owned()),
        };
        let rules = Rules {
            redact: BuiltIn::ALL.into(),
            ..Rules::default()
        };
        match (encoder, rules.check(), problems.is_empty()) {
            (Ok(encoder), Ok(guard), true) => Ok(Some(Self {
                config: config.clone(),
                encoder,
                guard,
                shelf: Mutex::default(),
            })),
            (encoder, guard, _) => {
                problems.extend(encoder.err().map(|why| format!("encoder: {why}")));
                problems.extend(guard.err().map(|why| why.to_string()));
                Err(problems)
            }
        }
    }

    /// The request as a question, if it may share its answer.
    pub(super) async fn question(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        headers: &HeaderMap,
    ) -> Option<Question> {
        let text = self.text(asked.said)?;
        let key = asked.key_but_for(headers, text)?;
        let (semantic, text) = (Arc::clone(self), text.to_owned());
        // A transformer takes milliseconds.
        let vector = spawn_blocking(move || semantic.encoder.encode_one(&text));
        let vector = vector.await.ok()?.ok()?;
        let is_known = vector.iter().any(|part| *part != 0.0);
        is_known.then(|| Question {
            semantic: Arc::clone(self),
            key,
            vector,
        })
    }

    /// The text that similar questions may differ in.
    fn text<'s>(&self, said: &'s Conversation<'_>) -> Option<&'s str> {
        let is_wanted = self.config.models.iter().any(|name| *name == said.model);
        let is_cold = self.config.any_temperature || is_cold(said);
        if !(is_wanted && is_cold && said.tools.is_empty()) {
            return None;
        }
        let mut blocks = said.turns.iter().flat_map(|turn| &turn.blocks);
        if !blocks.all(|block| matches!(block, Block::Text(_))) {
            return None;
        }
        let last = said.turns.last().filter(|turn| turn.role == Role::User)?;
        let [Block::Text(text)] = &last.blocks[..] else {
            return None;
        };
        let mut all = said.utterances().into_iter();
        all.all(|one| self.is_impersonal(&one.text)).then_some(text)
    }

    fn is_impersonal(&self, text: &str) -> bool {
        self.guard.find(text).is_empty()
    }

    /// A panic leaves at worst an answer uncounted.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever names no temperature gets the provider's, which is above 0.
fn is_cold(said: &Conversation<'_>) -> bool {
    let temperature = said.sampling.temperature.as_ref();
    temperature.is_some_and(|number| number.value() == 0.0)
}

impl Question {
    /// The answer to the most similar question, if that is similar enough.
    pub(crate) fn near(&self) -> Option<Near> {
        let least = self.semantic.config.threshold - ROUNDING;
        let shelf = self.semantic.shelf();
        let others = shelf.places.get(&self.key)?.iter().rev();
        let others = others.take(MOST_COMPARED).filter(|one| !one.kept.is_over());
        let near = others.map(|one| (cosine(&one.vector, &self.vector), one));
        let near = near.filter(|(similarity, _)| *similarity >= least);
        let nearest = near.max_by(|(one, _), (other, _)| one.total_cmp(other));
        nearest.map(|(similarity, one)| Near {
            kept: Arc::clone(&one.kept),
            similarity,
        })
    }

    /// The answer is there, and may be given to similar questions, unless it says of a person.
    pub(crate) fn keep(self, kept: Arc<Kept>) {
        let semantic = self.semantic;
        if !semantic.is_impersonal(&kept.answer.text()) {
            return;
        }
        let answered = Answered {
            vector: self.vector,
            kept,
        };
        let most = semantic.config.most_bytes;
        semantic.shelf().put(self.key, answered, most);
    }
}

impl Shelf {
    /// The oldest make room for the newest.
    fn put(&mut self, key: CacheKey, answered: Answered, most: usize) {
        self.bytes += answered.bytes();
        self.places.entry(key).or_default().push_back(answered);
        self.order.push_back(key);
        while self.bytes > most {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.drop_oldest(oldest);
        }
    }

    fn drop_oldest(&mut self, key: CacheKey) {
        let Some(place) = self.places.get_mut(&key) else {
            return;
        };
        let dropped = place.pop_front();
        self.bytes -= dropped.map_or(0, |dropped| dropped.bytes());
        if place.is_empty() {
            self.places.remove(&key);
        }
    }
}

/// Of two vectors of unit length.
fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use pointsman_wire::Answer;

    use super::*;

    fn answered(bytes: usize) -> Answered {
        Answered {
            vector: vec![1.0],
            kept: Arc::new(Kept {
                answer: Answer::default(),
                body: Some(vec![b' '; bytes].into()),
                decision_id: "d".into(),
                model: "m".into(),
                at: Instant::now(),
                ttl: Duration::from_secs(60),
            }),
        }
    }

    #[test]
    fn the_oldest_make_room() {
        let mut shelf = Shelf::default();
        for key in 0..10_u8 {
            shelf.put([key % 2; 32], answered(10_000), 45_000);
        }
        assert!(shelf.bytes <= 45_000, "{}", shelf.bytes);
        let left: usize = shelf.places.values().map(VecDeque::len).sum();
        assert_eq!((left, shelf.order.len()), (4, 4));
        shelf.put([7; 32], answered(100_000), 45_000);
        assert_eq!((shelf.bytes, shelf.places.len()), (0, 0), "too large alone");
    }
}
