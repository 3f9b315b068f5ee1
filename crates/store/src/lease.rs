//! Who may do what only one may do at a time, and until when.
//!
//! Times are the callers'. A lease is given only at a time that nobody else was ever promised, and a
//! renewal never shortens it. So when a clock goes back behind the moment of a takeover, nobody gets
//! the lease until the clock is there again: the former holder may believe in its old promise, and a
//! learner that stands still loses nothing.

use sqlx::SqliteConnection;

use crate::fault::Fault;
use crate::writer::Change;
use crate::{Store, StoreError};

/// Somebody wants a lease.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) holder: String,
    pub(crate) now_ms: i64,
    pub(crate) until_ms: i64,
}

impl Store {
    /// Takes or renews a lease and tells until when it holds: at least `ttl_ms` from `now_ms`, in
    /// milliseconds since 1970, UTC. `None` while another holds it, or was promised it at this time.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when `ttl_ms` is not positive, and as [`Store::record`].
    pub async fn lease(
        &self,
        name: &str,
        holder: &str,
        now_ms: i64,
        ttl_ms: i64,
    ) -> Result<Option<i64>, StoreError> {
        if ttl_ms <= 0 {
            return Err(StoreError::Invalid {
                field: "ttl_ms",
                range: "positive",
            });
        }
        let wish = Box::new(Wish {
            name: name.to_owned(),
            holder: holder.to_owned(),
            now_ms,
            until_ms: now_ms.saturating_add(ttl_ms),
        });
        self.change(|reply| Change::Lease(wish, reply)).await
    }
}

/// No row comes back where the update does not apply. `since_ms` is the end of the last promise to
/// another, and so of all of them.
pub(crate) async fn take(db: &mut SqliteConnection, wish: Wish) -> Result<Option<i64>, Fault> {
    let until_ms = sqlx::query_scalar(
        "INSERT INTO lease (name, holder, since_ms, until_ms) VALUES (?1, ?2, ?5, ?3)
         ON CONFLICT (name) DO UPDATE SET
             since_ms = CASE holder WHEN excluded.holder THEN since_ms ELSE until_ms END,
             until_ms = CASE holder WHEN excluded.holder THEN max(until_ms, excluded.until_ms)
                                    ELSE excluded.until_ms END,
             holder = excluded.holder
         WHERE (holder = excluded.holder AND since_ms <= ?4) OR until_ms <= ?4
         RETURNING until_ms",
    )
    .bind(wish.name)
    .bind(wish.holder)
    .bind(wish.until_ms)
    .bind(wish.now_ms)
    .bind(i64::MIN)
    .fetch_optional(db)
    .await?;
    Ok(until_ms)
}
