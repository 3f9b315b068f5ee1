//! The n-grams of a text in words, for explanations.

use std::collections::{HashMap, HashSet};

use pointsman_types::{Turn, turns_of};

use crate::Extractor;
use crate::conversation::{About, Entry, current, earlier_text, summarise, system_text};
use crate::words::{Words, pair};

impl Extractor {
    /// Each distinct n-gram in order of its first occurrence, in lower case, with its bucket. The
    /// buckets are those of [`Extractor::extract`]; several n-grams can share one. Of a conversation
    /// they are those of the current turn, then what is read of the other turns, such as
    /// `system: brief`.
    #[must_use]
    pub fn named_ngrams(&self, text: &str) -> Vec<(String, u32)> {
        let mut found = match turns_of(text) {
            None => self.named_in(text),
            Some(turns) => self.named_in_conversation(&turns),
        };
        let mut seen = HashSet::new();
        found.retain(|(ngram, _)| seen.insert(ngram.clone()));
        found
    }

    fn named_in_conversation(&self, turns: &[Turn<'_>]) -> Vec<(String, u32)> {
        let current = current(turns);
        let mut found = self.named_in(turns[current].content);
        let heads = [system_text(turns, current), earlier_text(turns, current)];
        let spelt: HashMap<u64, String> = heads
            .into_iter()
            .flatten()
            .flat_map(words)
            .map(|(word, hash)| (hash, word))
            .collect();
        summarise(turns, current, self.spec().max_bytes, |entry| {
            found.push((name(entry, &spelt), self.bucket(entry.hash())));
        });
        found
    }

    fn named_in(&self, text: &str) -> Vec<(String, u32)> {
        let mut found: Vec<(String, u32)> = Vec::new();
        for part in self.read_parts(text) {
            let mut previous: Option<(String, u64)> = None;
            for (word, hash) in words(part) {
                if let Some((before, first)) = previous.filter(|_| self.spec().max_ngram > 1) {
                    found.push((format!("{before} {word}"), self.bucket(pair(first, hash))));
                }
                found.push((word.clone(), self.bucket(hash)));
                previous = Some((word, hash));
            }
        }
        found
    }
}

fn name(entry: Entry, spelt: &HashMap<u64, String>) -> String {
    let word = || spelt.get(&entry.what).map_or("", String::as_str);
    match entry.about {
        About::Turns => "number of other turns".to_owned(),
        About::Length => "length of other turns".to_owned(),
        About::Tools => "tools in other turns".to_owned(),
        About::Code => "code in other turns".to_owned(),
        About::SystemText => "the system text".to_owned(),
        About::SystemWord => format!("system: {}", word()),
        About::EarlierWord => format!("earlier: {}", word()),
    }
}

/// Words in lower case with their hashes.
fn words(text: &str) -> Vec<(String, u64)> {
    Words::of(text)
        .map(|word| (word.text.to_lowercase(), word.hash))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::FeatureSpec;

    fn extractor() -> Extractor {
        Extractor::new(FeatureSpec::default()).unwrap()
    }

    #[test]
    fn ngrams_are_named_in_lower_case() {
        let named = extractor().named_ngrams("Set the points, SET!");
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "set",
                "set the",
                "the",
                "the points",
                "points",
                "points set"
            ]
        );
    }

    #[test]
    fn what_is_read_of_other_turns_is_named() {
        let asked = "\u{1e}system\u{1f}Be brief.\u{1e}user\u{1f}Why, Ann?\u{1e}tool\u{1f}7\u{1e}user\u{1f}Go";
        let named = extractor().named_ngrams(asked);
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "go",
                "number of other turns",
                "length of other turns",
                "tools in other turns",
                "system: be",
                "system: brief",
                "the system text",
                "earlier: why",
                "earlier: ann"
            ]
        );
    }

    proptest! {
        #[test]
        fn named_buckets_of_conversations_are_the_extracted_ones(
            turns in proptest::collection::vec(("(system|user|assistant|tool)", "[a-zA-Z ,.天ß`]{1,40}"), 2..6)
        ) {
            let turns = turns.iter().map(|(role, content)| format!("\u{1e}{role}\u{1f}{content}"));
            let text: String = turns.collect();
            let extractor = extractor();
            let named: BTreeSet<u32> = extractor.named_ngrams(&text).into_iter().map(|(_, bucket)| bucket).collect();
            let extracted: BTreeSet<u32> = extractor.extract(&text).buckets.into_iter().collect();
            prop_assert_eq!(named, extracted);
        }

        #[test]
        fn named_buckets_are_the_extracted_ones(text in "[a-zA-Z0-9 ,.天気äß]{0,80}") {
            let extractor = extractor();
            let named: BTreeSet<u32> = extractor.named_ngrams(&text).into_iter().map(|(_, bucket)| bucket).collect();
            let extracted: BTreeSet<u32> = extractor.extract(&text).buckets.into_iter().collect();
            prop_assert_eq!(named, extracted);
        }
    }
}
