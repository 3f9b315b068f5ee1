//! What came in since, for those who learn from it: feedback in its order, decisions and bills in
//! theirs.
//!
//! Reading happens beside the writer, a page at a time. Numbers rise in the order of the commits and
//! are never given twice, so whoever remembers the last one misses nothing and sees nothing twice. A
//! page that has fewer entries than asked for is the last for now.

use std::path::Path;
use std::sync::LazyLock;

use pointsman_types::{Quality, Tokens, Usage, Usd};
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;

use crate::kept::{
    DECISION, DecisionCells, FEEDBACK, FeedbackCells, NEWEST_OUTCOME, OutcomeCells, Place, SCORE,
    USAGE,
};
use crate::{Arm, KeptCandidate, KeptDecision, KeptFeedback, Store, StoreError};

/// One piece of feedback with the decision that it judges.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The judgement; its `seq` is where to go on.
    pub feedback: KeptFeedback,
    /// The judgement of the same decision and metric that this one takes the place of, under
    /// whichever idempotency key it came: what a learner takes back first.
    pub replaced: Option<Replaced>,
    /// The decision.
    pub decision: KeptDecision,
    /// What the call really took, as last reported by the time of reading.
    pub outcome: Option<Usage>,
}

/// A judgement that no longer counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replaced {
    /// Its number.
    pub seq: i64,
    /// What it said.
    pub value: Quality,
}

/// One decision and what followed by the time of reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// The decision; its `seq` is where to go on.
    pub decision: KeptDecision,
    /// The mean, over metrics, of the newest value of each, as in an export.
    pub score: Option<Quality>,
    /// The newest feedback of any metric.
    pub feedback: Option<KeptFeedback>,
    /// What the call really took.
    pub outcome: Option<Usage>,
}

/// What calls cost, from a page of reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Bills {
    /// The number of the last report that was looked at, where to go on. Most reports may say nothing of
    /// a cost.
    pub read_to: i64,
    /// Whether there were fewer reports than asked for.
    pub is_last: bool,
    /// Those that are the first of their decision to tell a cost.
    pub bills: Vec<Billed>,
}

/// The first report of what the call of a decision cost, and what was expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Billed {
    /// The number of the report.
    pub seq: i64,
    /// What decided.
    pub policy_version: String,
    /// Which version decided, where there were several.
    pub arm: Option<Arm>,
    /// The chosen model as it looked; `None` when the decision was erased.
    pub chosen: Option<KeptCandidate>,
    /// What the call cost.
    pub cost: Usd,
    /// Tokens out.
    pub output_tokens: Option<Tokens>,
    /// Whether the call failed.
    pub is_failed: bool,
}

#[derive(sqlx::FromRow)]
struct BilledRow {
    seq: i64,
    decision_id: String,
    policy_version: String,
    arm: Option<String>,
    candidates: Option<String>,
    cost_usd: Option<f64>,
    output_tokens: Option<i64>,
    is_failed: bool,
}

#[derive(sqlx::FromRow)]
struct NewsRow {
    #[sqlx(flatten)]
    decision: DecisionCells,
    #[sqlx(flatten)]
    feedback: FeedbackCells,
    #[sqlx(flatten)]
    outcome: OutcomeCells,
    replaced_seq: Option<i64>,
    replaced_value: Option<f64>,
}

#[derive(sqlx::FromRow)]
struct FollowedRow {
    #[sqlx(flatten)]
    decision: DecisionCells,
    #[sqlx(flatten)]
    feedback: FeedbackCells,
    #[sqlx(flatten)]
    outcome: OutcomeCells,
    score: Option<f64>,
}

/// A sum, since SQLite would prepare a statement anew whenever another value is bound to a bare limit.
const LIMIT: &str = "? + 0";

static SELECT_NEWS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {DECISION}, {FEEDBACK}, {USAGE}, r.seq AS replaced_seq, r.value AS replaced_value
         FROM feedback AS f
         JOIN decision AS d ON d.id = f.decision_id
         LEFT JOIN feedback AS r ON r.seq = (
             SELECT max(seq) FROM feedback AS e
             WHERE e.decision_id = f.decision_id AND e.metric_name = f.metric_name
               AND e.seq < f.seq)
         {NEWEST_OUTCOME}
         WHERE f.seq > ? ORDER BY f.seq LIMIT {LIMIT}"
    )
});

static SELECT_FOLLOWED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {DECISION}, {FEEDBACK}, {USAGE}, {SCORE}
         FROM decision AS d
         LEFT JOIN feedback AS f
             ON f.seq = (SELECT max(seq) FROM feedback AS e WHERE e.decision_id = d.id)
         {NEWEST_OUTCOME}
         WHERE d.seq > ? ORDER BY d.seq LIMIT {LIMIT}"
    )
});

static SELECT_DECISION: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {DECISION} FROM decision AS d WHERE d.seq > ? ORDER BY d.seq LIMIT {LIMIT}")
});

static SELECT_BILLED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT o.seq, o.decision_id, d.policy_version, d.arm, o.output_tokens,
                iif(o.cost_usd IS NULL, NULL, d.candidates) AS candidates,
                o.error IS NOT NULL AS is_failed,
                iif(o.version = 1 OR NOT EXISTS (
                    SELECT 1 FROM outcome AS e WHERE e.decision_id = o.decision_id
                    AND e.version < o.version AND e.cost_usd IS NOT NULL),
                    o.cost_usd, NULL) AS cost_usd
         FROM outcome AS o JOIN decision AS d ON d.id = o.decision_id
         WHERE o.seq > ? ORDER BY o.seq LIMIT {LIMIT}"
    )
});

impl Store {
    /// At most `limit` pieces of feedback after the one of that number, the oldest first; 0 is
    /// before all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn news(&self, after: i64, limit: u32) -> Result<Vec<News>, StoreError> {
        let db = self.reader().await?;
        let rows: Vec<NewsRow> = self.page(db, SELECT_NEWS.as_str(), after, limit).await?;
        let path = self.path();
        rows.into_iter().map(|row| row.news(path)).collect()
    }

    /// At most `limit` decisions after the one of that number, the oldest first, with what followed;
    /// 0 is before all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn decisions(&self, after: i64, limit: u32) -> Result<Vec<Followed>, StoreError> {
        let db = self.reader().await?;
        let select = SELECT_FOLLOWED.as_str();
        let rows: Vec<FollowedRow> = self.page(db, select, after, limit).await?;
        let path = self.path();
        rows.into_iter().map(|row| row.followed(path)).collect()
    }

    /// At most `limit` decisions after the one of that number, the oldest first, without what followed:
    /// a third of the work of [`Store::decisions`]. The newest may be missing until the writer has moved
    /// them into the database, some 50 ms.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn bare_decisions(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<KeptDecision>, StoreError> {
        let db = self.late_reader().await?;
        let select = SELECT_DECISION.as_str();
        let rows: Vec<DecisionCells> = self.page(db, select, after, limit).await?;
        let path = self.path();
        rows.into_iter().map(|row| row.kept(path)).collect()
    }

    /// What the next `limit` reports after the one of that number tell of costs, the oldest first; 0 is
    /// before all. The newest may be missing, as in [`Store::bare_decisions`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn bills(&self, after: i64, limit: u32) -> Result<Bills, StoreError> {
        let db = self.late_reader().await?;
        let rows: Vec<BilledRow> = self.page(db, SELECT_BILLED.as_str(), after, limit).await?;
        let (read_to, is_last) = (
            rows.last().map_or(after, |row| row.seq),
            rows.len() < limit as usize,
        );
        let bills = rows
            .into_iter()
            .filter_map(|row| row.billed(self.path()).transpose());
        Ok(Bills {
            read_to,
            is_last,
            bills: bills.collect::<Result<_, _>>()?,
        })
    }

    /// The number of the last decision; 0 before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn last_decision(&self) -> Result<i64, StoreError> {
        let mut db = self.reader().await?;
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM decision")
            .fetch_one(&mut *db)
            .await
            .map_err(|source| self.unreadable(source))
    }

    async fn page<R>(
        &self,
        mut db: PoolConnection<Sqlite>,
        select: &'static str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
    {
        sqlx::query_as(select)
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *db)
            .await
            .map_err(|source| self.unreadable(source))
    }
}

impl BilledRow {
    /// `None` where it tells no cost, or not the first.
    fn billed(self, path: &Path) -> Result<Option<Billed>, StoreError> {
        let (Some(cost_usd), Some(candidates)) = (self.cost_usd, &self.candidates) else {
            return Ok(None);
        };
        let place = Place {
            path,
            decision_id: &self.decision_id,
        };
        Ok(Some(Billed {
            seq: self.seq,
            chosen: place.first("candidates", candidates)?,
            cost: place.cost(cost_usd)?,
            output_tokens: place.tokens("output_tokens", self.output_tokens)?,
            is_failed: self.is_failed,
            arm: place.word("arm", Arm::ALL, Arm::as_str, self.arm)?,
            policy_version: self.policy_version,
        }))
    }
}

impl NewsRow {
    fn news(self, path: &Path) -> Result<News, StoreError> {
        let decision = self.decision.kept(path)?;
        let place = Place {
            path,
            decision_id: &decision.id,
        };
        let feedback = self.feedback.kept(place)?;
        let replaced = match (self.replaced_seq, self.replaced_value) {
            (Some(seq), Some(value)) => Some(Replaced {
                seq,
                value: place.quality(value)?,
            }),
            _ => None,
        };
        Ok(News {
            feedback: feedback.ok_or_else(|| place.damaged("feedback"))?,
            replaced,
            outcome: self.outcome.kept(place)?,
            decision,
        })
    }
}

impl FollowedRow {
    fn followed(self, path: &Path) -> Result<Followed, StoreError> {
        let decision = self.decision.kept(path)?;
        let place = Place {
            path,
            decision_id: &decision.id,
        };
        let score = self.score.map(|score| place.quality(score));
        Ok(Followed {
            score: score.transpose()?,
            feedback: self.feedback.kept(place)?,
            outcome: self.outcome.kept(place)?,
            decision,
        })
    }
}
