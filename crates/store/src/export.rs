//! Decisions joined with their feedback, as log rows.
//!
//! The score of a row is the mean, over metrics, of the newest value of each; signals count where
//! nobody said anything. What the call cost, how long the answer was and how sure the model was of it
//! is known where somebody reported it: predictions are not exported in its place.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use pointsman_types::{LogRow, ModelName, Prompt, Usage};
use sqlx::{Connection, SqliteConnection};

use crate::insert::DecisionRow;
use crate::kept::{NEWEST_OUTCOME, OutcomeCells, Place, SCORE, USAGE};
use crate::{StoreError, database, journal};

/// Rows read at a time. Few, so that no read lasts long enough to keep the write-ahead log from
/// being reused, and long prompts stay within memory.
const PAGE: i64 = 64;

/// Which decisions to export, by the time they were made: milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// The first that is taken.
    pub since_ms: Option<i64>,
    /// The first that is no longer taken.
    pub until_ms: Option<i64>,
    /// Only decisions that have feedback.
    pub only_judged: bool,
}

/// An export under way. Decisions made after it began may be part of it.
#[derive(Debug)]
pub struct Export {
    db: SqliteConnection,
    path: PathBuf,
    filter: Filter,
    page: VecDeque<Joined>,
    after: i64,
    finished: bool,
    /// What was not in the database when it began; nobody can have judged it then.
    journal: Vec<DecisionRow>,
    without_prompt: u64,
}

/// One decision with its score and its outcome.
#[derive(Debug, sqlx::FromRow)]
struct Joined {
    seq: i64,
    id: String,
    ts: String,
    prompt_id: String,
    prompt: Option<String>,
    model: String,
    propensity: f64,
    policy_version: String,
    session_id: Option<String>,
    category: Option<String>,
    key_id: Option<String>,
    tier: Option<String>,
    counted_tokens: Option<i64>,
    score: Option<f64>,
    #[sqlx(flatten)]
    outcome: OutcomeCells,
}

static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT * FROM (
             SELECT d.seq, d.id, d.prompt_id, d.prompt, d.model, d.propensity, d.policy_version,
                    d.session_id, d.category, d.key_id, d.tier, d.input_tokens AS counted_tokens,
                    strftime('%Y-%m-%dT%H:%M:%fZ', d.ts_ms / 1000.0, 'unixepoch') AS ts,
                    {SCORE}, {USAGE}
             FROM decision AS d
             {NEWEST_OUTCOME}
             WHERE d.seq > ?1 AND d.ts_ms >= ?2 AND d.ts_ms < ?3
         )
         WHERE ?4 = 0 OR score IS NOT NULL
         ORDER BY seq LIMIT ?5"
    )
});

const SELECT_WAITING: &str = "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', ?1 / 1000.0, 'unixepoch')
    WHERE NOT EXISTS (SELECT 1 FROM decision WHERE id = ?2)";

impl Filter {
    /// Whether it takes a row that nobody judged.
    fn takes(self, row: &DecisionRow) -> bool {
        !self.only_judged
            && self.since_ms.is_none_or(|since| row.ts_ms >= since)
            && self.until_ms.is_none_or(|until| row.ts_ms < until)
    }
}

impl Export {
    /// Opens a store for reading, whether or not a server has it open.
    ///
    /// # Errors
    /// When there is no store, or it is not one that this release reads.
    pub async fn open(path: &Path, filter: Filter) -> Result<Self, StoreError> {
        // Resolved, since the journal lies beside the file itself; read first, so that nothing slips by.
        let path = database::resolved(path)?;
        let db = database::connect_reader(&path).await?;
        let mut journal = journal::read(&path)?;
        journal.retain(|row| filter.takes(row));
        Ok(Self {
            db,
            journal,
            path,
            filter,
            page: VecDeque::new(),
            after: 0,
            finished: false,
            without_prompt: 0,
        })
    }

    /// The next row, in the order the decisions were made; `None` after the last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next(&mut self) -> Result<Option<LogRow>, StoreError> {
        loop {
            let Some(joined) = self.next_joined().await? else {
                return Ok(None);
            };
            match joined.into_row(&self.path)? {
                Some(row) => return Ok(Some(row)),
                None => self.without_prompt += 1,
            }
        }
    }

    /// Decisions left out so far because their prompt was not kept.
    #[must_use]
    pub fn without_prompt(&self) -> u64 {
        self.without_prompt
    }

    async fn next_joined(&mut self) -> Result<Option<Joined>, StoreError> {
        while self.page.is_empty() && !self.finished {
            let turned = self.turn_page().await;
            turned.map_err(|source| StoreError::from_sqlite(&self.path, source))?;
        }
        Ok(self.page.pop_front())
    }

    /// The next page. The last one is what the journal had and the database still has not: both are seen
    /// at one time, so that nothing is missed and nothing comes twice.
    async fn turn_page(&mut self) -> Result<(), sqlx::Error> {
        let mut snapshot = self.db.begin().await?;
        let page: Vec<Joined> = sqlx::query_as(SELECT.as_str())
            .bind(self.after)
            .bind(self.filter.since_ms.unwrap_or(i64::MIN))
            .bind(self.filter.until_ms.unwrap_or(i64::MAX))
            .bind(self.filter.only_judged)
            .bind(PAGE)
            .fetch_all(&mut *snapshot)
            .await?;
        self.page = page.into();
        match self.page.back() {
            Some(last) => self.after = last.seq,
            None => {
                self.finished = true;
                for row in std::mem::take(&mut self.journal) {
                    let ts = waiting_since(&mut snapshot, &row).await?;
                    self.page.extend(ts.map(|ts| Joined::waiting(row, ts)));
                }
            }
        }
        snapshot.commit().await
    }
}

/// The time of a row of the journal as it is exported; `None` where the database has it.
async fn waiting_since(
    db: &mut SqliteConnection,
    row: &DecisionRow,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(SELECT_WAITING)
        .bind(row.ts_ms)
        .bind(row.id.as_str())
        .fetch_optional(db)
        .await
}

impl Joined {
    /// A row that nothing was reported of, since it waits for the database.
    fn waiting(row: DecisionRow, ts: String) -> Self {
        Self {
            seq: 0,
            id: row.id,
            ts,
            prompt_id: row.prompt_id,
            prompt: row.prompt,
            model: row.model,
            propensity: row.propensity,
            policy_version: row.policy_version,
            session_id: row.session_id,
            category: row.category,
            key_id: row.key_id,
            tier: row.tier,
            counted_tokens: row.input_tokens,
            score: None,
            outcome: OutcomeCells::default(),
        }
    }

    /// `None` when the prompt was not kept.
    fn into_row(self, path: &Path) -> Result<Option<LogRow>, StoreError> {
        let place = Place {
            path,
            decision_id: &self.id,
        };
        let score = self.score.map(|score| place.quality(score)).transpose()?;
        let propensity = place.probability(self.propensity)?;
        let counted = place.tokens("input_tokens", self.counted_tokens)?;
        let usage: Usage = self.outcome.kept(place)?.unwrap_or_default();
        let Some(prompt) = self.prompt else {
            return Ok(None);
        };
        Ok(Some(LogRow {
            prompt_id: self.prompt_id,
            score,
            category: self.category,
            ts: Some(self.ts),
            session_id: self.session_id,
            key_id: self.key_id,
            tier: self.tier,
            input_tokens: usage.input_tokens.or(counted),
            output_tokens: usage.output_tokens,
            cached_tokens: usage.cached_tokens,
            cost_usd: usage.cost,
            cost_estimated: usage.cost.and(usage.is_estimated),
            latency_ms: usage.latency_ms,
            answer_logprob: usage.answer_logprob,
            answer_chars: usage.answer_chars,
            propensity: Some(propensity),
            policy_version: Some(self.policy_version),
            decision_id: Some(self.id),
            ..LogRow::new(Prompt::from(prompt), ModelName::from(self.model))
        }))
    }
}
