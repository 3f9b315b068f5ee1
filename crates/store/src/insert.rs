//! Decisions as table rows, and the statements that insert many at once.
//!
//! Rows go in by a multi-row `VALUES`, half the cost of unpacking a JSON array inside SQLite. The
//! statement is prepared once per size, so the sizes are few.

use std::borrow::Cow;
use std::sync::LazyLock;

use pointsman_types::Tokens;
use serde::{Deserialize, Serialize, Serializer};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Connection, Sqlite, SqliteConnection};

use crate::{DecisionRecord, KeptCandidate};

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

/// Rows of one statement, most first: a batch is cut greedily.
pub(crate) const SIZES: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

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

/// Which of [`SIZES`] the next statement takes of so many rows, of which there is one at least.
pub(crate) fn next_size(waiting: usize) -> usize {
    let fits = SIZES.iter().position(|size| *size <= waiting);
    fits.unwrap_or(SIZES.len() - 1)
}

/// Inserts rows, inside the caller's transaction. Those that are there already stay as they are.
pub(crate) async fn insert(
    db: &mut SqliteConnection,
    rows: Vec<DecisionRow>,
) -> Result<(), sqlx::Error> {
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let size = next_size(rows.len());
        let statement = sqlx::query(STATEMENTS[size].as_str());
        let part = rows.by_ref().take(SIZES[size]);
        let query = part.fold(statement, |query, row| row.bind(query));
        query.execute(&mut *db).await?;
    }
    Ok(())
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

/// A decision as the row of a table, its lists already in JSON; made on the caller's thread to spare the
/// writer. Whatever is added to it later must be able to be absent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DecisionRow {
    pub(crate) id: String,
    pub(crate) ts_ms: i64,
    pub(crate) prompt_id: String,
    pub(crate) prompt: Option<String>,
    pub(crate) model: String,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) propensity: f64,
    pub(crate) policy_version: String,
    pub(crate) session_id: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) input_tokens: Option<i64>,
    pub(crate) quality: f64,
    pub(crate) cost_usd: f64,
    pub(crate) output_tokens: Option<f64>,
    pub(crate) candidates: String,
    pub(crate) key_id: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) coordinates: Option<Vec<f32>>,
    pub(crate) lambda: Option<f64>,
    pub(crate) arm: Option<Cow<'static, str>>,
    pub(crate) shadow: Option<String>,
}

impl From<DecisionRecord> for DecisionRow {
    fn from(record: DecisionRecord) -> Self {
        let decision = &record.decision;
        let chosen = decision.candidates.first();
        let chosen = chosen.expect("a decision lists the chosen candidate first");
        Self {
            model: decision.model.to_string(),
            reason: decision.reason.as_str().into(),
            propensity: decision.propensity.get(),
            category: record.category().map(str::to_owned),
            metadata: record.metadata.as_ref().map(json),
            input_tokens: record.input_tokens.map(integer),
            quality: f64::from(chosen.quality.get()),
            cost_usd: chosen.cost.as_f64(),
            output_tokens: chosen.output_tokens.map(f64::from),
            candidates: candidates(&record),
            arm: record.arm.map(|arm| arm.as_str().into()),
            shadow: record.shadow.as_ref().map(json),
            id: record.id,
            ts_ms: record.ts_ms,
            prompt_id: record.prompt_id,
            prompt: record.prompt,
            policy_version: record.decision.policy_version,
            session_id: record.session_id,
            key_id: record.key_id,
            tier: record.tier,
            coordinates: record.coordinates,
            lambda: record.lambda,
        }
    }
}

/// In memory that is taken at once, instead of growing as it is written.
fn candidates(record: &DecisionRecord) -> String {
    const ROOM: usize = 192;
    let candidates = record.decision.candidates.iter();
    let mut json = Vec::with_capacity(ROOM * candidates.len());
    serde_json::Serializer::new(&mut json)
        .collect_seq(candidates.map(KeptCandidate::from))
        .expect("keys are strings and writing to memory does not fail");
    String::from_utf8(json).expect("JSON is text")
}

/// Four bytes a number, the lowest first.
fn bytes(coordinates: Vec<f32>) -> Vec<u8> {
    let numbers = coordinates.into_iter();
    numbers.flat_map(f32::to_le_bytes).collect()
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
    /// About the bytes that it takes with the names of its columns.
    pub(crate) fn room(&self) -> usize {
        const REST: usize = 768;
        let texts = [&self.prompt, &self.metadata, &self.shadow];
        let texts = texts.into_iter().flatten().map(String::len);
        let coordinates = self
            .coordinates
            .as_ref()
            .map_or(0, |numbers| 5 * numbers.len());
        REST + self.candidates.len() + coordinates + texts.sum::<usize>()
    }

    /// Binds the values in the order of [`COLUMNS`].
    fn bind(self, query: Insert) -> Insert {
        query
            .bind(self.id)
            .bind(self.ts_ms)
            .bind(self.prompt_id)
            .bind(self.prompt)
            .bind(self.model)
            .bind(self.reason.into_owned())
            .bind(self.propensity)
            .bind(self.policy_version)
            .bind(self.session_id)
            .bind(self.category)
            .bind(self.metadata)
            .bind(self.input_tokens)
            .bind(self.quality)
            .bind(self.cost_usd)
            .bind(self.output_tokens)
            .bind(self.candidates)
            .bind(self.key_id)
            .bind(self.tier)
            .bind(self.coordinates.map(bytes))
            .bind(self.lambda)
            .bind(self.arm.map(Cow::into_owned))
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
                let size = SIZES[next_size(left)];
                assert!(size <= left && SIZES.contains(&size), "{size} of {left}");
                left -= size;
            }
        }
    }
}
