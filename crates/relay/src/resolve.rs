//! Names become addresses under the eyes of the settings: what a name resolves to at the moment of
//! connecting is what is checked, so a name cannot change its mind in between.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use crate::Reach;

/// Resolves names to the addresses within reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolver {
    reach: Reach,
}

impl Resolver {
    pub(crate) const fn new(reach: Reach) -> Self {
        Self { reach }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| reach.includes(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the name has no address that the settings allow",
                ));
            }
            Ok(allowed.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(reach: Reach) -> Result<usize, io::ErrorKind> {
        let name = "localhost".parse().unwrap();
        let found = Resolver::new(reach).call(name).await;
        found.map(Iterator::count).map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn a_public_name_may_not_point_here() {
        assert_eq!(
            resolved(Reach::Public).await,
            Err(io::ErrorKind::PermissionDenied)
        );
        assert!(resolved(Reach::Loopback).await.unwrap() > 0);
        assert!(resolved(Reach::Any).await.unwrap() > 0);
    }
}
