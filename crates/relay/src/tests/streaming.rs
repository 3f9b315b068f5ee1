//! Streams, whole and broken.

use std::time::Duration;

use pointsman_wire::{Dialect, Progress, Usage};

use super::stand_in::{Act, StandIn, ends, http, says, stream_head, whole};
use super::{STREAMED, asked, asked_in, deployment, hasty, pool, told};
use crate::{Answered, Deployment, Stream};

async fn stream_of(script: Vec<Act>) -> (Box<Stream>, StandIn) {
    let stand_in = StandIn::new(vec![script]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let relayed = asked(STREAMED, &[&pool]).await;
    match relayed
        .result
        .unwrap_or_else(|failure| panic!("{failure}"))
        .1
        .answered
    {
        Answered::Stream(stream) => (stream, stand_in),
        Answered::Whole(_) => panic!("a stream was asked for"),
    }
}

async fn rest(stream: &mut Stream) -> String {
    let mut all = Vec::new();
    while let Some(bytes) = stream.next().await {
        all.extend_from_slice(&bytes);
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn a_stream_is_handed_on_and_watched() {
    let (mut stream, _stand_in) =
        stream_of(vec![stream_head(), says("Hel"), says("lo"), ends()]).await;
    let text = rest(&mut stream).await;
    assert!(
        text.contains("Hel") && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
    assert!(
        !text.contains("usage"),
        "the caller did not ask for it: {text}"
    );
    let observed = stream.observed();
    assert_eq!(observed.progress, Progress::Complete);
    let expected = Usage {
        input: 3,
        output: 2,
        ..Usage::default()
    };
    assert_eq!(observed.usage, Some(expected));
    assert_eq!(stream.into_answer().unwrap().text(), "Hello");
}

#[tokio::test]
async fn what_is_too_large_to_be_kept_is_handed_on_all_the_same() {
    let script = vec![stream_head(), says(&"a".repeat(5000)), ends()];
    let stand_in = StandIn::new(vec![script]).await;
    let small = Deployment {
        most_bytes: 4096,
        ..deployment("small/0", stand_in.address)
    };
    let relayed = asked(STREAMED, &[&pool(vec![small])]).await;
    let Answered::Stream(mut stream) = relayed.result.ok().unwrap().1.answered else {
        panic!("a stream was asked for");
    };
    assert!(rest(&mut stream).await.ends_with("data: [DONE]\n\n"));
    assert_eq!(stream.observed().progress, Progress::Complete);
    assert!(stream.into_answer().is_none());
}

#[tokio::test]
async fn the_first_words_do_not_wait_for_the_others() {
    let wait = Act::Wait(Duration::from_secs(30));
    let (mut stream, stand_in) = stream_of(vec![stream_head(), says("Hel"), wait]).await;
    let first = tokio::time::timeout(Duration::from_millis(300), stream.next()).await;
    assert!(first.unwrap().unwrap().starts_with(b"data: "));
    drop(stream);
    stand_in.is_hung_up_on().await;
}

#[tokio::test]
async fn a_break_is_told() {
    for last in [
        None,
        Some(Act::Reset),
        Some(Act::Wait(Duration::from_secs(30))),
    ] {
        let mut script = vec![stream_head(), says("Hel")];
        script.extend(last);
        let (mut stream, _stand_in) = stream_of(script).await;
        let text = rest(&mut stream).await;
        assert!(text.contains("Hel") && text.contains("\"error\""), "{text}");
        assert!(!text.contains("[DONE]"), "{text}");
        assert!(matches!(stream.observed().progress, Progress::Failed(_)));
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_told() {
    let garbage = Act::Say(b"data: {\"choices\": \"\xff\xfe\"}\n\n".to_vec());
    let (mut stream, _stand_in) = stream_of(vec![stream_head(), says("Hel"), garbage]).await;
    assert!(rest(&mut stream).await.contains("not UTF-8"));
}

#[tokio::test]
async fn an_error_before_the_first_word_goes_to_another_model() {
    let error = Act::Say(
        b"data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n".to_vec(),
    );
    let broken = StandIn::new(vec![vec![stream_head(), error]]).await;
    let silent = StandIn::new(vec![vec![stream_head()]]).await;
    let well = StandIn::new(vec![vec![stream_head(), says("Hello"), ends()]]).await;
    let pools = [broken.address, silent.address, well.address]
        .map(|address| pool(vec![deployment("a", address)]));
    let relayed = asked(STREAMED, &[&pools[0], &pools[1], &pools[2]]).await;
    let (model, text) = told(relayed).await;
    assert_eq!(model, 2);
    assert!(
        text.contains("Hello") && !text.contains("overloaded"),
        "{text}"
    );
}

#[tokio::test]
async fn a_whole_answer_becomes_the_stream_that_was_asked_for() {
    let stand_in = StandIn::new(vec![whole("Hello")]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let (_, text) = told(asked(STREAMED, &[&pool]).await).await;
    assert!(
        text.starts_with("data: ") && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
    assert!(text.contains("Hello"), "{text}");
}

#[tokio::test]
async fn an_error_instead_of_a_stream_is_an_error() {
    let body = r#"{"error":{"message":"no such thing","type":"invalid_request_error"}}"#;
    let stand_in = StandIn::new(vec![http(400, "application/json", "", body)]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let failure = asked(STREAMED, &[&pool]).await.result.err().unwrap();
    assert!(failure.message.contains("no such thing"));
}

#[tokio::test]
async fn a_stream_is_translated_as_it_comes() {
    let script = vec![stream_head(), says("Hel"), says("lo"), ends()];
    let stand_in = StandIn::new(vec![script]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let text = r#"{"model":"auto","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    let relayed = asked_in(Dialect::Messages, text, &[&pool], &hasty()).await;
    let (_, text) = told(relayed).await;
    for event in ["message_start", "content_block_delta", "message_stop"] {
        assert!(
            text.contains(&format!("event: {event}\n")),
            "{event}: {text}"
        );
    }
}
