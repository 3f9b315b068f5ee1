//! What a caller asks: a text, or the messages of a conversation.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// The text that a model is asked to answer; a conversation is its turns, a blank line between.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prompt(Arc<str>);

impl Prompt {
    /// The prompt that these messages make.
    #[must_use]
    pub fn from_messages(messages: &[Message]) -> Self {
        let turns: Vec<&str> = messages
            .iter()
            .map(|message| message.content.as_str())
            .collect();
        Self(turns.join("\n\n").into())
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The id of a prompt that was logged without one: the hash of its text, in hexadecimal.
    #[must_use]
    pub fn default_id(&self) -> String {
        format!("{:016x}", text_hash(&self.0))
    }
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// The hash that stands for a text wherever texts are compared without being kept (XXH3, 64 bits).
#[must_use]
pub fn text_hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// The fold of a text among `folds`: equal texts share a fold, whatever their ids.
#[must_use]
pub fn fold_of(text: &str, seed: u64, folds: u64) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), seed) % folds.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_a_fold() {
        let folds: Vec<u64> = (0..20)
            .map(|seed| fold_of("which fold?", seed, 5))
            .collect();
        assert_eq!(
            folds,
            (0..20)
                .map(|seed| fold_of("which fold?", seed, 5))
                .collect::<Vec<_>>()
        );
        assert!(
            folds.iter().any(|fold| *fold != folds[0]),
            "the seed must matter"
        );
    }

    #[test]
    fn messages_become_one_text() {
        let turn = |role: &str, content: &str| Message {
            role: role.into(),
            content: content.into(),
        };
        let prompt = Prompt::from_messages(&[turn("system", "Be brief."), turn("user", "Why?")]);
        assert_eq!(prompt.text(), "Be brief.\n\nWhy?");
    }
}
