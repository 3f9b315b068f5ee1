//! The signals that end the server.

use crate::ServeError;

/// Completes on SIGTERM or SIGINT. The signals are caught from the call on, not from the await on.
///
/// # Errors
/// When the system refuses to have them caught.
#[cfg(unix)]
pub fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signal)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
    })
}

/// Completes on Ctrl-C.
///
/// # Errors
/// None on this platform; a failure to listen shows as a stop.
#[cfg(not(unix))]
pub fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, ServeError> {
    Ok(async {
        tokio::signal::ctrl_c().await.ok();
    })
}
