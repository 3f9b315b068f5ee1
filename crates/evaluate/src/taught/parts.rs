//! The parts of a server's answers that are shown. Fields that a later server adds do not matter, and
//! those that an earlier one lacks are empty.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET /v1/learning`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Learning {
    /// `apply`, `observe` or `bypass`, as the settings say.
    pub mode: String,
    /// What the task is about: `learning`, `following`, `idle` or `bypassed`.
    pub state: String,
    /// Whether decisions are corrected by what was learnt.
    pub applies: bool,
    /// The artifact that is corrected.
    pub artifact: Option<String>,
    /// What was learnt; none where learning has not begun.
    pub learnt: Option<Learnt>,
    /// What has drifted.
    pub drift: Option<Drift>,
    /// What follows from drift.
    pub consequence: Option<Consequence>,
    /// The last state that was kept.
    pub snapshot: Option<Snapshot>,
    /// The budget; none where there is none.
    pub pacing: Option<Budget>,
}

/// What was learnt, and from whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Learnt {
    /// What became of all judgements.
    pub judgements: Counts,
    /// Calls whose cost was reported.
    pub bills: u64,
    /// Model by model.
    pub models: Vec<Model>,
    /// Keys with the largest shares, and those that are set aside.
    pub keys: Vec<Key>,
}

/// What became of all judgements.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Learnt, capped ones too.
    pub learned: u64,
    /// Learnt with less weight, since their key has its share.
    pub capped: u64,
    /// Came too late.
    pub late: u64,
    /// Set aside with their key.
    pub quarantined: u64,
}

/// What was learnt of one model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Model {
    /// Its name.
    pub model: String,
    /// By how much its quality differs from what training predicts, on average.
    pub mean: f64,
    /// Standard error of that.
    pub error: f64,
    /// So many judgements of it alone would make it as sure as it is.
    pub effective_weight: f64,
    /// Judgements of it.
    pub judgements: u64,
    /// What its calls cost over what was predicted.
    pub cost_factor: f64,
    /// By how much its lower estimate is lowered, since it is in doubt.
    pub widening: f64,
    /// The least share of requests that try it, while it is new.
    pub quota: Option<f64>,
}

/// One key that sends feedback.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Key {
    /// The first digits of its hash; none for feedback without a key.
    pub key: Option<String>,
    /// Judgements it sent.
    pub lessons: u64,
    /// Of those, the ones that were set aside.
    pub set_aside: u64,
    /// Whether it is set aside now.
    pub is_quarantined: bool,
    /// Its share of all that was said lately, from 0 to 1.
    pub share: f64,
}

/// What has drifted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Drift {
    /// Decisions seen.
    pub requests: u64,
    /// The worst of all states: `ok`, `warning` or `alarm`.
    pub state: String,
    /// Whether there is a reference to compare requests with yet.
    pub has_reference: bool,
    /// Model by model.
    pub models: Vec<ModelDrift>,
    /// What is not ok.
    pub standing: Vec<Standing>,
}

/// What follows from drift.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Consequence {
    /// Nothing is tried out.
    pub stop_exploring: bool,
    /// Decisions are as trained.
    pub use_reference: bool,
}

/// States of one model: `ok`, `warning` or `alarm`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelDrift {
    /// Its name.
    pub model: String,
    /// Scores against predicted quality.
    pub quality: String,
    /// Choices against their probabilities.
    pub choices: String,
    /// Tokens out against predicted ones.
    pub tokens: String,
    /// Costs against predicted ones.
    pub cost: String,
}

/// Something that is not ok.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// What: its kind, with the model, group or series it is about.
    pub subject: Value,
    /// `warning` or `alarm`.
    pub state: String,
    /// How many decisions there had been when something was heard of it last.
    pub heard: u64,
    /// The latest evidence, with a sentence that says it.
    pub evidence: Value,
}

/// A kept state.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Its number.
    pub seq: i64,
    /// How old it is, in milliseconds.
    pub age_ms: i64,
}

/// How the budget stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// What it is to do.
    pub settings: Value,
    /// Quality that a dollar must buy, as of the last request.
    pub lambda: Option<f64>,
    /// Reported costs, in US dollars.
    pub spent_usd: f64,
    /// Set aside for calls whose cost was not reported yet, in US dollars.
    pub reserved_usd: f64,
    /// What is left of the cap, in US dollars; none without a cap.
    pub left_usd: Option<f64>,
    /// Calls whose cost was not reported yet.
    pub open: u64,
}

/// `GET /v1/versions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// The version in service.
    pub current: Option<String>,
    /// All that are known.
    pub versions: Vec<Version>,
    /// What was found of the version on trial.
    pub trial: Option<Value>,
    /// What happened, the last first.
    pub events: Vec<Event>,
}

/// One version.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Version {
    /// Its name.
    pub version: String,
    /// `candidate`, `shadow`, `canary`, `current`, `previous`, `rejected` or `rolled_back`.
    pub stage: String,
    /// The share of requests it decides, from 0 to 1.
    pub share: f64,
    /// When it came to its stage: milliseconds since 1970, UTC.
    pub changed_ms: i64,
}

/// Something that happened.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// When: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// What.
    pub kind: String,
    /// To what, if to one thing.
    pub subject: Option<String>,
    /// Its reason and its evidence.
    pub detail: Value,
}

impl Standing {
    /// In words, such as `quality of large in group law: has become worse`.
    #[must_use]
    pub fn words(&self) -> String {
        let word = |field: &str| self.subject[field].as_str();
        let part = |before: &str, field: &str| {
            word(field).map_or_else(String::new, |word| format!("{before}{word}"))
        };
        let evidence = self.evidence["sentence"].as_str();
        [
            word("what").unwrap_or("something").to_owned(),
            part(" of ", "model"),
            part(", ", "series"),
            part(" in group ", "group"),
            evidence.map_or_else(String::new, |said| format!(": {said}")),
        ]
        .concat()
    }
}

impl Event {
    /// Why, where it says: the reason of a change, the evidence of drift.
    #[must_use]
    pub fn reason(&self) -> &str {
        let said = [&self.detail["reason"], &self.detail["evidence"]["sentence"]];
        let mut said = said.into_iter().filter_map(Value::as_str);
        said.next().unwrap_or_default()
    }
}

impl Versions {
    /// What was found of the version on trial: its name, and the verdict.
    #[must_use]
    pub fn verdict(&self) -> Option<(&str, &str)> {
        let trial = self.trial.as_ref()?;
        let version = trial["progress"]["version"].as_str().unwrap_or_default();
        Some((version, trial["verdict"].as_str()?))
    }
}
