//! Pipelines, called like models.

use super::*;

async fn site(small: &[Act], large: &[Act], pipeline: Value) -> Site {
    let pipelines = vec![serde_json::from_value(pipeline).unwrap()];
    Site::changed(small, large, |gateway| gateway.pipelines = pipelines).await
}

fn cascade(checks: Value) -> Value {
    json!({"kind": "cascade", "name": "careful", "models": ["small", "large"], "checks": checks})
}

async fn text_of(site: &Site) -> (String, Value) {
    let mut asked = asking("careful");
    asked["pointsman"] = json!({"explain": true});
    let (status, answer) = site.chat(&asked).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let text = answer["choices"][0]["message"]["content"]
        .as_str()
        .unwrap()
        .to_owned();
    (text, answer)
}

#[tokio::test]
async fn a_cascade_stops_where_an_answer_passes() {
    let site = site(
        &[Act::Say("Yes.")],
        &[Act::Say("No.")],
        cascade(json!([{"kind": "refusal"}])),
    )
    .await;
    let (text, answer) = text_of(&site).await;
    assert_eq!(text, "Yes.");
    assert_eq!(answer["pointsman"]["calls"].as_array().unwrap().len(), 1);
    assert!(site.large.heard().is_empty());
}

#[tokio::test]
async fn a_cascade_goes_on_where_it_does_not_and_adds_up_the_cost() {
    let site = site(
        &[Act::Say("I'm sorry, no.")],
        &[Act::Say("No.")],
        cascade(json!([{"kind": "refusal"}])),
    )
    .await;
    let (text, answer) = text_of(&site).await;
    assert_eq!(text, "No.");
    // 90 millionths at the small model and ten times that at the large one.
    assert_eq!(answer["usage"]["cost"], 0.00099);
    assert_eq!(answer["model"], "large");
    let rows = site.rows().await;
    assert_eq!(rows.len(), 2, "every call is a decision");
}

#[tokio::test]
async fn a_cascade_survives_a_model_that_fails() {
    let checks = json!([{"kind": "length", "least": 1}]);
    let first = site(
        &[Act::Fail(500)],
        &[Act::Say("No.")],
        cascade(checks.clone()),
    )
    .await;
    assert_eq!(text_of(&first).await.0, "No.");
    let checks = json!([{"kind": "length", "least": 100}]);
    let last = site(&[Act::Say("Yes.")], &[Act::Fail(500)], cascade(checks)).await;
    assert_eq!(
        text_of(&last).await.0,
        "Yes.",
        "an answer that did not pass is better than none"
    );
}

#[tokio::test]
async fn a_judge_decides_whether_to_go_on() {
    let checks = json!([{"kind": "judge", "model": "large", "least": 0.7}]);
    let site = site(
        &[Act::Say("Yes.")],
        &[Act::Say("Grade: 4")],
        cascade(checks),
    )
    .await;
    let (text, answer) = text_of(&site).await;
    assert_eq!(text, "Grade: 4");
    assert_eq!(answer["pointsman"]["calls"].as_array().unwrap().len(), 3);
    let judged = site.large.heard()[0].json();
    assert!(
        judged["messages"][0]["content"]
            .to_string()
            .contains("Yes."),
        "{judged}"
    );
}

#[tokio::test]
async fn a_cap_is_kept() {
    let mut config = cascade(json!([{"kind": "length", "least": 100}]));
    config["max_cost_usd"] = json!(0.0012);
    // Each call is expected to cost $0.001.
    let site = site(&[Act::Say("Yes.")], &[Act::Say("No.")], config).await;
    let (text, answer) = text_of(&site).await;
    assert_eq!(
        (
            text.as_str(),
            answer["pointsman"]["calls"].as_array().unwrap().len()
        ),
        ("No.", 2)
    );
    let mut config = cascade(json!([{"kind": "length", "least": 100}]));
    config["max_cost_usd"] = json!(0.001);
    let site = self::site(&[Act::Say("Yes.")], &[Act::Say("No.")], config).await;
    assert_eq!(
        text_of(&site).await.0,
        "Yes.",
        "the second call would pass the cap"
    );
}

#[tokio::test]
async fn a_sequence_hands_on_what_was_said() {
    let pipeline = json!({"kind": "sequence", "name": "careful", "steps": [
        {"name": "draft", "model": "small", "prompt": "Answer: {{input}}"},
        {"name": "final", "model": "large", "system": "Improve.", "prompt": "Q: {{input}} A: {{draft}}"},
    ]});
    let site = site(&[Act::Say("A draft.")], &[Act::Say("Better.")], pipeline).await;
    assert_eq!(text_of(&site).await.0, "Better.");
    let asked = site.large.heard()[0].json();
    assert_eq!(asked["system"], "Improve.");
    assert!(
        asked["messages"]
            .to_string()
            .contains("Q: Why? A: A draft."),
        "{asked}"
    );
}

#[tokio::test]
async fn the_best_of_several_is_taken() {
    let pipeline = json!({"kind": "best_of", "name": "careful", "models": ["small"], "samples": 2, "judge": "large"});
    let site = site(
        &[Act::Say("First."), Act::Say("Second.")],
        &[Act::Say("2")],
        pipeline,
    )
    .await;
    let (text, answer) = text_of(&site).await;
    assert!(["First.", "Second."].contains(&text.as_str()), "{text}");
    assert_eq!(answer["pointsman"]["calls"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_majority_wins() {
    let pipeline =
        json!({"kind": "vote", "name": "careful", "models": ["small", "large"], "samples": 2});
    let site = site(
        &[Act::Say("Rare."), Act::Say("Frequent.")],
        &[Act::Say("frequent.")],
        pipeline,
    )
    .await;
    assert_eq!(text_of(&site).await.0.to_lowercase(), "frequent.");
}

#[tokio::test]
async fn a_pipeline_streams_to_those_who_stream() {
    let site = site(
        &[Act::Say("One two")],
        &[Act::Say("No.")],
        cascade(json!([{"kind": "refusal"}])),
    )
    .await;
    let mut asked = asking("careful");
    asked["stream"] = json!(true);
    asked["pointsman"] = json!({"explain": true});
    let text = site
        .post("/v1/chat/completions", &asked)
        .await
        .text()
        .await
        .unwrap();
    assert!(
        text.contains("One two") && text.contains("\"pipeline\":\"careful\""),
        "{text}"
    );
    assert!(text.ends_with("data: [DONE]\n\n"));
    assert_eq!(site.small.heard()[0].json()["stream"], Value::Null);
    let list: Value = site.running.get("/v1/models").await.json().await.unwrap();
    assert_eq!(list["data"][1]["id"], "careful");
}
