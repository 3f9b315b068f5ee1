//! Decisions as table rows, and the statements that insert many at once.
//!
//! Rows go in by a multi-row `VALUES`, half the cost of unpacking a JSON array inside SQLite. The
//! statement is prepared once per size, so the sizes are few.

use std::sync::LazyLock;

use pointsman_types::Tokens;
use serde::Serialize;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Connection, Sqlite, SqliteConnection};

use crate::{Arm, DecisionRecord, KeptCandidate};

const COLUMNS: [&str; 22] = [
    "id",
    "ts_ms",
    "prompt_id",
    "prompt",
    "model",
    "reason",
    "propensity",
    "policy_version",
    "session_id",
    "category",
    "metadata",
    "input_tokens",
    "quality",
    "cost_usd",
    "output_tokens",
    "candidates",
    "key_id",
    "tier",
    "coordinates",
    "lambda",
    "arm",
    "shadow",
];

/// Most rows first: a batch is cut greedily.
const SIZES: [usize; 4] = [64, 16, 4, 1];

static STATEMENTS: LazyLock<[String; SIZES.len()]> = LazyLock::new(|| SIZES.map(statement));

/// A retry after an uncertain failure meets its own row, hence `DO NOTHING`.
fn statement(rows: usize) -> String {
    let row = format!("({})", ["?"; COLUMNS.len()].join(","));
    format!(
        "INSERT INTO decision ({}) VALUES {} ON CONFLICT (id) DO NOTHING",
        COLUMNS.join(","),
        vec![row; rows].join(",")
    )
}

/// How many of `waiting` rows the next statement takes.
pub(crate) fn next_size(waiting: usize) -> usize {
    SIZES.into_iter().find(|size| *size <= waiting).unwrap_or(1)
}

/// Inserts and commits rows; their number is one that [`next_size`] gave.
pub(crate) async fn insert(
    db: &mut SqliteConnection,
    rows: impl ExactSizeIterator<Item = DecisionRow>,
) -> Result<(), sqlx::Error> {
    let size = SIZES
        .iter()
        .position(|size| *size == rows.len())
        .expect("batches are cut by next_size");
    rows.fold(sqlx::query(STATEMENTS[size].as_str()), |query, row| {
        row.bind(query)
    })
    .execute(db)
    .await
    .map(drop)
}

/// Keeps what a version beside the current one said of decisions, in one transaction. A decision that
/// was erased meanwhile keeps nothing.
pub(crate) async fn shade(
    db: &mut SqliteConnection,
    shades: &[(String, String)],
) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    for (id, shadow) in shades {
        sqlx::query("UPDATE decision SET shadow = ? WHERE id = ? AND erased_ms IS NULL")
            .bind(shadow.as_str())
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// A decision with its lists already in JSON, made on the caller's thread to spare the writer.
#[derive(Debug)]
pub(crate) struct DecisionRow {
    record: DecisionRecord,
    category: Option<String>,
    metadata: Option<String>,
    candidates: String,
    coordinates: Option<Vec<u8>>,
    shadow: Option<String>,
}

impl From<DecisionRecord> for DecisionRow {
    fn from(record: DecisionRecord) -> Self {
        Self {
            category: record.category().map(str::to_owned),
            metadata: record.metadata.as_ref().map(json),
            candidates: candidates(&record),
            coordinates: record.coordinates.as_deref().map(bytes),
            shadow: record.shadow.as_ref().map(json),
            record,
        }
    }
}

fn candidates(record: &DecisionRecord) -> String {
    let candidates = record.decision.candidates.iter();
    json(&candidates.map(KeptCandidate::from).collect::<Vec<_>>())
}

/// Four bytes a number, the lowest first.
fn bytes(coordinates: &[f32]) -> Vec<u8> {
    coordinates.iter().flat_map(|at| at.to_le_bytes()).collect()
}

/// As SQLite counts; a number beyond its range stays at the end of it.
pub(crate) fn integer(tokens: Tokens) -> i64 {
    i64::try_from(tokens.0).unwrap_or(i64::MAX)
}

/// JSON of values whose keys are strings.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are strings and writing to memory does not fail")
}

type Insert = Query<'static, Sqlite, SqliteArguments>;

impl DecisionRow {
    /// Binds the values in the order of [`COLUMNS`].
    fn bind(self, query: Insert) -> Insert {
        let decision = self.record.decision;
        let chosen = decision.candidates.into_iter().next();
        let chosen = chosen.expect("a decision lists the chosen candidate first");
        query
            .bind(self.record.id)
            .bind(self.record.ts_ms)
            .bind(self.record.prompt_id)
            .bind(self.record.prompt)
            .bind(decision.model.to_string())
            .bind(decision.reason.as_str())
            .bind(decision.propensity.get())
            .bind(decision.policy_version)
            .bind(self.record.session_id)
            .bind(self.category)
            .bind(self.metadata)
            .bind(self.record.input_tokens.map(integer))
            .bind(f64::from(chosen.quality.get()))
            .bind(chosen.cost.as_f64())
            .bind(chosen.output_tokens.map(f64::from))
            .bind(self.candidates)
            .bind(self.record.key_id)
            .bind(self.record.tier)
            .bind(self.coordinates)
            .bind(self.record.lambda)
            .bind(self.record.arm.map(Arm::as_str))
            .bind(self.shadow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_any_size_is_cut_whole() {
        for rows in 1..300 {
            let mut left = rows;
            while left > 0 {
                let size = next_size(left);
                assert!(size <= left && SIZES.contains(&size), "{size} of {left}");
                left -= size;
            }
        }
    }
}
