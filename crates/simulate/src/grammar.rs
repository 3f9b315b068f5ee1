//! Template grammars as data: the files under `grammar/`, as rules that lead to each other. How a
//! line is written stands in `notation`, what is made of the rules in `expand`.

use std::collections::BTreeMap;

use crate::notation::{Reader, is_name, syntax};
use crate::topic::Topic;

/// A grammar, its rules by number.
#[derive(Debug)]
pub(crate) struct Grammar {
    names: BTreeMap<String, usize>,
    rules: Vec<Vec<Alternative>>,
    slots: usize,
}

/// One way to write a rule out.
#[derive(Debug)]
pub(crate) struct Alternative {
    /// Its part of the difficulty, in hundredths.
    pub(crate) points: u32,
    pub(crate) topic: Option<Topic>,
    pub(crate) pieces: Vec<Piece>,
}

/// A part of an alternative.
#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Slot {
        value: Value,
        keep: Option<usize>,
        style: Style,
    },
}

/// What stands in a pair of braces.
#[derive(Debug)]
pub(crate) enum Value {
    Rule(usize),
    Several {
        rule: usize,
        low: usize,
        high: usize,
        between: String,
        in_order: bool,
    },
    Number {
        low: usize,
        high: usize,
        step: usize,
    },
    Kept(usize),
}

/// How a value begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Style {
    Plain,
    Capital,
    Article,
}

/// A defect of a grammar file.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum GrammarError {
    #[error("line {line}: an alternative stands before the first rule")]
    NoRule { line: usize },
    #[error("rule `{rule}` is defined twice")]
    Twice { rule: String },
    #[error("line {line}: no rule is called `{rule}`")]
    Unknown { line: usize, rule: String },
    #[error("line {line}: no topic is called `{topic}`")]
    Topic { line: usize, topic: String },
    #[error("line {line}: `{part}` cannot be read; see the header of notation.rs")]
    Syntax { line: usize, part: String },
    #[error("line {line}: `{name}` is repeated but never kept")]
    NeverKept { line: usize, name: String },
    #[error("rule `{rule}` has no alternative")]
    Empty { rule: String },
    #[error("rule `{rule}` leads back to itself")]
    Circle { rule: String },
}

impl Grammar {
    /// Reads a grammar and checks that every name in it leads somewhere.
    pub(crate) fn parse(text: &str) -> Result<Self, GrammarError> {
        let source = collect(text)?;
        let names: BTreeMap<String, usize> = source
            .iter()
            .enumerate()
            .map(|(i, (name, _))| ((*name).to_owned(), i))
            .collect();
        let mut reader = Reader::new(&names);
        let mut rules = Vec::new();
        for (_, lines) in &source {
            let rule: Result<_, _> = lines
                .iter()
                .map(|(n, l)| reader.alternative(*n, l))
                .collect();
            rules.push(rule?);
        }
        let slots = reader.checked_slots()?;
        let grammar = Self {
            names,
            rules,
            slots,
        };
        grammar.check_circles()?;
        Ok(grammar)
    }

    /// The number of a rule.
    pub(crate) fn rule(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(crate) fn alternatives(&self, rule: usize) -> &[Alternative] {
        &self.rules[rule]
    }

    /// How many texts can be kept while a rule is written out.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    fn check_circles(&self) -> Result<(), GrammarError> {
        let mut done = vec![false; self.rules.len()];
        for (name, rule) in &self.names {
            if self.returns(*rule, &mut Vec::new(), &mut done) {
                return Err(GrammarError::Circle { rule: name.clone() });
            }
        }
        Ok(())
    }

    fn returns(&self, rule: usize, path: &mut Vec<usize>, done: &mut [bool]) -> bool {
        if path.contains(&rule) {
            return true;
        }
        if done[rule] {
            return false;
        }
        path.push(rule);
        let circle = called(&self.rules[rule]).any(|next| self.returns(next, path, done));
        path.pop();
        done[rule] = true;
        circle
    }
}

fn called(rule: &[Alternative]) -> impl Iterator<Item = usize> {
    let pieces = rule.iter().flat_map(|alternative| &alternative.pieces);
    pieces.filter_map(|piece| match piece {
        Piece::Slot {
            value: Value::Rule(rule) | Value::Several { rule, .. },
            ..
        } => Some(*rule),
        _ => None,
    })
}

/// The lines of one rule, with their numbers.
type Lines<'a> = Vec<(usize, &'a str)>;

fn collect(text: &str) -> Result<Vec<(&str, Lines<'_>)>, GrammarError> {
    let mut rules: Vec<(&str, Lines<'_>)> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        if raw.trim().is_empty() || raw.starts_with('#') {
            continue;
        }
        if raw.starts_with(' ') {
            let (_, lines) = rules.last_mut().ok_or(GrammarError::NoRule { line })?;
            lines.push((line, raw.trim()));
            continue;
        }
        rules.push((rule_name(line, raw)?, Vec::new()));
    }
    check_rules(&rules)?;
    Ok(rules)
}

fn rule_name(line: usize, raw: &str) -> Result<&str, GrammarError> {
    raw.trim_end()
        .strip_suffix(" =")
        .filter(|name| is_name(name))
        .ok_or_else(|| syntax(line, raw))
}

fn check_rules(rules: &[(&str, Lines<'_>)]) -> Result<(), GrammarError> {
    for (i, (name, lines)) in rules.iter().enumerate() {
        let rule = (*name).to_owned();
        if lines.is_empty() {
            return Err(GrammarError::Empty { rule });
        }
        if rules[..i].iter().any(|(other, _)| other == name) {
            return Err(GrammarError::Twice { rule });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_defect_names_its_line() {
        let cases = [
            ("    text\n", GrammarError::NoRule { line: 1 }),
            ("a =\n", GrammarError::Empty { rule: "a".into() }),
            (
                "a =\n    x\na =\n    y\n",
                GrammarError::Twice { rule: "a".into() },
            ),
            (
                "a =\n    {b}\n",
                GrammarError::Unknown {
                    line: 2,
                    rule: "b".into(),
                },
            ),
            (
                "a =\n    @zz x\n",
                GrammarError::Topic {
                    line: 2,
                    topic: "zz".into(),
                },
            ),
            ("a =\n    {9..2}\n", syntax(2, "9..2")),
            ("a =\n    {6..9/5}\n", syntax(2, "6..9/5")),
            ("a =\n    +x y\n", syntax(2, "+x y")),
            ("a =\n    {b\n", syntax(2, "{b")),
            (
                "a =\n    {$b}\n",
                GrammarError::NeverKept {
                    line: 2,
                    name: "b".into(),
                },
            ),
            (
                "a =\n    {b}\nb =\n    {a}\n",
                GrammarError::Circle { rule: "a".into() },
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(Grammar::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(a =\n( {4}[-+@a-c{}$=*#|^0-9./\\\\ ]{0,12}\n){0,4}){0,2}") {
            let _ = Grammar::parse(&text);
        }
    }
}
