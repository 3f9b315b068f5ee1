//! `pointsman inspect`.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use pointsman_logs::{ReadOptions, find, inspect};
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
    let facts = json!({
        "policy_version": version,
        "policy": artifact.policy,
        "models": artifact.model.names,
        "features": artifact.model.features,
        "seed": artifact.seed,
        "data_fingerprint": artifact.data_fingerprint,
        "calibration_prompts": artifact.model.calibration.prompts,
        "training": artifact.report,
    });
    if json {
        return Ok(serde_json::to_string_pretty(&facts)?);
    }
    let mut text = format!(
        "router {} (version {version}, policy {})\n",
        dir.display(),
        artifact.policy
    );
    let report = &artifact.report;
    writeln!(
        text,
        "trained on {} prompts, seed {}, data {}",
        report["prompts"],
        artifact.seed,
        &artifact.data_fingerprint[..12]
    )?;
    for candidate in report["candidates"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["chosen"] == true)
    {
        writeln!(text, "heads: {}", candidate["heads"])?;
    }
    writeln!(text, "cross-validated: {}", report["cross_validated"])?;
    for (name, mean) in artifact
        .model
        .names
        .iter()
        .zip(&artifact.model.quality.mean)
    {
        writeln!(text, "  {name}: mean score {mean:.3}")?;
    }
    Ok(text)
}
