//! Sentence encoders as the arguments name them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use pointsman_encoders::{Cache, Device, Encoder, EncoderError, EncoderSpec, device};
use pointsman_models::EncoderReference;
use pointsman_train::Embed;
use pointsman_types::Grid;

use crate::failure::Usage;

/// Where tensors live; a device that is not there is wrong usage.
pub(crate) fn device_named(name: &str) -> anyhow::Result<Device> {
    device(name).map_err(|error| Usage(error.to_string()).into())
}

/// An encoder, with the vectors of earlier trainings.
#[derive(Debug)]
pub(crate) struct CachedEncoder {
    spec: EncoderSpec,
    encoder: Encoder,
    cache: Option<Mutex<Cache>>,
}

impl CachedEncoder {
    /// Without a cache where another process has it open.
    pub(crate) fn open(
        spec: &EncoderSpec,
        cache: Option<&Path>,
        device: &Device,
    ) -> anyhow::Result<Self> {
        let encoder = Encoder::open(spec, device)?;
        let cache = cache.map(Path::to_owned).or_else(usual_cache);
        let cache = match cache.map(|dir| Cache::open(&dir, &encoder)).transpose() {
            Ok(cache) => cache.map(Mutex::new),
            Err(error @ EncoderError::CacheInUse { .. }) => {
                eprintln!("note: {error}; vectors are not kept this time");
                None
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            spec: spec.clone(),
            encoder,
            cache,
        })
    }

    fn vectors(&self, texts: &[&str]) -> Result<Grid<f32>, EncoderError> {
        match &self.cache {
            Some(cache) => cache
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .encode(&self.encoder, texts),
            None => self.encoder.encode(texts),
        }
    }
}

impl Embed for CachedEncoder {
    fn reference(&self) -> EncoderReference {
        EncoderReference {
            spec: self.spec.to_string(),
            fingerprint: self.encoder.fingerprint().to_owned(),
        }
    }

    fn embed(&self, texts: &[&str]) -> Result<Grid<f32>, String> {
        self.vectors(texts).map_err(|error| error.to_string())
    }
}

/// `pointsman/embeddings` in the user's cache directory.
fn usual_cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let root = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&set("HOME")?).join(".cache")))?;
    Some(root.join("pointsman").join("embeddings"))
}
