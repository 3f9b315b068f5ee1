//! Versions move one step at a time, together with the event that tells of it, or not at all.

use pointsman_types::{Probability, Stage};
use serde_json::json;

use super::{place, raw};
use crate::{EventRecord, StageChange, Store, StoreError, Transition, Version};

pub(super) fn version(id: &str, stage: Stage) -> Version {
    Version {
        id: id.into(),
        path: format!("models/{id}"),
        snapshot_seq: None,
        stage,
        share: Probability::ZERO,
        added_ms: 1000,
        changed_ms: 1000,
        note: Some("made in a test".into()),
    }
}

pub(super) fn change(id: &str, from: Stage, to: Stage) -> StageChange {
    StageChange {
        id: id.into(),
        from,
        to,
        share: Probability::new(0.5).unwrap(),
    }
}

pub(super) fn transition(changes: Vec<StageChange>) -> Transition {
    Transition {
        changes,
        event: event("moved", 2000),
    }
}

fn event(kind: &str, ts_ms: i64) -> EventRecord {
    EventRecord {
        ts_ms,
        kind: kind.into(),
        subject: Some("b".into()),
        detail: json!({"gain": 0.25}),
    }
}

/// A store where `a` is current and `b` on trial.
pub(super) async fn store_with_two() -> (tempfile::TempDir, Store) {
    let (directory, path) = place();
    let store = Store::open(path).await.unwrap();
    for (id, stage) in [("a", Stage::Current), ("b", Stage::Canary)] {
        assert!(store.add_version(version(id, stage)).await.unwrap());
    }
    (directory, store)
}

async fn stages(store: &Store) -> Vec<Stage> {
    let versions = store.versions().await.unwrap();
    versions.iter().map(|version| version.stage).collect()
}

#[tokio::test]
async fn a_promotion_is_one_step_whichever_change_is_named_first() {
    let promotion = [
        change("b", Stage::Canary, Stage::Current),
        change("a", Stage::Current, Stage::Previous),
    ];
    let mut reversed = promotion.to_vec();
    reversed.reverse();
    for changes in [promotion.to_vec(), reversed] {
        let (directory, store) = store_with_two().await;
        store.transition(transition(changes)).await.unwrap();
        store.close().await;
        let store = Store::open(directory.path().join("store.db"))
            .await
            .unwrap();
        assert_eq!(stages(&store).await, [Stage::Previous, Stage::Current]);
        let promoted = store.versions().await.unwrap().remove(1);
        assert_eq!((promoted.added_ms, promoted.changed_ms), (1000, 2000));
        assert_eq!(promoted.share, Probability::new(0.5).unwrap());
        assert_eq!(promoted.path, "models/b");
        let events = store.events(0, 10).await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event, event("moved", 2000));
    }
}

/// Checks that nothing changes and nothing is told.
async fn check_refused(changes: Vec<StageChange>, expected: fn(&StoreError) -> bool) {
    let (_directory, store) = store_with_two().await;
    let before = store.versions().await.unwrap();
    let error = store.transition(transition(changes)).await.unwrap_err();
    assert!(expected(&error), "{error}");
    assert_eq!(store.versions().await.unwrap(), before);
    assert!(store.events(0, 10).await.unwrap().is_empty());
    store.add_event(event("still open", 1)).await.unwrap();
}

#[tokio::test]
async fn a_stale_change_takes_the_others_with_it() {
    check_refused(
        vec![
            change("a", Stage::Current, Stage::Previous),
            change("b", Stage::Shadow, Stage::Current),
        ],
        |error| {
            let (expected, found) = (Stage::Shadow, Stage::Canary);
            matches!(error, StoreError::Stale { id, expected: e, found: f }
                if id == "b" && *e == expected && *f == found)
        },
    )
    .await;
}

#[tokio::test]
async fn no_two_versions_become_current() {
    check_refused(vec![change("b", Stage::Canary, Stage::Current)], |error| {
        matches!(error, StoreError::SecondCurrent { id, current } if id == "b" && current == "a")
    })
    .await;
}

#[tokio::test]
async fn an_unknown_version_is_named() {
    check_refused(
        vec![
            change("a", Stage::Current, Stage::Previous),
            change("c", Stage::Canary, Stage::Current),
        ],
        |error| matches!(error, StoreError::UnknownVersion { id } if id == "c"),
    )
    .await;
}

#[tokio::test]
async fn a_version_moves_once_in_a_transition() {
    check_refused(
        vec![
            change("b", Stage::Canary, Stage::Shadow),
            change("b", Stage::Shadow, Stage::Canary),
        ],
        |error| {
            matches!(
                error,
                StoreError::Invalid {
                    field: "changes",
                    ..
                }
            )
        },
    )
    .await;
}

#[tokio::test]
async fn of_many_promotions_at_once_one_is_made() {
    let (_directory, store) = store_with_two().await;
    let racers: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let changes = vec![
                    change("a", Stage::Current, Stage::Previous),
                    change("b", Stage::Canary, Stage::Current),
                ];
                store.transition(transition(changes)).await
            })
        })
        .collect();
    let mut made = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, StoreError::Stale { .. }), "{error}"),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(store.events(0, 100).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_table_itself_holds_one_current() {
    let (directory, store) = store_with_two().await;
    let mut db = raw(&directory.path().join("store.db")).await;
    let forced = "UPDATE version SET stage = 'current' WHERE id = 'b'";
    let error = sqlx::query(forced).execute(&mut db).await.unwrap_err();
    assert!(error.to_string().contains("UNIQUE"), "{error}");
    let misspelt = "UPDATE version SET stage = 'curent' WHERE id = 'b'";
    let error = sqlx::query(misspelt).execute(&mut db).await.unwrap_err();
    assert!(error.to_string().contains("CHECK"), "{error}");
    store.close().await;
}

#[tokio::test]
async fn a_version_that_is_there_stays_as_it_is() {
    let (_directory, store) = store_with_two().await;
    let before = store.versions().await.unwrap();
    assert!(
        !store
            .add_version(version("b", Stage::Rejected))
            .await
            .unwrap()
    );
    let error = store
        .add_version(version("c", Stage::Current))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::SecondCurrent { .. }), "{error}");
    assert_eq!(store.versions().await.unwrap(), before);
}

#[tokio::test]
async fn every_stage_is_kept_by_its_word() {
    let (_directory, path) = place();
    let store = Store::open(path).await.unwrap();
    for stage in Stage::ALL {
        store
            .add_version(version(stage.as_str(), stage))
            .await
            .unwrap();
    }
    assert_eq!(stages(&store).await, Stage::ALL);
}

#[tokio::test]
async fn events_are_read_in_pages() {
    let (_directory, path) = place();
    let store = Store::open(path).await.unwrap();
    for n in 0..5 {
        store.add_event(event(&format!("e{n}"), n)).await.unwrap();
    }
    let first = store.events(0, 3).await.unwrap();
    let rest = store.events(first[2].seq, 10).await.unwrap();
    let kinds: Vec<&str> = first
        .iter()
        .chain(&rest)
        .map(|event| &*event.event.kind)
        .collect();
    assert_eq!(kinds, ["e0", "e1", "e2", "e3", "e4"]);
}
