//! Personal data and secrets: on their way in, out, and into the store.

use super::*;
use crate::GuardConfig;

async fn site(says: &'static str, guard: GuardConfig) -> Site {
    let says = [Act::Say(says)];
    Site::changed(&says, &says, |gateway| gateway.guard = guard).await
}

fn emails(answers: bool) -> GuardConfig {
    serde_json::from_value(json!({
        "redact": ["email"], "answers": answers,
        "deny": [{"name": "project", "regex": "(?i)project x", "message": "ask somebody else"}],
    }))
    .unwrap()
}

fn saying(text: &str) -> Value {
    json!({"model": "auto", "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn requests_are_redacted_before_anybody_sees_them() {
    let site = site("Yes.", emails(false)).await;
    let (status, _) = site.chat(&saying("Write to ann@example.com now.")).await;
    assert_eq!(status, StatusCode::OK);
    let heard = &site.small.heard()[0].body;
    assert!(heard.contains("Write to [EMAIL] now."), "{heard}");
    let rows = site.rows().await;
    assert_eq!(rows[0].prompt.text(), "Write to [EMAIL] now.");
}

#[tokio::test]
async fn what_is_only_stored_is_redacted_there() {
    let only_stored = GuardConfig {
        requests: false,
        ..emails(false)
    };
    let site = site("Yes.", only_stored).await;
    site.chat(&saying("Write to ann@example.com now.")).await;
    assert!(site.small.heard()[0].body.contains("ann@example.com"));
    assert_eq!(site.rows().await[0].prompt.text(), "Write to [EMAIL] now.");
}

#[tokio::test]
async fn answers_are_redacted_whole_and_in_mid_word() {
    let said = "Ask ann@example.com or bob@example.org , they know.";
    let site = site(said, emails(true)).await;
    for model in ["small", "large"] {
        let (_, answer) = site.chat(&asking(model)).await;
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert_eq!(text, "Ask [EMAIL] or [EMAIL] , they know.");
        let mut streamed = asking(model);
        streamed["stream"] = json!(true);
        streamed["pointsman"] = json!({"explain": true});
        let text = site
            .post("/v1/chat/completions", &streamed)
            .await
            .text()
            .await
            .unwrap();
        assert!(
            !text.contains("example.com") && !text.contains("@"),
            "{text}"
        );
        assert!(text.contains("[EMAIL]") && text.contains("they "), "{text}");
        assert!(
            text.contains("\"pointsman\":") && text.ends_with("data: [DONE]\n\n"),
            "{text}"
        );
    }
    for (path, asked) in [
        (
            "/v1/messages",
            json!({"model": "small", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "Why?"}]}),
        ),
        (
            "/v1/responses",
            json!({"model": "large", "stream": true, "input": "Why?"}),
        ),
    ] {
        let text = site.post(path, &asked).await.text().await.unwrap();
        assert!(
            !text.contains("@example") && text.contains("[EMAIL]"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_is_denied_goes_nowhere() {
    let site = site("Yes.", emails(false)).await;
    let (status, error) = site.chat(&saying("Tell me of Project X.")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(error["error"]["message"], "ask somebody else");
    assert_eq!(error["error"]["code"], "denied");
    assert!(site.small.heard().is_empty());
}
