//! A stream's events as one whole answer, to keep it or to merge requests.

use super::{Answer, Delta, Event, Failure, Opening, Reasoning, Said, ToolCall};

/// Gathers the events of one answer.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    answer: Answer,
    failure: Option<Failure>,
    has_ended: bool,
}

impl Collector {
    /// Takes the next event.
    pub fn push(&mut self, event: &Event) {
        match event {
            Event::Start { id, model } => {
                self.answer.id.clone_from(id);
                self.answer.model.clone_from(model);
            }
            Event::Open(_, opening) => self.answer.said.push(opened(opening)),
            Event::Grow(block, delta) => self.grow(*block, delta),
            Event::Close(_) => {}
            Event::Stop(stop) => self.answer.stop = *stop,
            Event::Usage(usage) => self.answer.usage = Some(*usage),
            Event::Likelihood(more) => *self.answer.likelihood.get_or_insert_default() += *more,
            Event::End => self.has_ended = true,
            Event::Failed(failure) => self.failure = Some(failure.clone()),
        }
    }

    fn grow(&mut self, block: usize, delta: &Delta) {
        let Some(said) = self.answer.said.get_mut(block) else {
            return;
        };
        match (said, delta) {
            (Said::Text(text) | Said::Refusal(text), Delta::More(more)) => text.push_str(more),
            (Said::Reasoning(thought), Delta::More(more)) => thought.text.to_mut().push_str(more),
            (Said::ToolCall(call), Delta::More(more)) => call.arguments.to_mut().push_str(more),
            (Said::Reasoning(thought), Delta::Seal(seal)) => thought.seal = Some(seal.clone()),
            (_, Delta::Seal(_)) => {}
        }
    }

    /// What was gathered so far, whole or not.
    #[must_use]
    pub const fn so_far(&self) -> &Answer {
        &self.answer
    }

    /// The answer.
    ///
    /// # Errors
    /// The stream failed, or ended before the answer did.
    pub fn finish(self) -> Result<Answer, crate::Error> {
        match self.failure {
            Some(failure) => Err(crate::Error::Failed(failure)),
            None if self.has_ended => Ok(self.answer),
            None => Err(crate::Error::CutShort),
        }
    }
}

fn opened(opening: &Opening) -> Said {
    match opening {
        Opening::Text => Said::Text(String::new()),
        Opening::Refusal => Said::Refusal(String::new()),
        Opening::Reasoning { id } => Said::Reasoning(Reasoning {
            id: id.clone().map(Into::into),
            ..Reasoning::default()
        }),
        Opening::ToolCall { id, name } => Said::ToolCall(ToolCall {
            id: id.clone().into(),
            name: name.clone().into(),
            arguments: "".into(),
        }),
    }
}
