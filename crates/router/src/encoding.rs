//! The sentence encoder of a router.

use pointsman_encoders::{Device, Encoder, EncoderKind, EncoderSpec};
use pointsman_models::EncoderReference;

use crate::error::RouterError;

/// Where and on what a router's encoder runs; by default where training had it, on the CPU.
#[derive(Debug, Clone)]
pub struct Encoding {
    /// Another place of the same encoder.
    pub spec: Option<EncoderSpec>,
    /// Where its tensors live.
    pub device: Device,
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            spec: None,
            device: Device::Cpu,
        }
    }
}

impl Encoding {
    /// Opens the encoder that training used, and checks that it is the same.
    pub(crate) fn open(
        &self,
        trained: Option<&EncoderReference>,
    ) -> Result<Option<Encoder>, RouterError> {
        let Some(trained) = trained else {
            return match self.spec {
                Some(_) => Err(RouterError::NoEncoder),
                None => Ok(None),
            };
        };
        let spec = match &self.spec {
            Some(spec) => spec.clone(),
            None => trained.spec.parse()?,
        };
        let encoder = Encoder::open(&spec, &self.device)?;
        if encoder.fingerprint() != trained.fingerprint {
            return Err(RouterError::OtherEncoder {
                spec: spec.to_string(),
                found: encoder.fingerprint().to_owned(),
                expected: trained.fingerprint.clone(),
            });
        }
        Ok(Some(encoder))
    }
}

/// Whether encoding a text takes milliseconds rather than microseconds.
pub(crate) fn is_slow(encoder: &EncoderReference) -> bool {
    let kind = encoder.spec.parse::<EncoderSpec>().map(|spec| spec.kind);
    !matches!(kind, Ok(EncoderKind::Static))
}
