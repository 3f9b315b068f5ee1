//! Errors in and out.

use serde_json::{Value, json};

use crate::{Body, Dialect, Error, Failure, FailureKind};

fn read(status: u16, body: &str) -> Failure {
    Dialect::Chat.read_failure(status, body.as_bytes())
}

#[test]
fn errors_of_every_kind_of_server_are_read() {
    let openai = read(
        429,
        r#"{"error":{"message":"Slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
    );
    assert_eq!(
        (openai.kind, openai.message.as_str()),
        (FailureKind::RateLimit, "Slow down")
    );
    assert_eq!(openai.code.as_deref(), Some("rate_limit_exceeded"));
    let spent = read(
        429,
        r#"{"error":{"message":"Pay","type":"insufficient_quota","code":"insufficient_quota"}}"#,
    );
    assert_eq!(spent.kind, FailureKind::Billing);
    let anthropic = read(
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#,
    );
    assert_eq!(
        (anthropic.kind, anthropic.message.as_str()),
        (FailureKind::Overloaded, "Overloaded")
    );
    assert_eq!(
        read(404, r#"{"error":"model not found"}"#).message,
        "model not found"
    );
    assert_eq!(
        read(400, r#"{"object":"error","message":"too long","code":400}"#).message,
        "too long"
    );
    assert_eq!(read(422, r#"{"detail":"bad"}"#).message, "bad");
    let html = read(502, "<html>https://secret.example</html>");
    assert_eq!(
        (html.kind, html.message.as_str()),
        (
            FailureKind::BadGateway,
            "status 502 without a readable error"
        )
    );
    assert_eq!(read(418, "{}").kind, FailureKind::Invalid);
    assert_eq!(read(599, "[]").kind, FailureKind::Server);
}

#[test]
fn errors_are_written_in_each_dialect() {
    let failure = Failure {
        param: Some("messages[0]".into()),
        code: Some("c".into()),
        ..Failure::new(FailureKind::Invalid, "No \"x\"")
    };
    let parse =
        |dialect: Dialect| serde_json::from_str::<Value>(&dialect.write_failure(&failure)).unwrap();
    let openai = json!({"error": {"message": "No \"x\"", "type": "invalid_request_error", "param": "messages[0]", "code": "c"}});
    assert_eq!(parse(Dialect::Chat), openai);
    assert_eq!(parse(Dialect::Responses), openai);
    assert_eq!(
        parse(Dialect::Messages),
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": "No \"x\""}})
    );
}

#[test]
fn what_is_written_is_read_again() {
    for dialect in Dialect::ALL {
        for kind in FailureKind::ALL {
            let failure = Failure::new(kind, "why");
            let read =
                dialect.read_failure(kind.status(), dialect.write_failure(&failure).as_bytes());
            assert_eq!(
                (read.kind, read.message.as_str()),
                (kind, "why"),
                "{dialect}"
            );
        }
    }
}

#[test]
fn a_request_that_is_refused_names_its_field() {
    let body = Body::parse(br#"{"model":"a","messages":[],"n":2}"#).unwrap();
    let said = Dialect::Chat.read_request(&body).unwrap();
    let error = Dialect::Messages
        .write_request(&said, &crate::Target::new("m"))
        .unwrap_err();
    let failure = Failure::of_request(&error);
    assert_eq!(
        (failure.kind, failure.param.as_deref()),
        (FailureKind::Invalid, Some("n"))
    );
    assert_eq!(failure.kind.status(), 400);
    assert_eq!(
        Failure::of_answer(&Error::CutShort).kind,
        FailureKind::BadGateway
    );
    let told = Failure::new(FailureKind::RateLimit, "slow");
    assert_eq!(Failure::of_answer(&Error::Failed(told.clone())), told);
}

#[test]
fn what_passes_may_be_tried_again() {
    let passing: Vec<u16> = FailureKind::ALL
        .into_iter()
        .filter(|kind| kind.is_passing())
        .map(FailureKind::status)
        .collect();
    assert_eq!(passing, [408, 409, 429, 500, 502, 503, 504]);
}
