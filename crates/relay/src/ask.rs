//! What is asked of the back ends on behalf of a caller.

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request};
use http_body_util::Full;
use pointsman_wire::{Body, Conversation, Dialect, Envelope, Failure, Lost, Written};

use crate::{Deployment, Watcher};

/// A caller's request, read, and what the caller sees around the answer.
pub struct Ask<'a> {
    /// The request as it came.
    pub body: &'a Body<'a>,
    /// The request as it was read.
    pub said: &'a Conversation<'a>,
    /// The caller's headers; a few of them are handed on to back ends of the caller's dialect.
    pub headers: &'a HeaderMap,
    /// Fields of the gateway's own, which no back end knows.
    pub without: &'a [&'a str],
    /// The field in which an answer takes a note of the gateway.
    pub note: &'static str,
    /// What the caller sees around an answer that is translated; the model is that of who answers.
    pub envelope: Envelope,
    /// Whether a streamed answer is gathered, to be kept.
    pub gather: bool,
    /// Decides between back ends and how long is waited; any number.
    pub seed: u64,
    /// Is told of every call.
    pub watcher: Option<&'a dyn Watcher>,
}

/// Headers of a caller that a back end of the same dialect gets.
const HANDED_ON: [&str; 3] = ["anthropic-beta", "anthropic-version", "openai-beta"];
/// The version of the messages dialect that is spoken where the caller names none.
const MESSAGES_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("pointsman/", env!("CARGO_PKG_VERSION")));

/// A request on its way to a back end, and what of the caller's it does not say.
pub(crate) struct Sent {
    pub(crate) request: Request<Full<bytes::Bytes>>,
    pub(crate) lost: Vec<Lost>,
}

impl Ask<'_> {
    /// The request in the words of a back end.
    pub(crate) fn to(&self, deployment: &Deployment) -> Result<Sent, Failure> {
        let Written { body, lost } = self.body_for(deployment)?;
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = deployment.url.join(deployment.dialect.path());
        *request.headers_mut() = self.headers_for(deployment);
        Ok(Sent { request, lost })
    }

    fn body_for(&self, deployment: &Deployment) -> Result<Written, Failure> {
        let (dialect, target) = (deployment.dialect, deployment.target());
        let written = self.body.sent_to(self.said, dialect, &target, self.without);
        written.map_err(|error| Failure::of_request(&error))
    }

    fn headers_for(&self, deployment: &Deployment) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::USER_AGENT, USER_AGENT);
        if deployment.dialect == Dialect::Messages {
            headers.insert("anthropic-version", MESSAGES_VERSION);
        }
        headers.extend(deployment.headers.iter().cloned());
        if self.said.said_in == deployment.dialect {
            headers.extend(self.handed_on());
        }
        if let Some(key) = &deployment.key {
            let (name, prefix) = match deployment.dialect {
                Dialect::Messages => (HeaderName::from_static("x-api-key"), ""),
                Dialect::Chat | Dialect::Responses => (header::AUTHORIZATION, "Bearer "),
            };
            headers.insert(name, key.header(prefix));
        }
        headers
    }

    /// What the caller sees around the answer of this deployment.
    pub(crate) fn envelope(&self, deployment: &Deployment) -> Envelope {
        Envelope {
            model: deployment.serves.clone(),
            ..self.envelope.clone()
        }
    }

    fn handed_on(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        HANDED_ON.into_iter().filter_map(|name| {
            let value = self.headers.get(name)?.clone();
            Some((HeaderName::from_static(name), value))
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use pointsman_wire::Body;

    use super::*;
    use crate::{BaseUrl, Secret};

    fn deployment(dialect: Dialect) -> Deployment {
        let url = BaseUrl::parse("https://api.example.com/v1", false).unwrap();
        Deployment {
            key: Some(Secret::new("sk-1").unwrap()),
            ..Deployment::new("small/0", dialect, url, "back-end-name")
        }
    }

    async fn sent(
        text: &str,
        headers: &HeaderMap,
        dialect: Dialect,
    ) -> (HeaderMap, String, String) {
        let body = Body::parse(text.as_bytes()).unwrap();
        let said = Dialect::Chat.read_request(&body).unwrap();
        let ask = Ask {
            body: &body,
            said: &said,
            headers,
            without: &["pointsman"],
            note: "pointsman",
            envelope: Envelope {
                id: "1".into(),
                model: "small".into(),
                created: 0,
            },
            gather: false,
            seed: 0,
            watcher: None,
        };
        let sent = ask.to(&deployment(dialect)).ok().unwrap();
        let (parts, body) = sent.request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (parts.headers, parts.uri.to_string(), body)
    }

    const TEXT: &str = r#"{"pointsman": {}, "model": "auto", "messages": [{"role": "user", "content": "Hi"}], "new_field": 1.50}"#;

    #[tokio::test]
    async fn the_same_dialect_gets_the_same_bytes() {
        let (headers, uri, body) = sent(TEXT, &HeaderMap::new(), Dialect::Chat).await;
        let expected = TEXT
            .replace("auto", "back-end-name")
            .replace(r#""pointsman": {}, "#, "");
        assert_eq!(body, expected);
        assert_eq!(uri, "https://api.example.com/v1/chat/completions");
        assert_eq!(headers["authorization"], "Bearer sk-1");
    }

    #[tokio::test]
    async fn another_dialect_gets_its_own() {
        let text = TEXT.replace(r#", "new_field": 1.50"#, "");
        let (headers, uri, body) = sent(&text, &HeaderMap::new(), Dialect::Messages).await;
        assert_eq!(uri, "https://api.example.com/v1/messages");
        assert_eq!(headers["x-api-key"], "sk-1");
        assert_eq!(headers["anthropic-version"], "2023-06-01");
        assert!(body.contains("max_tokens"), "{body}");
    }

    #[tokio::test]
    async fn few_headers_are_handed_on() {
        let mut caller = HeaderMap::new();
        for name in ["authorization", "cookie", "openai-beta", "x-forwarded-for"] {
            caller.insert(name, HeaderValue::from_static("of the caller"));
        }
        let (headers, ..) = sent(TEXT, &caller, Dialect::Chat).await;
        assert_eq!(headers["openai-beta"], "of the caller");
        assert_eq!(headers["authorization"], "Bearer sk-1");
        assert!(!headers.contains_key("cookie") && !headers.contains_key("x-forwarded-for"));
    }
}
