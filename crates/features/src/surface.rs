//! Dense features that can be read off the surface of a text.

use crate::words::{Character, for_each_character};

/// How many there are.
pub const SURFACE_FEATURES: usize = 14;

/// Their names, in order.
pub const SURFACE_NAMES: [&str; SURFACE_FEATURES] = [
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

/// Bits of the runs that a character belongs to.
const WORD: u32 = 1;
const NUMBER: u32 = 2;

/// The runs that each ASCII byte belongs to.
const ASCII_RUNS: [u32; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        let is_word = (byte as u8).is_ascii_alphanumeric() as u32;
        let is_digit = (byte as u8).is_ascii_digit() as u32;
        table[byte] = is_word * WORD + is_digit * NUMBER;
        byte += 1;
    }
    table
};

/// How often each kind of character occurs, and how many runs there are.
#[derive(Default)]
struct Counts {
    of_kind: [u32; KINDS],
    words: u32,
    word_chars: u32,
    numbers: u32,
}

impl Counts {
    fn of(&self, kind: Kind) -> u32 {
        self.of_kind[kind as usize]
    }

    fn chars(&self) -> u32 {
        self.of_kind.iter().sum()
    }
}

/// One pass over the text.
pub(crate) fn surface(text: &str) -> [f32; SURFACE_FEATURES] {
    let counts = count(text);
    let chars = counts.chars();
    let log = |count: u32| libm::log1pf(count as f32);
    let share = |kind: Kind| counts.of(kind) as f32 / chars.max(1) as f32;
    let log_chars = log(chars);
    [
        log_chars,
        log_chars * log_chars,
        log(counts.words),
        counts.word_chars as f32 / counts.words.max(1) as f32,
        log(counts.of(Kind::Line)),
        share(Kind::Digit),
        share(Kind::Upper),
        share(Kind::Space),
        share(Kind::Punctuation),
        share(Kind::Math),
        share(Kind::Bracket),
        share(Kind::Other),
        log(counts.of(Kind::Question)),
        log(counts.numbers),
    ]
}

/// The kinds are summed up from a histogram of bytes: one table look-up per character less.
fn count(text: &str) -> Counts {
    let mut counts = Counts::default();
    let mut of_byte = [0_u32; 128];
    let mut before = 0;
    for_each_character(text, |character| {
        let runs = match character {
            Character::Ascii(byte) => {
                of_byte[usize::from(byte)] += 1;
                ASCII_RUNS[usize::from(byte)]
            }
            Character::Other(character) => {
                let is_word = u32::from(character.is_alphanumeric());
                counts.of_kind[Kind::Other as usize] += 1;
                counts.word_chars += is_word;
                is_word * WORD
            }
        };
        let started = runs & !before;
        counts.words += started & WORD;
        counts.numbers += started / NUMBER;
        before = runs;
    });
    for (byte, count) in of_byte.iter().enumerate() {
        counts.of_kind[ASCII_KIND[byte] as usize] += count;
        counts.word_chars += count * (ASCII_RUNS[byte] & WORD);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str, name: &str) -> f32 {
        let position = SURFACE_NAMES
            .iter()
            .position(|known| *known == name)
            .unwrap();
        surface(text)[position]
    }

    fn check(text: &str, name: &str, expected: f32) {
        let found = named(text, name);
        assert!(
            (found - expected).abs() < 1e-6,
            "{name} of {text:?} is {found}, not {expected}"
        );
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        check("äöü", "log_chars", 4_f32.ln());
    }

    #[test]
    fn a_number_is_a_run_of_digits() {
        check("12 and 345", "log_numbers", 3_f32.ln());
    }

    #[test]
    fn shares_are_of_all_characters() {
        check("ab12", "digit_share", 0.5);
        check("(a)x", "bracket_share", 0.5);
        check("1+1=", "math_share", 0.5);
    }

    #[test]
    fn words_have_a_mean_length() {
        check("one three", "mean_word_length", 4.0);
    }

    #[test]
    fn no_text_is_all_zeros() {
        assert_eq!(surface(""), [0.0; SURFACE_FEATURES]);
    }
}
