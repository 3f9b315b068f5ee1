//! A router on disk: which files an artifact has, and what is in each.

use std::path::Path;

use pointsman_models::{
    Calibration, Cascade, Files, Manifest, Model, read_artifact, sha256, write_artifact,
};
use pointsman_policy::{Guarantee, OperatingCurve, PolicySpec};
use pointsman_types::Catalog;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::RouterError;
use crate::trained_on::TrainedOn;

const WEIGHTS: &str = "weights.safetensors";
const CALIBRATION: &str = "calibration.json";
const CATALOG: &str = "catalog.toml";
const POLICY: &str = "policy.json";
const CURVE: &str = "curve.json";
const PROMPTS: &str = "prompts.bin";
const EXAMPLES: &str = "examples.json";
const STREAMED: &str = "streamed.bin";
const REPORT: &str = "report.json";
const GUARANTEE: &str = "guarantee.json";
const CASCADE: &str = "cascade.json";

/// What training produced, before it is put to work.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The fitted parameters.
    pub model: Model,
    /// What answers tell of the models, where that was learnt.
    pub cascade: Option<Cascade>,
    /// The models' prices and abilities; models that nobody described are absent.
    pub catalog: Catalog,
    /// The policy it decides by, unless told otherwise.
    pub policy: PolicySpec,
    /// What is promised of that policy, where anything is.
    pub guarantee: Option<Guarantee>,
    /// The cost–quality curve on held-out prompts.
    pub curve: OperatingCurve,
    /// The prompts it has seen.
    pub trained_on: TrainedOn,
    /// The training prompts whose latent coordinates the model keeps, in their order.
    pub examples: Vec<Example>,
    /// The seed of the training.
    pub seed: u64,
    /// SHA-256 over the rows it was trained on.
    pub data_fingerprint: String,
    /// What the training measured, for people.
    pub report: serde_json::Value,
}

/// A training prompt that explanations may point to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its id in the log.
    pub id: String,
    /// Its text, where training was told to keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Artifact {
    /// Writes the directory, in one step. Equal artifacts give equal bytes.
    ///
    /// # Errors
    /// When it cannot be written, or `dir` holds something else.
    pub fn save(&self, dir: &Path) -> Result<(), RouterError> {
        let catalog = toml::to_string(&self.catalog).map_err(|error| part(CATALOG, &error))?;
        let manifest = self.manifest(&catalog);
        let mut files = Files::from([
            (WEIGHTS.to_owned(), self.model.weights()?),
            (
                CALIBRATION.to_owned(),
                to_json(CALIBRATION, &self.model.calibration)?,
            ),
            (CATALOG.to_owned(), catalog.into_bytes()),
            (POLICY.to_owned(), to_json(POLICY, &self.policy)?),
            (CURVE.to_owned(), to_json(CURVE, &self.curve)?),
            (PROMPTS.to_owned(), self.trained_on.kept_bytes()),
            (EXAMPLES.to_owned(), to_json(EXAMPLES, &self.examples)?),
            (REPORT.to_owned(), to_json(REPORT, &self.report)?),
        ]);
        if let Some(bytes) = self.trained_on.streamed_bytes() {
            files.insert(STREAMED.to_owned(), bytes);
        }
        if let Some(guarantee) = &self.guarantee {
            files.insert(GUARANTEE.to_owned(), to_json(GUARANTEE, guarantee)?);
        }
        if let Some(cascade) = &self.cascade {
            files.insert(CASCADE.to_owned(), to_json(CASCADE, cascade)?);
        }
        write_artifact(dir, manifest, &files)?;
        Ok(())
    }

    fn manifest(&self, catalog: &str) -> Manifest {
        Manifest {
            format_version: self.model.format_version(),
            written_by: format!("pointsman {}", env!("CARGO_PKG_VERSION")),
            models: self.model.names.clone(),
            features: self.model.features.clone(),
            encoder: self.model.encoder.clone(),
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
            cascade: cascade(&files, manifest.models.len())?,
            model: Model::from_weights(
                weights,
                manifest.models,
                manifest.features,
                manifest.encoder,
                calibration,
            )?,
            catalog: toml::from_str(&catalog).map_err(|error| part(CATALOG, &error))?,
            policy: from_json(POLICY, &files)?,
            guarantee: match files.contains_key(GUARANTEE) {
                true => Some(from_json(GUARANTEE, &files)?),
                false => None,
            },
            curve: from_json(CURVE, &files)?,
            trained_on: trained_on(&files)?,
            examples: from_json(EXAMPLES, &files)?,
            seed: manifest.seed,
            data_fingerprint: manifest.data_fingerprint,
            report: from_json(REPORT, &files)?,
        };
        match artifact.examples.len() == artifact.model.examples.rows() {
            true => Ok((artifact, identity)),
            false => Err(RouterError::Part {
                file: EXAMPLES,
                reason: "it does not list as many prompts as the weights have".into(),
            }),
        }
    }
}

/// A router without one decides as it always did.
fn cascade(files: &Files, models: usize) -> Result<Option<Cascade>, RouterError> {
    if !files.contains_key(CASCADE) {
        return Ok(None);
    }
    let cascade: Cascade = from_json(CASCADE, files)?;
    cascade
        .check(models)
        .map_err(|error| part(CASCADE, &error))?;
    Ok(Some(cascade))
}

fn trained_on(files: &Files) -> Result<TrainedOn, RouterError> {
    let kept = TrainedOn::from_kept_bytes(bytes(PROMPTS, files)?)
        .ok_or_else(|| part(PROMPTS, &"its length is not a multiple of 8 bytes"))?;
    match files.get(STREAMED) {
        None => Ok(kept),
        Some(streamed) => kept
            .with_streamed_bytes(streamed)
            .ok_or_else(|| part(STREAMED, &"its length is not a multiple of 64 bytes")),
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
