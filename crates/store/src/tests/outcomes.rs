//! What calls really took: the newest report counts, none is lost, and log rows have it.

use pointsman_types::{Tokens, Usage, Usd};

use super::{
    close_to, decision, feedback, outcome, place, raw, receipt, rows, store_with_decision, usage,
};
use crate::{Store, StoreError};

#[tokio::test]
async fn the_same_outcome_twice_is_kept_once_and_other_content_counts() {
    let (directory, store) = store_with_decision().await;
    for (id, tokens, expected) in [
        ("a", 10, receipt("a", false)),
        ("b", 10, receipt("a", true)),
        ("c", 20, receipt("c", false)),
        ("d", 10, receipt("d", false)),
    ] {
        let kept = store
            .outcome(outcome("d", id, usage(tokens)))
            .await
            .unwrap();
        assert_eq!(kept, expected);
    }
    let followed = store.decisions(0, 10).await.unwrap().remove(0);
    assert_eq!(followed.outcome, Some(usage(10)));
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM outcome")
        .fetch_one(&mut raw(&directory.path().join("store.db")).await)
        .await
        .unwrap();
    assert_eq!(count, 3);
}

#[tokio::test]
async fn a_log_row_has_what_the_call_took() {
    let (directory, store) = store_with_decision().await;
    store.feedback(feedback("d", "f", 0.5)).await.unwrap();
    let took = Usage {
        input_tokens: Some(Tokens(9)),
        cached_tokens: Some(Tokens(4)),
        error: Some("timeout".into()),
        is_estimated: Some(true),
        answer_logprob: Some(-0.25),
        answer_chars: Some(480),
        ..usage(120)
    };
    store.outcome(outcome("d", "o", took)).await.unwrap();
    let row = rows(&directory.path().join("store.db")).await.remove(0);
    close_to(row.score.map(pointsman_types::Quality::get), 0.5);
    assert_eq!(row.input_tokens, Some(Tokens(9)), "counted by the provider");
    assert_eq!(row.output_tokens, Some(Tokens(120)));
    assert_eq!(row.cached_tokens, Some(Tokens(4)));
    assert_eq!(row.cost_usd, Some(Usd::new(0.000_25).unwrap()));
    assert_eq!(row.cost_estimated, Some(true));
    close_to(row.answer_logprob.map(|logprob| -logprob as f32), 0.25);
    assert_eq!(row.answer_chars, Some(480));
    assert!(
        row.latency_ms
            .is_some_and(|latency| (latency - 812.5).abs() < 1e-9)
    );
}

/// Sent together, so that they share a statement.
#[tokio::test]
async fn of_many_outcomes_at_once_each_gets_what_it_would_get_alone() {
    let (directory, store) = store_with_decision().await;
    let all = [
        ("d", "a", 10),
        ("d", "b", 10),
        ("nobody", "c", 10),
        ("d", "e", 20),
        ("d", "f", 20),
    ];
    let sent =
        all.map(|(decision, id, tokens)| store.outcome(outcome(decision, id, usage(tokens))));
    let [a, b, c, e, f] = sent;
    let (a, b, c, e, f) = tokio::join!(biased; a, b, c, e, f);
    assert_eq!(a.unwrap(), receipt("a", false));
    assert_eq!(b.unwrap(), receipt("a", true));
    assert!(matches!(c, Err(StoreError::UnknownDecision { .. })));
    assert_eq!(e.unwrap(), receipt("e", false));
    assert_eq!(f.unwrap(), receipt("e", true));
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM outcome ORDER BY version")
        .fetch_all(&mut raw(&directory.path().join("store.db")).await)
        .await
        .unwrap();
    assert_eq!(versions, [1, 2]);
}

/// A provider that counts after all makes another outcome of the same numbers.
#[tokio::test]
async fn what_is_counted_takes_the_place_of_what_was_estimated() {
    let (directory, store) = store_with_decision().await;
    let estimated = |is_estimated| Usage {
        is_estimated,
        ..usage(10)
    };
    for (id, is) in [("a", Some(true)), ("b", Some(false)), ("c", None)] {
        let kept = store.outcome(outcome("d", id, estimated(is))).await;
        assert_eq!(kept.unwrap(), receipt(id, false));
        let row = rows(&directory.path().join("store.db")).await.remove(0);
        assert_eq!(row.cost_estimated, is);
    }
}

/// Alone and among others: the statements differ.
#[tokio::test]
async fn what_an_answer_shows_of_itself_is_part_of_its_outcome() {
    let (_directory, store) = store_with_decision().await;
    let shown = |answer_logprob, answer_chars| Usage {
        answer_logprob,
        answer_chars,
        ..usage(10)
    };
    let all = [
        (shown(Some(-0.5), Some(40)), receipt("a", false)),
        (shown(Some(-0.5), Some(40)), receipt("a", true)),
        (shown(Some(-0.75), Some(40)), receipt("c", false)),
        (shown(Some(-0.75), Some(u64::MAX)), receipt("d", false)),
        (shown(None, None), receipt("e", false)),
    ];
    for ((took, expected), id) in all.into_iter().zip(["a", "b", "c", "d", "e"]) {
        let kept = store.outcome(outcome("d", id, took.clone())).await;
        assert_eq!(kept.unwrap(), expected);
        let followed = store.decisions(0, 1).await.unwrap().remove(0);
        let chars = took.answer_chars.map(|chars| chars.min(i64::MAX as u64));
        let read = followed.outcome.unwrap();
        assert_eq!(
            (read.answer_logprob, read.answer_chars),
            (took.answer_logprob, chars)
        );
    }
}

#[tokio::test]
async fn an_outcome_needs_its_decision() {
    let (_directory, store) = store_with_decision().await;
    let error = store
        .outcome(outcome("nobody", "o", usage(1)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::UnknownDecision { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_count_beyond_all_calls_stays_readable() {
    let (_directory, store) = store_with_decision().await;
    store
        .outcome(outcome("d", "o", usage(u64::MAX)))
        .await
        .unwrap();
    let followed = store.decisions(0, 1).await.unwrap().remove(0);
    let tokens = followed.outcome.unwrap().output_tokens;
    assert_eq!(tokens, Some(Tokens(i64::MAX as u64)));
}

/// Nobody waits for it, and it is read back at once.
#[tokio::test]
async fn an_outcome_that_is_noted_is_kept_with_its_decision() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.record(decision("a")).unwrap();
    store.note(outcome("a", "o", usage(7))).unwrap();
    store.note(outcome("nobody", "p", usage(8))).unwrap();
    assert_eq!(store.waiting(), 3);
    let followed = store.decisions(0, 10).await.unwrap().remove(0);
    assert_eq!(followed.outcome, Some(usage(7)));
    assert_eq!(store.waiting(), 0);

    let later = store.outcome(outcome("a", "q", usage(9))).await.unwrap();
    assert_eq!(later, receipt("q", false));
    store.note(outcome("a", "r", usage(10))).unwrap();
    store.close().await;
    let row = rows(&path).await.remove(0);
    assert_eq!(row.output_tokens, Some(Tokens(10)), "the newest counts");
    let closed = store.note(outcome("a", "s", usage(11)));
    assert!(matches!(closed, Err(StoreError::Closed)), "{closed:?}");
}
