//! Streams: any of the recorded ones to any dialect, however it is cut.

use proptest::prelude::*;

use super::fixtures::{Recorded, STREAMS, stream};
use super::server_sent::cut;
use crate::sse::{Bounds, Parser};
use crate::{
    Answer, Collector, Delta, Dialect, Envelope, Event, EventReader, EventWriter, Failure,
    FailureKind, Opening, Progress, Reasoning, Route, Said, Seal, Stop, ToolCall, Translation,
    Usage, replay,
};

pub(super) fn route(from: Dialect, to: Dialect) -> Route {
    Route {
        from,
        to,
        envelope: Envelope {
            id: "x".into(),
            model: "m".into(),
            created: 7,
        },
        include_usage: true,
        gather: true,
        bounds: Bounds::default(),
    }
}

/// What the caller gets of these pieces, and the stream afterwards.
pub(super) fn sent<'p>(
    route: Route,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (String, Translation) {
    let mut translation = Translation::new(route);
    let mut out = Vec::new();
    for piece in pieces {
        translation.push(piece, &mut out);
    }
    translation.finish(&mut out);
    (String::from_utf8(out).unwrap(), translation)
}

/// The neutral events of a stream.
fn events(dialect: Dialect, bytes: &[u8]) -> Vec<Event> {
    let mut reader = EventReader::new(dialect);
    let mut events = Vec::new();
    let mut parser = Parser::new(Bounds::default());
    let mut each = |frame: crate::sse::Frame<'_>| match frame.message {
        Some(message) => reader.read(message.data, &mut events),
        None => Ok(()),
    };
    parser.push(bytes, &mut each).unwrap();
    parser.finish(&mut each).unwrap();
    reader.finish(&mut events);
    events
}

fn gathered(dialect: Dialect, bytes: &[u8]) -> Answer {
    let mut collector = Collector::default();
    events(dialect, bytes)
        .iter()
        .for_each(|event| collector.push(event));
    collector.finish().unwrap()
}

fn call(id: &str, name: &str, arguments: &str) -> Said {
    Said::ToolCall(ToolCall {
        id: id.to_owned().into(),
        name: name.to_owned().into(),
        arguments: arguments.to_owned().into(),
    })
}

fn seal(by: Dialect, value: &'static str, is_redacted: bool) -> Option<Seal<'static>> {
    Some(Seal {
        by,
        value: value.into(),
        is_redacted,
    })
}

const TEXT: &str = "Hello! Grüße, 世界 😀\nDone.";

fn check(name: &str, said: Vec<Said>, stop: Stop, usage: Option<Usage>) {
    let recorded = stream(name);
    let answer = gathered(recorded.dialect, recorded.bytes);
    assert_eq!(answer.said, said, "{name}");
    assert_eq!((answer.stop, answer.usage), (stop, usage), "{name}");
    assert!(!answer.id.is_empty() && !answer.model.is_empty(), "{name}");
}

const fn usage(
    input: u64,
    cached: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
) -> Option<Usage> {
    Some(Usage {
        input,
        cached,
        cache_write,
        output,
        reasoning,
    })
}

#[test]
fn recorded_streams_gather_to_their_answers() {
    let text = || vec![Said::Text(TEXT.into())];
    check("chat_text.sse", text(), Stop::End, usage(57, 32, 0, 17, 4));
    check(
        "messages_text.sse",
        text(),
        Stop::End,
        usage(132, 100, 7, 15, 0),
    );
    check(
        "responses_text.sse",
        text(),
        Stop::End,
        usage(37, 12, 0, 11, 3),
    );
    let calls = vec![
        call(
            "call_DdmO9pD3xa9XTPNJ32zg2hcA",
            "get_weather",
            "{\"city\": \"Paris\"}",
        ),
        call("call_8K1", "get_time", "{\"zone\": \"CET\"}"),
    ];
    check(
        "chat_tools.sse",
        calls,
        Stop::ToolCalls,
        usage(57, 32, 0, 17, 4),
    );
}

#[test]
fn recorded_thoughts_and_calls_gather_to_their_answers() {
    let thought = |id: Option<&'static str>, text: &'static str, seal| {
        Said::Reasoning(Reasoning {
            id: id.map(Into::into),
            text: text.into(),
            seal,
        })
    };
    let interleaved = vec![
        thought(None, "Both cities.", None),
        Said::Text("Looking.".into()),
        call("functions.a:0", "a", "{\"x\":1}"),
        call("functions.b:1", "b", "{\"y\":2}"),
    ];
    check("chat_interleaved.sse", interleaved, Stop::ToolCalls, None);
    let messages = vec![
        thought(
            None,
            "Both cities.",
            seal(Dialect::Messages, "EqQBCgIYAhIM1gbcDa9GJwZA2b3h==", false),
        ),
        thought(
            None,
            "",
            seal(Dialect::Messages, "EmwKAhgBEgy3va3pzix=", true),
        ),
        Said::Text("Looking.".into()),
        call(
            "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
            "get_weather",
            "{\"city\": \"Paris\"}",
        ),
        call("toolu_02", "get_time", "{}"),
    ];
    check(
        "messages_thinking_tools.sse",
        messages,
        Stop::ToolCalls,
        usage(472, 0, 0, 89, 40),
    );
    let sealed = seal(Dialect::Responses, "gAAAAABoIPOE==", false);
    let responses = vec![
        thought(
            Some("rs_6820f383d7c0"),
            "Both cities.\n\nThen the time.",
            sealed,
        ),
        call("call_1", "get_weather", "{\"city\":\"Paris\"}"),
        call("call_2", "get_time", "{\"zone\":\"CET\"}"),
    ];
    check(
        "responses_reasoning_tools.sse",
        responses,
        Stop::ToolCalls,
        usage(37, 12, 0, 11, 3),
    );
}

/// What of an answer a dialect's stream can say.
fn sayable(mut answer: Answer, dialect: Dialect) -> Answer {
    for said in &mut answer.said {
        match said {
            Said::Reasoning(thought) if dialect == Dialect::Chat => {
                (thought.seal, thought.id) = (None, None);
            }
            // The name goes with the seal.
            Said::Reasoning(thought) => thought.id = None,
            Said::ToolCall(call) if dialect == Dialect::Messages => {
                call.id = call.id.replace(['.', ':'], "_").into();
            }
            _ => {}
        }
    }
    if dialect == Dialect::Chat {
        let is_empty =
            |said: &Said| matches!(said, Said::Reasoning(thought) if thought.text.is_empty());
        answer.said.retain(|said| !is_empty(said));
    }
    if dialect == Dialect::Messages {
        answer.usage = answer.usage.or(Some(Usage::default()));
    }
    (answer.id, answer.model) = (String::new(), String::new());
    answer
}

/// Names that the writer gave are not the back end's.
fn nameless(mut answer: Answer) -> Answer {
    for said in &mut answer.said {
        if let Said::Reasoning(thought) = said {
            thought.id = None;
        }
    }
    (answer.id, answer.model) = (String::new(), String::new());
    answer
}

#[test]
fn every_stream_says_the_same_in_every_dialect() {
    let whole = STREAMS.iter().filter(|stream| !is_broken(stream));
    for recorded in whole {
        for to in Dialect::ALL {
            let (text, translation) = sent(route(recorded.dialect, to), [recorded.bytes]);
            assert_eq!(translation.observed().progress, Progress::Complete);
            let original = gathered(recorded.dialect, recorded.bytes);
            let name = format!("{} to {to}:\n{text}", recorded.name);
            assert_eq!(
                nameless(gathered(to, text.as_bytes())),
                sayable(original.clone(), to),
                "{name}"
            );
            assert_eq!(translation.into_answer().unwrap(), original, "{name}");
        }
    }
}

fn is_broken(recorded: &Recorded) -> bool {
    recorded.name.contains("error") || recorded.name.contains("failed")
}

#[test]
fn a_failure_in_the_middle_is_told_in_every_dialect() {
    let broken = STREAMS.iter().filter(|stream| is_broken(stream));
    for recorded in broken {
        for to in Dialect::ALL {
            let (text, translation) = sent(route(recorded.dialect, to), [recorded.bytes]);
            let Progress::Failed(seen) = &translation.observed().progress else {
                panic!("{text}");
            };
            let told = events(to, text.as_bytes());
            let told = told.iter().find_map(|event| match event {
                Event::Failed(failure) => Some(failure),
                _ => None,
            });
            let told = told.unwrap_or_else(|| panic!("{} to {to}:\n{text}", recorded.name));
            assert_eq!(told.message, seen.message);
            assert!(
                !text.contains("[DONE]") && !text.contains("message_stop"),
                "{text}"
            );
            assert!(translation.into_answer().is_none());
        }
    }
}

#[test]
fn a_stream_that_ends_early_is_told_in_every_dialect() {
    for recorded in STREAMS.iter().filter(|stream| !is_broken(stream)) {
        for to in Dialect::ALL {
            let half = &recorded.bytes[..recorded.bytes.len() / 2];
            let (text, translation) = sent(route(recorded.dialect, to), [half]);
            assert!(
                matches!(translation.observed().progress, Progress::Failed(_)),
                "{text}"
            );
            assert!(text.contains("error"), "{} to {to}:\n{text}", recorded.name);
            assert!(
                !text.contains("[DONE]") && !text.contains("message_stop"),
                "{text}"
            );
            assert!(!text.contains("response.completed"), "{text}");
        }
    }
}

#[test]
fn a_break_from_outside_is_told_once() {
    let recorded = stream("messages_text.sse");
    for to in Dialect::ALL {
        let mut translation = Translation::new(route(Dialect::Messages, to));
        let mut out = Vec::new();
        translation.push(&recorded.bytes[..400], &mut out);
        translation.fail(Failure::silence(), &mut out);
        translation.push(&recorded.bytes[400..], &mut out);
        translation.finish(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text.matches("fell silent").count(),
            if to == Dialect::Responses { 3 } else { 1 },
            "{text}"
        );
        assert!(!text.contains("Done."), "{text}");
        let Progress::Failed(failure) = &translation.observed().progress else {
            panic!("{text}");
        };
        assert_eq!(failure.kind, FailureKind::Timeout);
    }
}

#[test]
fn the_same_dialect_hands_on_every_byte() {
    for recorded in &STREAMS {
        let (text, translation) = sent(
            route(recorded.dialect, recorded.dialect),
            recorded.bytes.chunks(7),
        );
        assert_eq!(text.as_bytes(), recorded.bytes, "{}", recorded.name);
        assert_eq!(
            translation.observed().progress == Progress::Complete,
            !is_broken(recorded)
        );
    }
}

#[test]
fn the_usage_that_the_gateway_asked_for_is_not_handed_on() {
    let recorded = stream("chat_text.sse");
    let with_comment = [b": keep alive\n\n", recorded.bytes].concat();
    let hidden = Route {
        include_usage: false,
        ..route(Dialect::Chat, Dialect::Chat)
    };
    let text = std::str::from_utf8(&with_comment).unwrap();
    let wanted: String = text
        .split_inclusive("\n\n")
        .filter(|frame| !frame.contains("prompt_tokens"))
        .collect();
    for size in [1, 13, 5000] {
        let (sent, translation) = sent(hidden.clone(), with_comment.chunks(size));
        assert_eq!(sent, wanted);
        assert_eq!(translation.observed().usage, usage(57, 32, 0, 17, 4));
    }
    let (translated, _) = sent(
        Route {
            from: Dialect::Messages,
            ..hidden
        },
        [stream("messages_text.sse").bytes],
    );
    assert!(
        !translated.contains("usage") && translated.ends_with("data: [DONE]\n\n"),
        "{translated}"
    );
}

#[test]
fn words_go_out_at_once() {
    let chunk = b"data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    for to in Dialect::ALL {
        let mut translation = Translation::new(route(Dialect::Chat, to));
        let mut out = Vec::new();
        translation.push(chunk, &mut out);
        assert!(String::from_utf8(out).unwrap().contains("Hi"), "{to}");
        assert!(translation.observed().has_spoken);
        assert_eq!(translation.observed().bytes, 2);
    }
}

/// A chat stream that says these deltas, each with what is told of its tokens.
fn scored(deltas: &[(&str, &str)]) -> String {
    let chunk = |(delta, logprobs): &(&str, &str)| {
        format!(
            "data: {{\"id\":\"a\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":{logprobs}}}]}}\n\n"
        )
    };
    let said: String = deltas.iter().map(chunk).collect();
    said + "data: [DONE]\n\n"
}

#[test]
fn what_a_streamed_answer_shows_of_itself_is_seen_and_gathered() {
    let text = scored(&[
        (
            r#"{"content":"Grüß"}"#,
            r#"{"content":[{"token":"a","logprob":-0.5},{"token":"b","logprob":-1.5}],"refusal":null}"#,
        ),
        (r#"{"reasoning_content":"Hm."}"#, "null"),
        (
            r#"{"content":" Gott"}"#,
            r#"{"content":[{"token":"c","logprob":-1}]}"#,
        ),
        (r#"{"refusal":"No."}"#, r#"{"content":[]}"#),
    ]);
    for to in Dialect::ALL {
        for size in [1, 7, 5000] {
            let chunks = text.as_bytes().chunks(size);
            let (told, translation) = sent(route(Dialect::Chat, to), chunks);
            assert_eq!(translation.observed().progress, Progress::Complete);
            assert_eq!(translation.observed().chars, 9);
            let likelihood = translation.observed().likelihood.unwrap();
            assert_eq!(likelihood.tokens, 3);
            assert!((likelihood.mean() + 1.0).abs() < 1e-12, "{likelihood:?}");
            assert_eq!(told.contains("\"logprob\":"), to == Dialect::Chat, "{told}");
            let gathered = translation.into_answer().unwrap();
            assert_eq!(gathered.likelihood, Some(likelihood));
        }
    }
}

#[test]
fn numbers_that_cannot_be_read_break_no_stream_and_make_no_answer_likely() {
    for logprobs in [r#"{"content":[{"token":"a"}]}"#, r#"{"content":7}"#, "true"] {
        let text = scored(&[
            (
                r#"{"content":"A"}"#,
                r#"{"content":[{"token":"a","logprob":-0.1}]}"#,
            ),
            (r#"{"content":"B"}"#, logprobs),
        ]);
        let route = route(Dialect::Chat, Dialect::Messages);
        let (_, translation) = sent(route, [text.as_bytes()]);
        let observed = translation.observed();
        assert_eq!(observed.progress, Progress::Complete, "{logprobs}");
        let mean = observed.likelihood.unwrap().mean();
        assert!(mean.is_infinite() && mean < 0.0, "{logprobs}: {mean}");
    }
}

#[test]
fn streams_that_tell_no_likelihood_have_none() {
    for recorded in STREAMS.iter().filter(|stream| !is_broken(stream)) {
        let gathered = gathered(recorded.dialect, recorded.bytes);
        let (_, translation) = sent(route(recorded.dialect, Dialect::Chat), [recorded.bytes]);
        assert_eq!(translation.observed().likelihood, None, "{recorded:?}");
        let chars = gathered.text().chars().count() as u64;
        assert_eq!(translation.observed().chars, chars, "{recorded:?}");
    }
}

#[test]
fn events_stand_in_the_order_that_clients_expect() {
    let names = |to, name: &str| {
        let recorded = stream(name);
        let (text, _) = sent(route(recorded.dialect, to), [recorded.bytes]);
        let names = text.lines().filter_map(|line| line.strip_prefix("event: "));
        names.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    let block = |deltas: usize| {
        format!(
            "content_block_start {}content_block_stop",
            "content_block_delta ".repeat(deltas)
        )
    };
    assert_eq!(
        names(Dialect::Messages, "chat_interleaved.sse"),
        format!(
            "message_start {} {} {} {} message_delta message_stop",
            block(2),
            block(1),
            block(2),
            block(2)
        ),
    );
    assert_eq!(
        names(Dialect::Responses, "chat_interleaved.sse"),
        "response.created response.in_progress \
         response.output_item.added response.reasoning_summary_part.added \
         response.reasoning_summary_text.delta response.reasoning_summary_text.delta \
         response.reasoning_summary_text.done response.reasoning_summary_part.done response.output_item.done \
         response.output_item.added response.content_part.added response.output_text.delta \
         response.output_text.done response.content_part.done response.output_item.done \
         response.output_item.added response.function_call_arguments.delta \
         response.output_item.added response.function_call_arguments.delta \
         response.function_call_arguments.delta response.function_call_arguments.delta \
         response.function_call_arguments.done response.output_item.done \
         response.function_call_arguments.done response.output_item.done response.completed"
    );
}

#[test]
fn a_response_that_breaks_keeps_its_name_and_its_count() {
    let bytes = stream("responses_text.sse").bytes;
    let half = &bytes[..bytes.len() / 2];
    let (text, _) = sent(route(Dialect::Responses, Dialect::Responses), [half]);
    let data: Vec<serde_json::Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .collect();
    let [.., error, failed] = &data[..] else {
        panic!("{text}");
    };
    let told = "the back end's answer: the stream ended before the answer did";
    assert_eq!(
        (&error["message"], &error["error"]["message"]),
        (&told.into(), &told.into())
    );
    assert_eq!(failed["response"]["id"], data[0]["response"]["id"]);
    assert_eq!(failed["response"]["model"], data[0]["response"]["model"]);
    for (number, event) in data.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
}

#[test]
fn a_response_counts_its_events() {
    let (text, _) = sent(
        route(Dialect::Chat, Dialect::Responses),
        [stream("chat_tools.sse").bytes],
    );
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    for (number, data) in data.enumerate() {
        let event: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(event["sequence_number"], number);
    }
}

#[test]
fn servers_that_number_no_calls_are_understood() {
    let delta = |call: &str| {
        format!(
            "data: {{\"id\":\"a\",\"choices\":[{{\"delta\":{{\"tool_calls\":[{call}]}}}}]}}\n\n"
        )
    };
    let same = |id: &str| {
        format!(
            "{{\"index\":0,\"id\":\"{id}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{}}\"}}}}"
        )
    };
    let none = |id: &str| {
        format!("{{\"id\":\"{id}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{}}\"}}}}")
    };
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    for (first, second) in [(same("1"), same("2")), (none("1"), none("2"))] {
        let stream = [delta(&first), delta(&second), end.to_owned()].concat();
        let answer = gathered(Dialect::Chat, stream.as_bytes());
        assert_eq!(answer.said, [call("1", "f", "{}"), call("2", "f", "{}")]);
        assert_eq!(answer.stop, Stop::ToolCalls);
    }
    let nameless = delta("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}");
    let answer = gathered(
        Dialect::Chat,
        [nameless, end.to_owned()].concat().as_bytes(),
    );
    assert_eq!(answer.said, [call("call_a_0", "f", "{}")]);
}

#[test]
fn servers_with_habits_are_understood() {
    let azure = concat!(
        "data: {\"choices\":[],\"id\":\"\",\"model\":\"\",\"prompt_filter_results\":[]}\n\n",
        "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"\"}]}\n\n",
        "data: {\"id\":\"a\",\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"length\"}]}\n\n",
    );
    let answer = gathered(Dialect::Chat, azure.as_bytes());
    assert_eq!((answer.id.as_str(), answer.stop), ("a", Stop::Length));
    assert_eq!(answer.said, [Said::Text("Hi!".into())]);
    let late = b"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n";
    for (dialect, nothing) in [
        (Dialect::Chat, &b"data: [DONE]\n\n"[..]),
        (Dialect::Responses, late),
    ] {
        let told = events(dialect, nothing);
        assert!(
            matches!(told.last(), Some(Event::Failed(_))),
            "an end without a beginning: {told:?}"
        );
    }
}

#[test]
fn a_seal_travels_through_a_stream_of_another_dialect() {
    let recorded = stream("messages_thinking_tools.sse");
    let (text, _) = sent(
        route(Dialect::Messages, Dialect::Responses),
        [recorded.bytes],
    );
    let answer = gathered(Dialect::Responses, text.as_bytes());
    let Said::Reasoning(thought) = &answer.said[0] else {
        panic!("{text}");
    };
    assert_eq!(
        thought.seal,
        seal(Dialect::Messages, "EqQBCgIYAhIM1gbcDa9GJwZA2b3h==", false)
    );
}

fn delta() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "\n", "é😀", "\"\\", "data: x\n\n"]).prop_map(str::to_owned)
}

/// Answers whose blocks grow in turns.
fn interleaved() -> impl Strategy<Value = Vec<Event>> {
    let openings = prop::collection::vec(any::<bool>(), 1..5);
    let growth = prop::collection::vec((any::<prop::sample::Index>(), delta()), 0..20);
    (openings, growth).prop_map(|(openings, growth)| {
        let mut events = vec![Event::Start {
            id: "a".into(),
            model: "m".into(),
        }];
        for (block, is_call) in openings.iter().enumerate() {
            let id = format!("call_{block}");
            let opening = if *is_call {
                Opening::ToolCall {
                    id,
                    name: "f".into(),
                }
            } else {
                Opening::Text
            };
            events.push(Event::Open(block, opening));
        }
        for (block, more) in growth {
            events.push(Event::Grow(block.index(openings.len()), Delta::More(more)));
        }
        events.extend((0..openings.len()).rev().map(Event::Close));
        events.extend([Event::Stop(Stop::Length), Event::End]);
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_cut_gives_the_caller_the_same(
        recorded in prop::sample::select(STREAMS.iter().collect::<Vec<_>>()),
        to in prop::sample::select(Dialect::ALL.to_vec()),
        include_usage in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let route = Route { include_usage, ..route(recorded.dialect, to) };
        let (whole, seen) = sent(route.clone(), [recorded.bytes]);
        let (cut, cut_seen) = sent(route, cut(recorded.bytes, &cuts));
        prop_assert_eq!(whole, cut);
        prop_assert_eq!(seen.observed(), cut_seen.observed());
    }

    #[test]
    fn blocks_that_grow_in_turns_come_out_whole(events in interleaved(), to in prop::sample::select(vec![Dialect::Messages, Dialect::Responses])) {
        let mut writer = EventWriter::new(to, route(to, to).envelope, true);
        let mut text = String::new();
        let mut wanted = Collector::default();
        for event in &events {
            writer.write(event, &mut text);
            wanted.push(event);
        }
        let said = |answer: Answer| answer.said.into_iter().map(|said| match said {
            // A call that grew by nothing has an empty object.
            Said::ToolCall(call) if call.arguments.is_empty() && to == Dialect::Messages => {
                Said::ToolCall(ToolCall { arguments: "{}".into(), ..call })
            }
            said => said,
        }).collect::<Vec<_>>();
        prop_assert_eq!(said(gathered(to, text.as_bytes())), said(wanted.finish().unwrap()));
    }

    #[test]
    fn a_kept_answer_streams_like_the_first_time(
        recorded in prop::sample::select(STREAMS.iter().filter(|stream| !is_broken(stream)).collect::<Vec<_>>()),
        to in prop::sample::select(Dialect::ALL.to_vec()),
    ) {
        let answer = gathered(recorded.dialect, recorded.bytes);
        let mut writer = EventWriter::new(to, route(to, to).envelope, true);
        let mut text = String::new();
        replay(&answer).iter().for_each(|event| writer.write(event, &mut text));
        prop_assert_eq!(nameless(gathered(to, text.as_bytes())), sayable(answer, to));
    }
}
