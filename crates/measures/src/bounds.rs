//! Upper confidence bounds of a mean loss, and testing in a fixed sequence with them.
//!
//! A bound at error `delta` is exceeded by the true mean with probability at most `delta`, for any
//! number of losses. It is the dual of a p-value: a bound of at most `alpha` refutes "the mean is
//! above `alpha`" at level `delta`.

use std::fmt;

use statrs::function::beta::inv_beta_reg;

/// How a mean loss is bounded. Which one must be decided before the losses are seen: the tighter of
/// two, picked afterwards, is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Exact for losses of 0 and 1 (Clopper and Pearson 1934, Biometrika 26). A loss in between
    /// counts as 1, so the bound holds for those too.
    ClopperPearson,
    /// For any losses within `[0, 1]`: a bet against each loss in turn, by the variance of those
    /// before it (Waudby-Smith and Ramdas 2024, JRSS B 86; in the form of Bates et al. 2021,
    /// J. ACM 68, proposition 5). The order of the losses must not depend on them.
    Betting,
}

impl Bound {
    /// Not below the mean of what the losses were drawn from, with probability `1 - delta`; 1 for no
    /// losses.
    #[must_use]
    pub fn upper(self, losses: &[f64], delta: f64) -> f64 {
        match self {
            Self::ClopperPearson => {
                let lost = losses.iter().filter(|loss| **loss > 0.0).count();
                clopper_pearson(lost, losses.len(), delta)
            }
            Self::Betting => betting(losses, delta),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClopperPearson => "Clopper–Pearson",
            Self::Betting => "betting (Waudby-Smith and Ramdas)",
        })
    }
}

/// Fixed-sequence testing (Angelopoulos et al. 2021, "Learn then Test", arXiv 2110.01052): how many
/// of the bounds, taken in an order fixed beforehand, stay within `alpha` until the first that does
/// not. With probability `1 - delta` of the bounds, the mean behind every one of those is at most
/// `alpha`, however many there are. Bounds after the first failure are not asked for.
#[must_use]
pub fn fixed_sequence(bounds: impl IntoIterator<Item = f64>, alpha: f64) -> usize {
    bounds
        .into_iter()
        .take_while(|bound| *bound <= alpha)
        .count()
}

fn clopper_pearson(lost: usize, rows: usize, delta: f64) -> f64 {
    if lost == rows {
        return 1.0;
    }
    inv_beta_reg(lost as f64 + 1.0, (rows - lost) as f64, 1.0 - delta)
}

/// The least mean at which the capital of someone who bets that the mean is lower has at some time
/// grown by `1 / delta`.
fn betting(losses: &[f64], delta: f64) -> f64 {
    let bets = bets(losses, delta);
    let goal = -delta.ln();
    let is_refuted = |mean: f64| most_capital(losses, &bets, mean) >= goal;
    if !is_refuted(1.0) {
        return 1.0;
    }
    let (mut held, mut refuted) = (0.0, 1.0);
    // 2^-40 is far below any difference between risks that matters.
    for _ in 0..40 {
        let middle = f64::midpoint(held, refuted);
        match is_refuted(middle) {
            true => refuted = middle,
            false => held = middle,
        }
    }
    refuted
}

/// The stake on each loss, from the losses before it.
fn bets(losses: &[f64], delta: f64) -> Vec<f64> {
    let wish = 2.0 * -delta.ln() / losses.len() as f64;
    let (mut seen, mut sum, mut squares) = (1.0, 0.5, 0.25);
    let mut bet = |loss: &f64| {
        let stake = (wish * seen / squares).sqrt().min(1.0);
        seen += 1.0;
        sum += loss;
        squares += (loss - sum / seen) * (loss - sum / seen);
        stake
    };
    losses.iter().map(&mut bet).collect()
}

/// The logarithm of the greatest capital on the way, from a capital of 1.
fn most_capital(losses: &[f64], bets: &[f64], mean: f64) -> f64 {
    let (mut capital, mut most) = (0.0, 0.0_f64);
    for (loss, bet) in losses.iter().zip(bets) {
        capital += (bet * (mean - loss)).ln_1p();
        most = most.max(capital);
    }
    most
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const DELTA: f64 = 0.1;

    fn ones(lost: usize, rows: usize) -> Vec<f64> {
        (0..rows)
            .map(|row| f64::from(u8::from(row < lost)))
            .collect()
    }

    /// Expected values: `scipy.stats.beta.ppf(1 - delta, lost + 1, rows - lost)`, scipy 1.17.1.
    fn check_exact(lost: usize, rows: usize, delta: f64, expected: f64) {
        let found = Bound::ClopperPearson.upper(&ones(lost, rows), delta);
        assert!(
            (found - expected).abs() < 1e-9,
            "{lost} of {rows}: {found} is not {expected}"
        );
    }

    #[test]
    fn the_exact_bound_is_that_of_scipy() {
        check_exact(0, 45, 0.1, 0.049881492682);
        check_exact(0, 1, 0.1, 0.900000000000);
        check_exact(1, 10, 0.05, 0.394163302437);
        check_exact(45, 1103, 0.1, 0.049528963296);
        check_exact(200, 2400, 0.1, 0.091028510793);
        check_exact(999, 1000, 0.01, 0.999989949715);
        check_exact(5000, 40000, 0.1, 0.127145139185);
        check_exact(2, 5, 0.3, 0.610181649469);
    }

    #[test]
    fn a_loss_in_between_counts_as_a_whole_one() {
        let whole = Bound::ClopperPearson.upper(&[1.0, 0.0, 0.0], DELTA);
        let part = Bound::ClopperPearson.upper(&[0.2, 0.0, 0.0], DELTA);
        assert!((whole - part).abs() < 1e-12);
    }

    #[test]
    fn nothing_seen_bounds_nothing() {
        for bound in [Bound::ClopperPearson, Bound::Betting] {
            assert!((bound.upper(&[], DELTA) - 1.0).abs() < 1e-12);
            assert!((bound.upper(&[1.0; 30], DELTA) - 1.0).abs() < 1e-12);
        }
    }

    /// Draws 500 samples; returns the share whose bound lies below the mean, and the mean bound.
    fn missed(
        bound: Bound,
        rows: usize,
        mean: f64,
        draw: fn(&mut ChaCha8Rng) -> f64,
    ) -> (f64, f64) {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let bounds: Vec<f64> = (0..500)
            .map(|_| {
                let losses: Vec<f64> = (0..rows).map(|_| draw(&mut rng)).collect();
                bound.upper(&losses, DELTA)
            })
            .collect();
        let missed = bounds.iter().filter(|bound| **bound < mean).count();
        (missed as f64 / 500.0, bounds.iter().sum::<f64>() / 500.0)
    }

    /// 0.1 and three standard errors of a share of 500.
    const MOST_MISSED: f64 = 0.14;

    #[test]
    fn the_exact_bound_holds_as_often_as_it_says_and_not_much_more() {
        let draw = |rng: &mut ChaCha8Rng| f64::from(u8::from(rng.random_bool(0.05)));
        let (missed, mean) = missed(Bound::ClopperPearson, 400, 0.05, draw);
        assert!((0.03..MOST_MISSED).contains(&missed), "missed {missed}");
        assert!((0.06..0.07).contains(&mean), "mean bound {mean}");
    }

    #[test]
    fn the_betting_bound_holds_and_is_tighter_than_rounding_up() {
        // zero in seven of ten, else up to a half: a mean of 0.075
        let draw = |rng: &mut ChaCha8Rng| (rng.random_range(-0.35..0.15_f64) / 0.3).clamp(0.0, 0.5);
        let (missed_by_betting, betting) = missed(Bound::Betting, 400, 0.075, draw);
        assert!(
            missed_by_betting < MOST_MISSED,
            "missed {missed_by_betting}"
        );
        let (_, rounded) = missed(Bound::ClopperPearson, 400, 0.075, draw);
        assert!(betting < 0.095 && rounded > 0.3, "{betting}, {rounded}");
    }

    #[test]
    fn more_losses_never_lower_a_bound() {
        for bound in [Bound::ClopperPearson, Bound::Betting] {
            let bounds: Vec<f64> = (0..=50)
                .map(|lost| bound.upper(&ones(lost, 200), DELTA))
                .collect();
            assert!(bounds.is_sorted(), "{bound}: {bounds:?}");
        }
    }

    #[test]
    fn testing_stops_at_the_first_failure() {
        assert_eq!(fixed_sequence([0.01, 0.02, 0.06, 0.01], 0.05), 2);
        assert_eq!(fixed_sequence([0.06, 0.01], 0.05), 0);
        assert_eq!(fixed_sequence([0.05], 0.05), 1);
    }

    #[test]
    fn a_step_beyond_alpha_is_reached_no_more_often_than_delta_says() {
        // forty steps of rising risk, of which the first above 0.05 is number 20
        let risk = |step: usize| 0.03 + 0.001 * step as f64 + 1e-4;
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let beyond = (0..500).filter(|_| {
            let rows: Vec<f64> = (0..600).map(|_| rng.random_range(0.0..1.0)).collect();
            let bounds = (0..40).map(|step| {
                let losses: Vec<f64> = rows
                    .iter()
                    .map(|row| f64::from(u8::from(*row < risk(step))))
                    .collect();
                Bound::ClopperPearson.upper(&losses, DELTA)
            });
            fixed_sequence(bounds, 0.05) > 20
        });
        let share = beyond.count() as f64 / 500.0;
        assert!(share < MOST_MISSED, "{share}");
    }
}
