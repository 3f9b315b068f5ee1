//! The router against everything else on the same resamples of the prompts.

use pointsman_measures::{Bootstrap, Curve, Hull, Interval, Outcomes, Point, Singles, Weights};

use crate::report::VersusBest;
use crate::{Cascaded, Options, Resample, Sample};

/// Something with a curve to compare the router with.
pub(crate) enum Line {
    Curve(Curve),
    Cascade(Cascaded),
    ZeroRouter,
}

impl Line {
    pub(crate) fn hull(&self, singles: &Singles, weights: &Weights) -> Hull {
        match self {
            Self::Curve(curve) => curve.hull(weights),
            Self::Cascade(cascaded) => cascaded.hull(weights),
            Self::ZeroRouter => singles.zero_router(),
        }
    }
}

/// How to resample these rows of a sample.
pub(crate) fn bootstrap(sample: &Sample, rows: &[usize], options: &Options) -> Bootstrap {
    match options.resample {
        Resample::Prompts => Bootstrap::over_prompts(rows.len(), options.replicates, options.seed),
        Resample::Categories => {
            let label = |row: &usize| sample.prompts[*row].category.as_deref().unwrap_or("");
            let labels: Vec<&str> = rows.iter().map(label).collect();
            Bootstrap::over_groups(&labels, options.replicates, options.seed)
        }
    }
}

/// What one resample says.
struct Compared {
    /// AIQ of the router minus that of each other line.
    gains: Vec<f64>,
    best: AgainstBest,
}

/// The router's hull against one model.
struct AgainstBest {
    quality_at_equal_cost: f64,
    saving_at_equal_quality: Option<f64>,
    saving_at_95_percent: Option<f64>,
}

/// The router's curve and what it is compared with.
pub(crate) struct Contest<'a> {
    pub(crate) outcomes: &'a Outcomes,
    pub(crate) router: &'a Curve,
    pub(crate) others: Vec<&'a Line>,
    /// The best single model on all prompts; it stays the reference in every resample.
    pub(crate) best: usize,
}

impl Contest<'_> {
    /// The router's gain in AIQ over each of the others, and how it does against the best model.
    pub(crate) fn run(
        &self,
        bootstrap: &Bootstrap,
        sample: &Sample,
    ) -> (Vec<Interval>, VersusBest) {
        let all = Weights::even(self.outcomes.prompts());
        let estimate = self.compare(&all);
        let resamples = bootstrap.each(|weights| self.compare(weights));
        let gains = (0..self.others.len()).map(|other| {
            let replicates: Vec<f64> = resamples.iter().map(|one| one.gains[other]).collect();
            Interval::of(estimate.gains[other], &replicates)
        });
        let interval = |of: fn(&AgainstBest) -> Option<f64>| {
            let replicates: Vec<Option<f64>> = resamples.iter().map(|one| of(&one.best)).collect();
            Interval::percentile(of(&estimate.best), &replicates)
        };
        let versus_best = VersusBest {
            model: sample.models[self.best].clone(),
            point: Singles::of(self.outcomes, &all).points()[self.best],
            quality_at_equal_cost: interval(|best| Some(best.quality_at_equal_cost)),
            saving_at_equal_quality: interval(|best| best.saving_at_equal_quality),
            saving_at_95_percent: interval(|best| best.saving_at_95_percent),
        };
        (gains.collect(), versus_best)
    }

    fn compare(&self, weights: &Weights) -> Compared {
        let singles = Singles::of(self.outcomes, weights);
        let (low, high) = singles.cost_range();
        let aiq = |hull: &Hull| hull.mean_height(low, high);
        let router = self.router.hull(weights);
        let gain = |line: &&Line| aiq(&router) - aiq(&line.hull(&singles, weights));
        Compared {
            gains: self.others.iter().map(gain).collect(),
            best: against_best(&router, singles.points()[self.best]),
        }
    }
}

fn against_best(router: &Hull, best: Point) -> AgainstBest {
    let saving = |quality: f64| {
        let cost = router.cost_to_reach(quality)?;
        (best.cost > 0.0).then(|| 1.0 - cost / best.cost)
    };
    AgainstBest {
        quality_at_equal_cost: router.quality_at(best.cost) - best.quality,
        saving_at_equal_quality: saving(best.quality),
        saving_at_95_percent: saving(0.95 * best.quality),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(cost: f64, quality: f64) -> Point {
        Point { cost, quality }
    }

    #[test]
    fn against_the_best_by_hand() {
        let router = Hull::of(vec![point(1.0, 0.4), point(3.0, 0.9)]);
        let against = against_best(&router, point(4.0, 0.8));
        assert!((against.quality_at_equal_cost - 0.1).abs() < 1e-12);
        // 0.8 is reached at 1 + 2 * 0.8 = 2.6
        assert!((against.saving_at_equal_quality.unwrap() - 1.4 / 4.0).abs() < 1e-12);
        assert_eq!(
            against_best(&router, point(4.0, 0.95)).saving_at_equal_quality,
            None
        );
    }
}
