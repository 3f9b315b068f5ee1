//! Answers in every dialect: whole and streamed, with what they cost.

use super::*;

#[tokio::test]
async fn a_chat_goes_to_the_chosen_model_and_back() {
    let site = Site::new(&[Act::Say("Because of it.")], &[Act::Fail(500)]).await;
    let mut asked = asking("auto");
    asked["new_field"] = json!([1.50]);
    let response = site.post("/v1/chat/completions", &asked).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "model"), "small");
    assert_eq!(header(&response, "reason"), "best_utility");
    assert_eq!(header(&response, "policy-version"), "v1");
    assert_eq!(header(&response, "retries"), "0");
    // 10 tokens in at $1 and 20 out at $4 per million.
    assert_eq!(header(&response, "cost-usd"), "0.00009");
    assert_eq!(header(&response, "cost-estimated"), "");
    assert!(header(&response, "overhead-ms").parse::<f64>().unwrap() > 0.0);
    let id = header(&response, "decision-id");
    let (_, answer) = read(response).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "Because of it.");
    assert_eq!(answer["system_fingerprint"], "fp_1", "unknown fields stay");
    assert_eq!(answer["usage"]["cost"], 0.00009);
    assert_eq!(answer.get("pointsman"), None);
    let heard = site.small.heard().remove(0);
    assert_eq!(heard.path, "/v1/chat/completions");
    assert_eq!(heard.json()["model"], "small");
    assert_eq!(heard.json()["new_field"], json!([1.50]));
    let rows = site.rows().await;
    assert_eq!(rows[0].decision_id.as_deref(), Some(id.as_str()));
    assert_eq!(rows[0].output_tokens.map(|tokens| tokens.0), Some(20));
}

#[tokio::test]
async fn a_dialect_is_translated() {
    let site = Site::new(&[Act::Say("Yes.")], &[Act::Say("No.")]).await;
    let asked = json!({"model": "auto", "max_tokens": 50, "messages": [{"role": "user", "content": "Why?"}]});
    let response = site.post("/v1/messages", &asked).await;
    assert_eq!(header(&response, "model"), "small");
    let (status, answer) = read(response).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["type"], "message");
    assert_eq!(answer["model"], "small");
    assert_eq!(answer["content"][0]["text"], "Yes.");
    assert_eq!(answer["usage"]["input_tokens"], 10);
    let asked = json!({"model": "large", "input": "Why?"});
    let (status, answer) = read(site.post("/v1/responses", &asked).await).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["object"], "response");
    assert_eq!(answer["output"][0]["content"][0]["text"], "No.");
    assert_eq!(site.large.heard()[0].path, "/v1/messages");
    assert_eq!(
        site.large.heard()[0].headers["anthropic-version"],
        "2023-06-01"
    );
}

#[tokio::test]
async fn streams_are_handed_on_or_translated() {
    let site = Site::new(&[Act::Say("One two three")], &[Act::Say("One two three")]).await;
    for model in ["small", "large"] {
        let mut asked = asking(model);
        asked["stream"] = json!(true);
        let response = site.post("/v1/chat/completions", &asked).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(header(&response, "model"), model);
        let text = response.text().await.unwrap();
        assert_eq!(text.matches("\"content\":\"two \"").count(), 1, "{text}");
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        assert!(!text.contains("usage\":{"), "nobody asked for it: {text}");
    }
    let rows = site.rows().await;
    let outputs: Vec<Option<u64>> = rows
        .iter()
        .map(|row| row.output_tokens.map(|one| one.0))
        .collect();
    assert_eq!(outputs, [Some(20), Some(20)]);
}

#[tokio::test]
async fn an_explanation_comes_where_it_is_asked_for() {
    let site = Site::new(&[Act::Say("One two")], &[Act::Say("One two")]).await;
    let mut asked = asking("auto");
    asked["pointsman"] = json!({"explain": true, "metadata": {"team": "a"}});
    let (_, answer) = site.chat(&asked).await;
    let told = &answer["pointsman"];
    assert_eq!(told["model"], "small");
    assert_eq!(told["cost_usd"], 0.00009);
    assert_eq!(told["candidates"].as_array().unwrap().len(), 2);
    assert!(
        !site.small.heard()[0].body.contains("pointsman"),
        "it is the gateway's own"
    );
    asked["stream"] = json!(true);
    let text = site
        .post("/v1/chat/completions", &asked)
        .await
        .text()
        .await
        .unwrap();
    let events: Vec<&str> = text.trim_end().split("\n\n").collect();
    let [.., told, done] = &events[..] else {
        panic!("{text}");
    };
    assert_eq!(*done, "data: [DONE]");
    let told: Value = serde_json::from_str(told.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(told["pointsman"]["cost_is_estimated"], false);
    assert_eq!(told["choices"], json!([]));
    let asked = json!({"model": "large", "max_tokens": 9, "stream": true, "pointsman": {"explain": true},
        "messages": [{"role": "user", "content": "Why?"}]});
    let text = site
        .post("/v1/messages", &asked)
        .await
        .text()
        .await
        .unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(
        last.starts_with("event: pointsman\ndata: {\"type\":\"pointsman\""),
        "{last}"
    );
}

#[tokio::test]
async fn without_usage_the_cost_is_an_estimate_and_says_so() {
    let site = Site::new(
        &[Act::SayWithoutUsage("Four bytes a token.")],
        &[Act::Fail(500)],
    )
    .await;
    let response = site.post("/v1/chat/completions", &asking("small")).await;
    assert_eq!(header(&response, "cost-estimated"), "true");
    // One token in, five out.
    assert_eq!(header(&response, "cost-usd"), "0.000021");
}

#[tokio::test]
async fn tools_go_both_ways() {
    let site = Site::new(&[Act::CallTool], &[Act::Fail(500)]).await;
    let asked = json!({"model": "small", "max_tokens": 50,
        "messages": [{"role": "user", "content": "How warm is it in Ulm?"}],
        "tools": [{"name": "weather", "input_schema": {"type": "object"}}]});
    let (_, answer) = read(site.post("/v1/messages", &asked).await).await;
    assert_eq!(answer["stop_reason"], "tool_use");
    assert_eq!(answer["content"][0]["input"], json!({"city": "Ulm"}));
    assert_eq!(
        site.small.heard()[0].json()["tools"][0]["function"]["name"],
        "weather"
    );
}

#[tokio::test]
async fn models_are_listed_with_the_router() {
    let site = Site::new(&[Act::Say("")], &[Act::Say("")]).await;
    let list: Value = site.running.get("/v1/models").await.json().await.unwrap();
    let ids: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["auto", "small", "large"]);
}

#[tokio::test]
async fn calls_are_counted() {
    let site = Site::new(&[Act::Say("Yes.")], &[Act::Say("")]).await;
    site.chat(&asking("auto")).await;
    let page = site.running.metrics().await;
    for line in [
        r#"pointsman_calls_total{deployment="small/0",result="answered"} 1"#,
        r#"pointsman_tokens_total{model="small",kind="output"} 20"#,
        r#"pointsman_cost_usd_total{model="small"} 0.00009"#,
        "pointsman_overhead_seconds_count 1",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn savings_are_told_against_every_model() {
    let site = Site::new(&[Act::Say("Yes.")], &[Act::Say("")]).await;
    for _ in 0..3 {
        site.chat(&asking("auto")).await;
    }
    let told: Value = site.running.get("/v1/savings").await.json().await.unwrap();
    assert_eq!(told["calls"], 3);
    let of = |model: &str| {
        let all = told["baselines"].as_array().unwrap();
        all.iter().find(|one| one["model"] == model).unwrap()["saved_usd"]["estimate"]
            .as_f64()
            .unwrap()
    };
    // Each call was billed $0.00009 and would have cost $0.001, as predicted.
    assert!(
        (of("large") - 3.0 * (0.001 - 0.000_09)).abs() < 1e-9,
        "{told}"
    );
    assert_eq!(of("small"), 0.0);
    assert_eq!(told["estimated_calls"], 0);
}

/// In what is recorded, exported and told of savings.
#[tokio::test]
async fn a_cost_that_was_estimated_is_told_apart_everywhere() {
    let site = Site::new(
        &[Act::SayWithoutUsage("Yes."), Act::Say("Yes.")],
        &[Act::Say("")],
    )
    .await;
    for _ in 0..2 {
        site.chat(&asking("auto")).await;
    }
    let told: Value = site.running.get("/v1/savings").await.json().await.unwrap();
    assert_eq!(
        (&told["calls"], &told["estimated_calls"]),
        (&json!(2), &json!(1))
    );
    let number = |value: &Value| value.as_f64().unwrap();
    let estimated = number(&told["spent_usd"]) - 0.000_09;
    assert!(
        (number(&told["estimated_usd"]) - estimated).abs() < 1e-12,
        "{told}"
    );
    let rows = site.rows().await;
    let kept: Vec<Option<bool>> = rows.iter().map(|row| row.cost_estimated).collect();
    assert_eq!(kept, [Some(true), Some(false)]);
}
