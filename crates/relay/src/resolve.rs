//! Names become addresses under the eyes of the settings: what a name resolves to at the moment of
//! connecting is what is checked, so a name cannot change its mind in between.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use crate::Reach;

/// Why a name leads nowhere. Says nothing of the name itself: callers read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unresolved {
    /// Nobody knows it, or nobody who would can be asked.
    #[error("the back end's name cannot be resolved")]
    Unknown,
    /// All its addresses are refused.
    #[error("the back end's name has no address that the settings allow")]
    OutOfReach,
    /// No answer came within the time to a connection.
    #[error("the back end's name was not resolved in time")]
    TooSlow,
}

/// Resolves names to the addresses within reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolver {
    reach: Reach,
    limit: Duration,
}

impl Resolver {
    /// The system's own patience with a silent name server is many times a caller's.
    pub(crate) const fn new(reach: Reach, limit: Duration) -> Self {
        Self { reach, limit }
    }

    /// Of what a look-up finds, the addresses within reach.
    async fn within<A: Iterator<Item = SocketAddr>>(
        self,
        looked_up: impl Future<Output = io::Result<A>>,
    ) -> Result<Vec<SocketAddr>, Unresolved> {
        let found = tokio::time::timeout(self.limit, looked_up).await;
        let found = found.map_err(|_| Unresolved::TooSlow)?;
        let found = found.map_err(|_| Unresolved::Unknown)?;
        let allowed: Vec<SocketAddr> = found
            .filter(|address| self.reach.includes(address.ip()))
            .collect();
        match allowed.is_empty() {
            true => Err(Unresolved::OutOfReach),
            false => Ok(allowed),
        }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unresolved>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = *self;
        Box::pin(async move {
            let looked_up = tokio::net::lookup_host((name.as_str(), 0));
            Ok(resolver.within(looked_up).await?.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(name: &str, reach: Reach) -> Result<usize, Unresolved> {
        let mut resolver = Resolver::new(reach, Duration::from_secs(20));
        let found = resolver.call(name.parse().unwrap()).await;
        found.map(Iterator::count)
    }

    #[tokio::test]
    async fn a_public_name_may_not_point_here() {
        let resolved = |reach| resolved("localhost", reach);
        assert_eq!(resolved(Reach::Public).await, Err(Unresolved::OutOfReach));
        assert!(resolved(Reach::Loopback).await.unwrap() > 0);
        assert!(resolved(Reach::Any).await.unwrap() > 0);
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_and_one_that_takes_too_long() {
        let unknown = resolved("nowhere.invalid", Reach::Any).await;
        assert_eq!(unknown, Err(Unresolved::Unknown));
        let silent = std::future::pending::<io::Result<std::iter::Empty<SocketAddr>>>();
        let resolver = Resolver::new(Reach::Any, Duration::from_millis(1));
        assert_eq!(resolver.within(silent).await, Err(Unresolved::TooSlow));
    }
}
