//! A router on disk: which files an artifact has, and what is in each.

use std::path::Path;

use pointsman_models::{
    Calibration, FORMAT_VERSION, Files, Manifest, Model, read_artifact, sha256, write_artifact,
};
use pointsman_policy::{OperatingCurve, PolicySpec};
use pointsman_types::{Catalog, Prompt, text_hash};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::RouterError;

const WEIGHTS: &str = "weights.safetensors";
const CALIBRATION: &str = "calibration.json";
const CATALOG: &str = "catalog.toml";
const POLICY: &str = "policy.json";
const CURVE: &str = "curve.json";
const PROMPTS: &str = "prompts.bin";
const REPORT: &str = "report.json";

/// What training produced, before it is put to work.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The fitted parameters.
    pub model: Model,
    /// The models' prices and abilities; models that nobody described are absent.
    pub catalog: Catalog,
    /// The policy it decides by, unless told otherwise.
    pub policy: PolicySpec,
    /// The cost–quality curve on held-out prompts.
    pub curve: OperatingCurve,
    /// The prompts it has seen.
    pub trained_on: TrainedOn,
    /// The seed of the training.
    pub seed: u64,
    /// SHA-256 over the rows it was trained on.
    pub data_fingerprint: String,
    /// What the training measured, for people.
    pub report: serde_json::Value,
}

/// The hashes of the training prompts, ascending, so that evaluation can leave them out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrainedOn(Vec<u64>);

impl TrainedOn {
    /// Whether this text was trained on.
    #[must_use]
    pub fn contains(&self, prompt: &Prompt) -> bool {
        self.0.binary_search(&text_hash(prompt.text())).is_ok()
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.to_le_bytes()).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, RouterError> {
        match bytes.as_chunks::<8>() {
            (words, []) => Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect()),
            _ => Err(RouterError::Part {
                file: PROMPTS,
                reason: "its length is not a multiple of 8 bytes".into(),
            }),
        }
    }
}

impl FromIterator<u64> for TrainedOn {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> Self {
        let mut hashes: Vec<u64> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes)
    }
}

impl Extend<u64> for TrainedOn {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, hashes: I) {
        *self = self.0.iter().copied().chain(hashes).collect();
    }
}

impl Artifact {
    /// Writes the directory, in one step. Equal artifacts give equal bytes.
    ///
    /// # Errors
    /// When it cannot be written, or `dir` holds something else.
    pub fn save(&self, dir: &Path) -> Result<(), RouterError> {
        let catalog = toml::to_string(&self.catalog).map_err(|error| part(CATALOG, &error))?;
        let manifest = self.manifest(&catalog);
        let files = Files::from([
            (WEIGHTS.to_owned(), self.model.weights()?),
            (
                CALIBRATION.to_owned(),
                to_json(CALIBRATION, &self.model.calibration)?,
            ),
            (CATALOG.to_owned(), catalog.into_bytes()),
            (POLICY.to_owned(), to_json(POLICY, &self.policy)?),
            (CURVE.to_owned(), to_json(CURVE, &self.curve)?),
            (PROMPTS.to_owned(), self.trained_on.to_bytes()),
            (REPORT.to_owned(), to_json(REPORT, &self.report)?),
        ]);
        write_artifact(dir, manifest, &files)?;
        Ok(())
    }

    fn manifest(&self, catalog: &str) -> Manifest {
        Manifest {
            format_version: FORMAT_VERSION,
            written_by: format!("pointsman {}", env!("CARGO_PKG_VERSION")),
            models: self.model.names.clone(),
            features: self.model.features.clone(),
            seed: self.seed,
            data_fingerprint: self.data_fingerprint.clone(),
            catalog_hash: sha256(catalog.as_bytes()),
            files: std::collections::BTreeMap::new(),
        }
    }

    /// Reads the directory and checks every file. Returns the identity of the artifact as well.
    ///
    /// # Errors
    /// When something is missing, damaged, or of another version.
    pub fn open(dir: &Path) -> Result<(Self, String), RouterError> {
        let (manifest, files, identity) = read_artifact(dir)?;
        let calibration: Calibration = from_json(CALIBRATION, &files)?;
        let weights = bytes(WEIGHTS, &files)?;
        let catalog = String::from_utf8_lossy(bytes(CATALOG, &files)?);
        let artifact = Self {
            model: Model::from_weights(weights, manifest.models, manifest.features, calibration)?,
            catalog: toml::from_str(&catalog).map_err(|error| part(CATALOG, &error))?,
            policy: from_json(POLICY, &files)?,
            curve: from_json(CURVE, &files)?,
            trained_on: TrainedOn::from_bytes(bytes(PROMPTS, &files)?)?,
            seed: manifest.seed,
            data_fingerprint: manifest.data_fingerprint,
            report: from_json(REPORT, &files)?,
        };
        Ok((artifact, identity))
    }
}

fn bytes<'a>(file: &'static str, files: &'a Files) -> Result<&'a [u8], RouterError> {
    let found = files.get(file).map(Vec::as_slice);
    found.ok_or_else(|| RouterError::Part {
        file,
        reason: "the manifest does not name it".into(),
    })
}

fn to_json<T: Serialize>(file: &'static str, value: &T) -> Result<Vec<u8>, RouterError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| part(file, &error))?;
    text.push(b'\n');
    Ok(text)
}

fn from_json<T: DeserializeOwned>(file: &'static str, files: &Files) -> Result<T, RouterError> {
    serde_json::from_slice(bytes(file, files)?).map_err(|error| part(file, &error))
}

fn part(file: &'static str, error: &impl ToString) -> RouterError {
    RouterError::Part {
        file,
        reason: error.to_string(),
    }
}
