//! What the words of a text say, whatever they are about: how many are negations, long, capital,
//! numbers, and in which lines and sentences they stand.

use super::layout::Layout;
use super::lengths::Lengths;
use super::lists::{NEGATION, POINTING, QUESTION, STOP, lists_of};
use super::log;
use super::numbers::Numbers;
use crate::extract::WordReader;
use crate::words::{DIGIT, LOWER, UPPER, Word};

/// How many features there are.
pub(super) const WORDING_FEATURES: usize = 24;

/// Their names, in order. Shares are of all words.
pub(super) const WORDING_NAMES: [&str; WORDING_FEATURES] = [
    "negation_share",
    "has_negation",
    "long_word_share",
    "short_word_share",
    "distinct_share",
    "log_distinct",
    "stop_word_share",
    "log_mean_line",
    "log_longest_line",
    "log_line_spread",
    "log_sentences",
    "log_sentence_words",
    "has_gap_to_fill",
    "log_roman_numerals",
    "capitalised_share",
    "all_capitals_share",
    "log_long_numbers",
    "digit_word_share",
    "one_letter_share",
    "word_length_spread",
    "starts_with_question_word",
    "has_question_word",
    "log_pointing_words",
    "suffix_share",
];

/// A word is long from, and short up to, so many characters.
const LONG: u32 = 9;
const SHORT: u32 = 3;

/// The counts, over every part of a text that is read.
#[derive(Debug, Default)]
pub(crate) struct Wording {
    lengths: Lengths,
    layout: Layout,
    numbers: Numbers,
    distinct: u32,
    negations: u32,
    stop_words: u32,
    questions: u32,
    pointing: u32,
    starts_with_question: bool,
    long: u32,
    short: u32,
    one_letter: u32,
    capitalised: u32,
    all_capitals: u32,
    roman_numerals: u32,
    digits: u32,
    suffixes: u32,
}

impl WordReader for Wording {
    fn read(&mut self, word: &Word<'_>, is_new: bool) {
        let chars = word.chars() as u32;
        self.distinct += u32::from(is_new);
        self.layout.word(word.gap, chars);
        self.list(word.hash);
        self.measure(chars);
        self.shape(word, chars);
        self.suffixes += u32::from(has_suffix(word.ending));
    }

    fn end(&mut self, rest: &str) {
        self.layout.end(rest);
        self.numbers.end();
    }
}

impl Wording {
    fn list(&mut self, hash: u64) {
        let lists = lists_of(hash);
        let is_on = |list: u8| u32::from(lists & list != 0);
        self.negations += is_on(NEGATION);
        self.stop_words += is_on(STOP);
        self.questions += is_on(QUESTION);
        self.pointing += is_on(POINTING);
        self.starts_with_question |= self.lengths.count() == 0 && lists & QUESTION != 0;
    }

    fn measure(&mut self, chars: u32) {
        self.lengths.add(chars);
        self.long += u32::from(chars >= LONG);
        self.short += u32::from(chars <= SHORT);
        self.one_letter += u32::from(chars == 1);
    }

    fn shape(&mut self, word: &Word<'_>, chars: u32) {
        if word.has(UPPER) {
            self.capitalised += u32::from(word.text.starts_with(char::is_uppercase));
            self.all_capitals += u32::from(chars > 1 && !word.has(LOWER));
            self.roman_numerals += u32::from(matches!(word.text, "I" | "II" | "III" | "IV" | "V"));
        }
        match word.has(DIGIT) {
            true => self.numbers.word(word.gap, word.text),
            false => self.numbers.end(),
        }
        self.digits += u32::from(word.is_all(DIGIT));
    }

    /// In the order of [`WORDING_NAMES`].
    pub(super) fn features(&self) -> [f32; WORDING_FEATURES] {
        let (layout, words) = (&self.layout, self.lengths.count() as f32);
        let share = |count: u32| count as f32 / words.max(1.0);
        let is_any = |count: u32| f32::from(count > 0);
        [
            share(self.negations),
            is_any(self.negations),
            share(self.long),
            share(self.short),
            share(self.distinct),
            log(self.distinct as f32),
            share(self.stop_words),
            log(layout.lines.mean()),
            log(layout.lines.greatest() as f32),
            log(layout.lines.spread()),
            log(layout.sentences as f32),
            log(words / layout.sentences.max(1) as f32),
            f32::from(layout.has_gap_to_fill),
            log(self.roman_numerals as f32),
            share(self.capitalised),
            share(self.all_capitals),
            log(self.numbers.long as f32),
            share(self.digits),
            share(self.one_letter),
            self.lengths.spread(),
            f32::from(self.starts_with_question),
            is_any(self.questions),
            log(self.pointing as f32),
            share(self.suffixes),
        ]
    }
}

/// Endings that tell a kind of word.
fn has_suffix(ending: u32) -> bool {
    const ING: u32 = u32::from_be_bytes(*b"\0ing");
    const ED: u32 = u32::from_be_bytes(*b"\0\0ed");
    const LY: u32 = u32::from_be_bytes(*b"\0\0ly");
    const TION: u32 = u32::from_be_bytes(*b"tion");
    let (two, three) = (ending & 0xffff, ending & 0xff_ffff);
    // Without a branch, since no processor foresees where one occurs.
    (two == ED) | (two == LY) | (three == ING) | (ending == TION)
}
