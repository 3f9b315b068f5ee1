//! A lease has one holder, whatever the clocks say.

use proptest::prelude::*;

use super::place;
use crate::{Store, StoreError};

async fn store() -> (tempfile::TempDir, Store) {
    let (directory, path) = place();
    (directory, Store::open(path).await.unwrap())
}

#[tokio::test]
async fn a_lease_is_renewed_by_its_holder_and_taken_over_when_it_ran_out() {
    let (_directory, store) = store().await;
    for (holder, now_ms, expected) in [
        ("a", 1000, Some(1100)),
        ("b", 1050, None),
        ("a", 1060, Some(1160)),
        ("b", 1159, None),
        ("b", 1160, Some(1260)),
        ("a", 1170, None),
        // The clock went back, though not behind the takeover: what was promised holds.
        ("b", 1165, Some(1265)),
        ("b", 1160, Some(1265)),
        // Now `a` may believe that it still holds it.
        ("b", 1159, None),
        ("a", 1159, None),
        ("a", 1265, Some(1365)),
    ] {
        let got = store.lease("learner", holder, now_ms, 100).await.unwrap();
        assert_eq!(got, expected, "{holder} at {now_ms}");
    }
    assert_eq!(
        store.lease("pacer", "a", 700, 100).await.unwrap(),
        Some(800)
    );
}

#[tokio::test]
async fn of_many_at_once_one_gets_it() {
    let (_directory, store) = store().await;
    let racers: Vec<_> = (0..32)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.lease("learner", &format!("h{n}"), 1000, 100).await })
        })
        .collect();
    let mut held = 0;
    for racer in racers {
        held += usize::from(racer.await.unwrap().unwrap().is_some());
    }
    assert_eq!(held, 1);
}

#[tokio::test]
async fn a_lease_outlives_the_server() {
    let (directory, store) = store().await;
    store.lease("learner", "a", 1000, 100).await.unwrap();
    store.close().await;
    let store = Store::open(directory.path().join("store.db"))
        .await
        .unwrap();
    assert_eq!(store.lease("learner", "b", 1099, 100).await.unwrap(), None);
    assert_eq!(
        store.lease("learner", "b", i64::MAX, 100).await.unwrap(),
        Some(i64::MAX)
    );
}

#[tokio::test]
async fn a_lease_lasts() {
    let (_directory, store) = store().await;
    let error = store.lease("learner", "a", 1000, 0).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Invalid {
                field: "ttl_ms",
                ..
            }
        ),
        "{error}"
    );
}

/// Who asks, at what time, for how long.
type Asking = (u8, i64, i64);

/// No holder gets a lease at a time that another was promised.
async fn overlap(askings: &[Asking]) -> Option<String> {
    let (_directory, store) = store().await;
    let mut promised = [i64::MIN; 3];
    for (holder, now_ms, ttl_ms) in askings {
        let name = holder.to_string();
        let Some(until) = store.lease("l", &name, *now_ms, *ttl_ms).await.unwrap() else {
            continue;
        };
        let mut others = promised
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != usize::from(*holder));
        if let Some((other, end)) = others.find(|(_, end)| now_ms < *end) {
            return Some(format!("{holder} at {now_ms}, {other} until {end}"));
        }
        let own = &mut promised[usize::from(*holder)];
        if until < *own || until < now_ms + ttl_ms {
            return Some(format!("{holder} was cut short to {until}"));
        }
        *own = until;
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_clocks_leave_one_holder(
        askings in proptest::collection::vec((0..3_u8, 0..400_i64, 1..100_i64), 1..30)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let overlap = runtime.block_on(overlap(&askings));
        prop_assert!(overlap.is_none(), "{}", overlap.unwrap_or_default());
    }
}
