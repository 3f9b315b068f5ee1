//! What each dialect can do: the doors of this room.

use crate::{
    Answer, Block, Body, Changes, Conversation, Dialect, Envelope, Error, Failure, Target, Written,
};
use crate::{chat, messages, responses};

impl Dialect {
    /// Reads a request. What other dialects cannot say is remembered, not refused: a back end of
    /// the same dialect may well understand it.
    ///
    /// # Errors
    /// A field is missing or of the wrong kind; its path is named.
    pub fn read_request<'b>(self, body: &'b Body<'_>) -> Result<Conversation<'b>, Error> {
        match self {
            Self::Chat => chat::request_in::read(body),
            Self::Messages => messages::request_in::read(body),
            Self::Responses => responses::request_in::read(body),
        }
    }

    /// Writes a request.
    ///
    /// # Errors
    /// This dialect cannot say something essential; the caller's field is named.
    pub fn write_request(
        self,
        said: &Conversation<'_>,
        target: &Target<'_>,
    ) -> Result<Written, Error> {
        match self {
            Self::Chat => chat::request_out::write(said, target),
            Self::Messages => messages::request_out::write(said, target),
            Self::Responses => responses::request_out::write(said, target),
        }
    }

    /// Reads an answer that came with a status of success.
    ///
    /// # Errors
    /// It is not what the dialect says it is, or it is an error all the same.
    pub fn read_answer(self, body: &Body<'_>) -> Result<Answer, Error> {
        match self {
            Self::Chat => chat::answer_in::read(body),
            Self::Messages => messages::answer_in::read(body),
            Self::Responses => responses::answer_in::read(body),
        }
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// This dialect cannot say something that the model said.
    pub fn write_answer(self, answer: &Answer, envelope: &Envelope) -> Result<Written, Error> {
        match self {
            Self::Chat => chat::answer_out::write(answer, envelope),
            Self::Messages => messages::answer_out::write(answer, envelope),
            Self::Responses => responses::answer_out::write(answer, envelope),
        }
    }

    /// What the body of an error tells. Every dialect reads every other's, since proxies between
    /// here and there have their own.
    #[must_use]
    pub fn read_failure(self, status: u16, body: &[u8]) -> Failure {
        match self {
            Self::Messages => messages::failure::read(status, body),
            Self::Chat | Self::Responses => chat::failure::read(status, body),
        }
    }

    /// The body of an error; its status is that of its kind.
    #[must_use]
    pub fn write_failure(self, failure: &Failure) -> String {
        match self {
            Self::Messages => messages::failure::write(failure),
            Self::Chat | Self::Responses => chat::failure::write(failure),
        }
    }
}

impl Conversation<'_> {
    /// Whether the caller's body may go to a back end of this dialect as it is, but for the model's
    /// name. It may not where it brings back thoughts of a model of another dialect: the back end
    /// would refuse them.
    #[must_use]
    pub fn passes_to(&self, dialect: Dialect) -> bool {
        let mut blocks = self.turns.iter().flat_map(|turn| &turn.blocks);
        let is_foreign = |block: &Block<'_>| match (block, dialect) {
            (Block::Reasoning(thought), Dialect::Messages) => {
                !messages::thinking::is_given_back(thought)
            }
            (Block::Reasoning(thought), Dialect::Responses) => {
                !responses::request_out::is_given_back(thought)
            }
            _ => false,
        };
        self.said_in == dialect && !blocks.any(is_foreign)
    }
}

impl Body<'_> {
    /// The body that a back end of this dialect gets: the caller's own but for the model, where it
    /// may pass, else the conversation written anew. `without` names top-level fields that are the
    /// gateway's own; nobody is told that a back end does not get them.
    ///
    /// # Errors
    /// As [`Dialect::write_request`].
    pub fn sent_to(
        &self,
        said: &Conversation<'_>,
        dialect: Dialect,
        target: &Target<'_>,
        without: &[&str],
    ) -> Result<Written, Error> {
        if said.passes_to(dialect) {
            let changes = Changes {
                model: Some(target.model),
                include_usage: said.stream && dialect == Dialect::Chat,
                without,
                ..Changes::default()
            };
            return Ok(Written {
                body: self.changed(&changes),
                lost: Vec::new(),
            });
        }
        let mut written = dialect.write_request(said, target)?;
        written
            .lost
            .retain(|lost| !without.contains(&lost.path.as_str()));
        Ok(written)
    }
}
