//! Short lists of English words that say what a text is made of, looked up by the hash that every
//! word has anyway.

use crate::words::hash;

/// Negations and exceptions; of "isn't" the word is "isn".
pub(super) const NEGATION: u8 = 1;
/// Words that nearly every text has.
pub(super) const STOP: u8 = 2;
/// Words that open a question.
pub(super) const QUESTION: u8 = 4;
/// Words that point at statements to be judged.
pub(super) const POINTING: u8 = 8;

const NEGATIONS: [&str; 16] = [
    "not",
    "no",
    "never",
    "except",
    "least",
    "incorrect",
    "false",
    "without",
    "none",
    "neither",
    "nor",
    "cannot",
    "isn",
    "aren",
    "doesn",
    "don",
];

const STOP_WORDS: [&str; 36] = [
    "the", "of", "and", "to", "in", "a", "is", "that", "for", "on", "by", "with", "as", "at",
    "from", "or", "be", "an", "are", "was", "were", "it", "this", "his", "he", "she", "they",
    "their", "has", "have", "had", "but", "would", "will", "can", "which",
];

const QUESTIONS: [&str; 7] = ["what", "which", "who", "when", "where", "why", "how"];

const POINTERS: [&str; 4] = ["following", "these", "statement", "statements"];

/// One in fourteen is taken, so that few words need a second look.
const SLOTS: usize = 1024;

/// Where a word stands by the low bits of its hash and linear probing; a slot of no list is free.
struct Lists {
    hashes: [u64; SLOTS],
    lists: [u8; SLOTS],
}

static LISTS: Lists = Lists {
    hashes: [0; SLOTS],
    lists: [0; SLOTS],
}
.with(&NEGATIONS, NEGATION)
.with(&STOP_WORDS, STOP)
.with(&QUESTIONS, QUESTION)
.with(&POINTERS, POINTING);

impl Lists {
    const fn with(mut self, words: &[&str], list: u8) -> Self {
        let mut word = 0;
        while word < words.len() {
            let hash = hash(words[word]);
            let at = self.slot(hash);
            self.hashes[at] = hash;
            self.lists[at] |= list;
            word += 1;
        }
        self
    }

    /// Where a hash stands, or would.
    const fn slot(&self, hash: u64) -> usize {
        let mut at = hash as usize % SLOTS;
        while self.lists[at] != 0 && self.hashes[at] != hash {
            at = (at + 1) % SLOTS;
        }
        at
    }
}

/// The lists that a word is on, given the hash of the word.
pub(super) fn lists_of(hash: u64) -> u8 {
    LISTS.lists[LISTS.slot(hash)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: u8) {
        assert_eq!(lists_of(hash(word)), expected, "{word}");
    }

    #[test]
    fn a_word_may_be_on_several_lists() {
        check("which", STOP | QUESTION);
        check("not", NEGATION);
        check("statements", POINTING);
        check("signal", 0);
    }

    #[test]
    fn every_word_is_found() {
        let lists = [
            (&NEGATIONS[..], NEGATION),
            (&STOP_WORDS, STOP),
            (&QUESTIONS, QUESTION),
            (&POINTERS, POINTING),
        ];
        for (words, list) in lists {
            assert!(words.iter().all(|word| lists_of(hash(word)) & list != 0));
        }
    }
}
