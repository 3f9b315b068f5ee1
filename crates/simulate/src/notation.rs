//! How the alternatives of a grammar are written, and the reader of that notation. Which rules
//! there are is known before (`grammar`).
//!
//! ```text
//! # a comment
//! start =
//!     {lead}add {a=2..99} and {2..99}, then double {$a}.{tail}
//!     +30 @code Write {a language} function.
//! ```
//! A rule is a name and its alternatives, one a line. An alternative may begin with `+NN`, its
//! part of the difficulty in hundredths, and with `@topic`; `-` is the empty text. In braces:
//! `rule`, `a rule` (with its article), `^rule` (with a capital), `rule*2..4` (that many different
//! alternatives, a space between, or what follows `|`), `rule#2..4` (the same, in the order of the
//! lines), `2..9` (a number), `2..90/5` (a multiple
//! of five); `name=` before any of these keeps the text, and `$name` repeats it. `\n` is a line
//! break, `\t` a tab, `\s` a space, `\{`, `\}` and `\\` themselves.

use std::collections::BTreeMap;

use crate::grammar::{Alternative, GrammarError, Piece, Style, Value};
use crate::topic::Topic;

/// Reads alternatives: knows the rules' numbers and gives numbers to what is kept.
pub(crate) struct Reader<'a> {
    names: &'a BTreeMap<String, usize>,
    slots: BTreeMap<String, usize>,
    kept: Vec<usize>,
    repeated: Vec<(usize, String)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(names: &'a BTreeMap<String, usize>) -> Self {
        Self {
            names,
            slots: BTreeMap::new(),
            kept: Vec::new(),
            repeated: Vec::new(),
        }
    }

    pub(crate) fn alternative(
        &mut self,
        line: usize,
        text: &str,
    ) -> Result<Alternative, GrammarError> {
        let (points, text) = take_points(line, text)?;
        let (topic, text) = take_topic(line, text)?;
        let pieces = if text == "-" {
            Vec::new()
        } else {
            self.pieces(line, text)?
        };
        Ok(Alternative {
            points,
            topic,
            pieces,
        })
    }

    fn pieces(&mut self, line: usize, text: &str) -> Result<Vec<Piece>, GrammarError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => plain.push(escaped(line, rest.next())?),
                '{' => {
                    let (inside, after) = rest
                        .as_str()
                        .split_once('}')
                        .ok_or_else(|| syntax(line, text))?;
                    push_text(&mut pieces, &mut plain);
                    pieces.push(self.slot(line, inside)?);
                    rest = after.chars();
                }
                '}' => return Err(syntax(line, text)),
                _ => plain.push(c),
            }
        }
        push_text(&mut pieces, &mut plain);
        Ok(pieces)
    }

    fn slot(&mut self, line: usize, inside: &str) -> Result<Piece, GrammarError> {
        let (style, inside) = take_style(inside);
        let (keep, inside) = match inside.split_once('=') {
            Some((name, value)) if is_name(name) => (Some(self.number(name)), value),
            Some(_) => return Err(syntax(line, inside)),
            None => (None, inside),
        };
        self.kept.extend(keep);
        let value = self.value(line, inside)?;
        Ok(Piece::Slot { value, keep, style })
    }

    fn value(&mut self, line: usize, text: &str) -> Result<Value, GrammarError> {
        if let Some(name) = text.strip_prefix('$') {
            self.repeated.push((line, name.to_owned()));
            return Ok(Value::Kept(self.number(name)));
        }
        if let Some((rule, range)) = text.split_once(['*', '#']) {
            let in_order = text[rule.len()..].starts_with('#');
            return self.several(line, (rule, range), in_order);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return number_of(line, text);
        }
        Ok(Value::Rule(self.known(line, text)?))
    }

    fn several(
        &self,
        line: usize,
        (rule, range): (&str, &str),
        in_order: bool,
    ) -> Result<Value, GrammarError> {
        let (range, between) = range.split_once('|').unwrap_or((range, " "));
        let (low, high) = range_of(line, range)?;
        Ok(Value::Several {
            rule: self.known(line, rule)?,
            low,
            high,
            between: between.replace("\\n", "\n"),
            in_order,
        })
    }

    fn known(&self, line: usize, rule: &str) -> Result<usize, GrammarError> {
        self.names
            .get(rule)
            .copied()
            .ok_or_else(|| GrammarError::Unknown {
                line,
                rule: rule.to_owned(),
            })
    }

    fn number(&mut self, name: &str) -> usize {
        let next = self.slots.len();
        *self.slots.entry(name.to_owned()).or_insert(next)
    }

    /// How many slots there are, once each that is repeated is kept somewhere.
    pub(crate) fn checked_slots(&self) -> Result<usize, GrammarError> {
        let never = |(_, name): &&(usize, String)| !self.kept.contains(&self.slots[name]);
        match self.repeated.iter().find(never) {
            Some((line, name)) => Err(GrammarError::NeverKept {
                line: *line,
                name: name.clone(),
            }),
            None => Ok(self.slots.len()),
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, plain: &mut String) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain)));
    }
}

fn escaped(line: usize, c: Option<char>) -> Result<char, GrammarError> {
    match c {
        Some('n') => Ok('\n'),
        Some('t') => Ok('\t'),
        Some('s') => Ok(' '),
        Some(c @ ('{' | '}' | '\\')) => Ok(c),
        _ => Err(syntax(line, "\\")),
    }
}

fn take_points(line: usize, text: &str) -> Result<(u32, &str), GrammarError> {
    let Some(rest) = text.strip_prefix('+') else {
        return Ok((0, text));
    };
    let (points, rest) = rest.split_once(' ').unwrap_or((rest, "-"));
    let points = points.parse().map_err(|_| syntax(line, text))?;
    Ok((points, rest))
}

fn take_topic(line: usize, text: &str) -> Result<(Option<Topic>, &str), GrammarError> {
    let Some(rest) = text.strip_prefix('@') else {
        return Ok((None, text));
    };
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, "-"));
    let topic = Topic::named(name).ok_or_else(|| GrammarError::Topic {
        line,
        topic: name.to_owned(),
    })?;
    Ok((Some(topic), rest))
}

fn take_style(inside: &str) -> (Style, &str) {
    if let Some(rest) = inside.strip_prefix('^') {
        return (Style::Capital, rest);
    }
    match inside.strip_prefix("a ") {
        Some(rest) => (Style::Article, rest),
        None => (Style::Plain, inside),
    }
}

fn range_of(line: usize, text: &str) -> Result<(usize, usize), GrammarError> {
    let (low, high) = text.split_once("..").ok_or_else(|| syntax(line, text))?;
    match (low.parse(), high.parse()) {
        (Ok(low), Ok(high)) if low <= high => Ok((low, high)),
        _ => Err(syntax(line, text)),
    }
}

fn number_of(line: usize, text: &str) -> Result<Value, GrammarError> {
    let (range, step) = text.split_once('/').unwrap_or((text, "1"));
    let (low, high) = range_of(line, range)?;
    match step.parse() {
        Ok(step) if step > 0 && low.div_ceil(step) <= high / step => {
            Ok(Value::Number { low, high, step })
        }
        _ => Err(syntax(line, text)),
    }
}

pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

pub(crate) fn syntax(line: usize, part: &str) -> GrammarError {
    GrammarError::Syntax {
        line,
        part: part.to_owned(),
    }
}
