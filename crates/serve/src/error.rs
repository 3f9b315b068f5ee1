//! Why the server does not start, or ended badly. What a caller of the API sees is `problem`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::{ConfigError, LoadError, VersionsError};

/// The server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The gateway's settings cannot be used.
    #[error("the settings are wrong:\n  {}", problems.join("\n  "))]
    Gateway {
        /// All that is wrong.
        problems: Vec<String>,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}; is another process using it?")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The first router cannot be loaded; later ones only leave the old one in place.
    #[error("cannot load a router from `{directory}`")]
    Router {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: LoadError,
    },
    /// Which version serves cannot be read or kept.
    #[error("cannot tell which version of the router serves")]
    Versions(#[source] VersionsError),
    /// There are no threads to be had.
    #[error("cannot start the threads that serve connections (server.threads)")]
    Threads(#[source] io::Error),
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signal(#[source] io::Error),
}
