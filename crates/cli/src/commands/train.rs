//! `pointsman train`.

use std::io::Write;

use anyhow::Context;
use pointsman_router::read_catalog;
use pointsman_train::guarantee::Promise;
use pointsman_train::{Device, Options, Stage, TrainReport, train};

use crate::args::{GuaranteeArgs, TrainArgs};
use crate::failure::Usage;
use crate::progress::spinner;
use crate::reading;

pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let catalog = args
        .catalog
        .as_deref()
        .map(read_catalog)
        .transpose()?
        .unwrap_or_default();
    let options = options(args)?;
    let table = reading::table(&args.logs)?;
    let progress = spinner("training");
    let trained = train(table, catalog, &options, |stage| {
        progress.set_message(words(stage))
    })?;
    progress.finish_and_clear();
    trained.artifact.save(&args.out)?;
    match args.json {
        true => writeln!(
            std::io::stdout(),
            "{}",
            serde_json::to_string_pretty(&trained.report)?
        )?,
        false => tell(args, &trained.report),
    }
    Ok(())
}

fn options(args: &TrainArgs) -> anyhow::Result<Options> {
    Ok(Options {
        seed: args.seed,
        folds: args.folds,
        grouped: args.grouped,
        holdout: args.holdout,
        least_rows: args.min_rows,
        drop_rare: args.drop_rare,
        policy: args.policy.clone(),
        guarantee: promise(&args.guarantee),
        device: device(&args.device)?,
        ..Options::default()
    })
}

fn promise(args: &GuaranteeArgs) -> Option<Promise> {
    let (alpha, delta) = args.levels?;
    Some(Promise {
        alpha,
        delta,
        reference: args.reference.as_deref().map(Into::into),
        by_category: args.guarantee_by.is_some(),
        share: args.calibration_share,
    })
}

fn device(name: &str) -> anyhow::Result<Device> {
    match name {
        "cuda" if !cfg!(feature = "cuda") => Err(Usage(
            "this build has no CUDA; build with `--features cuda`, or use --device cpu".into(),
        )
        .into()),
        "cuda" => Device::new_cuda(0).context("the CUDA device cannot be used"),
        _ => Ok(Device::Cpu),
    }
}

fn words(stage: Stage) -> &'static str {
    match stage {
        Stage::Represent => "reading features off the prompts",
        Stage::Amounts => "fitting tokens and costs",
        Stage::Quality => "fitting quality",
        Stage::Select => "choosing by held-out decisions",
        Stage::Calibrate => "calibrating",
        Stage::Guarantee => "testing what can be guaranteed",
    }
}

fn tell(args: &TrainArgs, report: &TrainReport) {
    eprintln!(
        "{} prompts, {} models, {} scores",
        report.prompts, report.models, report.scores
    );
    for candidate in &report.candidates {
        let mark = if candidate.chosen { "->" } else { "  " };
        let heads = if candidate.heads.is_empty() {
            "means only".into()
        } else {
            candidate.heads.join(" + ")
        };
        eprintln!(
            "{mark} {} {:.4} ± {:.4}  {heads}",
            report.criterion, candidate.worth, candidate.error_of_difference
        );
    }
    if let Some(found) = &report.cross_validated {
        eprintln!(
            "cross-validated AIQ {:.4}; mixing single models {:.4}, oracle {:.4}",
            found.router.aiq, found.zero_router.aiq, found.oracle.aiq
        );
    }
    report
        .notes
        .iter()
        .for_each(|note| eprintln!("note: {note}"));
    if let Some(guarantee) = &report.guarantee {
        eprintln!("guaranteed: {guarantee}");
    }
    eprintln!("wrote {} (policy {})", args.out.display(), report.policy);
}
