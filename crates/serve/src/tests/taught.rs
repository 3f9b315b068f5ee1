//! Servers that learn, over a small hand-made router: `big` 0.9, `middle` 0.8 and `small` 0.6, whatever
//! is asked. What they cost stands in a catalogue, or is $0.01, $0.004 and $0.001.

use std::time::Duration;

use pointsman_features::{FeatureSpec, SURFACE_FEATURES};
use pointsman_learn::drift::DriftSettings;
use pointsman_models::{
    Calibration, Calibrator, CommonCurve, Familiarity, InputTokens, Lexicon, LogRegression,
    LowerCurve, Model, Prior, QualityHead, RARITY_FEATURES, Rarity, Representation,
};
use pointsman_policy::{CurvePoint, Exploration, Guarantee, OperatingCurve, PolicySpec};
use pointsman_router::{Artifact, Router, TrainedOn};
use pointsman_types::{Catalog, Grid, ModelCard, ModelName, Usd, UsdPerMillion, text_hash};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Running, config, start_with};
use crate::{Adaptive, Config, LearningConfig, Live, Mode};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Name, quality, cost, and cost per million tokens in either direction.
const MODELS: [(&str, f32, f32, f64); 3] = [
    ("big", 0.9, 0.01, 50.0),
    ("middle", 0.8, 0.004, 20.0),
    ("small", 0.6, 0.001, 5.0),
];

fn always(amounts: &[f32]) -> LogRegression {
    let models = amounts.len();
    let mut weights = Grid::filled(1 + Representation::LATENT, models, 0.0);
    let logs: Vec<f32> = amounts.iter().map(|amount| amount.ln()).collect();
    weights.row_mut(0).copy_from_slice(&logs);
    LogRegression {
        weights,
        smearing: vec![1.0; models],
        residuals: vec![(0.0, 0.5); models],
        range: vec![(-30.0, 30.0); models],
    }
}

fn representation() -> Representation {
    Representation {
        lexicon: Lexicon::new(FeatureSpec::default().buckets(), Vec::new(), Vec::new()),
        surface_mean: vec![0.0; SURFACE_FEATURES],
        surface_scale: vec![0.0; SURFACE_FEATURES],
        rarity: Rarity {
            unknown: 0.0,
            mean: [0.0; RARITY_FEATURES],
            scale: [0.0; RARITY_FEATURES],
        },
        projection: Grid::filled(0, 1, 0.0),
        embedding: None,
    }
}

fn model(models: usize) -> Model {
    let of = |value: fn(&(&str, f32, f32, f64)) -> f32| -> Vec<f32> {
        MODELS[..models].iter().map(value).collect()
    };
    let calibrator = Calibrator {
        intercept: 0.0,
        slope: 1.0,
        is_common: true,
        lower: LowerCurve(vec![(0.0, 0.0), (1.0, 0.9)]),
    };
    let input = InputTokens {
        base: 100.0,
        per_char: 0.0,
    };
    Model {
        names: MODELS[..models].iter().map(|one| one.0.into()).collect(),
        features: FeatureSpec::default(),
        encoder: None,
        familiarity: Familiarity::UNBOUNDED,
        examples: Grid::from_values(1, vec![1.0]),
        representation: representation(),
        quality: QualityHead {
            mean: of(|one| one.1),
            ..QualityHead::default()
        },
        prior: Prior::independent(models),
        calibration: Calibration {
            lower_estimate: "test".into(),
            prompts: 9,
            common: CommonCurve::default(),
            models: vec![calibrator; models],
        },
        input_tokens: vec![input; models],
        output_tokens: Some(always(&vec![100.0; models])),
        logged_cost: Some(always(&of(|one| one.2))),
    }
}

/// The first so many of the models, by this policy.
pub(super) fn artifact(models: usize, policy: &str) -> Artifact {
    let point = |lambda, mean_cost_usd, mean_quality| CurvePoint {
        lambda,
        mean_cost_usd,
        mean_quality,
    };
    Artifact {
        cascade: None,
        model: model(models),
        catalog: Catalog::default(),
        policy: policy.parse::<PolicySpec>().unwrap(),
        guarantee: None,
        curve: OperatingCurve(vec![point(100.0, 0.001, 0.6), point(0.0, 0.01, 0.9)]),
        trained_on: TrainedOn::from_iter([text_hash("seen")]),
        examples: vec![pointsman_router::Example {
            id: "one".into(),
            text: None,
        }],
        seed: 0,
        data_fingerprint: "0123".into(),
        report: Value::Null,
    }
}

/// Of the policy `reference:big:0`.
pub(super) fn guarantee() -> Guarantee {
    let reference = ModelName::from("big");
    Guarantee {
        alpha: 0.05,
        delta: 0.1,
        risk: Guarantee::risk_against(&reference),
        reference,
        policy: "reference:big:0".parse().unwrap(),
        prompts: 500,
        prompts_at_worst: 3,
        measured: 0.03,
        bound: 0.045,
        method: "test".into(),
        saving: 0.25,
        categories: Vec::new(),
        assumption: Guarantee::ASSUMPTION.into(),
    }
}

/// All models at their prices, `big` at so many times its own.
pub(super) fn catalog(times: f64) -> Catalog {
    let card = |(name, _, _, price): &(&str, f32, f32, f64)| {
        let times = if *name == "big" { times } else { 1.0 };
        let price = Some(UsdPerMillion::new(price * times).unwrap());
        ModelCard {
            input_usd_per_million: price,
            output_usd_per_million: price,
            ..ModelCard::unknown(ModelName::from(*name))
        }
    };
    Catalog::new(MODELS.iter().map(card).collect()).unwrap()
}

/// All three, by quality alone.
pub(super) fn router() -> Router {
    Router::new(artifact(3, "utility:0")).unwrap()
}

pub(super) fn live() -> Live {
    Live::fixed(Adaptive::new(router()))
}

/// Drift that never alarms, so that learning is seen by itself.
pub(super) fn calm() -> DriftSettings {
    DriftSettings {
        requests_per_false_alarm: 1e9,
        tolerance: 0.5,
        group_tolerance: 0.5,
        cost_tolerance: 10.0,
        reference: 100_000,
        ..DriftSettings::default()
    }
}

pub(super) fn learning(change: impl FnOnce(&mut LearningConfig)) -> Config {
    let mut learning = LearningConfig {
        drift: calm(),
        ..LearningConfig::default()
    };
    change(&mut learning);
    Config {
        learning,
        ..config()
    }
}

pub(super) fn in_mode(mode: Mode) -> Config {
    learning(|learning| learning.mode = mode)
}

pub(super) async fn start_learning() -> Running {
    start_with(learning(|_| {}), live()).await
}

/// Explores by what was learnt.
pub(super) fn odds() -> Exploration {
    Exploration::Odds {
        doubt: 1.0,
        share: 0.5,
    }
}

/// A dollar as the API writes it.
pub(super) fn usd(value: &Value) -> f64 {
    serde_json::from_value::<Usd>(value.clone())
        .unwrap()
        .as_f64()
}

impl Running {
    /// A fresh decision: its id and its model.
    pub(super) async fn ask(&self) -> (String, String) {
        let (status, answer) = self.route(&json!({"prompt": "Why?"})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let text = |field: &str| answer[field].as_str().unwrap().to_owned();
        (text("decision_id"), text("model"))
    }

    pub(super) async fn judge(&self, id: &str, value: f64) {
        let body = json!({"decision_id": id, "value": value});
        let (status, answer) = self.feedback(&body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    /// So many decisions, each judged by what its model is worth.
    pub(super) async fn serve(&self, decisions: usize, worth: impl Fn(&str, usize) -> f64) {
        for number in 0..decisions {
            let (id, model) = self.ask().await;
            self.judge(&id, worth(&model, number)).await;
        }
    }

    pub(super) async fn status(&self) -> Value {
        self.get("/v1/learning").await.json().await.unwrap()
    }

    /// The status once it is as wanted.
    pub(super) async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let status = self.status().await;
                if is_so(&status) {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        let Ok(status) = timeout(PATIENCE, waiting).await else {
            panic!("it never came about: {}", self.status().await);
        };
        status
    }

    /// The status once all feedback so far was read.
    pub(super) async fn read_up_to(&self, news: i64) -> Value {
        self.until(|status| status["learnt"]["read"]["news"].as_i64() >= Some(news))
            .await
    }

    /// Ends the server in order, and leaves its store.
    pub(super) async fn end(self) -> tempfile::TempDir {
        self.stop.cancel();
        timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        self.directory
    }

    /// Ends it as a crash would: whatever is not in the store is lost.
    pub(super) async fn crash(self) -> tempfile::TempDir {
        self.task.abort();
        self.store.close().await;
        self.directory
    }
}

/// How one model stands.
pub(super) fn of<'a>(status: &'a Value, model: &str) -> &'a Value {
    let models = status["learnt"]["models"].as_array().unwrap();
    models.iter().find(|one| one["model"] == model).unwrap()
}

pub(super) fn mean(status: &Value, model: &str) -> f64 {
    of(status, model)["mean"].as_f64().unwrap()
}

pub(super) fn count(status: &Value, what: &str) -> u64 {
    status["learnt"]["judgements"][what].as_u64().unwrap()
}
