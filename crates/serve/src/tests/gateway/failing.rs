//! What callers see when providers fail: another model, or an error in their dialect; never a wrong
//! answer.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn another_model_answers_where_the_chosen_one_fails() {
    let site = Site::new(&[Act::Fail(500)], &[Act::Say("From the other.")]).await;
    let response = site.post("/v1/chat/completions", &asking("auto")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "model"), "large");
    assert_eq!(header(&response, "reason"), "fallback");
    assert_eq!(header(&response, "fallbacks"), "1");
    assert_eq!(header(&response, "retries"), "1");
    let id = header(&response, "decision-id");
    let (_, answer) = read(response).await;
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "From the other."
    );
    assert_eq!(answer["model"], "large");
    site.running.judge(&id, 1.0).await;
    let rows = site.rows().await;
    let of = |id: &str| {
        rows.iter()
            .find(|row| row.decision_id.as_deref() == Some(id))
            .unwrap()
    };
    assert_eq!(
        rows.len(),
        2,
        "the failure and the answer are decisions of their own"
    );
    assert_eq!(
        of(&id).model.as_str(),
        "large",
        "feedback counts for who answered"
    );
    assert!(
        rows.iter()
            .any(|row| row.model.as_str() == "small" && row.score.is_none())
    );
}

#[tokio::test]
async fn a_named_model_is_not_replaced() {
    let site = Site::new(&[Act::Fail(503)], &[Act::Say("From the other.")]).await;
    let response = site.post("/v1/chat/completions", &asking("small")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&response, "reason"), "pinned");
    assert!(response.headers().contains_key("retry-after"));
    let (_, error) = read(response).await;
    assert!(error["error"]["message"].is_string(), "{error}");
    assert!(site.large.heard().is_empty());
}

#[tokio::test]
async fn a_request_that_is_wrong_is_not_tried_elsewhere() {
    let site = Site::new(&[Act::Fail(400)], &[Act::Say("From the other.")]).await;
    let (status, error) = site.chat(&asking("auto")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(error["error"]["message"], "the provider says no");
    assert!(site.large.heard().is_empty());
}

#[tokio::test]
async fn errors_speak_the_callers_dialect() {
    let site = Site::new(&[Act::Fail(500)], &[Act::Fail(500)]).await;
    let asked = json!({"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "Why?"}]});
    let (status, error) = read(site.post("/v1/messages", &asked).await).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(error["type"], "error");
    let asked = json!({"model": "nobody", "messages": []});
    let (status, error) = read(site.post("/v1/messages", &asked).await).await;
    assert!(status.is_client_error(), "{status}");
    assert_eq!(error["type"], "error");
    let (status, error) = site.chat(&asking("nobody")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(error["error"]["code"], "model_not_found");
    assert_eq!(error["error"]["param"], "model");
}

#[tokio::test]
async fn a_break_in_mid_stream_is_told_and_recorded() {
    let site = Site::new(&[Act::BreakOff], &[Act::Say("From the other.")]).await;
    let mut asked = asking("auto");
    asked["stream"] = json!(true);
    let text = site
        .post("/v1/chat/completions", &asked)
        .await
        .text()
        .await
        .unwrap();
    assert!(
        text.contains("Half an") && text.contains("\"error\""),
        "{text}"
    );
    assert!(!text.contains("From the other"), "nothing is mixed: {text}");
    let rows = site.rows().await;
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn a_model_that_never_answers_is_given_up() {
    let site = Site::new(&[Act::Hang], &[Act::Say("From the other.")]).await;
    let response = site.post("/v1/chat/completions", &asking("auto")).await;
    assert_eq!(header(&response, "model"), "large");
}

#[tokio::test]
async fn a_caller_who_leaves_is_accounted_for() {
    let site = Site::new(&[Act::Hang], &[Act::Hang]).await;
    let asked = site
        .running
        .post("/v1/chat/completions", asking("small").to_string());
    let left = tokio::time::timeout(Duration::from_millis(150), asked.send()).await;
    assert!(left.is_err());
    tokio::time::sleep(Duration::from_millis(150)).await;
    let page = site.running.metrics().await;
    assert!(page.contains("pointsman_cost_estimated_total 1"), "{page}");
    assert_eq!(site.rows().await.len(), 1);
}

#[tokio::test]
async fn bodies_that_are_none_are_refused_by_name() {
    let site = Site::new(&[Act::Say("")], &[Act::Say("")]).await;
    let refused = |body: &'static str| site.running.post("/v1/chat/completions", body).send();
    for (body, says) in [
        ("{", "not JSON"),
        (r#"{"model": "auto"}"#, "messages"),
        (
            r#"{"model": "auto", "messages": [{"role": "user", "content": 7}]}"#,
            "messages[0].content",
        ),
        (
            r#"{"model": "auto", "messages": [{"role": "user", "content": "a"}], "pointsman": {"expln": 1}}"#,
            "expln",
        ),
        (
            r#"{"model": "auto", "messages": [{"role": "user", "content": "a"}], "pointsman": {"prompt": "b"}}"#,
            "stands in the request itself",
        ),
    ] {
        let (status, error) = read(refused(body).await.unwrap()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
        assert!(error.to_string().contains(says), "{says} is not in {error}");
    }
}

#[tokio::test]
async fn a_store_that_is_gone_stops_no_traffic() {
    let site = Site::new(&[Act::Say("Yes.")], &[Act::Say("")]).await;
    site.running.store.close().await;
    let response = site.post("/v1/chat/completions", &asking("auto")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "model"), "small");
    assert_eq!(header(&response, "decision-id"), "", "nothing to refer to");
    let page = site.running.metrics().await;
    assert!(page.contains("pointsman_unrecorded_total 1"), "{page}");
}

/// Many callers at once, none of whom is in a hurry.
#[tokio::test]
async fn a_thousand_callers_at_once_are_all_answered() {
    let site = Site::new(&[Act::Say("Yes.")], &[Act::Say("Yes.")]).await;
    let asked = asking("auto");
    let all = (0..1000).map(|_| site.post("/v1/chat/completions", &asked));
    let answered = futures_util::future::join_all(all).await;
    assert!(answered.iter().all(|one| one.status() == StatusCode::OK));
}

#[tokio::test]
async fn streams_under_way_finish_when_the_server_ends() {
    let site = Site::new(&[Act::Say("One two three")], &[Act::Say("")]).await;
    let mut asked = asking("small");
    asked["stream"] = json!(true);
    let response = site.post("/v1/chat/completions", &asked).await;
    site.running.stop.cancel();
    let text = response.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
}
