//! Who watches the calls of back ends, such as a trace: each may be marked with headers of its own.

use http::HeaderMap;
use pointsman_wire::Failure;

use crate::Deployment;

/// Watches the calls of back ends that one request leads to. It must not block.
pub trait Watcher: Sync {
    /// The call of this number begins; numbers count from 0. The headers go along.
    fn begins(&self, call: usize, deployment: &Deployment) -> HeaderMap;

    /// It failed, or its answer begins. A call that nobody waits for any longer is never told.
    fn ends(&self, call: usize, failure: Option<&Failure>);
}
