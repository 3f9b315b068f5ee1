//! What was learnt survives, and what is damaged is not learnt from.

use pointsman_types::Stage;

use super::{place, raw};
use crate::tests::versions::version;
use crate::{KeptSnapshot, Snapshot, Store, Version};

fn snapshot(base: &str, cursor: i64) -> Snapshot {
    Snapshot {
        base: base.into(),
        cursor,
        ts_ms: 1000 + cursor,
        state: cursor.to_le_bytes().repeat(100),
    }
}

async fn store_with(snapshots: i64) -> (tempfile::TempDir, Store) {
    let (directory, path) = place();
    let store = Store::open(path).await.unwrap();
    for cursor in 1..=snapshots {
        let seq = store.save_snapshot(snapshot("v1", cursor)).await.unwrap();
        assert_eq!(seq, cursor);
    }
    (directory, store)
}

async fn damage(directory: &tempfile::TempDir, statement: &'static str) {
    let mut db = raw(&directory.path().join("store.db")).await;
    sqlx::query(statement).execute(&mut db).await.unwrap();
}

#[tokio::test]
async fn the_newest_of_its_base_comes_back_whole() {
    let (directory, store) = store_with(3).await;
    store.save_snapshot(snapshot("v2", 9)).await.unwrap();
    store.close().await;
    let store = Store::open(directory.path().join("store.db"))
        .await
        .unwrap();
    let expected = KeptSnapshot {
        seq: 3,
        snapshot: snapshot("v1", 3),
    };
    assert_eq!(store.latest_snapshot("v1").await.unwrap(), Some(expected));
    assert_eq!(store.latest_snapshot("v3").await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_one_gives_way_to_the_next_older() {
    for statement in [
        "UPDATE snapshot SET state = x'00' WHERE seq = 3",
        "UPDATE snapshot SET cursor = 2 WHERE seq = 3",
        "UPDATE snapshot SET sha256 = '' WHERE seq = 3",
        "UPDATE snapshot SET state = zeroblob(length(state)) WHERE seq = 3",
    ] {
        let (directory, store) = store_with(3).await;
        damage(&directory, statement).await;
        let kept = store.latest_snapshot("v1").await.unwrap().unwrap();
        assert_eq!(kept.snapshot, snapshot("v1", 2), "{statement}");
        assert_eq!(store.snapshot(3).await.unwrap(), None, "{statement}");
    }
}

#[tokio::test]
async fn nothing_whole_is_nothing() {
    let (directory, store) = store_with(2).await;
    damage(&directory, "UPDATE snapshot SET state = x''").await;
    assert_eq!(store.latest_snapshot("v1").await.unwrap(), None);
}

#[tokio::test]
async fn sixteen_are_kept_of_each_base() {
    let (directory, store) = store_with(20).await;
    for cursor in 1..=3 {
        store.save_snapshot(snapshot("v2", cursor)).await.unwrap();
    }
    let mut db = raw(&directory.path().join("store.db")).await;
    let counts: Vec<(String, i64, i64)> =
        sqlx::query_as("SELECT base, count(*), min(seq) FROM snapshot GROUP BY base ORDER BY base")
            .fetch_all(&mut db)
            .await
            .unwrap();
    assert_eq!(counts, [("v1".into(), 16, 5), ("v2".into(), 3, 21)]);
}

#[tokio::test]
async fn one_that_a_live_version_was_made_with_stays() {
    let (_directory, store) = store_with(2).await;
    for (id, stage, seq) in [("live", Stage::Current, 1), ("dead", Stage::Rejected, 2)] {
        let made = Version {
            snapshot_seq: Some(seq),
            ..version(id, stage)
        };
        store.add_version(made).await.unwrap();
    }
    for cursor in 3..=20 {
        store.save_snapshot(snapshot("v1", cursor)).await.unwrap();
    }
    assert!(store.snapshot(1).await.unwrap().is_some());
    assert!(store.snapshot(2).await.unwrap().is_none());
}
