//! The result in a sentence or two, said no stronger than the intervals allow.

use pointsman_measures::Interval;

use crate::number::{or_none, percent, quality, range};
use crate::report::{Report, RowKind, VersusBest};

/// What the evaluation found.
pub(crate) fn finding(report: &Report) -> String {
    if report.models.len() == 1 {
        let only = &report.models[0];
        return format!("There is only one model, {only}, so there is nothing to route.");
    }
    let best = against_best(&report.versus_best, report);
    let gain_over = |kind| report.row(kind).and_then(|row| row.router_gain);
    let mixing = gain_over(RowKind::ZeroRouter).map(|gain| against_mixing(&gain));
    let cascade = gain_over(RowKind::Cascade).map(|gain| cascade(&gain));
    let parts = [Some(best), mixing, cascade];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Given what the router gains over its cascade.
fn cascade(router_gain: &Interval) -> String {
    let gain = Interval {
        estimate: router_gain.estimate.map(|gain| -gain),
        low: router_gain.high.map(|gain| -gain),
        high: router_gain.low.map(|gain| -gain),
    };
    let figures = crate::number::with_range(&gain, crate::number::signed);
    let verdict = match (gain.low, gain.high) {
        (Some(low), _) if low > 0.0 => "Reading answers before deciding is better still",
        (_, Some(high)) if high < 0.0 => "Reading answers before deciding is worse than the router",
        _ => "Reading answers before deciding cannot be told apart from the router",
    };
    format!("{verdict} (AIQ {figures} over it, the cost of all calls included).")
}

fn against_best(versus: &VersusBest, report: &Report) -> String {
    let model = &versus.model;
    let saving = &versus.saving_at_equal_quality;
    match saving.estimate {
        Some(saved) if saving.low.is_some() => format!(
            "The router reaches the quality of the best single model, {model} ({}), at {} of its cost (95 % interval {}).",
            quality(versus.point.quality),
            percent(1.0 - saved),
            range(&as_cost(saving), percent),
        ),
        Some(saved) => format!(
            "The router reaches the quality of the best single model, {model} ({}), at {} of its cost, but not in every resample of the prompts, so this is not certain.",
            quality(versus.point.quality),
            percent(1.0 - saved),
        ),
        None => format!(
            "The router does not reach the quality of the best single model, {model} ({}): its best is {}.",
            quality(versus.point.quality),
            or_none(max_quality(report), quality),
        ),
    }
}

fn max_quality(report: &Report) -> Option<f64> {
    let measures = report.row(RowKind::Router)?.measures?;
    Some(measures.max_quality)
}

fn against_mixing(gain: &Interval) -> String {
    let figures = crate::number::with_range(gain, crate::number::signed);
    let verdict = match (gain.low, gain.high) {
        (Some(low), _) if low > 0.0 => "It is better than mixing single models at random",
        (_, Some(high)) if high < 0.0 => "It is worse than mixing single models at random",
        _ => "It cannot be told apart from mixing single models at random",
    };
    format!("{verdict} (AIQ {figures}).")
}

/// A share saved as a share spent: the ends swap.
fn as_cost(saving: &Interval) -> Interval {
    let spent = |saved: Option<f64>| saved.map(|saved| 1.0 - saved);
    Interval {
        estimate: spent(saving.estimate),
        low: spent(saving.high),
        high: spent(saving.low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_follows_the_interval() {
        let gain = |low, high| Interval {
            estimate: Some((low + high) / 2.0),
            low: Some(low),
            high: Some(high),
        };
        assert!(against_mixing(&gain(0.01, 0.03)).starts_with("It is better"));
        assert!(against_mixing(&gain(-0.01, 0.03)).starts_with("It cannot be told apart"));
        assert!(against_mixing(&gain(-0.03, -0.01)).starts_with("It is worse"));
    }

    #[test]
    fn what_a_cascade_gains_is_what_the_router_loses() {
        let lost = Interval {
            estimate: Some(-0.02),
            low: Some(-0.03),
            high: Some(-0.01),
        };
        let said = cascade(&lost);
        assert!(said.starts_with("Reading answers before deciding is better"));
        assert!(said.contains("+0.0200 [+0.0100 to +0.0300]"), "{said}");
    }

    #[test]
    fn a_share_saved_is_the_rest_spent() {
        let cost = as_cost(&Interval {
            estimate: Some(0.4),
            low: Some(0.3),
            high: Some(0.5),
        });
        assert!((cost.low.unwrap() - 0.5).abs() < 1e-12);
        assert!((cost.high.unwrap() - 0.7).abs() < 1e-12);
    }
}
