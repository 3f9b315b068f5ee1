//! What is seen of a stream on its way: enough to bill it, to judge the back end, to keep it.

use crate::{Delta, Event, Failure, Likelihood, Opening, Stop, Usage};

/// How far a stream has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// More is to come.
    Running,
    /// The answer is complete.
    Complete,
    /// It broke off; the caller was told.
    Failed(Failure),
}

/// What was seen of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// How far it has come.
    pub progress: Progress,
    /// Whether the model has said anything yet.
    pub has_spoken: bool,
    /// Bytes of text, thoughts and arguments: what an estimate of unbilled tokens goes by.
    pub bytes: u64,
    /// Characters of text, without refusals, thoughts and calls.
    pub chars: u64,
    /// How likely the answer was, as far as the back end said so.
    pub likelihood: Option<Likelihood>,
    /// The last usage that was told.
    pub usage: Option<Usage>,
    /// Why it ended.
    pub stop: Option<Stop>,
    /// The model that the back end says answers.
    pub model: Option<String>,
    /// The texts that are growing.
    texts: Vec<usize>,
}

impl Observed {
    pub(super) const fn new() -> Self {
        Self {
            progress: Progress::Running,
            has_spoken: false,
            bytes: 0,
            chars: 0,
            likelihood: None,
            usage: None,
            stop: None,
            model: None,
            texts: Vec::new(),
        }
    }

    pub(super) fn see(&mut self, event: &Event) {
        match event {
            Event::Grow(block, Delta::More(more)) => {
                if self.texts.contains(block) {
                    self.chars += more.chars().count() as u64;
                }
                self.has_spoken = true;
                self.bytes += more.len() as u64;
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Likelihood(more) => *self.likelihood.get_or_insert_default() += *more,
            Event::Open(block, Opening::Text) => self.texts.push(*block),
            Event::Close(block) => self.texts.retain(|text| text != block),
            Event::Stop(stop) => self.stop = Some(*stop),
            Event::End => self.progress = Progress::Complete,
            Event::Failed(failure) => self.progress = Progress::Failed(failure.clone()),
            Event::Start { model, .. } if !model.is_empty() => self.model = Some(model.clone()),
            Event::Start { .. } | Event::Open(..) | Event::Grow(..) => {}
        }
    }
}
