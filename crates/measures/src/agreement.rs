//! How far judges of the same answers agree.

/// Krippendorff's alpha with the interval metric (Krippendorff 2004, "Content Analysis", chapter
/// 11): 1 where all agree, 0 where they agree no better than by chance, below 0 where less. Each
/// unit holds the scores that one answer got; units with one score do not count. `None` where no
/// unit has two scores, or all scores are the same.
#[must_use]
pub fn krippendorff_alpha(units: &[Vec<f64>]) -> Option<f64> {
    let shared: Vec<&Vec<f64>> = units.iter().filter(|unit| unit.len() > 1).collect();
    let scores: Vec<f64> = shared
        .iter()
        .flat_map(|unit| unit.iter().copied())
        .collect();
    let count = scores.len() as f64;
    let observed: f64 = shared
        .iter()
        .map(|unit| square_differences(unit) / (unit.len() as f64 - 1.0))
        .sum();
    let expected = square_differences(&scores) / (count - 1.0);
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

/// Over all ordered pairs.
fn square_differences(scores: &[f64]) -> f64 {
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count.max(1.0);
    2.0 * count
        * scores
            .iter()
            .map(|score| (score - mean).powi(2))
            .sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(units: &[&[f64]], expected: f64) {
        let units: Vec<Vec<f64>> = units.iter().map(|unit| unit.to_vec()).collect();
        let found = krippendorff_alpha(&units).unwrap();
        assert!(
            (found - expected).abs() < 5e-4,
            "{found} instead of {expected}"
        );
    }

    #[test]
    fn full_agreement_is_1() {
        check(&[&[0.2, 0.2], &[0.9, 0.9], &[0.5]], 1.0);
    }

    #[test]
    fn three_units_by_hand() {
        // observed: 2 + 0 + (4 / 2); expected: all ordered pairs of 1 2 3 3 2 2 3 over 6.
        let expected = 1.0 - (2.0 + 0.0 + 2.0) / (2.0 * 7.0 * (40.0 - 256.0 / 7.0) / 6.0);
        check(&[&[1.0, 2.0], &[3.0, 3.0], &[2.0, 2.0, 3.0]], expected);
    }

    #[test]
    fn contradiction_is_below_0() {
        check(&[&[0.0, 1.0], &[1.0, 0.0]], -0.5);
    }

    #[test]
    fn nothing_shared_or_nothing_different_is_undefined() {
        assert_eq!(krippendorff_alpha(&[vec![0.5], vec![0.7]]), None);
        assert_eq!(krippendorff_alpha(&[vec![0.5, 0.5]]), None);
        assert_eq!(krippendorff_alpha(&[]), None);
    }
}
