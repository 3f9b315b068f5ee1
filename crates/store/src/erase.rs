//! Takes out of a decision what says something of a person, and keeps that it was made.
//!
//! The bare row stays: which model, with which propensity, by which version and when, so that counts
//! and rates stay right. Freed space is overwritten (`secure_delete`, see `database`). The write-ahead
//! log holds older pages until it is written anew, at the latest when the store closes. The journal's files
//! are removed before, but not overwritten.

use sqlx::{Connection, SqliteConnection};

use crate::StoreError;
use crate::fault::Fault;

/// The hash of the text goes too, since whoever has the text could tell it by that; so do the
/// candidates, whose predictions follow from the text.
const BARE: &str = "
UPDATE decision SET
    prompt = NULL, prompt_id = '', metadata = NULL, category = NULL, session_id = NULL,
    key_id = NULL, tier = NULL, input_tokens = NULL, coordinates = NULL, shadow = NULL,
    candidates = '[]', erased_ms = coalesce(erased_ms, ?2)
WHERE id = ?1
RETURNING erased_ms";

/// Erases, and tells when that was first done.
pub(crate) async fn erase(
    db: &mut SqliteConnection,
    decision_id: &str,
    now_ms: i64,
) -> Result<i64, Fault> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    let erased_ms: Option<i64> = sqlx::query_scalar(BARE)
        .bind(decision_id)
        .bind(now_ms)
        .fetch_optional(&mut *transaction)
        .await?;
    let erased_ms = erased_ms.ok_or_else(|| StoreError::UnknownDecision {
        decision_id: decision_id.to_owned(),
    })?;
    for delete in [
        "DELETE FROM feedback WHERE decision_id = ?",
        "DELETE FROM outcome WHERE decision_id = ?",
    ] {
        let deleted = sqlx::query(delete).bind(decision_id);
        deleted.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(erased_ms)
}
