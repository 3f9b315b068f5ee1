//! The course of a replay for plots: regret over requests, and what was believed of each model.

use serde::Serialize;

use crate::course::mean;
use crate::seed::{Outcome, SeedTrace};

/// One point of a curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceRow {
    /// `regret` against `fitted`, in utility, a sum over the requests so far, mean over the seeds; or
    /// `level`, by how much a model's quality is believed to differ from its predictions, in the
    /// first seed; or `level_in_scenario`, the same where a model changes half-way.
    pub kind: &'static str,
    /// The policy, or the model.
    pub name: String,
    /// Requests so far.
    pub step: usize,
    /// The value.
    pub value: f64,
    /// Standard error of a level; NaN of a regret.
    pub error: f64,
}

pub(crate) fn rows(outcomes: &[Outcome]) -> Vec<TraceRow> {
    let mut rows = regrets(outcomes);
    let first = &outcomes[0].trace;
    for (name, levels) in &first.levels {
        let points = first.steps.iter().zip(levels);
        rows.extend(points.map(|(step, (value, error))| TraceRow {
            kind: "level",
            name: name.clone(),
            step: *step,
            value: *value,
            error: *error,
        }));
    }
    rows.extend(in_scenario(first));
    rows
}

fn in_scenario(first: &SeedTrace) -> impl Iterator<Item = TraceRow> {
    let names = first.levels.iter().map(|(name, _)| name).enumerate();
    names.flat_map(|(model, name)| {
        first.beliefs.iter().map(move |(step, levels)| TraceRow {
            kind: "level_in_scenario",
            name: name.clone(),
            step: *step,
            value: levels[model].0,
            error: levels[model].1,
        })
    })
}

fn regrets(outcomes: &[Outcome]) -> Vec<TraceRow> {
    let lengths = outcomes.iter().map(|one| one.trace.steps.len());
    let length = lengths.min().unwrap_or(0);
    let first = &outcomes[0].trace;
    let mut rows = Vec::new();
    for (at, (name, _)) in first.regret.iter().enumerate() {
        for (point, step) in first.steps.iter().enumerate().take(length) {
            let seeds = outcomes.iter().map(|one| one.trace.regret[at].1[point]);
            rows.push(TraceRow {
                kind: "regret",
                name: (*name).to_owned(),
                step: *step,
                value: mean(&seeds.collect::<Vec<f64>>()),
                error: f64::NAN,
            });
        }
    }
    rows
}
