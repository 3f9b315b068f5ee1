//! A pipeline that reads answers by the router's learnt cascade.

use std::path::Path;

use pointsman_models::{AnswerReader, Cascade, Outlook, Scale};
use pointsman_router::{AnswerSeen, CascadeRules, Next, Router, RouterError};
use pointsman_types::{Prompt, Request};
use tempfile::TempDir;

use super::*;
use crate::Adaptive;
use crate::tests::taught::{PATIENCE, artifact};

/// A dollar must buy so much quality.
pub(super) const LAMBDA: f64 = 20.0;
const SURE: Act = Act::SayAt("Yes.", -0.05);
pub(super) const UNSURE: Act = Act::SayAt("Perhaps.", -8.0);
pub(super) const LARGE: Act = Act::Say("No.");

/// Of a model that is right where it is sure.
fn reader(model: usize) -> AnswerReader {
    let as_it_is = Scale {
        mean: 0.0,
        spread: 1.0,
    };
    let mut sure = vec![0.0; AnswerReader::SURE];
    (sure[1], sure[2], sure[3]) = (1.0, 1.0, -1.0);
    let mut expected = vec![0.0; 3];
    expected[1 + model] = 1.0;
    AnswerReader {
        logprob: as_it_is,
        chars: as_it_is,
        sure: Some(sure),
        blind: vec![0.0; AnswerReader::BLIND],
        expected,
        spread: 1.0,
    }
}

/// A router of `large`, better at $0.01, and `small` at $0.004; `reads` whether it learnt a cascade.
fn save(directory: &Path, policy: &str, reads: bool) {
    let cascade = Cascade {
        outlook: Outlook {
            usual: vec![0.0; 2],
            trust: 1.0,
        },
        readers: vec![Some(reader(0)), Some(reader(1))],
        correlation: vec![vec![1.0, 0.2], vec![0.2, 1.0]],
        influence: vec![vec![1.5, 0.3], vec![0.3, 2.5]],
        answers: 100,
    };
    let mut artifact = artifact(2, policy);
    artifact.model.names = vec!["large".into(), "small".into()];
    artifact.cascade = reads.then_some(cascade);
    artifact.save(directory).unwrap();
}

/// A site whose router stands in a directory.
pub(super) struct Reading {
    pub(super) site: Site,
    router: TempDir,
}

impl Reading {
    async fn new(small: &[Act], large: &[Act], more: Value) -> Self {
        Self::by(("utility:20", true), small, large, more).await
    }

    async fn by(router: (&str, bool), small: &[Act], large: &[Act], more: Value) -> Self {
        Self::changed(router, (small, large), more, |_| {}).await
    }

    /// With settings that a test changes.
    pub(super) async fn changed(
        (policy, reads): (&str, bool),
        (small, large): (&[Act], &[Act]),
        more: Value,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let router = tempfile::tempdir().unwrap();
        let directory = router.path().join("router");
        save(&directory, policy, reads);
        let mut pipeline = json!({"kind": "learned_cascade", "name": "careful"});
        for (name, value) in more.as_object().unwrap() {
            pipeline[name] = value.clone();
        }
        let (small, large) = (Provider::new(small).await, Provider::new(large).await);
        let mut config = gateway(&small, &large, &json!({}));
        config.gateway.pipelines = vec![serde_json::from_value(pipeline).unwrap()];
        change(&mut config);
        let load = |directory: &Path| -> Result<Adaptive, RouterError> {
            Ok(Adaptive::new(Router::open(directory)?))
        };
        let live = Live::open(&directory, load).unwrap();
        let site = Site {
            running: start_with(config, live).await,
            small,
            large,
        };
        Self { site, router }
    }

    /// The text of the answer, and what is told of the way there.
    pub(super) async fn ask(&self) -> (String, Value) {
        let mut asked = asking("careful");
        asked["pointsman"] = json!({"explain": true});
        let (status, answer) = self.site.chat(&asked).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let text = answer["choices"][0]["message"]["content"].as_str();
        (text.unwrap().to_owned(), answer["pointsman"].clone())
    }
}

pub(super) fn models(told: &Value) -> Vec<&str> {
    let calls = told["calls"].as_array().unwrap().iter();
    calls.map(|call| call["model"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_sure_answer_stands() {
    let reading = Reading::new(&[SURE], &[LARGE], json!({})).await;
    let (text, told) = reading.ask().await;
    assert_eq!((text.as_str(), models(&told)), ("Yes.", vec!["small"]));
    assert!(reading.site.large.heard().is_empty());
    assert_eq!(reading.site.small.heard()[0].json()["logprobs"], true);
    let read = &told["ended"]["read"][0];
    assert!(
        (read["logprob"].as_f64().unwrap() + 0.05).abs() < 1e-9,
        "{told}"
    );
    assert_eq!(read["chars"], 4);
}

#[tokio::test]
async fn an_unsure_one_leads_to_another_model_and_all_is_told_and_paid() {
    let reading = Reading::new(&[UNSURE], &[LARGE], json!({})).await;
    let (text, told) = reading.ask().await;
    assert_eq!(
        (text.as_str(), models(&told)),
        ("No.", vec!["small", "large"])
    );
    let [first, second] = [0, 1].map(|call| &told["calls"][call]);
    assert_eq!(first["read"], json!([]));
    assert_eq!(second["read"][0]["model"], "small");
    assert_eq!(second["lambda"], LAMBDA);
    assert!(second["expected_quality"].as_f64() > Some(0.5), "{told}");
    // 90 millionths at the small model and ten times that at the large one.
    assert_eq!(told["cost_usd"], 0.00099);
    // Its dialect cannot tell, and is not asked to.
    assert_eq!(
        reading.site.large.heard()[0].json()["logprobs"],
        Value::Null
    );
    let (first, second) = (first["decision_id"].clone(), second["decision_id"].clone());
    let rows = reading.site.rows().await;
    let ids: Vec<Value> = rows.iter().map(|row| json!(row.decision_id)).collect();
    assert_eq!(ids, [first, second], "every call is a decision");
    assert!(rows.iter().all(|row| row.cost_usd.is_some()));
    assert!(
        rows[0]
            .answer_logprob
            .is_some_and(|mean| (mean + 8.0).abs() < 1e-9)
    );
    let chars = [rows[0].answer_chars, rows[1].answer_chars];
    assert_eq!(chars, [Some(8), Some(3)]);
}

/// What the offline code does with the same answer.
fn offline(directory: &Path, logprob: Option<f64>) -> Option<String> {
    let router = Router::open(directory).unwrap();
    let begun = router.cascade(&Request::new(Prompt::from("Why?"))).unwrap();
    let seen = AnswerSeen {
        model: "small".into(),
        logprob,
        chars: Some(8),
        cost: None,
    };
    match begun.after(&[seen], &CascadeRules::at(LAMBDA)).unwrap() {
        Next::Call { model, .. } => Some(model.to_string()),
        Next::Stop { .. } => None,
    }
}

#[tokio::test]
async fn every_answer_is_read_as_it_is_offline() {
    for (act, logprob) in [
        (Act::Say("Perhaps."), None),
        (Act::SayAt("Perhaps.", -0.05), Some(-0.05)),
        (Act::SayAt("Perhaps.", -1.0), Some(-1.0)),
        (UNSURE, Some(-8.0)),
    ] {
        let reading = Reading::new(&[act], &[LARGE], json!({})).await;
        let (_, told) = reading.ask().await;
        let next = models(&told).get(1).map(|model| (*model).to_owned());
        let expected = offline(&reading.router.path().join("router"), logprob);
        assert_eq!(next, expected, "at {logprob:?}");
    }
}

#[tokio::test]
async fn bounds_of_the_pipeline_are_kept() {
    for more in [
        json!({"max_calls": 1}),
        json!({"models": ["small"]}),
        json!({"max_cost_usd": 0.0095}),
        json!({"lambda": 500.0}),
    ] {
        let reading = Reading::new(&[UNSURE], &[LARGE], more.clone()).await;
        let (text, told) = reading.ask().await;
        assert_eq!(
            (text.as_str(), models(&told)),
            ("Perhaps.", vec!["small"]),
            "{more}"
        );
    }
    let reading = Reading::new(&[UNSURE], &[LARGE], json!({"max_cost_usd": 0.001})).await;
    let (status, error) = reading.site.chat(&asking("careful")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(error.to_string().contains("pipeline's $0.001"), "{error}");
    let dear = Reading::new(&[UNSURE], &[LARGE], json!({"lambda": 0.0, "max_calls": 1})).await;
    assert_eq!(
        models(&dear.ask().await.1),
        ["large"],
        "money does not count"
    );
}

#[tokio::test]
async fn what_a_request_allows_holds_for_every_call() {
    let reading = Reading::new(&[UNSURE], &[LARGE], json!({})).await;
    let mut asked = asking("careful");
    asked["pointsman"] = json!({"explain": true, "models": ["small"]});
    let (_, answer) = reading.site.chat(&asked).await;
    assert_eq!(models(&answer["pointsman"]), ["small"]);
    assert!(reading.site.large.heard().is_empty());
}

#[tokio::test]
async fn a_model_that_fails_is_passed_over() {
    let first = Reading::new(&[Act::Fail(500)], &[LARGE], json!({})).await;
    assert_eq!(first.ask().await.0, "No.");
    let second = Reading::new(&[UNSURE], &[Act::Fail(500)], json!({})).await;
    assert_eq!(
        second.ask().await.0,
        "Perhaps.",
        "an unsure answer is better than none"
    );
    let both = Reading::new(&[Act::Fail(500)], &[Act::Fail(500)], json!({})).await;
    let (status, error) = both.site.chat(&asking("careful")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{error}");
}

#[tokio::test]
async fn without_a_cascade_the_routers_choice_answers_and_the_record_says_why() {
    for (router, says) in [
        (("utility:20", false), "train it with --cascade"),
        (("adequate:0.5", true), "set `lambda` of the pipeline"),
    ] {
        let reading = Reading::by(router, &[UNSURE], &[LARGE], json!({})).await;
        let (text, told) = reading.ask().await;
        assert_eq!((text.as_str(), models(&told)), ("Perhaps.", vec!["small"]));
        let why = told["calls"][0]["without_cascade"].as_str().unwrap();
        assert!(why.contains(says), "{why}");
    }
    let bare = Site::changed(&[UNSURE], &[LARGE], |gateway| {
        let pipeline = json!({"kind": "learned_cascade", "name": "careful", "models": ["large"]});
        gateway.pipelines = vec![serde_json::from_value(pipeline).unwrap()];
    });
    let bare = bare.await;
    let response = bare.post("/v1/chat/completions", &asking("careful")).await;
    assert_eq!(
        header(&response, "model"),
        "large",
        "its models hold all the same"
    );
}

#[tokio::test]
async fn a_router_that_is_replaced_is_followed() {
    let router = ("utility:20", false);
    let reading = Reading::by(router, &[UNSURE], &[LARGE], json!({})).await;
    assert_eq!(models(&reading.ask().await.1), ["small"]);
    save(&reading.router.path().join("router"), "utility:20", true);
    let followed = async { while models(&reading.ask().await.1).len() < 2 {} };
    tokio::time::timeout(PATIENCE, followed).await.unwrap();
}

#[tokio::test]
async fn callers_in_other_dialects_have_their_answers_read_too() {
    let reading = Reading::new(&[UNSURE], &[LARGE], json!({})).await;
    let asked = json!({"model": "careful", "max_tokens": 90, "stream": true,
        "messages": [{"role": "user", "content": "Why?"}]});
    let response = reading.site.post("/v1/messages", &asked).await;
    let text = response.text().await.unwrap();
    assert!(
        text.contains("No.") && text.contains("message_stop"),
        "{text}"
    );
    let heard = reading.site.small.heard()[0].json();
    assert_eq!(
        (&heard["logprobs"], &heard["stream"]),
        (&json!(true), &Value::Null)
    );
}
