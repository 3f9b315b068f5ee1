//! One call after another: whom to ask first, when an answer is good enough, and whom to ask next.
//!
//! A further call is worth the quality that is expected of it less its cost, and is made where that
//! is more than the best answer there is. That the next answer will be read as well, and may be
//! passed over for one that is there, is not counted in: counting it in trusts estimates to be
//! right where they promise the most, and decided worse on real logs.

/// What a request may still spend.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// Expected cost of a call of each model, in US dollars.
    pub cost: &'a [f64],
    /// Which models may be called.
    pub callable: &'a [bool],
    /// Quality that a dollar must buy; finite.
    pub lambda: f64,
    /// What is left to spend, in US dollars.
    pub purse: f64,
    /// How many calls are left.
    pub calls: usize,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Return the answer of this model.
    Stop(usize),
    /// Call this model.
    Call(usize),
}

impl Means<'_> {
    /// The models that can be called once `spent` is gone from the purse.
    fn open(&self, spent: f64) -> impl Iterator<Item = usize> {
        let left = self.purse - spent;
        (0..self.cost.len()).filter(move |at| self.callable[*at] && self.cost[*at] <= left)
    }

    fn worth(&self, quality: &[f64], model: usize) -> f64 {
        quality[model] - self.lambda * self.cost[model]
    }
}

/// Whom to call first; `None` where nobody may be. `foresight` has for each model what the
/// qualities of all would be after its answer, one row for each of several answers that are
/// equally likely.
#[must_use]
pub fn begin(foresight: &[Vec<Vec<f64>>], means: Means<'_>) -> Option<usize> {
    if means.calls == 0 {
        return None;
    }
    best(means.open(0.0), |first| {
        let rest = || {
            let others = means.open(means.cost[first]);
            others.filter(|other| *other != first && means.calls > 1)
        };
        let rows = foresight[first].iter().map(|quality| {
            let further = rest().map(|other| means.worth(quality, other));
            further.fold(quality[first], f64::max)
        });
        let mean = rows.sum::<f64>() / foresight[first].len() as f64;
        mean - means.lambda * means.cost[first]
    })
}

/// What to do with these answers, given the quality of every model's answer in their light. Of
/// equals the first model is taken; `None` where there is no answer.
#[must_use]
pub fn go_on(quality: &[f64], answered: &[usize], means: Means<'_>) -> Option<Move> {
    let stop = best(answered.iter().copied(), |model| quality[model])?;
    let others = means
        .open(0.0)
        .filter(|model| !answered.contains(model) && means.calls > 0);
    let next = best(others, |model| means.worth(quality, model));
    Some(match next {
        Some(next) if means.worth(quality, next) > quality[stop] => Move::Call(next),
        _ => Move::Stop(stop),
    })
}

/// The model of the greatest value; of equals the first.
fn best(models: impl Iterator<Item = usize>, value: impl Fn(usize) -> f64) -> Option<usize> {
    let valued = models.map(|model| (model, value(model)));
    let greater = |best: (usize, f64), one: (usize, f64)| if one.1 > best.1 { one } else { best };
    valued.reduce(greater).map(|(model, _)| model)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: [f64; 3] = [0.001, 0.004, 0.02];

    fn means(lambda: f64) -> Means<'static> {
        Means {
            cost: &COST,
            callable: &[true; 3],
            lambda,
            purse: f64::INFINITY,
            calls: 2,
        }
    }

    /// Nothing is learnt from any answer.
    fn blind(quality: [f64; 3]) -> Vec<Vec<Vec<f64>>> {
        vec![vec![quality.to_vec()]; 3]
    }

    #[test]
    fn where_answers_tell_nothing_the_first_call_is_that_of_a_router() {
        let quality = [0.5, 0.7, 0.8];
        for (lambda, model) in [(0.1, 2), (10.0, 1), (100.0, 0)] {
            assert_eq!(
                begin(&blind(quality), means(lambda)),
                Some(model),
                "{lambda}"
            );
        }
    }

    #[test]
    fn an_answer_that_tells_much_is_worth_a_call() {
        let mut foresight = blind([0.5, 0.55, 0.8]);
        // The cheap answer shows whether it is right.
        foresight[0] = vec![vec![1.0, 0.55, 0.9], vec![0.0, 0.55, 0.7]];
        assert_eq!(begin(&foresight, means(20.0)), Some(0));
        let only_one = Means {
            calls: 1,
            ..means(5.0)
        };
        assert_eq!(begin(&foresight, only_one), Some(2), "nobody can follow");
    }

    #[test]
    fn the_best_answer_is_returned_not_the_last() {
        assert_eq!(
            go_on(&[0.9, 0.2, 0.95], &[0, 1], means(10.0)),
            Some(Move::Stop(0))
        );
    }

    #[test]
    fn a_call_must_bring_more_than_it_costs() {
        let quality = [0.5, 0.56, 0.6];
        assert_eq!(go_on(&quality, &[0], means(0.0)), Some(Move::Call(2)));
        assert_eq!(go_on(&quality, &[0], means(14.0)), Some(Move::Call(1)));
        assert_eq!(go_on(&quality, &[0], means(16.0)), Some(Move::Stop(0)));
    }

    #[test]
    fn purse_calls_and_limits_are_kept() {
        let quality = [0.5, 0.56, 0.8];
        let poor = Means {
            purse: 0.01,
            ..means(0.0)
        };
        assert_eq!(go_on(&quality, &[0], poor), Some(Move::Call(1)));
        let last = Means {
            calls: 0,
            ..means(0.0)
        };
        assert_eq!(go_on(&quality, &[0], last), Some(Move::Stop(0)));
        let barred = Means {
            callable: &[true, false, false],
            ..means(0.0)
        };
        assert_eq!(go_on(&quality, &[0], barred), Some(Move::Stop(0)));
        assert_eq!(
            begin(
                &blind(quality),
                Means {
                    purse: 0.0,
                    ..barred
                }
            ),
            None
        );
        assert_eq!(begin(&blind(quality), last), None);
        assert_eq!(go_on(&quality, &[], means(0.0)), None);
    }

    #[test]
    fn a_second_call_that_the_purse_cannot_pay_is_not_planned() {
        let mut foresight = blind([0.5, 0.6, 0.8]);
        foresight[0] = vec![vec![0.5, 0.6, 1.0]];
        let poor = Means {
            purse: 0.0205,
            ..means(0.1)
        };
        assert_eq!(begin(&foresight, means(0.1)), Some(0));
        assert_eq!(begin(&foresight, poor), Some(2));
    }
}
