//! Calling back ends: which one gets a call, how long it may take, and what happens when it fails.
//!
//! [`relay`] asks one model after the other until somebody answers, each at the back end that would
//! answer soonest, again where that may help, and never after the first byte has gone to the caller.
//! Dropping what it returns, or its future, hangs up on the back end.

mod address;
mod ask;
mod backend;
mod backoff;
mod breaker;
mod call;
mod choose;
mod deployment;
mod latency;
mod limits;
mod outcome;
mod places;
mod pool;
mod relay;
mod reply;
mod resolve;
mod secret;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod watcher;

pub use address::{BadAddress, BaseUrl, Reach};
pub use ask::Ask;
pub use backend::{Backend, Condition};
pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerSettings, BreakerState};
pub use deployment::Deployment;
pub use latency::Latency;
pub use limits::TimeLimits;
pub use outcome::Outcome;
pub use pool::Pool;
pub use relay::{Attempt, Persistence, Relayed, relay};
pub use reply::{Answered, Reply, Whole, streamed};
pub use secret::{BadSecret, Secret};
pub use stream::Stream;
pub use tls::{TlsError, system_tls};
pub use watcher::Watcher;
