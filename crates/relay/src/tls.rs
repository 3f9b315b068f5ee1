//! Whose certificates are believed.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::ClientConfig;
use rustls::crypto::ring;

/// Certificates cannot be checked on this machine.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system's certificates cannot be read.
    #[error("the system's certificates cannot be read ({0}); SSL_CERT_FILE may name others")]
    Certificates(#[from] std::io::Error),
    /// The library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Settings(#[from] rustls::Error),
}

/// Settings that believe whom the system believes (`SSL_CERT_FILE` and `SSL_CERT_DIR` are heeded).
///
/// # Errors
/// There are no certificates.
pub fn system_tls() -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(builder.with_native_roots()?.with_no_client_auth())
}
