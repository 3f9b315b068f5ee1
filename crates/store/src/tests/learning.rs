//! What learners read: every piece of feedback once, in order, with all that it is about.

use pointsman_types::{Probability, Quality, Refusal, Tokens, Usage, Usd, Verdict};
use proptest::prelude::*;

use super::{decision, feedback, keyed, on, outcome, place, raw, store_with_decision, usage};
use crate::{Arm, DecisionRecord, KeptCandidate, Shadow, Store, StoreError};

fn rich(id: &str) -> DecisionRecord {
    let mut record = DecisionRecord {
        key_id: Some("key-1".into()),
        tier: Some("gold".into()),
        coordinates: Some((0..64).map(|n| n as f32 / 7.0 - 3.0).collect()),
        lambda: Some(30.0),
        arm: Some(Arm::Canary),
        shadow: Some(Shadow {
            version: "v2".into(),
            against: "v1".into(),
            after: 7,
            share: Probability::new(0.1).unwrap(),
            lambda: Some(30.0),
            failed: false,
            current: Vec::new(),
            candidates: vec![KeptCandidate {
                model: "large".into(),
                probability: Probability::ONE,
                quality: Quality::clamped(0.8),
                predicted: None,
                cost: Usd::new(0.01).unwrap(),
                predicted_cost: None,
                output_tokens: None,
                refused: false,
            }],
        }),
        ..decision(id)
    };
    let mut refused = record.decision.candidates[0].clone();
    refused.model = "far".into();
    refused.output_tokens = Some(f32::NAN);
    refused.refusal = Some(Refusal::Region);
    let mut dearer = refused.clone();
    dearer.refusal = Some(Refusal::Dearer);
    record.decision.candidates.extend([refused, dearer]);
    record
}

#[tokio::test]
async fn news_have_the_whole_decision() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let made = rich("d");
    store.record(made.clone()).unwrap();
    let mut said = feedback("d", "f", 0.25);
    said.feedback.verdict = Some(Verdict::Underpowered);
    said.key_id = Some("key-1".into());
    store.feedback(said.clone()).await.unwrap();
    store.outcome(outcome("d", "o", usage(7))).await.unwrap();

    let news = store.news(0, 10).await.unwrap().remove(0);
    assert_eq!(news.feedback.feedback_id, "f");
    assert_eq!((news.feedback.version, news.replaced), (1, None));
    assert_eq!(
        (
            news.feedback.metric_name.as_str(),
            news.feedback.is_signal()
        ),
        ("score", false)
    );
    assert_eq!(news.feedback.value, said.feedback.value);
    assert_eq!(news.feedback.verdict, said.feedback.verdict);
    assert_eq!(
        (news.feedback.ts_ms, news.feedback.key_id),
        (said.ts_ms, said.key_id)
    );
    assert_eq!(news.outcome, Some(usage(7)));
    let kept = news.decision;
    assert_eq!((kept.id.as_str(), kept.ts_ms), ("d", made.ts_ms));
    assert_eq!(kept.coordinates, made.coordinates, "bit for bit");
    assert_eq!((kept.arm, kept.shadow), (made.arm, made.shadow));
    assert!(
        kept.lambda
            .is_some_and(|lambda| (lambda - 30.0).abs() < 1e-9)
    );
    assert_eq!(
        (kept.key_id, kept.tier, kept.session_id),
        (made.key_id, made.tier, made.session_id)
    );
    assert_eq!(kept.category.as_deref(), Some("maths"));
    assert_eq!(kept.input_tokens, Some(Tokens(7)));
    assert_eq!(kept.propensity, made.decision.propensity);
    let models: Vec<&str> = kept
        .candidates
        .iter()
        .map(|kept| kept.model.as_str())
        .collect();
    assert_eq!(models, ["small", "far", "far"]);
    let refused: Vec<bool> = kept.candidates.iter().map(|kept| kept.refused).collect();
    assert_eq!(refused, [false, true, false], "a comparison is no limit");
    assert_eq!(kept.candidates[0].output_tokens, Some(200.0));
    assert_eq!(
        kept.candidates[1].output_tokens, None,
        "not a number is not known"
    );
    assert_eq!(kept.candidates[0].cost, made.decision.candidates[0].cost);
}

#[tokio::test]
async fn a_correction_says_what_it_replaces() {
    let (_directory, store) = store_with_decision().await;
    for (id, record) in [
        ("a", feedback("d", "a", 1.0)),
        ("b", on("thumbs", feedback("d", "b", 0.5))),
        ("c", feedback("d", "c", 0.0)),
        ("d", keyed("late", feedback("d", "d", 0.75))),
    ] {
        assert_eq!(store.feedback(record).await.unwrap().feedback_id, id);
    }
    let news = store.news(0, 10).await.unwrap();
    let said = |n: usize| (news[n].feedback.seq, news[n].feedback.value);
    let replaced: Vec<_> = news
        .iter()
        .map(|news| news.replaced.map(|old| (old.seq, old.value)))
        .collect();
    assert_eq!(replaced, [None, None, Some(said(0)), Some(said(2))]);
    let versions: Vec<i64> = news.iter().map(|news| news.feedback.version).collect();
    assert_eq!(versions, [1, 1, 2, 1]);
}

#[tokio::test]
async fn decisions_come_with_what_followed() {
    let (_directory, store) = store_with_decision().await;
    store.record(decision("e")).unwrap();
    store.feedback(feedback("d", "a", 1.0)).await.unwrap();
    store
        .feedback(on("thumbs", feedback("d", "b", 0.0)))
        .await
        .unwrap();
    store.outcome(outcome("d", "o", usage(3))).await.unwrap();
    let followed = store.decisions(0, 10).await.unwrap();
    let decisions: Vec<_> = followed.iter().map(|one| one.decision.clone()).collect();
    assert_eq!(store.bare_decisions(0, 10).await.unwrap(), decisions);
    assert_eq!(followed[0].score, Some(Quality::clamped(0.5)));
    let newest = followed[0]
        .feedback
        .as_ref()
        .map(|newest| newest.feedback_id.as_str());
    assert_eq!(newest, Some("b"));
    assert_eq!(followed[0].outcome, Some(usage(3)));
    assert_eq!(followed[1].decision.id, "e");
    assert_eq!(
        (
            &followed[1].score,
            &followed[1].feedback,
            &followed[1].outcome
        ),
        (&None, &None, &None)
    );
    let rest = store.decisions(followed[0].decision.seq, 10).await.unwrap();
    assert_eq!(rest.len(), 1);
}

#[tokio::test]
async fn what_no_release_writes_is_named() {
    for damage in [
        "UPDATE decision SET candidates = 'x'",
        "UPDATE decision SET coordinates = x'0102'",
        "UPDATE decision SET arm = 'third'",
        "UPDATE feedback SET verdict = 'splendid'",
        "UPDATE feedback SET value = 7",
    ] {
        let (directory, store) = store_with_decision().await;
        store.feedback(feedback("d", "f", 1.0)).await.unwrap();
        let mut db = raw(&directory.path().join("store.db")).await;
        sqlx::query(damage).execute(&mut db).await.unwrap();
        let error = store.news(0, 10).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{damage}: {error}"
        );
    }
}

async fn paged(pieces: usize, limit: u32) -> (Vec<String>, Vec<String>) {
    let (_directory, store) = store_with_decision().await;
    let mut sent = Vec::new();
    for n in 0..pieces {
        sent.push(format!("f{n}"));
        store
            .feedback(keyed(&n.to_string(), feedback("d", &sent[n], 1.0)))
            .await
            .unwrap();
    }
    let (mut read, mut after) = (Vec::new(), 0);
    loop {
        let page = store.news(after, limit).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.feedback.seq;
        read.extend(page.into_iter().map(|news| news.feedback.feedback_id));
    }
    (sent, read)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn pages_of_any_size_hold_every_piece_once_in_order(pieces in 0..12_usize, limit in 1..5_u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (sent, read) = runtime.block_on(paged(pieces, limit));
        prop_assert_eq!(sent, read);
    }
}

#[tokio::test]
async fn what_a_version_in_shadow_says_is_kept_with_the_decision_it_speaks_of() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.last_decision().await.unwrap(), 0);
    let shadow = rich("a").shadow.unwrap();
    for id in ["a", "b"] {
        store.record(decision(id)).unwrap();
    }
    store.shade("b", &shadow).unwrap();
    store.shade("nobody", &shadow).unwrap();
    // What is written in order is there once something later is.
    store.record(decision("c")).unwrap();
    store.record(decision("d")).unwrap();
    let kept = store.decisions(0, 10).await.unwrap();
    let shadows: Vec<_> = kept.iter().map(|one| one.decision.shadow.clone()).collect();
    assert_eq!(shadows, [None, Some(shadow), None, None]);
    assert_eq!(store.last_decision().await.unwrap(), 4);
}

#[tokio::test]
async fn a_shadow_of_an_earlier_release_is_read() {
    let text = r#"{"version": "v2", "candidates": []}"#;
    let shadow: Shadow = serde_json::from_str(text).unwrap();
    assert_eq!((shadow.after, shadow.failed), (0, false));
}

#[tokio::test]
async fn a_bill_comes_once_however_often_it_is_reported() {
    let (_directory, store) = store_with_decision().await;
    assert_eq!(store.last_decision().await.unwrap(), 1);
    let costing = |id: &str, cost: Option<f64>| {
        let mut record = outcome("d", id, usage(7));
        record.usage.cost = cost.map(|cost| Usd::new(cost).unwrap());
        record
    };
    // What says nothing of the cost is no bill, and is not read again.
    store.outcome(costing("a", None)).await.unwrap();
    let none = store.bills(0, 1).await.unwrap();
    assert!(none.bills.is_empty() && !none.is_last);
    assert!(store.bills(none.read_to, 1).await.unwrap().is_last);
    store.outcome(costing("b", Some(0.5))).await.unwrap();
    store.outcome(costing("c", Some(0.75))).await.unwrap();
    let page = store.bills(none.read_to, 10).await.unwrap();
    let bills = page.bills;
    assert_eq!(bills.len(), 1);
    assert_eq!(bills[0].cost, Usd::new(0.5).unwrap());
    assert_eq!(bills[0].policy_version, "v1");
    assert_eq!(bills[0].output_tokens, Some(Tokens(7)));
    let chosen = KeptCandidate::from(&decision("d").decision.candidates[0]);
    assert_eq!(bills[0].chosen.as_ref(), Some(&chosen));
    let after = store.bills(page.read_to, 10).await.unwrap();
    assert!(after.bills.is_empty() && after.is_last && after.read_to == page.read_to);

    store.erase("d", 1).await.unwrap();
    assert!(store.bills(0, 10).await.unwrap().bills.is_empty());
}

#[tokio::test]
async fn a_bill_names_the_chosen_one_and_whether_the_call_failed() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let mut record = decision("d");
    let mut other = record.decision.candidates[0].clone();
    other.model = "large".into();
    record.decision.candidates.push(other);
    store.record(record).unwrap();
    let failed = Usage {
        error: Some("timeout".into()),
        ..usage(7)
    };
    store.note(outcome("d", "a", failed)).unwrap();
    // Asked for so that the writer moves what waits.
    assert_eq!(store.last_decision().await.unwrap(), 1);
    let bill = store.bills(0, 10).await.unwrap().bills.remove(0);
    assert!(bill.is_failed);
    assert_eq!(bill.chosen.unwrap().model.as_str(), "small");
}
