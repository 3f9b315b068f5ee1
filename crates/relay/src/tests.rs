//! Real calls of stand-ins on loopback, which say exactly the bytes that a test wants.

mod failing;
mod falling_back;
mod stand_in;
mod streaming;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use pointsman_wire::{Body, Dialect, Envelope};

use crate::{
    Answered, Ask, Backend, Backoff, BaseUrl, Deployment, Persistence, Pool, Relayed, TimeLimits,
    relay, system_tls,
};

/// A deployment on loopback with short limits.
fn deployment(name: &str, address: std::net::SocketAddr) -> Deployment {
    let url = BaseUrl::parse(&format!("http://{address}/v1"), false).unwrap();
    Deployment {
        limits: TimeLimits {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_millis(400),
            idle: Duration::from_millis(400),
            total: Duration::from_secs(5),
        },
        ..Deployment::new(name, Dialect::Chat, url, "its-name")
    }
}

fn pool(deployments: Vec<Deployment>) -> Pool {
    let tls = system_tls().unwrap();
    let backends = deployments
        .into_iter()
        .map(|deployment| Arc::new(Backend::new(deployment, &tls)));
    Pool::new(backends.collect())
}

fn hasty() -> Persistence {
    Persistence {
        backoff: Backoff {
            base: Duration::from_millis(1),
            longest: Duration::from_millis(50),
            ..Backoff::default()
        },
        hedge: None,
    }
}

/// Asks these pools in the words of a dialect.
async fn asked_in(dialect: Dialect, text: &str, pools: &[&Pool], how: &Persistence) -> Relayed {
    let body = Body::parse(text.as_bytes()).unwrap();
    let said = dialect.read_request(&body).unwrap();
    let ask = Ask {
        body: &body,
        said: &said,
        headers: &HeaderMap::new(),
        without: &[],
        note: "pointsman",
        envelope: Envelope {
            id: "1".into(),
            model: "auto".into(),
            created: 7,
        },
        gather: true,
        seed: 1,
        watcher: None,
    };
    relay(&ask, pools, how).await
}

const PLAIN: &str = r#"{"model":"auto","messages":[{"role":"user","content":"Hi"}]}"#;
const STREAMED: &str =
    r#"{"model":"auto","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;

async fn asked(text: &str, pools: &[&Pool]) -> Relayed {
    asked_in(Dialect::Chat, text, pools, &hasty()).await
}

/// The text of what the caller gets, and the model's place.
async fn told(relayed: Relayed) -> (usize, String) {
    let (model, reply) = relayed.result.unwrap_or_else(|failure| panic!("{failure}"));
    let text = match reply.answered {
        Answered::Whole(whole) => whole.body.to_vec(),
        Answered::Stream(mut stream) => {
            let mut all = Vec::new();
            while let Some(bytes) = stream.next().await {
                all.extend_from_slice(&bytes);
            }
            all
        }
    };
    (model, String::from_utf8_lossy(&text).into_owned())
}
