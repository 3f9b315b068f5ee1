//! The body of `POST /v1/route`, and the request that it makes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::num::NonZeroU64;

use pointsman_types::{
    Capability, Limits, MaxPrice, Message, ModelName, Prompt, Quality, Request, Tokens, Usd,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::object::Object;
use crate::problem::Problem;
use crate::text::{Content, Text};

/// What a caller may send. An absent field and `null` mean the same.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteBody<'a> {
    #[serde(borrow)]
    prompt: Option<Text<'a>>,
    #[serde(borrow)]
    messages: Option<Vec<Object<Turn<'a>>>>,
    models: Option<Vec<ModelName>>,
    provider: Option<Object<Provider>>,
    capabilities: Option<BTreeSet<Capability>>,
    max_cost_usd: Option<Usd>,
    min_quality: Option<Quality>,
    max_tokens: Option<NonZeroU64>,
    input_tokens: Option<u64>,
    pub(crate) session_id: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) tier: Option<String>,
    no_explore: Option<bool>,
    pub(crate) metadata: Option<Map<String, Value>>,
    explain: Option<bool>,
}

/// Conditions on who runs a model.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    max_price: Option<Object<MaxPrice>>,
    region: Option<String>,
    zdr: Option<bool>,
}

/// One message. What a chat API adds to it is accepted and not read, so that a conversation can be
/// sent as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    #[serde(rename = "refusal")]
    _refusal: Option<IgnoredAny>,
    #[serde(rename = "tool_calls")]
    _tool_calls: Option<IgnoredAny>,
    #[serde(rename = "tool_call_id")]
    _tool_call_id: Option<IgnoredAny>,
    #[serde(rename = "function_call")]
    _function_call: Option<IgnoredAny>,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(rename = "audio")]
    _audio: Option<IgnoredAny>,
}

const LONGEST_ID: usize = 256;
const MOST_METADATA_BYTES: usize = 16 << 10;

impl RouteBody<'_> {
    /// Whether the caller wants to see every candidate.
    pub(crate) fn explain(&self) -> bool {
        self.explain.unwrap_or(false)
    }

    /// Whether the caller wants the best model and nothing tried.
    pub(crate) fn no_explore(&self) -> bool {
        self.no_explore.unwrap_or(false)
    }

    /// The tokens in, where the caller counted them.
    pub(crate) fn input_tokens(&self) -> Option<Tokens> {
        self.input_tokens.map(Tokens)
    }

    /// The request that the body makes for a router with these models.
    pub(crate) fn request(&mut self, known: &[ModelName]) -> Result<Request, Problem> {
        self.check_attachments()?;
        Ok(Request {
            prompt: self.take_prompt()?,
            input_tokens: self.input_tokens(),
            limits: self.take_limits(known)?,
            draw: None,
        })
    }

    /// The limits that it asks for where the prompt stands elsewhere.
    pub(crate) fn limits(&mut self, known: &[ModelName]) -> Result<Limits, Problem> {
        self.check_attachments()?;
        let stray = [
            ("prompt", self.prompt.is_some()),
            ("messages", self.messages.is_some()),
        ];
        if let Some((field, _)) = stray.iter().find(|(_, is_there)| *is_there) {
            return Err(Problem::invalid(
                field,
                "the prompt stands in the request itself",
            ));
        }
        self.take_limits(known)
    }

    fn take_prompt(&mut self) -> Result<Prompt, Problem> {
        match (self.prompt.take(), self.messages.take()) {
            (Some(text), None) => prompt(text.0),
            (None, Some(turns)) => conversation(turns),
            (Some(_), Some(_)) => Err(Problem::invalid(
                "messages",
                "the body has both `prompt` and `messages`; give one of them",
            )),
            (None, None) => Err(Problem::invalid(
                "prompt",
                "the body has neither `prompt` nor `messages`; give one of them",
            )),
        }
    }

    fn take_limits(&mut self, known: &[ModelName]) -> Result<Limits, Problem> {
        let Object(provider) = self.provider.take().unwrap_or_default();
        if self.max_cost_usd.is_some_and(|cost| cost < Usd::ZERO) {
            return Err(Problem::invalid("max_cost_usd", "max_cost_usd is negative"));
        }
        Ok(Limits {
            models: allowed(self.models.take(), known)?,
            max_price: provider.max_price.unwrap_or_default().0,
            max_cost: self.max_cost_usd,
            min_quality: self.min_quality,
            max_tokens: self.max_tokens.map(|tokens| Tokens(tokens.get())),
            needs: self.capabilities.take().unwrap_or_default(),
            region: provider.region,
            zero_retention: provider.zdr.unwrap_or(false),
        })
    }

    fn check_attachments(&self) -> Result<(), Problem> {
        check_length("session_id", self.session_id.as_deref())?;
        check_length("key_id", self.key_id.as_deref())?;
        check_length("tier", self.tier.as_deref())?;
        check_size("metadata", self.metadata.as_ref())
    }
}

fn check_length(field: &str, id: Option<&str>) -> Result<(), Problem> {
    match id {
        Some(id) if id.len() > LONGEST_ID => Err(Problem::invalid(
            field,
            format!("{field} is longer than {LONGEST_ID} bytes"),
        )),
        _ => Ok(()),
    }
}

/// What callers attach is kept with every record, so it is bounded.
pub(crate) fn check_size(field: &str, object: Option<&Map<String, Value>>) -> Result<(), Problem> {
    let size = object.map_or(0, |object| {
        serde_json::to_string(object).map_or(usize::MAX, |text| text.len())
    });
    if size <= MOST_METADATA_BYTES {
        return Ok(());
    }
    Err(Problem::invalid(
        field,
        format!("{field} takes more than {MOST_METADATA_BYTES} bytes"),
    ))
}

fn prompt(text: Cow<'_, str>) -> Result<Prompt, Problem> {
    match text.is_empty() {
        true => Err(Problem::invalid("prompt", "the prompt is empty")),
        false => Ok(Prompt::from(text.as_ref())),
    }
}

/// Messages without text add nothing, as when logs are read.
fn conversation(turns: Vec<Object<Turn<'_>>>) -> Result<Prompt, Problem> {
    let messages: Vec<Message> = turns
        .into_iter()
        .filter_map(|Object(turn)| {
            let content = turn.content?.0;
            (!content.is_empty()).then(|| Message {
                role: turn.role.0.into_owned(),
                content: content.into_owned(),
            })
        })
        .collect();
    match messages.is_empty() {
        true => Err(Problem::invalid("messages", "no message has text")),
        false => Ok(Prompt::from_messages(&messages)),
    }
}

fn allowed(
    models: Option<Vec<ModelName>>,
    known: &[ModelName],
) -> Result<Option<Vec<ModelName>>, Problem> {
    let Some(models) = models else {
        return Ok(None);
    };
    if models.is_empty() {
        return Err(Problem::invalid(
            "models",
            "models is empty; leave it out to allow every model",
        ));
    }
    let unknown: Vec<&ModelName> = models
        .iter()
        .filter(|model| !known.contains(model))
        .collect();
    if unknown.is_empty() {
        return Ok(Some(models));
    }
    Err(Problem {
        code: "unknown_model",
        ..Problem::invalid(
            "models",
            format!(
                "this router does not know {}; it knows {}",
                quoted(&unknown),
                quoted(known)
            ),
        )
    })
}

fn quoted<T: AsRef<str>>(names: &[T]) -> String {
    const MOST: usize = 50;
    let mut list: Vec<String> = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{:.80}`", name.as_ref()))
        .collect();
    if names.len() > MOST {
        list.push(format!("{} more", names.len() - MOST));
    }
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    fn request(body: &str) -> Result<Request, Problem> {
        let known = [ModelName::from("small"), ModelName::from("large")];
        parse::<RouteBody<'_>>(body.as_bytes())?.request(&known)
    }

    fn check_refused(body: &str, param: Option<&str>, says: &str) {
        let problem = request(body).unwrap_err();
        assert_eq!(problem.param.as_deref(), param, "{}", problem.message);
        assert!(
            problem.message.contains(says),
            "{:?} does not say {says:?}",
            problem.message
        );
    }

    #[test]
    fn every_limit_reaches_the_request() {
        let limits = request(
            r#"{"prompt": "Why?", "models": ["small"], "capabilities": ["tools"],
                "provider": {"max_price": {"prompt": 1, "completion": 2.5}, "region": "eu", "zdr": true},
                "max_cost_usd": 0.01, "min_quality": 0.8, "max_tokens": 100}"#,
        )
        .unwrap()
        .limits;
        assert_eq!(limits.models, Some(vec!["small".into()]));
        assert_eq!(
            limits.max_price.completion.map(|price| price.get()),
            Some(2.5)
        );
        assert_eq!(limits.max_cost, Some(Usd::new(0.01).unwrap()));
        assert_eq!(limits.min_quality, Some(Quality::clamped(0.8)));
        assert_eq!(limits.max_tokens, Some(Tokens(100)));
        assert!(limits.needs.contains(&Capability::Tools));
        assert_eq!(limits.region.as_deref(), Some("eu"));
        assert!(limits.zero_retention);
    }

    #[test]
    fn messages_make_the_prompt_that_logs_make() {
        let body = r#"{"messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "assistant", "content": null, "tool_calls": []},
            {"role": "user", "content": [{"type":"text","text":"Why"},{"type":"text","text":"not?"}]}]}"#;
        assert_eq!(
            request(body).unwrap().prompt.text(),
            "\u{1e}system\u{1f}Be brief.\u{1e}user\u{1f}Why\nnot?"
        );
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let body = r#"{"prompt": "Why?", "messages": null, "models": null, "explain": null}"#;
        assert_eq!(request(body).unwrap(), Request::new(Prompt::from("Why?")));
    }

    #[test]
    fn a_nul_byte_is_text() {
        assert_eq!(
            request(r#"{"prompt": "a\u0000b"}"#).unwrap().prompt.text(),
            "a\0b"
        );
    }

    #[test]
    fn one_of_prompt_and_messages() {
        check_refused(
            r#"{"prompt": "a", "messages": []}"#,
            Some("messages"),
            "both",
        );
        check_refused("{}", Some("prompt"), "neither");
    }

    #[test]
    fn there_is_something_to_ask() {
        check_refused(r#"{"prompt": ""}"#, Some("prompt"), "empty");
        check_refused(r#"{"messages": []}"#, Some("messages"), "no message");
        check_refused(
            r#"{"messages": [{"role": "user", "content": ""}]}"#,
            Some("messages"),
            "no message",
        );
    }

    #[test]
    fn a_wrong_type_is_named_by_its_path() {
        check_refused(r#"{"prompt": 7}"#, Some("prompt"), "a string");
        check_refused(
            r#"{"prompt": "a", "provider": {"max_price": {"prompt": "x"}}}"#,
            Some("provider.max_price.prompt"),
            "invalid type",
        );
        check_refused(
            r#"{"messages": [{"role": "user", "content": [{"type": "image_url", "text": "a"}]}]}"#,
            Some("messages[0].content[0].type"),
            "image_url",
        );
        check_refused(
            r#"{"prompt": "a", "min_quality": 1.5}"#,
            Some("min_quality"),
            "between 0 and 1",
        );
        check_refused(
            r#"{"prompt": "a", "max_tokens": 0}"#,
            Some("max_tokens"),
            "nonzero",
        );
        check_refused(
            r#"{"prompt": "a", "max_cost_usd": -1}"#,
            Some("max_cost_usd"),
            "negative",
        );
    }

    #[test]
    fn an_unknown_field_is_named() {
        check_refused(
            r#"{"prompt": "a", "temprature": 1}"#,
            Some("temprature"),
            "unknown field",
        );
        check_refused(
            r#"{"prompt": "a", "provider": {"onyl": []}}"#,
            Some("provider.onyl"),
            "unknown field",
        );
    }

    #[test]
    fn an_unknown_model_is_named_with_those_known() {
        let body = r#"{"prompt": "a", "models": ["small", "tiny"]}"#;
        check_refused(body, Some("models"), "`tiny`; it knows `small`, `large`");
        check_refused(r#"{"prompt": "a", "models": []}"#, Some("models"), "empty");
    }

    #[test]
    fn a_list_is_not_a_body() {
        check_refused("[1]", None, "expected an object");
        check_refused(r#"["Why?"]"#, None, "expected an object");
        check_refused("{\"prompt\": \"a\"", None, "not valid JSON");
        check_refused("", None, "not valid JSON");
    }

    #[test]
    fn attachments_are_bounded() {
        let body = format!(
            r#"{{"prompt": "a", "metadata": {{"k": "{}"}}}}"#,
            "x".repeat(20_000)
        );
        check_refused(&body, Some("metadata"), "16384 bytes");
        for field in ["session_id", "key_id", "tier"] {
            let body = format!(r#"{{"prompt": "a", "{field}": "{}"}}"#, "x".repeat(300));
            check_refused(&body, Some(field), "256 bytes");
        }
        check_refused(
            r#"{"prompt": "a", "metadata": [1]}"#,
            Some("metadata"),
            "map",
        );
    }
}
