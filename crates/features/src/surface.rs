//! Dense features that can be read off the surface of a text.

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

/// Counts of kinds of characters.
#[derive(Default)]
struct Counts {
    chars: u32,
    words: u32,
    word_chars: u32,
    numbers: u32,
    lines: u32,
    digits: u32,
    upper: u32,
    spaces: u32,
    punctuation: u32,
    math: u32,
    brackets: u32,
    non_ascii: u32,
    questions: u32,
}

/// One pass over the text.
pub(crate) fn surface(text: &str) -> [f32; SURFACE_FEATURES] {
    let counts = count(text);
    let log = |count: u32| libm::log1pf(count as f32);
    let share = |count: u32| count as f32 / counts.chars.max(1) as f32;
    let log_chars = log(counts.chars);
    [
        log_chars,
        log_chars * log_chars,
        log(counts.words),
        counts.word_chars as f32 / counts.words.max(1) as f32,
        log(counts.lines),
        share(counts.digits),
        share(counts.upper),
        share(counts.spaces),
        share(counts.punctuation),
        share(counts.math),
        share(counts.brackets),
        share(counts.non_ascii),
        log(counts.questions),
        log(counts.numbers),
    ]
}

fn count(text: &str) -> Counts {
    let mut counts = Counts::default();
    let mut before = ' ';
    for character in text.chars() {
        counts.chars = counts.chars.saturating_add(1);
        match character {
            '0'..='9' => {
                counts.digits += 1;
                counts.numbers += u32::from(!before.is_ascii_digit());
            }
            'A'..='Z' => counts.upper += 1,
            '\n' => counts.lines += 1,
            ' ' | '\t' | '\r' => counts.spaces += 1,
            '?' => counts.questions += 1,
            '+' | '*' | '/' | '=' | '<' | '>' | '^' | '\\' | '$' | '%' => counts.math += 1,
            '(' | ')' | '[' | ']' | '{' | '}' => counts.brackets += 1,
            other if other.is_ascii_punctuation() => counts.punctuation += 1,
            other => counts.non_ascii += u32::from(!other.is_ascii()),
        }
        if character.is_alphanumeric() {
            counts.word_chars += 1;
            counts.words += u32::from(!before.is_alphanumeric());
        }
        before = character;
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
