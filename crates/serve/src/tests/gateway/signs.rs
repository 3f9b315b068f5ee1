//! What answers show of themselves is kept with their outcomes: their length, and how sure the model
//! was where it was asked.

use super::*;

/// What the rows say of answers, in the order of the calls.
async fn signs(site: Site) -> Vec<(Option<f64>, Option<u64>)> {
    let rows = site.rows().await.into_iter();
    rows.map(|row| (row.answer_logprob, row.answer_chars))
        .collect()
}

fn check(signs: (Option<f64>, Option<u64>), logprob: Option<f64>, chars: Option<u64>) {
    assert_eq!(signs.1, chars);
    match (signs.0, logprob) {
        (Some(got), Some(wanted)) => assert!((got - wanted).abs() < 1e-9, "{got}"),
        (got, wanted) => assert_eq!(got, wanted),
    }
}

#[tokio::test]
async fn of_whole_answers_and_streams_in_every_dialect() {
    let site = Site::new(&[Act::SayAt("Grüß Gott.", -0.5)], &[Act::Say("Oh no.")]).await;
    for stream in [false, true] {
        for model in ["small", "large"] {
            for (path, asked) in [
                ("/v1/chat/completions", asking(model)),
                (
                    "/v1/messages",
                    json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Why?"}]}),
                ),
                ("/v1/responses", json!({"model": model, "input": "Why?"})),
            ] {
                let mut asked = asked;
                asked["stream"] = json!(stream);
                let response = site.post(path, &asked).await;
                assert_eq!(response.status(), StatusCode::OK, "{path} {asked}");
                response.bytes().await.unwrap();
            }
        }
    }
    let signs = signs(site).await;
    assert_eq!(signs.len(), 12);
    for (call, signs) in signs.into_iter().enumerate() {
        match call / 3 % 2 {
            0 => check(signs, Some(-0.5), Some(10)),
            _ => check(signs, None, Some(6)),
        }
    }
}

#[tokio::test]
async fn likelihoods_are_asked_for_where_the_caller_asks_alone() {
    let site = Site::new(&[Act::Say("Yes.")], &[Act::Say("No.")]).await;
    let mut asked = asking("small");
    site.chat(&asked).await;
    asked["logprobs"] = json!(true);
    site.chat(&asked).await;
    let heard = site.small.heard();
    assert_eq!(heard[0].json().get("logprobs"), None);
    assert_eq!(heard[1].json()["logprobs"], true);
    for told in signs(site).await {
        check(told, None, Some(4));
    }
}

#[tokio::test]
async fn of_half_an_answer_and_of_none_nothing_is_kept() {
    let acts = [Act::BreakOff, Act::CallTool, Act::Fail(400)];
    let site = Site::new(&acts, &[Act::Fail(400)]).await;
    let mut asked = asking("small");
    asked["stream"] = json!(true);
    let broken = site.post("/v1/chat/completions", &asked).await;
    assert!(broken.text().await.unwrap().contains("Half an"));
    let (status, _) = site.chat(&asking("small")).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = site.chat(&asking("small")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let signs = signs(site).await;
    assert_eq!(signs, [(None, None); 3]);
}
