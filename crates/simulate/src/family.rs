//! The task families: how often each is asked, how its answers are scored, how good each model
//! is at it and how long its answers are.

use std::sync::LazyLock;

use crate::grammar::Grammar;
use crate::roster::MODELS;

/// How an answer gets its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scoring {
    /// A test passes or fails: 0 or 1.
    Tested,
    /// A judge gives tenths.
    Judged,
}

/// One task family. Arrays are in the roster's order: condor, finch, heron, tern, wren.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    grammar: &'static str,
    /// Prompts in a thousand.
    share: usize,
    pub(crate) scoring: Scoring,
    /// What the worst and the best answers are worth.
    pub(crate) range: (f64, f64),
    /// Logits of quality at difficulty 0.4.
    pub(crate) skill: [f64; MODELS],
    /// Median tokens out at difficulty 0.4.
    pub(crate) tokens: [f64; MODELS],
    /// Whether answers grow with the text that is given.
    pub(crate) follows_input: bool,
}

macro_rules! family {
    ($name:literal, $share:literal, $scoring:ident $range:expr, $skill:expr, $tokens:expr, $follows:literal) => {
        Family {
            name: $name,
            grammar: include_str!(concat!("../grammar/", $name, ".txt")),
            share: $share,
            scoring: Scoring::$scoring,
            range: $range,
            skill: $skill,
            tokens: $tokens,
            follows_input: $follows,
        }
    };
}

const PASS: (f64, f64) = (0.02, 0.98);
const RATED: (f64, f64) = (0.15, 0.96);

#[rustfmt::skip]
pub(crate) const FAMILIES: [Family; 20] = [
    family!("arithmetic", 60, Tested PASS, [2.0, 1.3, 2.8, 1.1, 0.0], [170.0, 150.0, 420.0, 240.0, 130.0], false),
    family!("algebra", 45, Tested PASS, [1.7, 1.2, 2.6, 0.7, -0.4], [300.0, 260.0, 760.0, 340.0, 210.0], false),
    family!("code_writing", 75, Tested PASS, [1.8, 2.8, 1.2, 0.8, -0.3], [400.0, 330.0, 520.0, 620.0, 280.0], false),
    family!("code_debugging", 60, Tested PASS, [1.8, 2.5, 1.2, 0.7, -0.5], [360.0, 290.0, 560.0, 590.0, 240.0], false),
    family!("sql", 50, Tested PASS, [1.8, 2.9, 1.2, 1.1, 0.0], [150.0, 120.0, 230.0, 260.0, 110.0], false),
    family!("regex", 30, Tested PASS, [1.6, 2.7, 1.0, 0.9, -0.2], [110.0, 70.0, 210.0, 220.0, 80.0], false),
    family!("data_analysis", 45, Judged RATED, [1.8, 1.4, 1.6, 1.1, -0.1], [460.0, 330.0, 640.0, 700.0, 260.0], false),
    family!("extraction", 55, Tested PASS, [2.1, 1.9, 1.7, 1.7, 0.5], [130.0, 110.0, 150.0, 180.0, 110.0], false),
    family!("sentiment", 50, Tested (0.25, 0.98), [1.7, 1.3, 1.3, 1.9, 0.9], [9.0, 6.0, 40.0, 24.0, 5.0], false),
    family!("summarisation", 60, Judged RATED, [1.6, 1.0, 1.2, 1.9, 0.4], [150.0, 120.0, 190.0, 210.0, 110.0], true),
    family!("translation", 65, Judged RATED, [1.6, 0.7, 1.0, 2.8, 0.1], [70.0, 66.0, 90.0, 72.0, 68.0], true),
    family!("factual", 75, Tested PASS, [1.9, 0.9, 1.2, 1.3, 0.0], [90.0, 60.0, 150.0, 140.0, 50.0], false),
    family!("explanation", 55, Judged RATED, [1.7, 1.2, 1.8, 1.5, 0.3], [520.0, 380.0, 700.0, 820.0, 300.0], false),
    family!("creative_writing", 50, Judged RATED, [1.7, 0.5, 0.8, 2.1, 0.1], [620.0, 360.0, 600.0, 760.0, 330.0], false),
    family!("legal", 35, Judged RATED, [1.8, 0.7, 1.1, 1.1, -0.2], [560.0, 360.0, 640.0, 780.0, 280.0], false),
    family!("medical", 40, Judged RATED, [1.8, 0.8, 1.2, 1.2, -0.1], [480.0, 330.0, 580.0, 690.0, 260.0], false),
    family!("logic_puzzle", 35, Tested PASS, [1.4, 0.9, 2.3, 0.5, -0.6], [420.0, 300.0, 980.0, 420.0, 220.0], false),
    family!("planning", 40, Judged RATED, [1.7, 1.1, 1.7, 1.4, 0.1], [720.0, 480.0, 860.0, 1050.0, 400.0], false),
    family!("email", 45, Judged RATED, [1.6, 1.2, 1.2, 2.0, 0.7], [230.0, 180.0, 260.0, 320.0, 170.0], false),
    family!("chitchat", 30, Judged RATED, [1.5, 1.1, 1.1, 1.9, 0.9], [90.0, 60.0, 120.0, 140.0, 55.0], false),
];

/// The rules of a grammar that prompts are made of.
pub(crate) struct FamilyGrammar {
    pub(crate) grammar: Grammar,
    /// The request itself.
    pub(crate) start: usize,
    /// A first turn before it, and the answer to that.
    pub(crate) opener: usize,
    pub(crate) reply: usize,
    /// Two more turns, the same for all families.
    pub(crate) aside: usize,
    pub(crate) aside_reply: usize,
    /// What an application puts first.
    pub(crate) system: usize,
}

impl FamilyGrammar {
    fn load(family: &Family) -> Self {
        let words = include_str!("../grammar/lexicon.txt");
        let text = format!("{words}\n{}", family.grammar);
        let grammar = Grammar::parse(&text)
            .unwrap_or_else(|error| panic!("the bundled grammar of {}: {error}", family.name));
        let rule = |name: &str| {
            grammar
                .rule(name)
                .expect("every bundled grammar has the rules of a conversation")
        };
        Self {
            start: rule("start"),
            opener: rule("opener"),
            reply: rule("reply"),
            aside: rule("aside"),
            aside_reply: rule("aside_reply"),
            system: rule("system"),
            grammar,
        }
    }
}

/// The grammars of [`FAMILIES`], read once; a test reads them all, so a defect cannot be shipped.
pub(crate) static GRAMMARS: LazyLock<Vec<FamilyGrammar>> =
    LazyLock::new(|| FAMILIES.iter().map(FamilyGrammar::load).collect());

/// The family that owns the `ticket`-th of a thousand prompts.
pub(crate) fn family_at(mut ticket: usize) -> usize {
    for (index, family) in FAMILIES.iter().enumerate() {
        if ticket < family.share {
            return index;
        }
        ticket -= family.share;
    }
    FAMILIES.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_a_thousand() {
        let total: usize = FAMILIES.iter().map(|family| family.share).sum();
        assert_eq!(total, 1000);
        assert_eq!((family_at(0), family_at(999)), (0, FAMILIES.len() - 1));
    }

    #[test]
    fn every_bundled_grammar_can_be_read() {
        assert_eq!(GRAMMARS.len(), FAMILIES.len());
    }

    #[test]
    fn no_model_is_the_best_everywhere() {
        for model in 0..MODELS {
            let beaten = |family: &Family| {
                family
                    .skill
                    .iter()
                    .any(|skill| *skill > family.skill[model])
            };
            assert!(FAMILIES.iter().any(beaten), "model {model}");
        }
    }
}
