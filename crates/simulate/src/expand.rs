//! Writes a rule of a grammar out into text, and counts the difficulty and the topics of what was
//! written: both are functions of the words, so a reader of the words can learn them.

use crate::draws::Draws;
use crate::grammar::{Alternative, Grammar, Piece, Style, Value};
use crate::topic::Topics;

/// A text and what its words amount to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Written {
    pub(crate) text: String,
    /// Difficulty in hundredths, not yet confined.
    pub(crate) points: u32,
    pub(crate) topics: Topics,
}

/// Writes out the rule of that number.
pub(crate) fn expand(grammar: &Grammar, rule: usize, draws: &mut Draws) -> Written {
    let mut expander = Expander {
        grammar,
        draws,
        kept: vec![String::new(); grammar.slots()],
        capital_due: false,
        written: Written::default(),
    };
    expander.rule(rule);
    expander.written
}

struct Expander<'a> {
    grammar: &'a Grammar,
    draws: &'a mut Draws,
    kept: Vec<String>,
    /// A value that should begin with a capital was empty: the capital goes to what follows.
    capital_due: bool,
    written: Written,
}

impl<'a> Expander<'a> {
    fn rule(&mut self, rule: usize) {
        let grammar = self.grammar;
        let alternative = self.draws.pick(grammar.alternatives(rule));
        self.alternative(alternative);
    }

    fn alternative(&mut self, alternative: &'a Alternative) {
        self.written.points += alternative.points;
        self.written.topics.extend(alternative.topic);
        for piece in &alternative.pieces {
            match piece {
                Piece::Text(text) => self.text(text),
                Piece::Slot { value, keep, style } => self.slot(value, *keep, *style),
            }
        }
    }

    fn text(&mut self, text: &str) {
        let start = self.written.text.len();
        self.written.text.push_str(text);
        if std::mem::take(&mut self.capital_due) {
            capitalise(&mut self.written.text, start);
        }
    }

    fn slot(&mut self, value: &'a Value, keep: Option<usize>, style: Style) {
        let start = self.written.text.len();
        self.value(value);
        if let Some(slot) = keep {
            self.kept[slot] = self.written.text[start..].to_owned();
        }
        match style {
            Style::Plain => {}
            Style::Capital if self.written.text.len() == start => self.capital_due = true,
            Style::Capital => capitalise(&mut self.written.text, start),
            Style::Article => self.article(start),
        }
    }

    fn value(&mut self, value: &'a Value) {
        match value {
            Value::Rule(rule) => self.rule(*rule),
            Value::Several {
                rule,
                low,
                high,
                between,
                in_order,
            } => {
                let chosen = self.sample(*rule, (*low, *high), *in_order);
                self.several(&chosen, between);
            }
            Value::Number { low, high, step } => {
                let number = self.draws.between(low.div_ceil(*step), high / step) * step;
                self.text(&number.to_string());
            }
            Value::Kept(slot) => {
                let text = std::mem::take(&mut self.kept[*slot]);
                self.text(&text);
                self.kept[*slot] = text;
            }
        }
    }

    /// Different alternatives of one rule, in random order (a shuffle that stops early) or in the
    /// order of the lines.
    fn sample(
        &mut self,
        rule: usize,
        (low, high): (usize, usize),
        in_order: bool,
    ) -> Vec<&'a Alternative> {
        let alternatives = self.grammar.alternatives(rule);
        let mut order: Vec<usize> = (0..alternatives.len()).collect();
        let count = self.draws.between(low, high).min(order.len());
        for i in 0..count {
            let other = self.draws.between(i, order.len() - 1);
            order.swap(i, other);
        }
        order.truncate(count);
        if in_order {
            order.sort_unstable();
        }
        order.into_iter().map(|i| &alternatives[i]).collect()
    }

    fn several(&mut self, chosen: &[&'a Alternative], between: &str) {
        // None at all leaves no gap: the space that would have set them off goes too.
        if chosen.is_empty() && self.written.text.ends_with(' ') {
            self.written.text.pop();
        }
        for (i, alternative) in chosen.iter().enumerate() {
            if i > 0 {
                self.written.text.push_str(between);
            }
            self.alternative(alternative);
        }
    }

    fn article(&mut self, start: usize) {
        let text = &mut self.written.text;
        let article = if sounds_like_vowel(&text[start..]) {
            "an "
        } else {
            "a "
        };
        text.insert_str(start, article);
    }
}

/// Whether "an" comes before it: numbers are read aloud, and "university" begins with a consonant.
fn sounds_like_vowel(text: &str) -> bool {
    let number_end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    if number_end > 0 {
        return text.starts_with('8') || ["11", "18"].contains(&&text[..number_end]);
    }
    let consonant = ["uni", "use", "eu"]
        .iter()
        .any(|word| text.starts_with(word));
    !consonant && text.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U'])
}

/// Makes the letter at `start` a capital.
pub(crate) fn capitalise(text: &mut String, start: usize) {
    if let Some(first) = text[start..].chars().next() {
        let upper: String = first.to_uppercase().collect();
        text.replace_range(start..start + first.len_utf8(), &upper);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Purpose;

    fn check(grammar: &str, expected: &str) {
        let grammar = Grammar::parse(grammar).unwrap();
        let start = grammar.rule("start").unwrap();
        let mut draws = Draws::new(1, 0, Purpose::Text);
        assert_eq!(expand(&grammar, start, &mut draws).text, expected);
    }

    #[test]
    fn plain_text_stands_as_it_is() {
        check("start =\n    Why?\n", "Why?");
    }

    #[test]
    fn what_is_kept_can_be_repeated() {
        check(
            "start =\n    {p=who} and {$p}, {^$p}\nwho =\n    ada\n",
            "ada and ada, Ada",
        );
    }

    #[test]
    fn the_article_fits_the_word() {
        check(
            "start =\n    {a x} {a y}\nx =\n    apple\ny =\n    pear\n",
            "an apple a pear",
        );
    }

    #[test]
    fn numbers_have_the_article_they_are_read_with() {
        let an = ["8-digit", "11-year", "80", "orange", "Erlang"];
        let a = ["7-digit", "110", "28", "university", "pear", ""];
        assert!(an.iter().all(|text| sounds_like_vowel(text)));
        assert!(!a.iter().any(|text| sounds_like_vowel(text)));
    }

    #[test]
    fn several_alternatives_never_repeat() {
        check("start =\n    {x*1..5|, }\nx =\n    one\n", "one");
    }

    #[test]
    fn several_can_keep_the_order_of_the_lines() {
        check("start =\n    {x#3..3}\nx =\n    a\n    b\n    c\n", "a b c");
    }

    #[test]
    fn none_of_several_leaves_no_space() {
        check("start =\n    a {x*0..0}\nx =\n    b\n", "a");
    }

    #[test]
    fn a_capital_waits_for_the_first_letter() {
        check("start =\n    Go. {^x}{^x}run\nx =\n    -\n", "Go. Run");
    }

    #[test]
    fn a_number_is_a_multiple_of_its_step() {
        check("start =\n    {8..14/5} {3..3}\n", "10 3");
    }

    #[test]
    fn escapes_are_undone() {
        check("start =\n    a\\n\\{b\\}\\s\\\\\n", "a\n{b} \\");
    }

    #[test]
    fn points_add_up_over_nested_rules() {
        let grammar =
            Grammar::parse("start =\n    +5 {x*2..2}\nx =\n    +10 a\n    +10 b\n").unwrap();
        let start = grammar.rule("start").unwrap();
        let written = expand(&grammar, start, &mut Draws::new(1, 0, Purpose::Text));
        assert_eq!(written.points, 25);
    }
}
