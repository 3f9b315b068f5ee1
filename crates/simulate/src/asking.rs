//! One prompt: a family, its words, and what surrounds them (a system text, earlier turns, the
//! slips of the person who types).

use pointsman_types::{Message, Prompt};

use crate::draws::{Draws, Purpose};
use crate::expand::{Written, capitalise, expand};
use crate::family::{FamilyGrammar, GRAMMARS, family_at};
use crate::noise::roughen;
use crate::topic::Topics;

/// A prompt as it is asked.
pub(crate) struct Asked {
    pub(crate) prompt: Prompt,
    pub(crate) family: usize,
    /// From 0 to 1.
    pub(crate) difficulty: f64,
    pub(crate) topics: Topics,
    /// Bytes of what was said before the last turn.
    pub(crate) history: usize,
}

/// Points of difficulty beyond which a prompt is no harder.
const HARDEST: u32 = 80;
const TURNS: f64 = 0.16;
const ASIDE: f64 = 0.35;
const SYSTEM: f64 = 0.10;

/// The prompt of that number.
pub(crate) fn ask(seed: u64, number: u64) -> Asked {
    let mut draws = Draws::new(seed, number, Purpose::Text);
    let family = family_at(draws.below(1000));
    let rules = &GRAMMARS[family];
    let mut messages = before(rules, &mut draws);
    let history = messages.iter().map(|message| message.content.len()).sum();
    let request = request(rules, &mut draws);
    messages.push(message("user", request.text));
    Asked {
        prompt: joined(&messages),
        family,
        difficulty: f64::from(request.points.min(HARDEST)) / f64::from(HARDEST),
        topics: request.topics,
        history,
    }
}

/// One text, as applications log it that keep no roles.
fn joined(messages: &[Message]) -> Prompt {
    let turns = messages.iter().map(|message| message.content.as_str());
    Prompt::from(turns.collect::<Vec<_>>().join("\n\n"))
}

fn request(rules: &FamilyGrammar, draws: &mut Draws) -> Written {
    let mut written = expand(&rules.grammar, rules.start, draws);
    capitalise(&mut written.text, 0);
    end_question(&mut written.text);
    roughen(&mut written.text, draws);
    written
}

/// What was said before the request: nothing, for most prompts.
fn before(rules: &FamilyGrammar, draws: &mut Draws) -> Vec<Message> {
    let mut turns = Vec::new();
    if draws.chance(SYSTEM) {
        turns.push(("system", rules.system));
    }
    if draws.chance(TURNS) {
        turns.extend([("user", rules.opener), ("assistant", rules.reply)]);
        if draws.chance(ASIDE) {
            turns.extend([("user", rules.aside), ("assistant", rules.aside_reply)]);
        }
    }
    let say = |(role, rule)| {
        let mut text = expand(&rules.grammar, rule, draws).text;
        capitalise(&mut text, 0);
        message(role, text)
    };
    turns.into_iter().map(say).collect()
}

fn message(role: &str, content: String) -> Message {
    Message {
        role: role.to_owned(),
        content,
    }
}

const QUESTIONS: [&str; 4] = ["Can you ", "Could you ", "Would you ", "Hey, can you "];

/// What begins like a question gets its mark: "Can you sort this. Thanks!" has "this?".
fn end_question(text: &mut String) {
    for begin in QUESTIONS {
        let starts: Vec<usize> = text.match_indices(begin).map(|(start, _)| start).collect();
        for start in starts {
            mark_question(text, start);
        }
    }
}

/// The first full stop after `start` becomes a question mark of the same width, unless a line
/// break or a colon comes first: what follows these is not the question.
fn mark_question(text: &mut String, start: usize) {
    let rest = &text[start..];
    let line = &rest[..rest.find(['\n', ':']).unwrap_or(rest.len())];
    let stop = line
        .find(". ")
        .or_else(|| line.strip_suffix('.').map(str::len));
    if let Some(stop) = stop.filter(|stop| !line[..*stop].contains('?')) {
        text.replace_range(start + stop..=start + stop, "?");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut text = text.to_owned();
        end_question(&mut text);
        assert_eq!(text, expected);
    }

    #[test]
    fn a_question_gets_its_mark() {
        check("Can you sort this. Thanks!", "Can you sort this? Thanks!");
        check(
            "Would you fix this code.\n\na.b",
            "Would you fix this code?\n\na.b",
        );
    }

    #[test]
    fn what_is_given_keeps_its_full_stop() {
        check(
            "Can you translate: I am here.",
            "Can you translate: I am here.",
        );
        check("Can you sort? It is.", "Can you sort? It is.");
        check("Sort this.", "Sort this.");
        check("Can you", "Can you");
    }
}
