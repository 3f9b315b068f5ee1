//! The n-grams of a text in words, for explanations.

use crate::Extractor;
use crate::conversation::current_turn;
use crate::words::{for_each_word, is_word_by_itself, pair};

impl Extractor {
    /// Each distinct n-gram in order of its first occurrence, in lower case, with its bucket. The
    /// buckets are those of [`Extractor::extract`]; several n-grams can share one. Of a conversation
    /// they are those of the current turn.
    #[must_use]
    pub fn named_ngrams(&self, text: &str) -> Vec<(String, u32)> {
        let mut found: Vec<(String, u32)> = Vec::new();
        for part in self.read_parts(current_turn(text)) {
            let mut previous: Option<(String, u64)> = None;
            for (word, hash) in words(part) {
                if let Some((before, first)) = previous.filter(|_| self.spec().max_ngram > 1) {
                    found.push((format!("{before} {word}"), self.bucket(pair(first, hash))));
                }
                found.push((word.clone(), self.bucket(hash)));
                previous = Some((word, hash));
            }
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|(ngram, _)| seen.insert(ngram.clone()));
        found
    }
}

/// Words with their hashes, cut as extraction cuts them.
fn words(text: &str) -> Vec<(String, u64)> {
    let runs = text.split(|character: char| !character.is_alphanumeric());
    runs.flat_map(|run| run.split_inclusive(is_word_by_itself))
        .flat_map(|piece| {
            // A piece may end in a character that is a word by itself.
            let last = piece
                .char_indices()
                .next_back()
                .filter(|(_, last)| is_word_by_itself(*last));
            let (before, by_itself) = piece.split_at(last.map_or(piece.len(), |(at, _)| at));
            [before, by_itself]
        })
        .filter(|word| !word.is_empty())
        .map(|word| {
            let mut hash = 0;
            for_each_word(word, |found| hash = found);
            (word.to_lowercase(), hash)
        })
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

    proptest! {
        #[test]
        fn named_buckets_are_the_extracted_ones(text in "[a-zA-Z0-9 ,.天気äß]{0,80}") {
            let extractor = extractor();
            let named: BTreeSet<u32> = extractor.named_ngrams(&text).into_iter().map(|(_, bucket)| bucket).collect();
            let extracted: BTreeSet<u32> = extractor.extract(&text).buckets.into_iter().collect();
            prop_assert_eq!(named, extracted);
        }
    }
}
