//! Who is at the other end of a connection, and whether that is this machine itself.

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::problem::Problem;

/// The address at the other end; put into every request of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A request that comes from this machine and from a program rather than a page. It stands for the
/// permission that keys will give.
pub(crate) struct FromHere;

impl<S: Send + Sync> FromRequestParts<S> for FromHere {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>();
        let is_here = peer.is_some_and(|Peer(address)| address.ip().to_canonical().is_loopback());
        if !is_here {
            return Err(forbidden(
                "versions are changed from the machine that serves, over its loopback address",
            ));
        }
        // A proxy on this machine speaks for others; a page in a browser speaks for whoever made it.
        let foreign = ["forwarded", "x-forwarded-for", "origin"];
        match foreign
            .iter()
            .find(|name| parts.headers.contains_key(**name))
        {
            Some(name) => Err(forbidden(format!(
                "versions are not changed by requests with the header {name}: they come from elsewhere"
            ))),
            None => Ok(Self),
        }
    }
}

fn forbidden(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not_local", message)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn status(peer: Option<&str>, header: Option<&str>) -> Result<(), StatusCode> {
        let mut request = Request::builder();
        if let Some(header) = header {
            request = request.header(header, "http://example.org");
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        if let Some(peer) = peer {
            parts.extensions.insert(Peer(peer.parse().unwrap()));
        }
        let here = FromHere::from_request_parts(&mut parts, &()).await;
        here.map(drop).map_err(|problem| problem.status)
    }

    #[tokio::test]
    async fn only_this_machine_may() {
        for here in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(status(Some(here), None).await, Ok(()), "{here}");
        }
        let refused = Err(StatusCode::FORBIDDEN);
        for there in ["10.0.0.1:1", "[2001:db8::1]:1", "[::ffff:10.0.0.1]:1"] {
            assert_eq!(status(Some(there), None).await, refused, "{there}");
        }
        assert_eq!(status(None, None).await, refused);
    }

    #[tokio::test]
    async fn nobody_may_through_a_proxy_or_a_page() {
        for header in ["X-Forwarded-For", "Forwarded", "Origin"] {
            let found = status(Some("127.0.0.1:1"), Some(header)).await;
            assert_eq!(found, Err(StatusCode::FORBIDDEN), "{header}");
        }
    }
}
