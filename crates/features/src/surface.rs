//! Dense features that can be read off the surface of a text: its characters, its words, its lines
//! and sentences. No dictionary but a few short lists of words.
//!
//! Words, lines and sentences are read in the pass that makes the n-grams ([`Wording`] listens to it),
//! so of a long text only what is read for n-grams; characters are counted in a pass of their own.

mod characters;
mod layout;
mod lengths;
mod lists;
mod numbers;
mod wording;

pub use characters::CHARACTER_FEATURES;
pub(crate) use wording::Wording;

use characters::{CHARACTER_NAMES, MARK_FEATURES, MARK_NAMES, count};
use wording::{WORDING_FEATURES, WORDING_NAMES};

/// How many there are.
pub const SURFACE_FEATURES: usize = CHARACTER_FEATURES + MARK_FEATURES + WORDING_FEATURES;

/// Their names, in order.
pub const SURFACE_NAMES: [&str; SURFACE_FEATURES] = {
    let mut names = [""; SURFACE_FEATURES];
    let (of_characters, rest) = names.split_at_mut(CHARACTER_FEATURES);
    let (of_marks, of_wording) = rest.split_at_mut(MARK_FEATURES);
    of_characters.copy_from_slice(&CHARACTER_NAMES);
    of_marks.copy_from_slice(&MARK_NAMES);
    of_wording.copy_from_slice(&WORDING_NAMES);
    names
};

/// The surface features of a text whose words were read.
pub(crate) fn surface(text: &str, wording: &Wording) -> [f32; SURFACE_FEATURES] {
    let characters = count(text);
    let mut features = [0.0; SURFACE_FEATURES];
    let (of_characters, rest) = features.split_at_mut(CHARACTER_FEATURES);
    let (of_marks, of_wording) = rest.split_at_mut(MARK_FEATURES);
    of_characters.copy_from_slice(&characters.features());
    of_marks.copy_from_slice(&characters.marks());
    of_wording.copy_from_slice(&wording.features());
    features
}

/// `ln(1 + count)`.
fn log(count: f32) -> f32 {
    libm::log1pf(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Extractor, FeatureSpec};

    fn surface_of(text: &str) -> [f32; SURFACE_FEATURES] {
        let extractor = Extractor::new(FeatureSpec::default()).unwrap();
        extractor.extract(text).surface
    }

    fn check(text: &str, name: &str, expected: f32) {
        let position = SURFACE_NAMES.iter().position(|known| *known == name);
        let found = surface_of(text)[position.unwrap()];
        assert!(
            (found - expected).abs() < 1e-5,
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
    fn marks_are_counted() {
        check("a, b, c", "log_commas", 3_f32.ln());
        check("say \"x\"", "log_quotes", 3_f32.ln());
        check("No. 1.", "log_points", 3_f32.ln());
        check("f(x)", "log_parentheses", 2_f32.ln());
        check("one-to-one", "log_hyphens", 3_f32.ln());
        check("it's", "log_apostrophes", 2_f32.ln());
    }

    #[test]
    fn negations_are_words() {
        check("Which is NOT so", "negation_share", 0.25);
        check("it isn't", "has_negation", 1.0);
        check("a knot", "has_negation", 0.0);
    }

    #[test]
    fn words_are_long_or_short() {
        check("hydrogens hydrogen", "long_word_share", 0.5);
        check("the then", "short_word_share", 0.5);
        check("a bc", "one_letter_share", 0.5);
        check("ab abcd", "word_length_spread", 1.0);
        check("äö äöüß", "word_length_spread", 1.0);
    }

    #[test]
    fn distinct_words_are_counted_once() {
        check("No no yes no", "distinct_share", 0.5);
        check("No no yes no", "log_distinct", 3_f32.ln());
    }

    #[test]
    fn stop_words_are_listed() {
        check("the cat of it", "stop_word_share", 0.75);
    }

    #[test]
    fn capitals_are_seen_as_written() {
        check("Ann sees NATO x", "capitalised_share", 0.5);
        check("Élan vital", "capitalised_share", 0.5);
        check("I see NATO x", "all_capitals_share", 0.25);
        check("B2 or b2", "all_capitals_share", 1.0 / 3.0);
    }

    #[test]
    fn digits_make_words() {
        check("42 x1", "digit_word_share", 0.5);
    }

    #[test]
    fn question_words_ask_at_the_start_or_later() {
        check("Why so", "starts_with_question_word", 1.0);
        check("So why", "starts_with_question_word", 0.0);
        check("So why", "has_question_word", 1.0);
        check("whyever", "has_question_word", 0.0);
    }

    #[test]
    fn words_that_point_at_statements_are_counted() {
        check(
            "these following statements",
            "log_pointing_words",
            4_f32.ln(),
        );
    }

    #[test]
    fn suffixes_are_the_end_of_a_word() {
        check("doing used badly NATION", "suffix_share", 1.0);
        check("inge edl lyo tions", "suffix_share", 0.0);
        check("ed x", "suffix_share", 0.5);
    }

    #[test]
    fn roman_numerals_are_capital_words() {
        check("I and IV, not vi or XIV", "log_roman_numerals", 3_f32.ln());
    }

    #[test]
    fn lines_have_lengths() {
        check("ab\nabcd", "log_mean_line", 4_f32.ln());
        check("ab\nabcd\n", "log_mean_line", 3_f32.ln());
        check("äö, ü\nab", "log_longest_line", 6_f32.ln());
        check("ab\nabcd", "log_line_spread", 2_f32.ln());
        check("one line", "log_line_spread", 0.0);
    }

    #[test]
    fn sentences_end_before_white_space() {
        check("Is it? It is. 3.5 is", "log_sentences", 4_f32.ln());
        check("One. ! . ", "log_sentences", 2_f32.ln());
        check("- . One", "log_sentences", 3_f32.ln());
        check("Is it? It is so", "log_sentence_words", 3.5_f32.ln());
    }

    #[test]
    fn a_gap_to_fill_is_two_underscores() {
        check("A ____ is", "has_gap_to_fill", 1.0);
        check("snake_case _ _", "has_gap_to_fill", 0.0);
    }

    #[test]
    fn long_numbers_have_three_characters() {
        check("100, 3.5 and 12", "log_long_numbers", 3_f32.ln());
        check("1.2.3 or 12 34", "log_long_numbers", 2_f32.ln());
        check("x100y 2. 3 4.x", "log_long_numbers", 2_f32.ln());
    }

    #[test]
    fn no_text_is_all_zeros() {
        assert_eq!(surface_of(""), [0.0; SURFACE_FEATURES]);
    }

    #[test]
    fn names_are_distinct() {
        let distinct: std::collections::BTreeSet<_> = SURFACE_NAMES.iter().collect();
        assert_eq!(distinct.len(), SURFACE_FEATURES);
    }

    #[test]
    fn extreme_texts_give_finite_numbers() {
        let check = |text: &str| {
            let found = surface_of(text);
            assert!(found.iter().all(|value| value.is_finite()), "{found:?}");
        };
        check(&"the of and ".repeat(10));
        check(&"word ".repeat(100_000));
        check(&"\n".repeat(100_000));
        check(&". ".repeat(100_000));
        check("天气预报是什么？ ¿Qué? Привет, мир! สวัสดี ١٢٣ 𝐀𝐁");
    }

    proptest! {
        #[test]
        fn shares_lie_between_0_and_1(text in "[a-zA-Z0-9 .?!,_\\n天ß-]{0,200}") {
            let found = surface_of(&text);
            let named = SURFACE_NAMES.iter().zip(found);
            for (name, value) in named.filter(|(name, _)| name.ends_with("share") || name.starts_with("has")) {
                prop_assert!((0.0..=1.0).contains(&value), "{name} is {value}");
            }
        }
    }
}
