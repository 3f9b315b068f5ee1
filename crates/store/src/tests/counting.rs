//! Any order of feedback counts by its definition.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{close_to, feedback, keyed, on, only_score, store_with_decision};

/// One submission: metric, idempotency key, value.
type Submission = (u8, Option<u8>, u8);

fn submissions() -> impl Strategy<Value = Vec<Submission>> {
    let one = (0..2_u8, proptest::option::of(0..2_u8), 0..3_u8);
    proptest::collection::vec(one, 1..12)
}

/// The score by definition: a repeat of the newest content under its key changes nothing.
fn expected_score(submissions: &[Submission]) -> f32 {
    let mut newest_by_key = BTreeMap::new();
    let mut newest_by_metric = BTreeMap::new();
    for (metric, key, value) in submissions {
        if newest_by_key.insert((metric, key), value) != Some(value) {
            newest_by_metric.insert(metric, value);
        }
    }
    let sum: f32 = newest_by_metric
        .values()
        .map(|value| f32::from(**value) / 2.0)
        .sum();
    sum / newest_by_metric.len() as f32
}

async fn score_after(submissions: &[Submission]) -> Option<f32> {
    let (directory, store) = store_with_decision().await;
    for (n, (metric, key, value)) in submissions.iter().enumerate() {
        let record = feedback("d", &format!("f{n}"), f32::from(*value) / 2.0);
        let record = on(&format!("metric-{metric}"), record);
        let record = match key {
            Some(key) => keyed(&format!("key-{key}"), record),
            None => record,
        };
        store.feedback(record).await.unwrap();
    }
    only_score(&directory).await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_of_feedback_counts_by_its_definition(submissions in submissions()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        close_to(runtime.block_on(score_after(&submissions)), expected_score(&submissions));
    }
}
