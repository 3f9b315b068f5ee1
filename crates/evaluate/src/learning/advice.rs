//! Whether more labels would pay, said no stronger than the intervals allow.

use pointsman_measures::Interval;

use super::report::{LearningCurve, LearningPoint};
use crate::number::{count, signed, with_range};

/// A gain in AIQ that hardly pays for twice the labels: one prompt in a thousand.
const NEGLIGIBLE: f64 = 0.001;

/// What the curve says about more labels.
pub(super) fn advice(curve: &LearningCurve) -> String {
    let [.., before, last] = curve.sizes.as_slice() else {
        return "Only one size was measured, so nothing can be said about more labels.".to_owned();
    };
    let Some(gain) = last.gain_over_previous else {
        return String::new();
    };
    let next = curve
        .extrapolation
        .as_ref()
        .map(|found| found.gain_of_doubling);
    format!(
        "{} {}: {}.",
        brought(before, last, &gain),
        verdict(&gain, next.as_ref()),
        expectation(next.as_ref(), curve.sizes.len())
    )
}

fn brought(before: &LearningPoint, last: &LearningPoint, gain: &Interval) -> String {
    let ratio = last.prompts as f64 / before.prompts as f64;
    let step = match (1.8..2.2).contains(&ratio) {
        true => "The last doubling of the labelled prompts",
        false => "The last step",
    };
    format!(
        "{step}, from {} to {}, brought AIQ {}.",
        count(before.prompts),
        count(last.prompts),
        with_range(gain, signed)
    )
}

/// By the step that was measured; the law alone supports no claim.
fn verdict(measured: &Interval, next: Option<&Interval>) -> &'static str {
    let above = |gain: &Interval, bound: f64| gain.low.is_some_and(|low| low > bound);
    let below = |gain: &Interval, bound: f64| gain.high.is_some_and(|high| high < bound);
    match next {
        _ if below(measured, NEGLIGIBLE) => "More labels would hardly pay",
        Some(next) if below(next, NEGLIGIBLE) => "More labels would hardly pay",
        Some(next) if above(measured, 0.0) && above(next, 0.0) => "More labels would pay",
        _ => "Whether more labels would pay is not certain",
    }
}

fn expectation(next: Option<&Interval>, sizes: usize) -> String {
    match next {
        Some(next) => format!(
            "a power law through the {sizes} sizes expects {} of one more doubling",
            with_range(next, signed)
        ),
        None => "there are too few sizes to extrapolate from".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(low: f64, high: f64) -> Interval {
        Interval {
            estimate: Some(f64::midpoint(low, high)),
            low: Some(low),
            high: Some(high),
        }
    }

    fn check(measured: Interval, next: Option<Interval>, says: &str) {
        assert_eq!(verdict(&measured, next.as_ref()), says);
    }

    #[test]
    fn labels_pay_where_the_step_and_the_law_gain_beyond_doubt() {
        check(
            gain(0.001, 0.005),
            Some(gain(0.0005, 0.004)),
            "More labels would pay",
        );
    }

    #[test]
    fn a_gain_that_covers_zero_is_no_claim() {
        let uncertain = "Whether more labels would pay is not certain";
        check(gain(-0.001, 0.005), Some(gain(0.001, 0.004)), uncertain);
        check(gain(0.001, 0.005), Some(gain(-0.001, 0.004)), uncertain);
        check(gain(0.001, 0.005), None, uncertain);
    }

    #[test]
    fn a_gain_that_is_surely_small_hardly_pays() {
        let hardly = "More labels would hardly pay";
        check(gain(-0.0005, 0.0008), None, hardly);
        check(gain(0.002, 0.004), Some(gain(-0.001, 0.0004)), hardly);
    }
}
