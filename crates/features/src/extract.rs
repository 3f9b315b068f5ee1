//! Extraction of one prompt's features.

use std::collections::HashSet;

use pointsman_types::{Turn, turns_of};

use crate::conversation::{SUMMARY_WEIGHT, current, current_turn, summarise};
use crate::frequencies::Frequencies;
use crate::spec::{FeatureSpec, SpecError};
use crate::surface::{SURFACE_FEATURES, Wording, surface};
use crate::words::{Word, Words, pair};

/// Turns texts into [`Features`] by one spec.
#[derive(Debug, Clone)]
pub struct Extractor {
    spec: FeatureSpec,
    bucket_mask: u64,
}

/// The features of one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The surface features, in the order of [`SURFACE_NAMES`](crate::SURFACE_NAMES).
    pub surface: [f32; SURFACE_FEATURES],
    /// The buckets of the n-grams that occur, each once, in the order of their first occurrence;
    /// below `2^hash_bits`.
    pub buckets: Vec<u32>,
    /// For each bucket, the sublinear frequency `1 + ln(count)`; less than 1 for what only the
    /// summary of a conversation's other turns has.
    pub values: Vec<f32>,
}

impl Default for Features {
    /// Of a text without a character.
    fn default() -> Self {
        Self {
            surface: [0.0; SURFACE_FEATURES],
            buckets: Vec::new(),
            values: Vec::new(),
        }
    }
}

/// Looks at the words of a text on their way into the n-grams.
pub(crate) trait WordReader {
    /// Reads one word; `is_new` says whether it is its first occurrence.
    fn read(&mut self, word: &Word<'_>, is_new: bool);

    /// Reads what stands after the last word.
    fn end(&mut self, rest: &str);
}

/// For readers of n-grams alone.
impl WordReader for () {
    fn read(&mut self, _: &Word<'_>, _: bool) {}

    fn end(&mut self, _: &str) {}
}

impl Extractor {
    /// An extractor for a spec.
    ///
    /// # Errors
    /// When this build cannot extract that spec.
    pub fn new(spec: FeatureSpec) -> Result<Self, SpecError> {
        spec.check()?;
        let bucket_mask = (spec.buckets() - 1) as u64;
        Ok(Self { spec, bucket_mask })
    }

    /// The spec it was made from.
    #[must_use]
    pub fn spec(&self) -> &FeatureSpec {
        &self.spec
    }

    /// The features of a prompt's text, of any length. Of a conversation they are those of its current
    /// turn, and a short summary of the others.
    #[must_use]
    pub fn extract(&self, text: &str) -> Features {
        let mut wording = Wording::default();
        let ngrams = self.ngrams(text, &mut wording);
        Features {
            surface: surface(current_turn(text), &wording),
            ..ngrams
        }
    }

    /// The n-grams alone, for readers of n-grams alone: a third of the time is saved. Every surface
    /// feature is 0.
    #[must_use]
    pub fn extract_ngrams(&self, text: &str) -> Features {
        self.ngrams(text, &mut ())
    }

    /// The n-grams, while the words of the current turn are read.
    fn ngrams(&self, text: &str, reader: &mut impl WordReader) -> Features {
        match turns_of(text) {
            None => self.of_text(text, reader),
            Some(turns) => self.of_conversation(&turns, reader),
        }
    }

    fn of_conversation(&self, turns: &[Turn<'_>], reader: &mut impl WordReader) -> Features {
        let current = current(turns);
        let mut features = self.of_text(turns[current].content, reader);
        let mut seen: HashSet<u32> = features.buckets.iter().copied().collect();
        summarise(turns, current, self.spec.max_bytes, |entry| {
            let bucket = self.bucket(entry.hash());
            if seen.insert(bucket) {
                features.buckets.push(bucket);
                features.values.push(SUMMARY_WEIGHT);
            }
        });
        features
    }

    fn of_text(&self, text: &str, reader: &mut impl WordReader) -> Features {
        let parts = self.read_parts(text);
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        // A word and the space after it take three bytes or more, and make two n-grams.
        let mut frequencies = Frequencies::for_at_most(bytes / 3 * 2 + 16);
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            self.count(part, &mut frequencies, reader);
        }
        let (buckets, values) = frequencies.into_sublinear();
        Features {
            buckets,
            values,
            ..Features::default()
        }
    }

    /// The parts of a text that are read for n-grams.
    pub(crate) fn read_parts<'a>(&self, text: &'a str) -> [&'a str; 2] {
        let (head, tail) = ends(text, self.spec.max_bytes);
        [head, tail]
    }

    pub(crate) fn bucket(&self, hash: u64) -> u32 {
        (hash & self.bucket_mask) as u32
    }

    fn count(&self, text: &str, into: &mut Frequencies, reader: &mut impl WordReader) {
        let mut previous = None;
        let mut words = Words::of(text);
        for word in &mut words {
            let is_new = into.count(self.bucket(word.hash));
            reader.read(&word, is_new);
            if let Some(previous) = previous.filter(|_| self.spec.max_ngram > 1) {
                into.count(self.bucket(pair(previous, word.hash)));
            }
            previous = Some(word.hash);
        }
        reader.end(words.rest());
    }
}

/// The text, or its beginning and its end where it is longer than `max_bytes`.
pub(crate) fn ends(text: &str, max_bytes: usize) -> (&str, &str) {
    if text.len() <= max_bytes {
        return (text, "");
    }
    let head = text.floor_char_boundary(max_bytes / 4 * 3);
    let tail = text.ceil_char_boundary(text.len() - max_bytes / 4);
    (&text[..head], &text[tail..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extract(text: &str) -> Features {
        Extractor::new(FeatureSpec::default())
            .unwrap()
            .extract(text)
    }

    #[test]
    fn three_words_make_five_ngrams() {
        assert_eq!(extract("set the points").buckets.len(), 5);
    }

    #[test]
    fn repetition_counts_sublinearly() {
        let features = extract("no no no");
        let expected = [1.0 + 3_f32.ln(), 1.0 + 2_f32.ln()];
        let mut found = features.values.clone();
        found.sort_by(|left, right| right.total_cmp(left));
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(found, expected)| (found - expected).abs() < 1e-6),
            "{found:?}"
        );
    }

    #[test]
    fn a_huge_text_costs_no_more_than_its_ends() {
        let huge = "word ".repeat(2_000_000);
        let features = extract(&huge);
        assert!(features.buckets.len() <= 8, "{}", features.buckets.len());
        assert!((features.surface[0] - (huge.len() as f32).ln_1p()).abs() < 1e-3);
    }

    #[test]
    fn the_current_turn_of_a_conversation_is_read_as_a_text() {
        let (text, conversation) = (
            extract("set the points"),
            extract("\u{1e}system\u{1f}Be brief.\u{1e}user\u{1f}set the points"),
        );
        assert_eq!(conversation.surface, text.surface);
        assert_eq!(conversation.buckets[..5], text.buckets);
        assert_eq!(conversation.values[..5], text.values);
        let summary = &conversation.values[5..];
        assert_eq!(
            summary.len(),
            5,
            "turns, length, two words, the system text"
        );
        assert!(
            summary
                .iter()
                .all(|value| (value - SUMMARY_WEIGHT).abs() < 1e-6)
        );
    }

    #[test]
    fn a_text_gives_the_numbers_that_routers_were_trained_on() {
        let features = extract("Translate to French: the points are set, are they not? 42 = 6 * 7");
        let surface = features.surface.iter().map(|value| value.to_bits());
        let values = features.values.iter().map(|value| value.to_bits());
        let all = surface
            .chain(features.buckets.iter().copied())
            .chain(values);
        let fold = |hash: u64, word: u32| (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3);
        assert_eq!(
            all.fold(0xcbf2_9ce4_8422_2325, fold),
            5_043_901_987_244_228_870
        );
    }

    #[test]
    fn a_spec_of_another_version_is_refused() {
        let spec = FeatureSpec {
            version: 99,
            ..FeatureSpec::default()
        };
        assert_eq!(
            Extractor::new(spec).unwrap_err(),
            SpecError::Version { found: 99 }
        );
    }

    proptest! {
        #[test]
        fn buckets_occur_once_and_stay_in_range(text in any::<String>()) {
            let features = extract(&text);
            let distinct: std::collections::BTreeSet<_> = features.buckets.iter().collect();
            prop_assert_eq!(distinct.len(), features.buckets.len());
            prop_assert!(features.buckets.iter().all(|bucket| (*bucket as usize) < FeatureSpec::default().buckets()));
            prop_assert_eq!(features.buckets.len(), features.values.len());
            prop_assert!(features.surface.iter().all(|value| value.is_finite()));
        }

        #[test]
        fn any_text_can_be_cut_at_its_ends(text in "\\PC{0,3000}", max in 1024_usize..2048) {
            let (head, tail) = ends(&text, max);
            prop_assert!(head.len() + tail.len() <= max.max(text.len()));
            prop_assert!(text.starts_with(head) && text.ends_with(tail));
        }
    }
}
