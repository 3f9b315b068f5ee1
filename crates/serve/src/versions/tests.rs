//! Changes that are planned and made without a server.

use std::fs;
use std::path::PathBuf;

use pointsman_learn::promotion::{Looks, MoveRefused, Rails, Step};
use pointsman_store::Store;
use pointsman_types::Stage;
use tempfile::TempDir;

use super::{Cause, Order, Versions, VersionsError, looked};

struct Place {
    home: TempDir,
    store: Store,
    versions: Versions,
}

async fn place(names: &[&str]) -> Place {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path().join("store.db")).await.unwrap();
    let versions = Versions::of(&store);
    for name in names {
        let directory = home.path().join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("manifest.json"), name).unwrap();
        assert!(versions.register(name, &directory, 1000).await.unwrap());
    }
    Place {
        home,
        store,
        versions,
    }
}

fn order(version: &str, to: Stage) -> Order {
    Order {
        version: version.into(),
        to,
        share: None,
        force: false,
        reason: None,
    }
}

fn forced(version: &str, to: Stage) -> Order {
    Order {
        force: true,
        reason: Some("for the test".into()),
        ..order(version, to)
    }
}

impl Place {
    async fn send(&self, order: &Order) -> Result<(), VersionsError> {
        // A clock that stands still must not confuse the order of changes.
        let plan = self.versions.order(order, &Rails::default(), 1000).await?;
        self.versions.make(&plan).await
    }

    async fn back(&self) -> Result<(), VersionsError> {
        let plan = self
            .versions
            .rollback(None, &Rails::default(), 1000)
            .await?;
        self.versions.make(&plan).await
    }

    async fn stages(&self) -> Vec<&'static str> {
        let versions = self.versions.all().await.unwrap();
        versions.iter().map(|one| one.stage.as_str()).collect()
    }
}

#[tokio::test]
async fn the_first_version_needs_no_gate_and_the_next_ones_do() {
    let place = place(&["a", "b"]).await;
    place.send(&order("a", Stage::Current)).await.unwrap();
    let closed = place.send(&order("b", Stage::Current)).await.unwrap_err();
    assert!(matches!(closed, VersionsError::Gate { .. }), "{closed}");
    assert!(closed.to_string().contains("no evidence yet"), "{closed}");
    place.send(&order("b", Stage::Shadow)).await.unwrap();
    assert_eq!(place.stages().await, ["current", "shadow"]);
    place.send(&forced("b", Stage::Canary)).await.unwrap();
    let versions = place.versions.all().await.unwrap();
    assert!((versions[1].share.get() - Rails::default().canary_share).abs() < 1e-12);
}

#[tokio::test]
async fn a_version_that_gave_way_decides_only_what_is_held_back() {
    for hold_back in [0.0, 0.05] {
        let place = place(&["a", "b"]).await;
        place.send(&order("a", Stage::Current)).await.unwrap();
        let rails = Rails {
            hold_back,
            ..Rails::default()
        };
        let order = forced("b", Stage::Current);
        let plan = place.versions.order(&order, &rails, 1000).await.unwrap();
        assert!((plan.share - hold_back).abs() < 1e-12);
        place.versions.make(&plan).await.unwrap();
        let versions = place.versions.all().await.unwrap();
        let shares: Vec<f64> = versions.iter().map(|one| one.share.get()).collect();
        assert!((shares[0] - hold_back).abs() < 1e-12, "{shares:?}");
        assert!((shares[1] - (1.0 - hold_back)).abs() < 1e-12, "{shares:?}");
    }
}

#[tokio::test]
async fn force_needs_a_reason_and_a_share_a_canary() {
    let place = place(&["a"]).await;
    let without = Order {
        reason: Some("  ".into()),
        ..forced("a", Stage::Current)
    };
    let refused = place.send(&without).await.unwrap_err();
    assert!(matches!(refused, VersionsError::NoReason));
    for share in [0.0, 1.0, f64::NAN] {
        let wrong = Order {
            share: Some(share),
            ..forced("a", Stage::Canary)
        };
        let refused = place.send(&wrong).await.unwrap_err();
        assert!(matches!(refused, VersionsError::Share { .. }));
    }
}

#[tokio::test]
async fn going_back_ends_at_the_last_good_version_though_the_clock_stands_still() {
    let place = place(&["a", "b", "c"]).await;
    for version in ["a", "b", "c"] {
        place.send(&forced(version, Stage::Current)).await.unwrap();
    }
    assert_eq!(place.stages().await, ["retired", "previous", "current"]);
    place.back().await.unwrap();
    assert_eq!(place.stages().await, ["retired", "current", "rolled_back"]);
    place.back().await.unwrap();
    assert_eq!(
        place.stages().await,
        ["current", "rolled_back", "rolled_back"]
    );
    let nothing = place.back().await.unwrap_err();
    assert!(matches!(
        nothing,
        VersionsError::Move(MoveRefused::NothingBefore)
    ));
}

#[tokio::test]
async fn of_two_plans_on_one_state_the_second_changes_nothing() {
    let place = place(&["a", "b", "c"]).await;
    place.send(&order("a", Stage::Current)).await.unwrap();
    let rails = Rails::default();
    let plan = |version| place.versions.order(version, &rails, 2000);
    let (first, second) = (forced("b", Stage::Current), forced("c", Stage::Current));
    let (first, second) = (plan(&first).await.unwrap(), plan(&second).await.unwrap());
    place.versions.make(&first).await.unwrap();
    let before = place.stages().await;
    assert!(place.versions.make(&second).await.is_err());
    assert_eq!(place.stages().await, before);
}

#[tokio::test]
async fn every_change_says_who_and_why() {
    let place = place(&["a"]).await;
    place.send(&forced("a", Stage::Current)).await.unwrap();
    let events = place.versions.history(10).await.unwrap();
    let newest = &events[0].event;
    assert_eq!(
        (newest.kind.as_str(), newest.subject.as_deref()),
        ("forced", Some("a"))
    );
    assert_eq!(newest.detail["by"], "person");
    assert_eq!(newest.detail["reason"], "for the test");
    assert_eq!(newest.detail["moves"][0]["to"], "current");
    assert_eq!(events[1].event.kind, "registered");
}

#[tokio::test]
async fn looks_are_remembered_until_the_next_stage() {
    let place = place(&["a", "b"]).await;
    place.send(&order("a", Stage::Current)).await.unwrap();
    place.send(&order("b", Stage::Shadow)).await.unwrap();
    let looks = Looks {
        judged: 3,
        calls: 1,
    };
    let wait = Step::Wait {
        reason: "not yet".into(),
    };
    let evidence = pointsman_learn::promotion::Evidence::default();
    let event = looked("b", &wait, looks, &evidence, 3000);
    place.store.add_event(event).await.unwrap();
    let trial = || async { place.versions.book().await.unwrap().trial().unwrap() };
    assert_eq!(trial().await.progress.looks, looks);
    place.send(&forced("b", Stage::Canary)).await.unwrap();
    let canary = trial().await.progress;
    assert_eq!(
        (canary.stage, canary.looks),
        (Stage::Canary, Looks::default())
    );
}

#[tokio::test]
async fn a_version_is_registered_once() {
    let place = place(&["a"]).await;
    let directory: PathBuf = place.home.path().join("a");
    assert!(
        !place
            .versions
            .register("a", &directory, 2000)
            .await
            .unwrap()
    );
    assert_eq!(place.stages().await, ["candidate"]);
}

#[tokio::test]
async fn the_directory_is_remembered_as_it_was_last_seen() {
    let place = place(&["a", "b"]).await;
    for version in ["a", "b"] {
        let book = place.versions.book().await.unwrap();
        let moves = book.roster.moves(version, Stage::Current, true).unwrap();
        let cause = Cause::Directory(version);
        let plan = place.versions.plan(&book, (moves, 0.0), cause, 1000);
        place.versions.make(&plan.await.unwrap()).await.unwrap();
    }
    place.back().await.unwrap();
    let book = place.versions.book().await.unwrap();
    assert_eq!(book.directory().as_deref(), Some("b"));
    assert_eq!(book.roster.current().unwrap().version, "a");
}
