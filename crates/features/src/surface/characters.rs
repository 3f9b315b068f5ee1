//! What the characters of a text say: lengths, shares of kinds of characters, counts of marks.

use super::log;
use crate::words::{Character, for_each_character};

/// The first surface features: lengths and shares of kinds of characters. How far a text is from
/// others is measured by these alone.
pub const CHARACTER_FEATURES: usize = 14;

/// Their names, in order.
pub(super) const CHARACTER_NAMES: [&str; CHARACTER_FEATURES] = [
    "log_chars",
    "log_chars_squared",
    "log_words",
    "mean_word_length",
    "log_lines",
    "digit_share",
    "upper_share",
    "space_share",
    "punctuation_share",
    "math_share",
    "bracket_share",
    "non_ascii_share",
    "log_questions",
    "log_numbers",
];

/// How often the [`MARKS`] occur.
pub(super) const MARK_FEATURES: usize = MARKS.len();
const MARKS: [u8; 6] = *b",\".(-'";

/// Their names, in order.
pub(super) const MARK_NAMES: [&str; MARK_FEATURES] = [
    "log_commas",
    "log_quotes",
    "log_points",
    "log_parentheses",
    "log_hyphens",
    "log_apostrophes",
];

/// Kinds of characters; every character is of one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digit,
    Upper,
    /// Other ASCII letters, and control characters.
    Plain,
    Line,
    Space,
    Question,
    Math,
    Bracket,
    Punctuation,
    Other,
}

const KINDS: usize = 10;

/// The kind of each ASCII byte.
const ASCII_KIND: [Kind; 128] = {
    let mut table = [Kind::Plain; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = ascii_kind(byte as u8);
        byte += 1;
    }
    table
};

const fn ascii_kind(byte: u8) -> Kind {
    match byte {
        b'0'..=b'9' => Kind::Digit,
        b'A'..=b'Z' => Kind::Upper,
        b'\n' => Kind::Line,
        b' ' | b'\t' | b'\r' => Kind::Space,
        b'?' => Kind::Question,
        b'+' | b'*' | b'/' | b'=' | b'<' | b'>' | b'^' | b'\\' | b'$' | b'%' => Kind::Math,
        b'(' | b')' | b'[' | b']' | b'{' | b'}' => Kind::Bracket,
        other if other.is_ascii_punctuation() => Kind::Punctuation,
        _ => Kind::Plain,
    }
}

/// Bits of the runs that a character belongs to, far enough apart that both kinds can be counted in
/// one number.
const WORD: u64 = 1;
const NUMBER: u64 = 1 << 32;

/// The runs that each ASCII byte belongs to.
const ASCII_RUNS: [u64; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        let is_word = (byte as u8).is_ascii_alphanumeric() as u64;
        let is_digit = (byte as u8).is_ascii_digit() as u64;
        table[byte] = is_word * WORD + is_digit * NUMBER;
        byte += 1;
    }
    table
};

/// How often each kind of character occurs, and how many runs there are.
#[derive(Default)]
pub(super) struct Characters {
    of_kind: [u32; KINDS],
    of_mark: [u32; MARK_FEATURES],
    words: u32,
    word_chars: u32,
    numbers: u32,
}

impl Characters {
    /// In the order of [`CHARACTER_NAMES`].
    pub(super) fn features(&self) -> [f32; CHARACTER_FEATURES] {
        let chars: u32 = self.of_kind.iter().sum();
        let share = |kind: Kind| self.of(kind) as f32 / chars.max(1) as f32;
        let log_chars = log(chars as f32);
        [
            log_chars,
            log_chars * log_chars,
            log(self.words as f32),
            self.word_chars as f32 / self.words.max(1) as f32,
            log(self.of(Kind::Line) as f32),
            share(Kind::Digit),
            share(Kind::Upper),
            share(Kind::Space),
            share(Kind::Punctuation),
            share(Kind::Math),
            share(Kind::Bracket),
            share(Kind::Other),
            log(self.of(Kind::Question) as f32),
            log(self.numbers as f32),
        ]
    }

    /// In the order of [`MARK_NAMES`].
    pub(super) fn marks(&self) -> [f32; MARK_FEATURES] {
        self.of_mark.map(|count| log(count as f32))
    }

    fn of(&self, kind: Kind) -> u32 {
        self.of_kind[kind as usize]
    }
}

/// Counts in one pass. The kinds are summed up from a histogram of bytes: one table look-up per
/// character less.
pub(super) fn count(text: &str) -> Characters {
    let mut counts = Characters::default();
    let mut of_byte = [0_u32; 128];
    let (mut started, mut before) = (0_u64, 0);
    for_each_character(text, |character| {
        let runs = match character {
            Character::Ascii(byte) => {
                of_byte[usize::from(byte)] += 1;
                ASCII_RUNS[usize::from(byte)]
            }
            Character::Other(character) => {
                let is_word = character.is_alphanumeric();
                counts.of_kind[Kind::Other as usize] += 1;
                counts.word_chars += u32::from(is_word);
                u64::from(is_word) * WORD
            }
        };
        started += runs & !before;
        before = runs;
    });
    (counts.words, counts.numbers) = (started as u32, (started / NUMBER) as u32);
    counts.of_mark = MARKS.map(|mark| of_byte[usize::from(mark)]);
    for (byte, count) in of_byte.iter().enumerate() {
        counts.of_kind[ASCII_KIND[byte] as usize] += count;
        counts.word_chars += count * (ASCII_RUNS[byte] & WORD) as u32;
    }
    counts
}
