//! What was extracted, so that a router is never served other features than it was trained on.

use serde::{Deserialize, Serialize};

/// The settings of an [`Extractor`](crate::Extractor), stored in every artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// The version of the extraction itself: words, hashes, surface features, conversations.
    pub version: u32,
    /// The n-grams fall into `2^hash_bits` buckets.
    pub hash_bits: u32,
    /// The longest n-gram, in words.
    pub max_ngram: u32,
    /// Of a longer text, only the beginning (three quarters) and the end (one quarter) of this
    /// many bytes is read for n-grams, words, lines and sentences; what counts characters sees
    /// all of it.
    pub max_bytes: usize,
}

/// A spec that this build cannot extract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Extracted by another version.
    #[error(
        "the features are of version {found}, this build extracts version {}; train again",
        FeatureSpec::VERSION
    )]
    Version {
        /// The version asked for.
        found: u32,
    },
    /// A number out of its range.
    #[error("feature setting {setting} is {found}, it must be {range}")]
    Range {
        /// Which setting.
        setting: &'static str,
        /// What was asked for.
        found: usize,
        /// What is possible.
        range: &'static str,
    },
}

impl FeatureSpec {
    /// The version that this build extracts.
    pub const VERSION: u32 = 3;

    /// Checks that this build can extract it.
    ///
    /// # Errors
    /// On another version, or a number out of range.
    pub fn check(&self) -> Result<(), SpecError> {
        if self.version != Self::VERSION {
            return Err(SpecError::Version {
                found: self.version,
            });
        }
        let range = |setting, found, allowed: std::ops::RangeInclusive<usize>, range| match allowed
            .contains(&found)
        {
            true => Ok(()),
            false => Err(SpecError::Range {
                setting,
                found,
                range,
            }),
        };
        range(
            "hash_bits",
            self.hash_bits as usize,
            8..=24,
            "between 8 and 24",
        )?;
        range("max_ngram", self.max_ngram as usize, 1..=2, "1 or 2")?;
        range(
            "max_bytes",
            self.max_bytes,
            1024..=1 << 24,
            "between 1 KiB and 16 MiB",
        )
    }

    /// How many buckets there are.
    #[must_use]
    pub const fn buckets(&self) -> usize {
        1 << self.hash_bits
    }
}

impl Default for FeatureSpec {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            hash_bits: 18,
            max_ngram: 2,
            max_bytes: 32 * 1024,
        }
    }
}
