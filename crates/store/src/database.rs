//! How connections are opened, and the lock that keeps a store to one server.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};

use crate::{Config, StoreError, schema};

/// Questions that are answered at the same time.
const READERS: u32 = 4;

/// Held while a server has the store open; the system releases it when the process ends, however
/// it ends.
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// Gives the lock back at once. Closing the file would not do: a program that is just being
    /// started holds a copy of it, and the lock lasts as long as any copy.
    fn drop(&mut self) {
        // What cannot be given back goes with the file.
        self.0.unlock().ok();
    }
}

/// The path without links. SQLite keeps its log beside the file itself, and so is the lock kept:
/// two names of one store are one store.
pub(crate) fn resolved(path: &Path) -> Result<PathBuf, StoreError> {
    let whole = match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(whole), _, _) => Ok(whole),
        // What does not exist yet has no links but in its directory.
        (Err(_), Some(parent), Some(name)) if parent.as_os_str().is_empty() => {
            Path::new(".").canonicalize().map(|place| place.join(name))
        }
        (Err(_), Some(parent), Some(name)) => parent.canonicalize().map(|place| place.join(name)),
        (Err(error), _, _) => Err(error),
    };
    whole.map_err(|source| StoreError::open(path, source))
}

/// Takes the lock beside the store. SQLite's own locks cannot serve: they last one transaction.
pub(crate) fn lock(path: &Path) -> Result<Lock, StoreError> {
    let beside = beside(path, ".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&beside)
        .map_err(|source| StoreError::open(&beside, source))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(StoreError::open(&beside, source)),
    }
}

/// The file of this ending beside the store.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Opens the one connection that writes, and brings the schema up to date.
pub(crate) async fn connect_writer(config: &Config) -> Result<SqliteConnection, StoreError> {
    let path = config.path.as_path();
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        // See `checkpoint`.
        .pragma("wal_autocheckpoint", "0")
        // What is erased must not stay readable in freed space.
        .pragma("secure_delete", "on");
    let options = match config.max_pages() {
        Some(pages) => options.pragma("max_page_count", pages.to_string()),
        None => options,
    };
    let mut db = connect(options, path).await?;
    schema::migrate(&mut db, path).await?;
    Ok(db)
}

/// Opens the connection that checkpoints, once the writer has made the store.
pub(crate) async fn connect_checkpointer(path: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Normal);
    connect(options, path).await
}

/// Opens a connection that can only read.
pub(crate) async fn connect_reader(path: &Path) -> Result<SqliteConnection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing {
            path: path.to_owned(),
        });
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut db = connect(options, path).await?;
    match schema::version(&mut db, path).await? {
        schema::VERSION => Ok(db),
        found => Err(StoreError::Older {
            path: path.to_owned(),
            found,
            known: schema::VERSION,
        }),
    }
}

/// Connections that can only read, opened when they are needed and kept: to open one takes about a
/// millisecond.
pub(crate) fn readers(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .connect_lazy_with(options.disable_statement_logging())
}

async fn connect(
    options: SqliteConnectOptions,
    path: &Path,
) -> Result<SqliteConnection, StoreError> {
    options
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|source| StoreError::from_sqlite(path, source))
}
