//! Decisions joined with their feedback, as log rows.
//!
//! The score of a row is the mean, over metrics, of the newest value of each. What the call cost
//! and how long the answer was is not known here: the predictions are not exported in their place.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use pointsman_types::{LogRow, ModelName, Probability, Prompt, Quality, Tokens};
use sqlx::SqliteConnection;

use crate::{StoreError, database};

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
    without_prompt: u64,
}

/// One decision with its score.
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
    input_tokens: Option<i64>,
    score: Option<f64>,
}

// `max` makes the bare `value` that of the newest row: https://www.sqlite.org/lang_select.html#bareagg
const SELECT: &str = "
SELECT * FROM (
    SELECT d.seq, d.id, d.prompt_id, d.prompt, d.model, d.propensity, d.policy_version,
           d.session_id, d.category, d.input_tokens,
           strftime('%Y-%m-%dT%H:%M:%fZ', d.ts_ms / 1000.0, 'unixepoch') AS ts,
           (SELECT avg(value) FROM
               (SELECT f.value, max(f.seq) FROM feedback AS f
                WHERE f.decision_id = d.id GROUP BY f.metric_name)) AS score
    FROM decision AS d
    WHERE d.seq > ?1 AND d.ts_ms >= ?2 AND d.ts_ms < ?3
)
WHERE ?4 = 0 OR score IS NOT NULL
ORDER BY seq LIMIT ?5";

impl Export {
    /// Opens a store for reading, whether or not a server has it open.
    ///
    /// # Errors
    /// When there is no store, or it is not one that this release reads.
    pub async fn open(path: &Path, filter: Filter) -> Result<Self, StoreError> {
        Ok(Self {
            db: database::connect_reader(path).await?,
            path: path.to_owned(),
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
        if self.page.is_empty() && !self.finished {
            self.page = self.read_page().await?.into();
            self.finished = self.page.is_empty();
            self.after = self.page.back().map_or(self.after, |last| last.seq);
        }
        Ok(self.page.pop_front())
    }

    async fn read_page(&mut self) -> Result<Vec<Joined>, StoreError> {
        sqlx::query_as(SELECT)
            .bind(self.after)
            .bind(self.filter.since_ms.unwrap_or(i64::MIN))
            .bind(self.filter.until_ms.unwrap_or(i64::MAX))
            .bind(self.filter.only_judged)
            .bind(PAGE)
            .fetch_all(&mut self.db)
            .await
            .map_err(|source| StoreError::from_sqlite(&self.path, source))
    }
}

impl Joined {
    /// `None` when the prompt was not kept.
    fn into_row(self, path: &Path) -> Result<Option<LogRow>, StoreError> {
        let damaged = |column| StoreError::Damaged {
            path: path.to_owned(),
            column,
            decision_id: self.id.clone(),
        };
        let score = self.score.map(Quality::new).transpose();
        let score = score.map_err(|_| damaged("feedback value"))?;
        let propensity = Probability::new(self.propensity).map_err(|_| damaged("propensity"))?;
        let input_tokens = self.input_tokens.map(u64::try_from).transpose();
        let input_tokens = input_tokens.map_err(|_| damaged("input_tokens"))?;
        let Some(prompt) = self.prompt else {
            return Ok(None);
        };
        Ok(Some(LogRow {
            prompt_id: self.prompt_id,
            score,
            category: self.category,
            ts: Some(self.ts),
            session_id: self.session_id,
            input_tokens: input_tokens.map(Tokens),
            propensity: Some(propensity),
            policy_version: Some(self.policy_version),
            decision_id: Some(self.id),
            ..LogRow::new(Prompt::from(prompt), ModelName::from(self.model))
        }))
    }
}
