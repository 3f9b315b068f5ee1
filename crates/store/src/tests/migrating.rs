//! A store of the first release is brought up to date, and nothing in it is lost.

use std::path::Path;

use pointsman_types::{Quality, Usage};
use sqlx::AssertSqlSafe;

use super::{close_to, decision, feedback, outcome, place, raw, receipt, rows, usage};
use crate::schema::{APPLICATION, STEP_1, STEP_2, STEP_3};
use crate::{Export, Filter, Store, StoreError};

/// A store as the first release left it: two decisions, three versions of a judgement.
async fn first_release(path: &Path) {
    let rows = "
        INSERT INTO decision VALUES
            (1, 'd', 1000, 'p', 'Why?', 'small', 'best_utility', 0.75, 'v1', 's', 'maths', NULL, 7,
             0.5, 0.001, 20.0,
             '[{\"model\":\"small\",\"probability\":0.75,\"quality\":0.5,\"cost_usd\":0.001}]'),
            (2, 'e', 2000, 'p', NULL, 'small', 'best_utility', 1.0, 'v1', NULL, NULL, NULL, NULL,
             0.5, 0.001, NULL, '[]');
        INSERT INTO feedback VALUES
            (1, 'f1', 3000, 'd', 'score', '', 1, 1.0, 'good_fit', NULL),
            (5, 'f2', 4000, 'd', 'score', '', 2, 0.0, NULL, '{\"by\":\"judge\"}'),
            (9, 'f3', 5000, 'e', 'score', 'k', 1, 0.5, NULL, NULL);";
    let script = format!(
        "PRAGMA journal_mode = WAL;{STEP_1}{rows}
         PRAGMA application_id = {APPLICATION};PRAGMA user_version = 1;"
    );
    let mut db = raw(path).await;
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(&mut db)
        .await
        .unwrap();
    sqlx::Connection::close(db).await.unwrap();
}

#[tokio::test]
async fn a_store_of_the_first_release_is_brought_up_to_date() {
    let (_directory, path) = place();
    first_release(&path).await;
    let store = Store::open(&path).await.unwrap();
    let news = store.news(0, 10).await.unwrap();
    let seqs: Vec<i64> = news.iter().map(|news| news.feedback.seq).collect();
    assert_eq!(seqs, [1, 5, 9], "numbers stay");
    assert_eq!(
        news[1].replaced.map(|old| old.value),
        Some(Quality::clamped(1.0))
    );
    assert_eq!(news[1].feedback.version, 2);
    let old = &news[0].decision;
    assert_eq!(
        (old.key_id.as_ref(), old.arm, old.coordinates.as_ref()),
        (None, None, None)
    );
    assert_eq!(
        (old.candidates[0].output_tokens, old.candidates[0].refused),
        (None, false)
    );
    close_to(rows(&path).await[0].score.map(Quality::get), 0.0);
    let again = feedback("e", "f4", 0.5);
    let again = super::keyed("k", again);
    assert_eq!(store.feedback(again).await.unwrap(), receipt("f3", true));
}

/// A store of that form, with an outcome of the first decision.
async fn later_form(path: &Path, steps: &str, version: i64) {
    first_release(path).await;
    let kept = "INSERT INTO outcome (id, ts_ms, decision_id, version, cost_usd) VALUES ('o', 4000, 'd', 1, 0.5);";
    let script = format!("{steps}{kept}PRAGMA user_version = {version};");
    let mut db = raw(path).await;
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(&mut db)
        .await
        .unwrap();
    sqlx::Connection::close(db).await.unwrap();
}

/// Nobody knows what old answers showed of themselves.
#[tokio::test]
async fn outcomes_of_the_third_form_show_nothing_of_the_answer() {
    let (_directory, path) = place();
    later_form(&path, &format!("{STEP_2}{STEP_3}"), 3).await;
    let store = Store::open(&path).await.unwrap();
    let old = rows(&path).await.remove(0);
    assert!(old.cost_usd.is_some());
    assert_eq!((old.answer_logprob, old.answer_chars), (None, None));
    let took = Usage {
        answer_logprob: Some(-0.5),
        answer_chars: Some(40),
        ..usage(10)
    };
    store.outcome(outcome("d", "p", took)).await.unwrap();
    let new = rows(&path).await.remove(0);
    assert_eq!(
        (new.answer_logprob, new.answer_chars),
        (Some(-0.5), Some(40))
    );
}

/// Nobody knows of old outcomes whether they were estimated.
#[tokio::test]
async fn outcomes_of_the_second_form_are_neither_measured_nor_estimated() {
    let (_directory, path) = place();
    later_form(&path, STEP_2, 2).await;
    let store = Store::open(&path).await.unwrap();
    let old = rows(&path).await.remove(0);
    assert!(old.cost_usd.is_some());
    assert_eq!(old.cost_estimated, None);
    let took = Usage {
        is_estimated: Some(true),
        ..usage(10)
    };
    store.outcome(outcome("d", "p", took)).await.unwrap();
    assert_eq!(rows(&path).await[0].cost_estimated, Some(true));
}

#[tokio::test]
async fn numbers_go_on_where_they_were() {
    let (_directory, path) = place();
    first_release(&path).await;
    let store = Store::open(&path).await.unwrap();
    store.erase("e", 6000).await.unwrap();
    store.record(decision("new")).unwrap();
    store.feedback(feedback("new", "f", 1.0)).await.unwrap();
    let news = store.news(9, 10).await.unwrap();
    assert_eq!((news.len(), news[0].feedback.seq), (1, 10));
    assert_eq!(news[0].decision.seq, 3);
}

#[tokio::test]
async fn reading_alone_changes_nothing() {
    let (_directory, path) = place();
    first_release(&path).await;
    let error = Export::open(&path, Filter::default()).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Older { found: 1, .. }),
        "{error}"
    );
}
