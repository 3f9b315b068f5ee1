//! Law: any dialect to any and back keeps what both can say, and says that nothing was lost.

use proptest::prelude::*;

use super::read_answer;
use crate::{
    Answer, Block, Body, Collector, Conversation, Dialect, Effort, Envelope, Format, Image,
    ImageSource, Number, Reasoning, Role, Said, Sampling, Seal, Stop, Target, Text, Thinking, Tool,
    ToolCall, ToolChoice, ToolResult, Turn, Usage, replay,
};

type Owned = Conversation<'static>;

fn text() -> impl Strategy<Value = Text<'static>> {
    let odd = prop::sample::select(vec![
        "\"\\\n\t",
        "{\"model\":1}",
        "a\u{1}b",
        "😀\u{2028}é",
        "data: [DONE]",
    ]);
    prop_oneof![
        odd.prop_map(Text::from),
        "[a-z ]{1,12}".prop_map(Text::from)
    ]
}

fn name() -> impl Strategy<Value = Text<'static>> {
    "[a-z_]{1,8}".prop_map(Text::from)
}

fn arguments() -> impl Strategy<Value = Text<'static>> {
    let written = vec![
        "{}",
        "{\"a\": 1.0}",
        "{ \"b\":[\"\\u00e9\", null] }",
        "{\"c\":{\"d\":123456789012345678901234567890}}",
    ];
    prop::sample::select(written).prop_map(Text::from)
}

fn number(digits: &'static [&'static str]) -> impl Strategy<Value = Option<Number<'static>>> {
    let number = prop::sample::select(digits).prop_map(|digits| Number(digits.into()));
    prop::option::of(number)
}

fn image() -> impl Strategy<Value = Block<'static>> {
    let url = Just(ImageSource::Url("https://a.example/b.png?c=\"d\"".into()));
    let here = Just(ImageSource::Base64 {
        media_type: "image/png".into(),
        data: "iVBORw0KGgo=".into(),
    });
    let detail = prop::option::of(Just(Text::from("low")));
    let image = (prop_oneof![url, here], detail);
    image.prop_map(|(source, detail)| Block::Image(Image { source, detail }))
}

fn texts() -> impl Strategy<Value = Vec<Block<'static>>> {
    prop::collection::vec(text().prop_map(Block::Text), 1..3)
}

fn user() -> impl Strategy<Value = Vec<Block<'static>>> {
    prop::collection::vec(prop_oneof![text().prop_map(Block::Text), image()], 1..4)
}

fn thought() -> impl Strategy<Value = Block<'static>> {
    let by = prop::sample::select(Dialect::ALL.to_vec());
    let parts = (by, text(), any::<bool>());
    parts.prop_map(|(by, text, is_redacted)| {
        let is_redacted = is_redacted && by == Dialect::Messages;
        Block::Reasoning(Reasoning {
            id: (by == Dialect::Responses).then(|| "rs_1".into()),
            text: if is_redacted { "".into() } else { text },
            seal: Some(Seal {
                by,
                value: "c2VhbA==".into(),
                is_redacted,
            }),
        })
    })
}

/// An exchange: an answer, perhaps with calls, whose results the user's next turn brings.
fn exchange() -> impl Strategy<Value = Vec<Turn<'static>>> {
    let call = (name(), arguments());
    let result = (
        prop::collection::vec(
            prop_oneof![3 => text().prop_map(Block::Text), 1 => image()],
            0..3,
        ),
        any::<bool>(),
    );
    let calls = prop::collection::vec((call, result), 0..3);
    let parts = (
        prop::option::of(thought()),
        texts(),
        any::<bool>(),
        calls,
        user(),
    );
    parts.prop_map(|(thought, texts, is_refusal, calls, said)| {
        let mut answered: Vec<Block<'_>> = thought.into_iter().chain(texts).collect();
        if is_refusal {
            answered.push(Block::Refusal("No.".into()));
        }
        let mut results = Vec::new();
        for (index, ((name, arguments), (content, is_error))) in calls.into_iter().enumerate() {
            let id = format!("call_{index}");
            answered.push(Block::ToolCall(ToolCall {
                id: id.clone().into(),
                name,
                arguments,
            }));
            results.push(Block::ToolResult(ToolResult {
                call_id: id.into(),
                content,
                is_error,
            }));
        }
        results.extend(said);
        vec![
            Turn::new(Role::Assistant, answered),
            Turn::new(Role::User, results),
        ]
    })
}

fn turns() -> impl Strategy<Value = Vec<Turn<'static>>> {
    let role = prop::sample::select(vec![Role::System, Role::Developer]);
    let instructions = prop::collection::vec((role, texts()), 0..3);
    let rest = (user(), prop::collection::vec(exchange(), 0..3));
    (instructions, rest).prop_map(|(instructions, (first, exchanges))| {
        let instructions = instructions
            .into_iter()
            .map(|(role, blocks)| Turn::new(role, blocks));
        let first = Turn::new(Role::User, first);
        instructions
            .chain([first])
            .chain(exchanges.into_iter().flatten())
            .collect()
    })
}

fn tools() -> impl Strategy<
    Value = (
        Vec<Tool<'static>>,
        Option<ToolChoice<'static>>,
        Option<bool>,
    ),
> {
    let schema = prop::sample::select(vec!["{\"type\":\"object\"}", "{ \"z\":1, \"a\": [2] }"]);
    let tool = (name(), prop::option::of(text()), schema, any::<bool>());
    let tool = tool.prop_map(|(name, description, schema, is_strict)| Tool {
        name,
        description,
        parameters: Some(schema.into()),
        is_strict,
    });
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        name().prop_map(ToolChoice::Tool),
    ];
    (
        prop::collection::vec(tool, 1..3),
        prop::option::of(choice),
        prop::option::of(any::<bool>()),
    )
}

fn sampling() -> impl Strategy<Value = Sampling<'static>> {
    let numbers = (
        number(&["0", "0.70", "1.5"]),
        number(&["0.9", "1"]),
        number(&["40"]),
        number(&["-0.5"]),
        number(&["0.25"]),
        number(&["12345678901234567890"]),
    );
    numbers.prop_map(
        |(temperature, top_p, top_k, frequency_penalty, presence_penalty, seed)| Sampling {
            temperature,
            top_p,
            top_k,
            frequency_penalty,
            presence_penalty,
            seed,
        },
    )
}

fn format() -> impl Strategy<Value = Format<'static>> {
    let schema = (name(), prop::option::of(text()), any::<bool>());
    let schema = schema.prop_map(|(name, description, is_strict)| Format::JsonSchema {
        name: Some(name),
        description,
        schema: "{\"type\": \"object\", \"b\": 1, \"a\": 2}".into(),
        is_strict,
    });
    prop_oneof![Just(Format::JsonObject), schema]
}

fn thinking() -> impl Strategy<Value = Thinking> {
    use Effort::{High, Low, Max, Medium, Minimal, XHigh};
    let effort = prop::sample::select(vec![Minimal, Low, Medium, High, XHigh, Max]);
    prop_oneof![
        Just(Thinking::Off),
        Just(Thinking::Adaptive),
        Just(Thinking::Budget(2048)),
        effort.prop_map(Thinking::Effort),
    ]
}

fn conversation() -> impl Strategy<Value = Owned> {
    let first = (
        turns(),
        prop::option::of(tools()),
        sampling(),
        prop::option::of(format()),
    );
    let second = (
        prop::option::of(thinking()),
        prop::collection::vec(text(), 0..3),
        prop::option::of(text()),
        prop::collection::vec((name(), text()), 0..2),
        any::<bool>(),
    );
    (first, second).prop_map(
        |((turns, tools, sampling, format), (thinking, stop, user, metadata, stream))| {
            let mut said = Conversation::new("m");
            let (tools, choice, parallel) = tools.unwrap_or_default();
            said.turns = turns;
            said.tools = tools;
            said.tool_choice = choice;
            said.parallel_tool_calls = parallel;
            said.sampling = sampling;
            said.max_tokens = Some(9000);
            said.format = format;
            said.thinking = thinking;
            said.stop = stop;
            said.user = user;
            said.metadata = metadata;
            said.stream = stream;
            said
        },
    )
}

/// Takes out what a dialect cannot say: the same list as in `DIALECTS.md`, by hand.
fn reduce(said: &mut Owned, dialect: Dialect) {
    let sampling = &mut said.sampling;
    match dialect {
        Dialect::Chat => sampling.top_k = None,
        Dialect::Messages => {
            sampling
                .temperature
                .take_if(|temperature| temperature.value() > 1.0);
            (
                sampling.frequency_penalty,
                sampling.presence_penalty,
                sampling.seed,
            ) = (None, None, None);
            said.metadata.clear();
            reduce_format(said);
            if said.tool_choice == Some(ToolChoice::None) {
                said.parallel_tool_calls = None;
            }
        }
        Dialect::Responses => {
            *sampling = Sampling {
                temperature: sampling.temperature.take(),
                top_p: sampling.top_p.take(),
                ..Sampling::default()
            };
            said.stop.clear();
        }
    }
    for turn in &mut said.turns {
        reduce_turn(turn, dialect);
    }
    reduce_thinking(said, dialect);
}

fn reduce_format(said: &mut Owned) {
    match &mut said.format {
        Some(Format::JsonSchema {
            name,
            description,
            is_strict,
            ..
        }) => {
            (*name, *description, *is_strict) = (None, None, true);
        }
        _ => said.format = None,
    }
}

fn reduce_turn(turn: &mut Turn<'static>, dialect: Dialect) {
    if dialect == Dialect::Messages && turn.role == Role::Developer {
        turn.role = Role::System;
    }
    turn.blocks.retain(|block| match block {
        Block::Reasoning(thought) => {
            dialect != Dialect::Chat && thought.seal.as_ref().unwrap().by == dialect
        }
        Block::Refusal(_) => dialect != Dialect::Messages,
        _ => true,
    });
    for block in &mut turn.blocks {
        match block {
            Block::ToolResult(result) => {
                result.is_error &= dialect == Dialect::Messages;
                result
                    .content
                    .retain(|block| dialect != Dialect::Chat || !matches!(block, Block::Image(_)));
                result
                    .content
                    .iter_mut()
                    .for_each(|block| reduce_image(block, dialect));
            }
            block => reduce_image(block, dialect),
        }
    }
}

fn reduce_image(block: &mut Block<'_>, dialect: Dialect) {
    if let Block::Image(image) = block
        && dialect == Dialect::Messages
    {
        image.detail = None;
    }
}

fn reduce_thinking(said: &mut Owned, dialect: Dialect) {
    let is_sayable = match (said.thinking, dialect) {
        (None | Some(Thinking::Off), _) => true,
        (Some(Thinking::Effort(Effort::Minimal)), Dialect::Messages) => false,
        (Some(_), Dialect::Messages) => !said.is_inside_tool_loop(),
        (Some(Thinking::Effort(_)), _) => true,
        (Some(_), _) => false,
    };
    if !is_sayable {
        said.thinking = None;
    }
}

/// Two conversations are the same where only this differs: turns of one speaker in a row, a choice
/// of a tool that says what is so anyway, the name that a schema must have.
fn plain(said: &Owned) -> Owned {
    let mut plain = said.clone();
    let mut turns: Vec<Turn<'static>> = Vec::new();
    for turn in plain.turns {
        match turns.last_mut() {
            Some(last) if last.role == turn.role => last.blocks.extend(turn.blocks),
            _ => turns.push(turn),
        }
    }
    plain.turns = turns;
    plain.tool_choice = plain
        .tool_choice
        .filter(|choice| *choice != ToolChoice::Auto);
    if let Some(Format::JsonSchema { name, .. }) = &mut plain.format {
        name.take_if(|name| name == "answer");
    }
    plain.include_usage = false;
    plain.said_in = Dialect::Chat;
    plain
}

/// Reads a body that is never given back, which tests can afford.
fn read(dialect: Dialect, body: String) -> Owned {
    let body = Body::parse(body.leak().as_bytes()).unwrap();
    dialect.read_request(Box::leak(Box::new(body))).unwrap()
}

/// Writes and reads again; nothing may be lost on the way.
fn through(said: &Owned, dialect: Dialect) -> Result<Owned, TestCaseError> {
    let target = Target {
        thinks_by_budget: matches!(said.thinking, Some(Thinking::Budget(_))),
        ..Target::new("m")
    };
    let written = dialect.write_request(said, &target).unwrap();
    prop_assert_eq!(&written.lost, &[], "{}", written.body);
    serde_json::from_str::<serde_json::Value>(&written.body).unwrap();
    Ok(read(dialect, written.body))
}

fn dialects() -> impl Strategy<Value = (Dialect, Dialect)> {
    let one = || prop::sample::select(Dialect::ALL.to_vec());
    (one(), one())
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    let call = (name(), arguments()).prop_map(|(name, arguments)| {
        Said::ToolCall(ToolCall {
            id: "call-1_a".into(),
            name,
            arguments,
        })
    });
    let texts = prop::option::of(text().prop_map(|text| Said::Text(text.into_owned())));
    (texts, prop::collection::vec(call, 0..3))
        .prop_map(|(text, calls)| text.into_iter().chain(calls).collect())
}

fn answer() -> impl Strategy<Value = Answer> {
    let usage = (0u64..1000, 0u64..100, 0u64..100, 0u64..1000, 0u64..10);
    let usage = usage.prop_map(|(fresh, cached, cache_write, output, reasoning)| Usage {
        input: fresh + cached + cache_write,
        cached,
        cache_write,
        output: output + reasoning,
        reasoning,
    });
    let stop = prop::sample::select(vec![Stop::End, Stop::Length, Stop::Filtered]);
    (said(), stop, usage).prop_map(|(said, stop, usage)| {
        let answer = Answer {
            id: "x".into(),
            model: "m".into(),
            said,
            stop,
            usage: Some(usage),
            lost: Vec::new(),
            likelihood: None,
        };
        answer.with_calls_told()
    })
}

fn envelope() -> Envelope {
    Envelope {
        id: "x".into(),
        model: "m".into(),
        created: 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn requests_keep_what_both_dialects_say((one, other) in dialects(), mut said in conversation()) {
        reduce(&mut said, one);
        reduce(&mut said, other);
        let there = through(&said, one)?;
        prop_assert_eq!(plain(&there), plain(&said), "in {}", one);
        let back = through(&through(&there, other)?, one)?;
        prop_assert_eq!(plain(&back), plain(&said), "in {} and {}", one, other);
    }

    #[test]
    fn what_cannot_be_said_is_refused_or_reported(dialect in prop::sample::select(Dialect::ALL.to_vec()), said in conversation()) {
        let Ok(written) = dialect.write_request(&said, &Target::new("m")) else {
            return Ok(());
        };
        let read = read(dialect, written.body.clone());
        let is_same = plain(&read) == plain(&said);
        prop_assert!(is_same || !written.lost.is_empty() || is_label_alone(&said, dialect), "{}", written.body);
    }

    #[test]
    fn answers_keep_what_both_dialects_say((one, other) in dialects(), answer in answer()) {
        let mut read = answer.clone();
        for dialect in [one, other, one] {
            let written = dialect.write_answer(&read, &envelope()).unwrap();
            prop_assert_eq!(&written.lost, &[]);
            read = read_answer(dialect, written.body.as_bytes());
            read.id = "x".into();
        }
        prop_assert_eq!(read, answer);
    }

    #[test]
    fn a_replayed_answer_gathers_to_itself(answer in answer()) {
        let mut gathered = Collector::default();
        replay(&answer).iter().for_each(|event| gathered.push(event));
        prop_assert_eq!(gathered.finish().unwrap(), answer);
    }
}

/// What changes without changing what is asked: the labels and the strictness of a schema, the two
/// words for whoever sets up a conversation, whether calls that are forbidden may be parallel.
fn is_label_alone(said: &Owned, dialect: Dialect) -> bool {
    dialect == Dialect::Messages
        && (matches!(said.format, Some(Format::JsonSchema { .. }))
            || said.turns.iter().any(|turn| turn.role == Role::Developer)
            || said.tool_choice == Some(ToolChoice::None))
}
