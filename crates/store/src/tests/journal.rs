//! Decisions between their acknowledgement and the database.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Child;

use pointsman_types::Tokens;
use tempfile::TempDir;

use super::{beside, child, decision, feedback, outcome, place, rows, usage};
use crate::{Export, Filter, Store, StoreError};

/// The store as a crash would leave it now.
fn crashed(path: &Path) -> (TempDir, PathBuf) {
    let (directory, copy) = place();
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    (directory, copy)
}

fn ids(rows: &[pointsman_types::LogRow]) -> Vec<&str> {
    let ids = rows.iter().map(|row| row.decision_id.as_deref().unwrap());
    ids.collect()
}

/// The database has none of them before the writer's turn, which comes when this task waits.
#[tokio::test]
async fn what_is_not_in_the_database_yet_is_read_beside_it() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    for id in ["a", "b"] {
        store.record(decision(id)).unwrap();
    }
    let (_kept, copy) = crashed(&path);
    assert_eq!(store.waiting(), 2);
    let read = rows(&copy).await;
    assert_eq!(ids(&read), ["a", "b"]);

    let judged = Filter {
        only_judged: true,
        ..Filter::default()
    };
    let mut export = Export::open(&copy, judged).await.unwrap();
    assert_eq!(export.next().await.unwrap(), None);
    let late = Filter {
        since_ms: Some(decision("a").ts_ms + 1),
        ..Filter::default()
    };
    let mut export = Export::open(&copy, late).await.unwrap();
    assert_eq!(export.next().await.unwrap(), None);

    store.settle().await;
    assert_eq!(rows(&path).await, read, "the same rows from the database");
}

#[tokio::test]
async fn what_a_crash_left_goes_into_the_database_when_it_is_opened() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.record(decision("a")).unwrap();
    store.settle().await;
    store.record(decision("b")).unwrap();
    let (_kept, copy) = crashed(&path);

    let opened = Store::open(&copy).await.unwrap();
    opened.record(decision("c")).unwrap();
    opened.feedback(feedback("b", "f", 1.0)).await.unwrap();
    opened.close().await;
    assert_eq!(beside(&copy), Vec::<String>::new());
    assert_eq!(ids(&rows(&copy).await), ["a", "b", "c"]);
}

#[tokio::test]
async fn what_is_in_the_database_and_in_a_file_that_was_left_counts_once() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.record(decision("a")).unwrap();
    let (kept, _) = crashed(&path);
    store.close().await;
    let left = beside(&kept.path().join("store.db"));
    assert_eq!(left.len(), 1);
    fs::copy(kept.path().join(&left[0]), path.with_file_name(&left[0])).unwrap();

    assert_eq!(ids(&rows(&path).await), ["a"]);
    let opened = Store::open(&path).await.unwrap();
    opened.close().await;
    assert_eq!(ids(&rows(&path).await), ["a"]);
}

/// Whoever sent it was not told that it is kept.
#[tokio::test]
async fn what_was_cut_off_is_left_out() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    for id in ["a", "b"] {
        store.record(decision(id)).unwrap();
    }
    let (_kept, copy) = crashed(&path);
    let file = copy.with_file_name(&beside(&copy)[0]);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 10]).unwrap();
    assert_eq!(ids(&rows(&copy).await), ["a"]);
    let opened = Store::open(&copy).await.unwrap();
    opened.close().await;
    assert_eq!(ids(&rows(&copy).await), ["a"]);
}

/// Decisions that came while the database could not be written are not lost, and those that come
/// then are refused.
#[tokio::test]
async fn where_the_database_cannot_be_written_decisions_wait() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let mut other = super::raw(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    store.record(decision("a")).unwrap();
    store.note(outcome("a", "o", usage(7))).unwrap();
    store.settle().await;
    let refused = store.record(decision("b")).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    assert_eq!(ids(&rows(&path).await), ["a"], "read beside the database");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    store.settle().await;
    store.record(decision("c")).unwrap();
    store.close().await;
    let read = rows(&path).await;
    assert_eq!(ids(&read), ["a", "c"]);
    assert_eq!(read[0].output_tokens, Some(Tokens(7)));
}

/// The writer's turn comes when this task waits.
#[tokio::test]
async fn where_many_decisions_wait_callers_wait_for_the_writer() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.record(decision("first")).unwrap();
    store.room().await;
    assert_eq!(store.waiting(), 1, "few wait for nobody");
    for n in 1..3000 {
        store.record(decision(&n.to_string())).unwrap();
    }
    store.room().await;
    assert_eq!(store.waiting(), 0);
    store.close().await;
    assert_eq!(rows(&path).await.len(), 3000);
}

/// Names the store to the child, which is this test program again.
const PLACE: &str = "POINTSMAN_STORE_TO_FILL";

#[tokio::test]
#[ignore = "the process that `a_kill_loses_no_decision_that_was_kept` kills"]
async fn fill_until_killed() {
    let Ok(path) = std::env::var(PLACE) else {
        return;
    };
    let store = Store::open(path).await.unwrap();
    for number in 0.. {
        store.record(decision(&format!("d{number}"))).unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "kept d{number}").unwrap();
        out.flush().unwrap();
        tokio::task::yield_now().await;
    }
}

fn spawn(path: &Path) -> Child {
    child("tests::journal::fill_until_killed", PLACE, path)
}

#[tokio::test]
async fn a_kill_loses_no_decision_that_was_kept() {
    for count in [1, 40, 3000] {
        let (_directory, path) = place();
        let mut child = spawn(&path);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = lines
            .map_while(Result::ok)
            .filter_map(|line| Some(line.split_once("kept ")?.1.to_owned()));
        let mut told: Vec<String> = said.by_ref().take(count).collect();
        child.kill().unwrap();
        told.extend(said);
        child.wait().unwrap();

        let read = rows(&path).await;
        Store::open(&path).await.unwrap().close().await;
        let kept = rows(&path).await;
        assert_eq!(ids(&kept), ids(&read), "the same before and after");
        let unheard = kept.len().checked_sub(told.len());
        assert!(unheard.expect("none is lost") <= 1, "{unheard:?}");
        assert!(
            ids(&kept)
                .iter()
                .zip(&told)
                .all(|(one, other)| *one == other.as_str())
        );
    }
}
