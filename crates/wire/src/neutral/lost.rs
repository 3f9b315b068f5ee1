//! What another dialect cannot say: refused, or reported. Never silently left out.

use super::{Answer, Conversation, Place};
use crate::{Dialect, Error};

/// A body that was written, and what of the original it does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// JSON.
    pub body: String,
    /// What is missing or different; empty where nothing is.
    pub lost: Vec<Lost>,
}

/// Something that a body says differently, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Where it stood.
    pub path: String,
    /// What happened to it.
    pub how: How,
    /// Why.
    pub why: String,
}

/// What happened to something that a dialect cannot say as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was left out.
    Dropped,
    /// The nearest that can be said was said.
    Changed,
}

/// The fields of a request, named in each dialect's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Temperature,
    TopP,
    TopK,
    FrequencyPenalty,
    PresencePenalty,
    Seed,
    Stop,
    Format,
    Thinking,
    Metadata,
}

impl Field {
    /// Its name in a request of this dialect.
    pub(crate) const fn name(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Temperature, _) => "temperature",
            (Self::TopP, _) => "top_p",
            (Self::TopK, _) => "top_k",
            (Self::FrequencyPenalty, _) => "frequency_penalty",
            (Self::PresencePenalty, _) => "presence_penalty",
            (Self::Seed, _) => "seed",
            (Self::Stop, Dialect::Messages) => "stop_sequences",
            (Self::Stop, _) => "stop",
            (Self::Format, Dialect::Chat) => "response_format",
            (Self::Format, Dialect::Messages) => "output_config.format",
            (Self::Format, Dialect::Responses) => "text.format",
            (Self::Thinking, Dialect::Chat) => "reasoning_effort",
            (Self::Thinking, Dialect::Messages) => "thinking",
            (Self::Thinking, Dialect::Responses) => "reasoning",
            (Self::Metadata, _) => "metadata",
        }
    }
}

/// Notes taken while a conversation is written in another dialect.
pub(crate) struct Notes<'c, 'a> {
    conversation: &'c Conversation<'a>,
    to: Dialect,
    lost: Vec<Lost>,
}

impl<'c, 'a> Notes<'c, 'a> {
    /// Begins with what the reader did not understand.
    ///
    /// # Errors
    /// Something that it did not understand is essential.
    pub(crate) fn new(conversation: &'c Conversation<'a>, to: Dialect) -> Result<Self, Error> {
        let mut notes = Self {
            conversation,
            to,
            lost: Vec::new(),
        };
        let unread = &conversation.unread;
        if let Some(path) = unread.essential() {
            return Err(notes.refusal(path, "only the dialect it was said in knows this"));
        }
        for path in unread.paths() {
            notes.push(
                path,
                How::Dropped,
                "only the dialect it was said in knows this",
            );
        }
        if unread.beyond() > 0 {
            let more = format!("{} more fields", unread.beyond());
            notes.push(
                more,
                How::Dropped,
                "only the dialect they were said in knows them",
            );
        }
        Ok(notes)
    }

    fn push(&mut self, path: String, how: How, why: &str) {
        self.lost.push(Lost {
            path,
            how,
            why: why.into(),
        });
    }

    fn named(&self, field: Field) -> String {
        field.name(self.conversation.said_in).into()
    }

    fn path(&self, place: Place) -> String {
        self.conversation.unread.path(place.0)
    }

    /// A field was left out, if it was set.
    pub(crate) fn dropped_if(&mut self, is_set: bool, field: Field) {
        if is_set {
            self.push(self.named(field), How::Dropped, "there is no such field");
        }
    }

    /// A field says something near to what it said.
    pub(crate) fn changed(&mut self, field: Field, why: &str) {
        self.push(self.named(field), How::Changed, why);
    }

    /// Something in a turn was left out.
    pub(crate) fn dropped_at(&mut self, place: Place, why: &str) {
        self.push(self.path(place), How::Dropped, why);
    }

    /// Something in a turn is said differently.
    pub(crate) fn changed_at(&mut self, place: Place, why: &str) {
        self.push(self.path(place), How::Changed, why);
    }

    /// The refusal of a field.
    pub(crate) fn refuse(&self, field: Field, why: &str) -> Error {
        self.refusal(self.named(field), why)
    }

    /// The refusal of a turn.
    pub(crate) fn refuse_at(&self, place: Place, why: &str) -> Error {
        self.refusal(self.path(place), why)
    }

    fn refusal(&self, path: String, why: &str) -> Error {
        Error::Inexpressible {
            path,
            why: why.into(),
            to: self.to,
        }
    }

    pub(crate) fn finish(self) -> Vec<Lost> {
        self.lost
    }
}

/// Notes taken while an answer is written in another dialect.
pub(crate) struct AnswerNotes {
    to: Dialect,
    lost: Vec<Lost>,
}

impl AnswerNotes {
    /// Begins with what the reader could not hold.
    pub(crate) fn new(answer: &Answer, to: Dialect) -> Self {
        Self {
            to,
            lost: answer.lost.clone(),
        }
    }

    fn push(&mut self, index: usize, how: How, why: &str) {
        self.lost.push(Lost {
            path: said_at(index),
            how,
            why: why.into(),
        });
    }

    /// Something of this part was left out.
    pub(crate) fn dropped(&mut self, index: usize, why: &str) {
        self.push(index, How::Dropped, why);
    }

    /// This part is said differently.
    pub(crate) fn changed(&mut self, index: usize, why: &str) {
        self.push(index, How::Changed, why);
    }

    /// This part cannot be said.
    pub(crate) fn refuse(&self, index: usize, why: &str) -> Error {
        Error::Inexpressible {
            path: said_at(index),
            why: why.into(),
            to: self.to,
        }
    }

    pub(crate) fn finish(self) -> Vec<Lost> {
        self.lost
    }
}

fn said_at(index: usize) -> String {
    format!("said[{index}]")
}
