//! From curves to a report: AIQ of every size on the same resamples of the tested prompts.

use pointsman_measures::{Bootstrap, Curve, Hull, Interval, MeasureError, Singles, Weights, sweep};

use super::advice::advice;
use super::course::{Course, LearningPlan};
use super::power_law::PowerLaw;
use super::report::{Extrapolation, LearningCurve, LearningPoint};
use crate::Resample;
use crate::report::BootstrapFacts;

/// AIQ under one weighting of the prompts.
struct Value {
    sizes: Vec<f64>,
    zero_router: f64,
    oracle: f64,
}

/// The AIQ of everything, on all prompts and in every resample.
struct Values {
    /// Training prompts of each size.
    prompts: Vec<usize>,
    estimate: Value,
    resamples: Vec<Value>,
}

pub(super) fn report(
    course: &Course,
    plan: &LearningPlan,
    curves: &[(usize, Curve)],
    left_out: Vec<String>,
) -> Result<LearningCurve, MeasureError> {
    let bootstrap = bootstrap(course, plan);
    let values = Values::of(course, curves, &bootstrap)?;
    let mut report = LearningCurve {
        title: plan.title.clone(),
        synthetic: plan.synthetic,
        advice: String::new(),
        prompts: course.outcomes.prompts(),
        models: course.table.models.clone(),
        folds: course.folds,
        bootstrap: BootstrapFacts {
            replicates: bootstrap.replicates(),
            seed: bootstrap.seed(),
            resample: plan.resample,
            drawn_from: bootstrap.groups(),
        },
        sizes: (0..curves.len()).map(|at| values.point(at)).collect(),
        zero_router: values.interval(|value| value.zero_router),
        oracle: values.interval(|value| value.oracle),
        extrapolation: values.extrapolation(),
        left_out,
    };
    report.advice = advice(&report);
    Ok(report)
}

fn bootstrap(course: &Course, plan: &LearningPlan) -> Bootstrap {
    match plan.resample {
        Resample::Prompts => {
            Bootstrap::over_prompts(course.outcomes.prompts(), plan.replicates, plan.seed)
        }
        Resample::Categories => {
            Bootstrap::over_groups(&course.categories(), plan.replicates, plan.seed)
        }
    }
}

impl Values {
    fn of(
        course: &Course,
        curves: &[(usize, Curve)],
        bootstrap: &Bootstrap,
    ) -> Result<Self, MeasureError> {
        let outcomes = &course.outcomes;
        let oracle = Curve::new(&sweep(&outcomes.as_predicted()), outcomes)?;
        let under = |weights: &Weights| {
            let singles = Singles::of(outcomes, weights);
            let aiq = |hull: &Hull| singles.measure(hull).aiq;
            Value {
                sizes: curves
                    .iter()
                    .map(|(_, curve)| aiq(&curve.hull(weights)))
                    .collect(),
                zero_router: aiq(&singles.zero_router()),
                oracle: aiq(&oracle.hull(weights)),
            }
        };
        Ok(Self {
            prompts: curves.iter().map(|(prompts, _)| *prompts).collect(),
            estimate: under(&Weights::even(outcomes.prompts())),
            resamples: bootstrap.each(under),
        })
    }

    fn interval(&self, figure: impl Fn(&Value) -> f64) -> Interval {
        let replicates: Vec<f64> = self.resamples.iter().map(&figure).collect();
        Interval::of(figure(&self.estimate), &replicates)
    }

    fn point(&self, at: usize) -> LearningPoint {
        let previous = at.checked_sub(1);
        LearningPoint {
            prompts: self.prompts[at],
            aiq: self.interval(|value| value.sizes[at]),
            gain_over_zero: self.interval(|value| value.sizes[at] - value.zero_router),
            gain_over_previous: previous
                .map(|previous| self.interval(|value| value.sizes[at] - value.sizes[previous])),
        }
    }

    fn extrapolation(&self) -> Option<Extrapolation> {
        let law = self.law(&self.estimate)?;
        let most = *self.prompts.last()? as f64;
        let gain = |value: &Value| {
            self.law(value)
                .map_or(0.0, |law| law.gain_of_doubling(most))
        };
        Some(Extrapolation {
            ceiling: law.ceiling,
            scale: law.scale,
            exponent: law.exponent,
            gain_of_doubling: self.interval(gain),
        })
    }

    fn law(&self, value: &Value) -> Option<PowerLaw> {
        let sizes = self.prompts.iter().map(|prompts| *prompts as f64);
        let points: Vec<(f64, f64)> = sizes.zip(value.sizes.iter().copied()).collect();
        PowerLaw::fit(&points)
    }
}
