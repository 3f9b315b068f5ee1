//! Which encoder, and where its files are: `static:DIR` or `minilm:DIR`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::EncoderError;

/// How a text becomes a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EncoderKind {
    /// The mean of static token vectors: directories of Model2Vec and WordLlama.
    Static,
    /// A transformer of the BERT family: directories of Hugging Face and sentence-transformers.
    MiniLm,
}

impl EncoderKind {
    const ALL: [Self; 2] = [Self::Static, Self::MiniLm];

    /// The word before the colon.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::MiniLm => "minilm",
        }
    }
}

/// An encoder as the command line names it and as artifacts store it, `static:DIR` or `minilm:DIR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EncoderSpec {
    /// How a text becomes a vector.
    pub kind: EncoderKind,
    /// The directory that holds weights and tokenizer.
    pub dir: PathBuf,
}

impl FromStr for EncoderSpec {
    type Err = EncoderError;

    fn from_str(text: &str) -> Result<Self, EncoderError> {
        let parts = text.split_once(':').filter(|(_, dir)| !dir.is_empty());
        let spec = parts.and_then(|(name, dir)| {
            let kind = EncoderKind::ALL
                .into_iter()
                .find(|kind| kind.name() == name)?;
            Some(Self {
                kind,
                dir: dir.into(),
            })
        });
        spec.ok_or_else(|| EncoderError::Spec(text.to_owned()))
    }
}

impl TryFrom<String> for EncoderSpec {
    type Error = EncoderError;

    fn try_from(text: String) -> Result<Self, EncoderError> {
        text.parse()
    }
}

impl fmt::Display for EncoderSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.kind.name(), self.dir.display())
    }
}

impl From<EncoderSpec> for String {
    fn from(spec: EncoderSpec) -> Self {
        spec.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_survives_its_text() {
        for text in ["static:/data/potion", "minilm:C:\\models\\minilm"] {
            assert_eq!(text.parse::<EncoderSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_spec_is_a_string_in_json() {
        let spec: EncoderSpec = serde_json::from_str("\"minilm:dir\"").unwrap();
        assert_eq!(spec.kind, EncoderKind::MiniLm);
        assert_eq!(serde_json::to_string(&spec).unwrap(), "\"minilm:dir\"");
    }

    #[test]
    fn a_spec_without_kind_or_directory_is_refused() {
        for text in ["", "static", "static:", "glove:dir", ":dir"] {
            let error = text.parse::<EncoderSpec>().unwrap_err();
            assert!(error.to_string().contains("static:DIR"), "{error}");
        }
    }
}
