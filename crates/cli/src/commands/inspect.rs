//! `pointsman inspect`.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use pointsman_logs::{ReadOptions, find, inspect};
use pointsman_models::Cascade;
use pointsman_router::{Artifact, Router};
use serde_json::json;

use crate::args::InspectArgs;
use crate::reading::tell_faults;

pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let text = match &args.what[..] {
        [one] if Path::new(one).is_dir() => router(Path::new(one), args.json)?,
        _ => log(args)?,
    };
    writeln!(std::io::stdout(), "{}", text.trim_end())?;
    Ok(())
}

fn log(args: &InspectArgs) -> anyhow::Result<String> {
    let summary = inspect(
        &find(&args.what)?,
        &ReadOptions {
            strict: args.strict,
        },
    )?;
    tell_faults(&summary.faults);
    Ok(match args.json {
        true => serde_json::to_string_pretty(&summary)?,
        false => summary.to_string(),
    })
}

fn router(dir: &Path, json: bool) -> anyhow::Result<String> {
    let (artifact, _) = Artifact::open(dir)?;
    let version = Router::open(dir)?.policy_version().to_owned();
    match json {
        true => as_json(&artifact, &version),
        false => as_text(dir, &artifact, &version),
    }
}

fn as_json(artifact: &Artifact, version: &str) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&json!({
        "policy_version": version,
        "policy": artifact.policy,
        "guarantee": artifact.guarantee,
        "cascade_answers": artifact.cascade.as_ref().map(|cascade| cascade.answers),
        "models": artifact.model.names,
        "features": artifact.model.features,
        "seed": artifact.seed,
        "data_fingerprint": artifact.data_fingerprint,
        "calibration_prompts": artifact.model.calibration.prompts,
        "training": artifact.report,
    }))?)
}

fn as_text(dir: &Path, artifact: &Artifact, version: &str) -> anyhow::Result<String> {
    let report = &artifact.report;
    let mut text = format!(
        "router   {}\nversion  {version}\npolicy   {}\n",
        dir.display(),
        artifact.policy
    );
    if let Some(guarantee) = &artifact.guarantee {
        writeln!(text, "promise  {guarantee}")?;
    }
    if let Some(cascade) = &artifact.cascade {
        writeln!(text, "{}", answers(cascade))?;
    }
    let data = &artifact.data_fingerprint[..artifact.data_fingerprint.len().min(12)];
    writeln!(
        text,
        "trained  on {} prompts, seed {}, data {data}",
        report["prompts"], artifact.seed
    )?;
    for candidate in report["candidates"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["chosen"] == true)
    {
        let heads: Vec<&str> = candidate["heads"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|head| head.as_str())
            .collect();
        writeln!(
            text,
            "heads    {}",
            if heads.is_empty() {
                "means only".into()
            } else {
                heads.join(" + ")
            }
        )?;
    }
    let found = &report["cross_validated"];
    if let (Some(router), Some(zero)) = (
        found["router"]["aiq"].as_f64(),
        found["zero_router"]["aiq"].as_f64(),
    ) {
        writeln!(
            text,
            "AIQ      {router:.4} cross-validated; mixing single models {zero:.4}"
        )?;
    }
    for (name, mean) in artifact
        .model
        .names
        .iter()
        .zip(&artifact.model.quality.mean)
    {
        writeln!(text, "model    {name}: mean score {mean:.3}")?;
    }
    for addition in report["added"].as_array().into_iter().flatten() {
        writeln!(
            text,
            "added    {} from {} scored prompts, ± {:.3}",
            addition["model"].as_str().unwrap_or_default(),
            addition["scores"],
            addition["level_error"].as_f64().unwrap_or_default()
        )?;
    }
    Ok(text)
}

/// What a cascade was learnt from.
fn answers(cascade: &Cascade) -> String {
    let (read, models) = (cascade.readers.iter().flatten(), cascade.readers.len());
    format!(
        "cascade  learnt from {} scored answers; those of {} of {models} models are read",
        cascade.answers,
        read.count()
    )
}
