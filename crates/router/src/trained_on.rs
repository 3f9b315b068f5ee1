//! Which prompts a router was trained on, so that evaluation can leave them out.

use pointsman_types::{Prompt, text_hash};

use crate::prompt_filter::PromptFilter;

/// The hashes of the training prompts that were held in memory, ascending, and a filter of those
/// that were streamed, of which there may be any number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrainedOn {
    kept: Vec<u64>,
    streamed: Option<PromptFilter>,
}

impl TrainedOn {
    /// The same, and these prompts, which were streamed.
    #[must_use]
    pub fn with_streamed(self, streamed: PromptFilter) -> Self {
        Self {
            streamed: Some(streamed),
            ..self
        }
    }

    /// Whether this text was trained on. Of streamed prompts that is only probable: about one new
    /// prompt in 100 is taken for one of them.
    #[must_use]
    pub fn contains(&self, prompt: &Prompt) -> bool {
        let hash = text_hash(prompt.text());
        let was_streamed = |filter: &PromptFilter| filter.contains(hash);
        self.kept.binary_search(&hash).is_ok() || self.streamed.as_ref().is_some_and(was_streamed)
    }

    pub(crate) fn kept_bytes(&self) -> Vec<u8> {
        let hashes = self.kept.iter();
        hashes.flat_map(|hash| hash.to_le_bytes()).collect()
    }

    pub(crate) fn streamed_bytes(&self) -> Option<Vec<u8>> {
        self.streamed.as_ref().map(PromptFilter::to_bytes)
    }

    /// `None` when these bytes are not whole hashes.
    pub(crate) fn from_kept_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.as_chunks::<8>() {
            (words, []) => Some(words.iter().map(|word| u64::from_le_bytes(*word)).collect()),
            _ => None,
        }
    }

    /// `None` when these bytes are no filter.
    pub(crate) fn with_streamed_bytes(self, bytes: &[u8]) -> Option<Self> {
        PromptFilter::from_bytes(bytes).map(|filter| self.with_streamed(filter))
    }
}

impl Extend<u64> for TrainedOn {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, hashes: I) {
        self.kept.extend(hashes);
        self.kept.sort_unstable();
        self.kept.dedup();
    }
}

impl FromIterator<u64> for TrainedOn {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> Self {
        let mut found = Self::default();
        found.extend(hashes);
        found
    }
}
