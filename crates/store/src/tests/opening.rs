//! What may be opened as a store, and what is refused and why.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::{
    process::Command,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use sqlx::AssertSqlSafe;

use super::{decision, feedback, place, raw, store_with_decision};
use crate::{Config, Export, Filter, Store, StoreError};

#[tokio::test]
async fn a_store_has_one_server() {
    let (_directory, path) = place();
    let first = Store::open(&path).await.unwrap();
    let second = Store::open(&path).await.unwrap_err();
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    assert!(second.to_string().contains("one server"), "{second}");
    first.close().await;
    Store::open(&path).await.unwrap();
}

/// Between its two steps, the start of another program holds a copy of every open file.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_of_another_program_does_not_keep_a_store_from_opening() {
    let (_directory, path) = place();
    let ended = Arc::new(AtomicBool::new(false));
    let starting = thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            while !ended.load(Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        }
    });
    let mut refusals = Vec::new();
    for _ in 0..200 {
        match Store::open(&path).await {
            Ok(store) => store.close().await,
            Err(error) => refusals.push(error.to_string()),
        }
    }
    ended.store(true, Ordering::Relaxed);
    starting.join().unwrap();
    assert_eq!(refusals, Vec::<String>::new());
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_store_is_that_store() {
    let (directory, path) = place();
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let first = Store::open(&path).await.unwrap();
    let second = Store::open(&link).await.unwrap_err();
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    first.close().await;
    let linked = Store::open(&link).await.unwrap();
    linked.record(decision("d")).unwrap();
    linked.feedback(feedback("d", "f", 1.0)).await.unwrap();
}

#[tokio::test]
async fn the_log_is_emptied_and_removed_on_closing() {
    let (directory, store) = store_with_decision().await;
    store.feedback(feedback("d", "f", 1.0)).await.unwrap();
    store.close().await;
    assert!(!directory.path().join("store.db-wal").exists());
}

async fn check_refused(prepare: impl AsyncFnOnce(&Path), says: &str) {
    let (_directory, path) = place();
    prepare(&path).await;
    let error = Store::open(&path).await.unwrap_err().to_string();
    assert!(error.contains(says), "{error:?} does not say {says:?}");
    assert!(error.contains("store.db"), "{error:?} names no file");
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused() {
    let text = async |path: &Path| fs::write(path, "prompt,model\n".repeat(200)).unwrap();
    check_refused(text, "not a SQLite database").await;
}

#[tokio::test]
async fn a_directory_is_refused() {
    check_refused(
        async |path: &Path| fs::create_dir(path).unwrap(),
        "the store",
    )
    .await;
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let (_directory, path) = place();
    let create = "CREATE TABLE theirs (x)";
    sqlx::query(create)
        .execute(&mut raw(&path).await)
        .await
        .unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut raw(&path).await)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_store_of_a_later_release_is_refused() {
    let (_directory, path) = place();
    Store::open(&path).await.unwrap().close().await;
    let later = AssertSqlSafe(format!(
        "PRAGMA user_version = {}",
        crate::schema::VERSION + 1
    ));
    sqlx::query(later)
        .execute(&mut raw(&path).await)
        .await
        .unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let error = Store::open("no/such/place/store.db").await.unwrap_err();
    assert!(error.to_string().contains("no/such/place"), "{error}");
}

#[tokio::test]
async fn reading_makes_no_store() {
    let (_directory, path) = place();
    let error = Export::open(&path, Filter::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_bound_below_the_tables_is_refused() {
    let config = Config {
        max_bytes: Some(10),
        ..Config::at("x")
    };
    assert!(matches!(
        config.check(),
        Err(StoreError::TooSmall { bytes: 10 })
    ));
}
