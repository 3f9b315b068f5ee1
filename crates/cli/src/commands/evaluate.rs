//! `pointsman evaluate`.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use pointsman_evaluate::{Evaluation, Options, Resample, Seen, evaluate, terminal_table};
use pointsman_logs::{Column, write_table};
use pointsman_train::{complete_costs, level_judges};

use crate::args::{EvaluateArgs, RouterArgs};
use crate::commands::{folds, learning_curve};
use crate::opening;
use crate::progress::spinner;
use crate::reading;

pub(crate) fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let evaluation = match (&args.router, args.learning.folds) {
        (Some(dir), _) => measured(args, dir)?,
        (None, Some(count)) if !args.learning.learning_curve => {
            folds::measured(args, count as usize, &options(args))?
        }
        _ => return learning_curve::run(args),
    };
    write(&evaluation, &args.out)?;
    match args.json {
        true => writeln!(
            std::io::stdout(),
            "{}",
            serde_json::to_string_pretty(&evaluation.report)?
        )?,
        false => writeln!(std::io::stdout(), "{}", terminal_table(&evaluation.report))?,
    }
    eprintln!("wrote {}", args.out.join("report.html").display());
    Ok(())
}

fn measured(args: &EvaluateArgs, dir: &Path) -> anyhow::Result<Evaluation> {
    let router = RouterArgs {
        dir: dir.to_owned(),
        catalog: args.catalog.clone(),
        encoding: args.encoding.clone(),
    };
    let router = opening::open(&router, args.policy.clone())?;
    let mut table = reading::table(&args.logs)?;
    let mut notes = level_judges(&mut table);
    notes.extend(complete_costs(&mut table, router.catalog()));
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    let progress = spinner("replaying and resampling");
    let evaluation = evaluate(&router, &table, &options(args))?;
    progress.finish_and_clear();
    Ok(evaluation)
}

fn options(args: &EvaluateArgs) -> Options {
    let default = Options::default();
    Options {
        title: args.title.clone().unwrap_or(default.title),
        synthetic: args.synthetic,
        target: args.target,
        replicates: args.replicates as usize,
        seed: args.seed,
        resample: resample(args.grouped),
        seen: if args.include_training {
            Seen::Keep
        } else {
            Seen::LeaveOut
        },
        cascade: args.cascade,
    }
}

pub(crate) fn resample(grouped: bool) -> Resample {
    match grouped {
        true => Resample::Categories,
        false => Resample::Prompts,
    }
}

/// The report's files, and every point of the curve.
fn write(evaluation: &Evaluation, out: &Path) -> anyhow::Result<()> {
    evaluation.write(out)?;
    let column = |name, value: fn(&pointsman_measures::CurvePoint) -> f64| {
        Column::float(name, evaluation.curve.iter().map(value).collect())
    };
    let columns = [
        column("lambda", |point| point.lambda),
        column("cost_usd", |point| point.cost),
        column("quality", |point| point.quality),
    ];
    write_table(&out.join("curve.parquet"), &columns).context("the curve cannot be written")
}
