//! What is read off a conversation beside its current turn: a short summary, as n-grams of a
//! namespace of their own.

use pointsman_types::{Turn, turns_of};

use crate::extract::ends;
use crate::words::{Words, pair};

/// What an entry of the summary counts, however often it occurs: less than any n-gram of the current
/// turn, by which the two can be told apart.
pub(crate) const SUMMARY_WEIGHT: f32 = 0.5;
/// Of the system text and of the user's turn before, so many bytes are read.
const HEAD_BYTES: usize = 512;

/// What an entry of the summary is about; any distinct numbers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Turns = 0x51,
    Length = 0x52,
    Tools = 0x53,
    Code = 0x54,
    SystemText = 0x55,
    SystemWord = 0x56,
    EarlierWord = 0x57,
}

/// What the current turn of a prompt's text says; the text itself where it is no conversation.
#[must_use]
pub fn current_turn(text: &str) -> &str {
    turns_of(text).map_or(text, |turns| turns[current(&turns)].content)
}

/// The turn to be answered: the user's last, or where no user speaks the last of all.
pub(crate) fn current(turns: &[Turn<'_>]) -> usize {
    let last = turns.len().saturating_sub(1);
    let of_user = turns.iter().rposition(|turn| turn.role == "user");
    of_user.unwrap_or(last)
}

/// An entry of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) about: About,
    /// A magnitude, or the hash of a word or of the system text.
    pub(crate) what: u64,
}

impl Entry {
    pub(crate) fn hash(self) -> u64 {
        pair(self.about as u64, self.what)
    }
}

/// Calls `visit` with each entry of the summary of all other turns: how many and how long they are,
/// whether tools or code occur, which system text it is, and the first words of the system text and
/// of the user's turn before.
pub(crate) fn summarise(
    turns: &[Turn<'_>],
    current: usize,
    max_bytes: usize,
    mut visit: impl FnMut(Entry),
) {
    let others = || {
        let numbered = turns.iter().enumerate();
        numbered
            .filter(|(at, _)| *at != current)
            .map(|(_, turn)| turn)
    };
    let bytes: usize = others().map(|turn| turn.content.len()).sum();
    let mut say = |about: About, what: u64| visit(Entry { about, what });
    say(About::Turns, magnitude(turns.len() - 1));
    say(About::Length, magnitude(bytes / 128));
    if others().any(|turn| matches!(turn.role, "tool" | "function")) {
        say(About::Tools, 0);
    }
    if others().any(|turn| has_code(turn.content, max_bytes)) {
        say(About::Code, 0);
    }
    if let Some(system) = system_text(turns, current) {
        let mut whole = 0;
        for word in Words::of(system) {
            whole = pair(whole, word.hash);
            say(About::SystemWord, word.hash);
        }
        say(About::SystemText, whole);
    }
    if let Some(earlier) = earlier_text(turns, current) {
        Words::of(earlier).for_each(|word| say(About::EarlierWord, word.hash));
    }
}

/// What is read of the system text, where that is not the current turn itself.
pub(crate) fn system_text<'a>(turns: &[Turn<'a>], current: usize) -> Option<&'a str> {
    let is_system = |turn: &Turn<'_>| matches!(turn.role, "system" | "developer");
    let mut numbered = turns.iter().enumerate();
    let found = numbered.find(|(at, turn)| *at != current && is_system(turn));
    found.map(|(_, turn)| head(turn.content))
}

/// What is read of the user's turn before the current one.
pub(crate) fn earlier_text<'a>(turns: &[Turn<'a>], current: usize) -> Option<&'a str> {
    let before = turns[..current].iter().rfind(|turn| turn.role == "user");
    before.map(|turn| head(turn.content))
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(HEAD_BYTES)]
}

/// A fence, looked for at both ends of a long turn.
fn has_code(content: &str, max_bytes: usize) -> bool {
    let (head, tail) = ends(content, max_bytes);
    head.contains("```") || tail.contains("```")
}

/// Number of binary digits.
fn magnitude(count: usize) -> u64 {
    u64::from(usize::BITS - count.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURNS: [Turn<'static>; 4] = [
        Turn {
            role: "system",
            content: "You answer in verse.",
        },
        Turn {
            role: "user",
            content: "What is a point?",
        },
        Turn {
            role: "assistant",
            content: "```\nA blade\n```",
        },
        Turn {
            role: "user",
            content: "And in Python?",
        },
    ];

    fn summary(turns: &[Turn<'_>]) -> Vec<Entry> {
        let mut found = Vec::new();
        summarise(turns, current(turns), 1 << 15, |entry| found.push(entry));
        found
    }

    fn turn(role: &'static str, content: &'static str) -> Turn<'static> {
        Turn { role, content }
    }

    fn count(summary: &[Entry], about: About) -> usize {
        summary.iter().filter(|one| one.about == about).count()
    }

    #[test]
    fn the_current_turn_is_the_last_of_the_user() {
        assert_eq!(current(&TURNS), 3);
        assert_eq!(current(&TURNS[..3]), 1);
        assert_eq!(current(&TURNS[2..3]), 0);
    }

    #[test]
    fn a_text_that_is_no_conversation_is_its_own_turn() {
        assert_eq!(current_turn("Why?"), "Why?");
        assert_eq!(
            current_turn("\u{1e}system\u{1f}Be brief.\u{1e}user\u{1f}Why?"),
            "Why?"
        );
    }

    #[test]
    fn another_system_text_is_another_summary() {
        let mut other = TURNS;
        other[0].content = "You answer in prose.";
        let (one, other) = (summary(&TURNS), summary(&other));
        assert_eq!(one.len(), other.len());
        let differing = one.iter().filter(|hash| !other.contains(hash)).count();
        assert_eq!(differing, 2, "the word and the whole text");
    }

    #[test]
    fn what_the_assistant_said_counts_by_length_and_code_alone() {
        let mut other = TURNS;
        other[2].content = "```\nA knife\n```";
        assert_eq!(summary(&TURNS), summary(&other));
        other[2].content = "A knife, I guess";
        assert_eq!(summary(&other).len(), summary(&TURNS).len() - 1);
    }

    #[test]
    fn of_system_texts_alone_the_last_is_answered_and_the_first_is_the_system_text() {
        let turns = [turn("system", "Be brief."), turn("system", "Be kind.")];
        assert_eq!(current(&turns), 1);
        let summary = summary(&turns);
        assert_eq!(count(&summary, About::SystemWord), 2);
        assert_eq!(count(&summary, About::EarlierWord), 0);
    }

    #[test]
    fn what_a_tool_said_last_is_not_what_is_asked() {
        let with_tool = [TURNS[3], turn("tool", "3.13")];
        assert_eq!(current(&with_tool), 0);
        let summary = summary(&with_tool);
        assert_eq!(count(&summary, About::Tools), 1);
        assert_eq!(summary.len(), 3, "tools, turns and length: {summary:?}");
    }

    #[test]
    fn a_huge_history_is_read_at_its_ends() {
        let huge = "word ".repeat(2_000_000);
        let turns = [
            Turn {
                role: "system",
                content: &huge,
            },
            Turn {
                role: "user",
                content: "Why?",
            },
        ];
        assert!(summary(&turns).len() < 200);
    }
}
