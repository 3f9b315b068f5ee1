//! What is read off a conversation beside its current turn: a short summary, as n-grams of a
//! namespace of their own.

use pointsman_types::{Turn, turns_of};

use crate::extract::ends;
use crate::words::{for_each_word, pair};

/// What the summary counts beside the words of the current turn.
pub(crate) const SUMMARY_WEIGHT: f32 = 0.5;
/// Of the system text and of the user's turn before, so many bytes are read.
const HEAD_BYTES: usize = 512;

/// What an entry of the summary is about; any distinct numbers do.
#[derive(Clone, Copy)]
enum About {
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

/// Calls `visit` with the hash of each entry of the summary of all other turns: how many and how
/// long they are, whether tools or code occur, which system text it is, and the first words of the
/// system text and of the user's turn before.
pub(crate) fn summarise(
    turns: &[Turn<'_>],
    current: usize,
    max_bytes: usize,
    mut visit: impl FnMut(u64),
) {
    let others = || {
        let numbered = turns.iter().enumerate();
        numbered
            .filter(|(at, _)| *at != current)
            .map(|(_, turn)| turn)
    };
    let bytes: usize = others().map(|turn| turn.content.len()).sum();
    let mut say = |about: About, what: u64| visit(pair(about as u64, what));
    say(About::Turns, magnitude(turns.len() - 1));
    say(About::Length, magnitude(bytes / 128));
    if others().any(|turn| matches!(turn.role, "tool" | "function")) {
        say(About::Tools, 0);
    }
    if others().any(|turn| has_code(turn.content, max_bytes)) {
        say(About::Code, 0);
    }
    if let Some(system) = turns
        .iter()
        .find(|turn| matches!(turn.role, "system" | "developer"))
    {
        let mut whole = 0;
        for_each_word(head(system.content), |word| {
            whole = pair(whole, word);
            say(About::SystemWord, word);
        });
        say(About::SystemText, whole);
    }
    let before = turns[..current].iter().rfind(|turn| turn.role == "user");
    if let Some(earlier) = before {
        for_each_word(head(earlier.content), |word| say(About::EarlierWord, word));
    }
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

    fn summary(turns: &[Turn<'_>]) -> Vec<u64> {
        let mut found = Vec::new();
        summarise(turns, current(turns), 1 << 15, |hash| found.push(hash));
        found
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
