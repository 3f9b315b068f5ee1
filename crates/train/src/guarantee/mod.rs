//! A policy whose regression risk is bounded with confidence.
//!
//! A share of the prompts is kept from every fit and every choice. The policies
//! `reference:MODEL:LAMBDA` form a sequence from strict, where the reference answers nearly all, to
//! loose; the sequence is fixed by predictions on training prompts. On the calibration prompts each
//! step gets an upper bound of its risk, and the first that exceeds `alpha` ends the sequence. All
//! steps before it have risk at most `alpha` together with probability `1 - delta`, so the one that
//! saves the most may be taken.

mod sequence;
mod trial;

use std::collections::BTreeMap;

use pointsman_measures::Bound;
use pointsman_policy::{CategoryRisk, Guarantee, PolicySpec, PolicySpecError};
use pointsman_router::{Router, RouterError};
use pointsman_types::{LogTable, ModelName, PromptRow, fold_of};

pub use sequence::lambdas;
pub use trial::{Trial, Unmet};

use crate::costs::complete_costs;
use crate::error::TrainError;
use crate::train::Trained;

/// What to guarantee, and on which evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Promise {
    /// The most regression risk; above 0, below 1.
    pub alpha: f64,
    /// With which probability the promise may be wrong; above 0, below 1.
    pub delta: f64,
    /// The model that is regressed from; by default the one with the best mean score.
    pub reference: Option<ModelName>,
    /// Promise it to every category of the log by itself.
    pub by_category: bool,
    /// Share of the prompts, above 0 and at most 0.9, that only the guarantee looks at.
    pub share: f64,
}

impl Promise {
    /// The share of the prompts that is kept for calibration unless asked otherwise.
    pub const SHARE: f64 = 0.2;

    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let open = |value: f64| value > 0.0 && value < 1.0;
        let refused = |option, range, found| {
            Err(TrainError::Option {
                option,
                range,
                found,
            })
        };
        match self {
            _ if !open(self.alpha) => refused("the alpha of --guarantee", UNIT, self.alpha),
            _ if !open(self.delta) => refused("the delta of --guarantee", UNIT, self.delta),
            _ if !(open(self.share) && self.share <= 0.9) => {
                refused("--calibration-share", "above 0 and at most 0.9", self.share)
            }
            _ => Ok(()),
        }
    }

    /// The prompts to learn from, and those to calibrate on, by the hash of their text.
    pub(crate) fn split(&self, table: &LogTable, seed: u64) -> (LogTable, LogTable) {
        const PARTS: u64 = 1_000_000;
        // Neither the folds nor the holdout may be cut along the same lines.
        const OWN_SEED: u64 = 0x5ca1_ab1e;
        let apart = (self.share * PARTS as f64) as u64;
        let is_apart =
            |row: &usize| fold_of(&table.prompts[*row].text, seed ^ OWN_SEED, PARTS) < apart;
        let (calibration, learnt): (Vec<usize>, Vec<usize>) =
            (0..table.prompts.len()).partition(is_apart);
        (table.select(&learnt), table.select(&calibration))
    }
}

const UNIT: &str = "above 0 and below 1";

impl Trained {
    /// Gives the router the policy that saves the most among those that can be promised.
    pub(crate) fn keep(
        &mut self,
        promise: &Promise,
        learnt: &LogTable,
        mut calibration: LogTable,
    ) -> Result<(), TrainError> {
        complete_costs(&mut calibration, &self.artifact.catalog);
        let router = Router::new(self.artifact.clone())?;
        let reference = reference(promise, learnt)?;
        let guarantee = guarantee(promise, &reference, &router, learnt, &calibration)?;
        self.artifact.policy = guarantee.policy.clone();
        self.report.policy = guarantee.policy.to_string();
        self.artifact.guarantee = Some(guarantee.clone());
        self.report.guarantee = Some(guarantee);
        Ok(())
    }
}

fn guarantee(
    promise: &Promise,
    reference: &ModelName,
    router: &Router,
    learnt: &LogTable,
    calibration: &LogTable,
) -> Result<Guarantee, TrainError> {
    let lambdas = lambdas(router, &learnt.prompts, reference)?;
    let trial = Trial::new(router, calibration, reference, &lambdas);
    let groups = groups(promise, &calibration.prompts)?;
    let rows: Vec<Vec<usize>> = groups.values().cloned().collect();
    let all = rows.concat();
    let method = bound_for(learnt);
    let upper = |losses: &[f64]| method.upper(losses, promise.delta);
    let step = trial
        .pick(&rows, promise.alpha, upper)
        .map_err(|unmet| refusal(unmet, promise, reference, all.len()))?;
    let risk_of = |(category, rows): (&String, &Vec<usize>)| CategoryRisk {
        category: category.clone(),
        prompts: rows.len(),
        measured: trial.risk(step, rows),
        bound: upper(&trial.losses(step, rows)),
    };
    let risks: Vec<CategoryRisk> = groups.iter().map(risk_of).collect();
    Ok(Guarantee {
        alpha: promise.alpha,
        delta: promise.delta,
        risk: Guarantee::risk_against(reference),
        reference: reference.clone(),
        policy: PolicySpec::Reference {
            model: reference.clone(),
            lambda: lambdas[step],
        },
        prompts: all.len(),
        prompts_at_worst: trial.at_worst(step),
        measured: trial.risk(step, &all),
        bound: risks.iter().map(|one| one.bound).fold(0.0, f64::max),
        method: method.to_string(),
        saving: trial.saving(step, &all),
        categories: if promise.by_category {
            risks
        } else {
            Vec::new()
        },
        assumption: Guarantee::ASSUMPTION.to_owned(),
    })
}

/// The model named, or the one with the best mean score; the first by name among equals.
fn reference(promise: &Promise, learnt: &LogTable) -> Result<ModelName, TrainError> {
    if let Some(model) = &promise.reference {
        return match learnt.models.contains(model) {
            true => Ok(model.clone()),
            false => Err(RouterError::from(PolicySpecError::UnknownReference {
                model: model.clone(),
                known: learnt.models.clone(),
            })
            .into()),
        };
    }
    let mean = |model: usize| {
        let scores = learnt.score.column(model).filter(|score| !score.is_nan());
        let (sum, count) = scores.fold((0.0, 0.0), |(sum, count), score| {
            (sum + f64::from(score), count + 1.0)
        });
        sum / f64::max(count, 1.0)
    };
    let best = (0..learnt.models.len())
        .rev()
        .max_by(|left, right| mean(*left).total_cmp(&mean(*right)));
    best.map(|model| learnt.models[model].clone())
        .ok_or(TrainError::NoScores)
}

/// Decided by the training prompts, so that the losses have no say in how they are bounded.
fn bound_for(learnt: &LogTable) -> Bound {
    let is_binary = |score: &f32| score.is_nan() || *score <= 0.0 || *score >= 1.0;
    match learnt.score.values().iter().all(is_binary) {
        true => Bound::ClopperPearson,
        false => Bound::Betting,
    }
}

/// The rows of each category, or all of them under one empty label.
fn groups(
    promise: &Promise,
    prompts: &[PromptRow],
) -> Result<BTreeMap<String, Vec<usize>>, TrainError> {
    if promise.by_category && prompts.iter().all(|row| row.category.is_none()) {
        return Err(TrainError::NoCategories);
    }
    let label = |row: &PromptRow| row.category.clone().filter(|_| promise.by_category);
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, row) in prompts.iter().enumerate() {
        groups
            .entry(label(row).unwrap_or_default())
            .or_default()
            .push(at);
    }
    Ok(groups)
}

fn refusal(unmet: Unmet, promise: &Promise, reference: &ModelName, prompts: usize) -> TrainError {
    let reference = reference.clone();
    match unmet {
        Unmet::NothingSaves => TrainError::NothingSaves { reference, prompts },
        Unmet::Above(bound) => TrainError::Unmet {
            alpha: promise.alpha,
            delta: promise.delta,
            reference,
            prompts,
            smallest: rounded_up(bound),
        },
    }
}

/// To two significant digits, upwards; it then still suffices.
fn rounded_up(alpha: f64) -> f64 {
    let step = 10_f64.powi(alpha.log10().floor() as i32 - 1);
    let rounded = (alpha / step).ceil() * step;
    // The decimal that people write; where that is the binary neighbour below, the next one.
    let written = |value: f64| format!("{value:.9}").parse().unwrap_or(value);
    match written(rounded) {
        enough if enough >= alpha => enough,
        _ => written(rounded + step),
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::PromptRow;

    use super::*;

    fn promise() -> Promise {
        Promise {
            alpha: 0.05,
            delta: 0.1,
            reference: None,
            by_category: false,
            share: Promise::SHARE,
        }
    }

    fn table(scores: &[[f32; 2]]) -> LogTable {
        let mut table = LogTable::empty(vec!["a".into(), "b".into()]);
        for (number, row) in scores.iter().enumerate() {
            table.prompts.push(PromptRow {
                id: number.to_string(),
                text: format!("prompt {number}").into(),
                category: (number % 2 == 0).then(|| "even".to_owned()),
            });
            table.score.push_row(row);
            table.weight.push_row(&[1.0; 2]);
            table.cost_usd.push_row(&[0.01; 2]);
            table.input_tokens.push_row(&[1.0; 2]);
            table.output_tokens.push_row(&[1.0; 2]);
        }
        table
    }

    #[test]
    fn no_prompt_is_on_both_sides_and_none_is_lost() {
        let table = table(&[[0.0, 1.0]; 500]);
        let (learnt, calibration) = promise().split(&table, 7);
        assert_eq!(learnt.prompts.len() + calibration.prompts.len(), 500);
        assert!((60..140).contains(&calibration.prompts.len()));
        let texts = |table: &LogTable| -> std::collections::BTreeSet<_> {
            table.prompts.iter().map(|row| row.text.clone()).collect()
        };
        assert!(texts(&learnt).is_disjoint(&texts(&calibration)));
    }

    #[test]
    fn the_reference_is_the_best_model_unless_one_is_named() {
        let table = table(&[[0.0, 1.0], [1.0, 1.0], [f32::NAN, 1.0]]);
        assert_eq!(reference(&promise(), &table).unwrap().as_str(), "b");
        let named = |name: &str| Promise {
            reference: Some(name.into()),
            ..promise()
        };
        assert_eq!(reference(&named("a"), &table).unwrap().as_str(), "a");
        let error = reference(&named("c"), &table).unwrap_err().to_string();
        assert!(error.contains("`c`") && error.contains("a, b"), "{error}");
    }

    #[test]
    fn scores_in_between_call_for_betting() {
        assert_eq!(bound_for(&table(&[[0.0, 1.0]])), Bound::ClopperPearson);
        assert_eq!(bound_for(&table(&[[0.0, f32::NAN]])), Bound::ClopperPearson);
        assert_eq!(bound_for(&table(&[[0.0, 0.5]])), Bound::Betting);
    }

    #[test]
    fn prompts_without_a_label_are_a_category_of_their_own() {
        let prompts = table(&[[0.0, 1.0]; 5]).prompts;
        let by_category = Promise {
            by_category: true,
            ..promise()
        };
        let sizes = |promise: &Promise, prompts: &[PromptRow]| -> Vec<usize> {
            let groups = groups(promise, prompts).unwrap();
            groups.values().map(Vec::len).collect()
        };
        assert_eq!(sizes(&promise(), &prompts), [5]);
        assert_eq!(sizes(&by_category, &prompts), [2, 3]);
        assert!(matches!(
            groups(&by_category, &prompts[1..2]),
            Err(TrainError::NoCategories)
        ));
    }

    #[test]
    fn the_smallest_alpha_is_written_in_two_digits_and_suffices() {
        for (exact, written) in [(0.012_34, "0.013"), (0.05, "0.05"), (0.000_91, "0.00091")] {
            let rounded = rounded_up(exact);
            assert!(
                rounded >= exact && rounded.to_string() == written,
                "{rounded}"
            );
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let check = |promise: Promise, says: &str| {
            let error = promise.check().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        let (alpha, share) = (0.0, 0.95);
        check(Promise { alpha, ..promise() }, "alpha");
        check(
            Promise {
                delta: 1.0,
                ..promise()
            },
            "delta",
        );
        check(Promise { share, ..promise() }, "--calibration-share");
    }
}
