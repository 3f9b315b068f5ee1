//! The server's own log, on standard error. Level by `POINTSMAN_LOG`, `info` by default; colours only
//! where a person reads.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts it, as text or as JSON.
pub(crate) fn start(json: bool) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_from_env("POINTSMAN_LOG").or_else(|_| EnvFilter::try_new("info"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match json {
        true => subscriber.json().try_init(),
        false => subscriber.try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}
