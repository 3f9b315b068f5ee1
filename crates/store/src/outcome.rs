//! What calls really took, as table rows. The same content again repeats the newest version; other
//! content becomes the next version, and the newest counts. Nothing is overwritten.

use std::collections::HashSet;
use std::sync::LazyLock;

use pointsman_types::{Tokens, Usage, Usd};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, Sqlite, SqliteConnection};

use crate::fault::Fault;
use crate::insert::{SIZES, integer, next_size};
use crate::judge::Standing;
use crate::{OutcomeRecord, Receipt, StoreError};

/// The columns of a [`Usage`].
#[derive(Debug, Default, PartialEq, sqlx::FromRow)]
pub(crate) struct UsageCells {
    pub(crate) input_tokens: Option<i64>,
    pub(crate) output_tokens: Option<i64>,
    pub(crate) cached_tokens: Option<i64>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) latency_ms: Option<f64>,
    pub(crate) error: Option<String>,
    pub(crate) estimated: Option<bool>,
    pub(crate) answer_logprob: Option<f64>,
    pub(crate) answer_chars: Option<i64>,
}

impl From<&Usage> for UsageCells {
    fn from(usage: &Usage) -> Self {
        let count = |tokens: Option<Tokens>| tokens.map(integer);
        Self {
            input_tokens: count(usage.input_tokens),
            output_tokens: count(usage.output_tokens),
            cached_tokens: count(usage.cached_tokens),
            cost_usd: usage.cost.map(Usd::as_f64),
            latency_ms: usage.latency_ms,
            error: usage.error.clone(),
            estimated: usage.is_estimated,
            answer_logprob: usage.answer_logprob,
            answer_chars: usage
                .answer_chars
                .map(|chars| i64::try_from(chars).unwrap_or(i64::MAX)),
        }
    }
}

/// The newest version of an outcome.
#[derive(sqlx::FromRow)]
struct Newest {
    #[sqlx(flatten)]
    standing: Standing,
    #[sqlx(flatten)]
    cells: UsageCells,
    id: Option<String>,
    version: Option<i64>,
}

/// Values of an outcome that is its decision's first.
const VALUES: usize = 13;

static FIRST: LazyLock<[String; SIZES.len()]> = LazyLock::new(|| SIZES.map(first));

static TOLD: LazyLock<[String; SIZES.len()]> =
    LazyLock::new(|| SIZES.map(|size| first(size) + " RETURNING id"));

/// Inserts those whose decision is known, open to the key and without an outcome.
fn first(outcomes: usize) -> String {
    let values = vec![format!("({})", ["?"; VALUES].join(",")); outcomes].join(",");
    format!(
        "INSERT INTO outcome (version, id, ts_ms, decision_id, key_id, input_tokens, output_tokens,
                              cached_tokens, cost_usd, latency_ms, error, estimated,
                              answer_logprob, answer_chars)
         SELECT 1, v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7,
                v.column8, v.column9, v.column10, v.column11, v.column12, v.column13
         FROM (VALUES {values}) AS v
         JOIN decision AS d ON d.id = v.column3 AND d.erased_ms IS NULL
          AND (d.key_id = v.column4 OR d.key_id IS NULL OR v.column4 IS NULL)
         WHERE NOT EXISTS (SELECT 1 FROM outcome AS o WHERE o.decision_id = v.column3)
         ON CONFLICT DO NOTHING"
    )
}

type Insert<'a> = Query<'a, Sqlite, SqliteArguments>;

/// Binds the values of an outcome, in the order in which every insertion names them.
fn bind<'a>(query: Insert<'a>, record: &'a OutcomeRecord) -> Insert<'a> {
    let cells = UsageCells::from(&record.usage);
    query
        .bind(record.outcome_id.as_str())
        .bind(record.ts_ms)
        .bind(record.decision_id.as_str())
        .bind(record.key_id.as_deref())
        .bind(cells.input_tokens)
        .bind(cells.output_tokens)
        .bind(cells.cached_tokens)
        .bind(cells.cost_usd)
        .bind(cells.latency_ms)
        .bind(cells.error)
        .bind(cells.estimated)
        .bind(cells.answer_logprob)
        .bind(cells.answer_chars)
}

/// Keeps the outcomes that are the first of their decisions, some dozens by one statement, and returns
/// their ids. The others are for [`settle`].
pub(crate) async fn insert_first(
    db: &mut SqliteConnection,
    mut records: &[&OutcomeRecord],
) -> Result<HashSet<String>, sqlx::Error> {
    let mut kept = HashSet::new();
    while !records.is_empty() {
        let size = next_size(records.len());
        let (now, later) = records.split_at(SIZES[size]);
        let insert = now
            .iter()
            .copied()
            .fold(sqlx::query(TOLD[size].as_str()), bind);
        let ids = insert.try_map(|row: SqliteRow| row.try_get(0));
        kept.extend(ids.fetch_all(&mut *db).await?);
        records = later;
    }
    Ok(kept)
}

/// Keeps these outcomes, inside the caller's transaction, and tells why some were refused. Nearly always
/// all of them are the first of their decisions; a count says so, and costs less than their ids.
pub(crate) async fn settle_all(
    db: &mut SqliteConnection,
    mut records: &[OutcomeRecord],
) -> Result<Vec<StoreError>, sqlx::Error> {
    let mut refused = Vec::new();
    while !records.is_empty() {
        let size = next_size(records.len());
        let (now, later) = records.split_at(SIZES[size]);
        let insert = now.iter().fold(sqlx::query(FIRST[size].as_str()), bind);
        let inserted = insert.execute(&mut *db).await?.rows_affected();
        if inserted < now.len() as u64 {
            refused.extend(settle_each(db, now).await?);
        }
        records = later;
    }
    Ok(refused)
}

/// One by one; those that are there already stay as they are.
async fn settle_each(
    db: &mut SqliteConnection,
    records: &[OutcomeRecord],
) -> Result<Vec<StoreError>, sqlx::Error> {
    let mut refused = Vec::new();
    for record in records {
        match settle(db, record.clone()).await {
            Ok(_) => {}
            Err(Fault::Refused(why)) => refused.push(why),
            Err(Fault::Sqlite(source)) => return Err(source),
        }
    }
    Ok(refused)
}

/// Keeps one outcome, inside the caller's transaction.
pub(crate) async fn settle(
    db: &mut SqliteConnection,
    record: OutcomeRecord,
) -> Result<Receipt, Fault> {
    let cells = UsageCells::from(&record.usage);
    let Some(newest) = newest(db, &record.decision_id).await? else {
        return Err(Fault::Refused(StoreError::UnknownDecision {
            decision_id: record.decision_id,
        }));
    };
    let key = record.key_id.as_deref();
    newest.standing.admit(&record.decision_id, key)?;
    match newest.id {
        Some(id) if newest.cells == cells => Ok(Receipt {
            feedback_id: id,
            repeated: true,
        }),
        _ => {
            let version = newest.version.map_or(1, |version| version + 1);
            Ok(append(db, record, version).await?)
        }
    }
}

/// No row when the decision is unknown, one without an id when it has no outcome yet.
async fn newest(
    db: &mut SqliteConnection,
    decision_id: &str,
) -> Result<Option<Newest>, sqlx::Error> {
    sqlx::query_as(
        "SELECT d.key_id AS decision_key, d.erased_ms, o.id, o.version, o.input_tokens,
                o.output_tokens, o.cached_tokens, o.cost_usd, o.latency_ms, o.error, o.estimated,
                o.answer_logprob, o.answer_chars
         FROM decision AS d
         LEFT JOIN outcome AS o ON o.decision_id = d.id
         WHERE d.id = ?1
         ORDER BY o.version DESC LIMIT 1",
    )
    .bind(decision_id)
    .fetch_optional(db)
    .await
}

async fn append(
    db: &mut SqliteConnection,
    record: OutcomeRecord,
    version: i64,
) -> Result<Receipt, sqlx::Error> {
    let insert = sqlx::query(
        "INSERT INTO outcome (id, ts_ms, decision_id, key_id, input_tokens, output_tokens,
                              cached_tokens, cost_usd, latency_ms, error, estimated,
                              answer_logprob, answer_chars, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    bind(insert, &record).bind(version).execute(db).await?;
    Ok(Receipt {
        feedback_id: record.outcome_id,
        repeated: false,
    })
}
