//! `pointsman retrain`: the old logs and what came in since make a new router, which is measured on
//! prompts that it did not learn from and on decisions that another policy made.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use pointsman_evaluate::{
    Evaluation, OffPolicyOptions, OffPolicyReport, Options as EvaluateOptions, Reward, evaluate,
    off_policy,
};
use pointsman_router::{Artifact, Router};
use pointsman_serve::Order;
use pointsman_store::{Export, Filter};
use pointsman_train::{Embed, Options, TrainReport, complete_costs, level_judges, train};
use pointsman_types::{LogRow, LogTable, Stage};
use serde::Serialize;

use crate::administering::{Place, block_on};
use crate::args::{PlaceArgs, RetrainArgs};
use crate::encoding::{CachedEncoder, device_named};
use crate::opening;
use crate::progress::spinner;
use crate::reading;

/// What one training found: `retrain.json`.
#[derive(Debug, Serialize)]
struct Retrained {
    policy_version: String,
    /// Decisions of the server, judged or not.
    decisions: usize,
    judged: usize,
    training: TrainReport,
    /// A sentence, or why there is none.
    held_out: String,
    /// A sentence, or why there is none.
    off_policy: String,
    notes: Vec<String>,
}

pub(crate) fn run(args: &RetrainArgs) -> anyhow::Result<()> {
    let Some(every) = args.every else {
        return round(args, &decisions(args)?);
    };
    let mut seen = None;
    loop {
        match decisions(args) {
            Ok(rows) if seen == Some(fingerprint(&rows)) => {
                eprintln!("no judged decision has come in since; nothing is trained");
            }
            Ok(rows) => {
                // What fails now may go well next time; the reason is told.
                match round(args, &rows) {
                    Ok(()) => seen = Some(fingerprint(&rows)),
                    Err(error) => eprintln!("error: {error:#}"),
                }
            }
            Err(error) => eprintln!("error: {error:#}"),
        }
        std::thread::sleep(every);
    }
}

/// Trains, measures, writes and promotes once.
fn round(args: &RetrainArgs, rows: &[LogRow]) -> anyhow::Result<()> {
    let out = out(args);
    let (old, _) = Artifact::open(&args.router)?;
    let judged = judged(rows).cloned().collect();
    let table = reading::read_logs_and(&args.logs, judged)?.table;
    let options = Options {
        cascade: cascade(&old, &table),
        ..options(args, &old)?
    };
    let progress = spinner("training");
    let trained = train(table.clone(), old.catalog.clone(), &options, |_| {})?;
    progress.finish_and_clear();
    trained.artifact.save(&out)?;
    let router = Router::open_with(&out, &opening::encoding(&args.encoding)?)?;
    let retrained = measured(&router, table, rows, trained.report, &reports(&out))?;
    tell(args, &retrained, &out)?;
    match args.promote {
        true => promote(args, &out),
        false => Ok(()),
    }
}

/// The decisions of the store. Those that nobody judged teach nothing, but tell how often each model
/// is judged.
fn decisions(args: &RetrainArgs) -> anyhow::Result<Vec<LogRow>> {
    block_on(async {
        let mut export = Export::open(&args.store, Filter::default()).await?;
        let mut rows = Vec::new();
        while let Some(row) = export.next().await? {
            rows.push(row);
        }
        if export.without_prompt() > 0 {
            eprintln!(
                "note: {} decisions have no text and teach nothing; serve with --log-prompts to keep it",
                export.without_prompt()
            );
        }
        Ok(rows)
    })
}

fn judged(rows: &[LogRow]) -> impl Iterator<Item = &LogRow> {
    rows.iter().filter(|row| row.score.is_some())
}

/// Stands for the judged decisions: another one, or another judgement, changes it.
fn fingerprint(rows: &[LogRow]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for row in judged(rows) {
        row.decision_id.hash(&mut hasher);
        row.score
            .map(|score| score.get().to_bits())
            .hash(&mut hasher);
    }
    hasher.finish()
}

/// As the old router was trained, as far as it tells.
fn options(args: &RetrainArgs, old: &Artifact) -> anyhow::Result<Options> {
    let device = device_named(&args.encoding.device)?;
    let said = |field: &str| old.report.get(field);
    let default = Options::default();
    let folds = said("folds").and_then(serde_json::Value::as_u64);
    Ok(Options {
        seed: old.seed,
        folds: folds.map_or(default.folds, |folds| folds as usize),
        grouped: said("grouped") == Some(&true.into()),
        holdout: args.holdout,
        policy: Some(old.policy.clone()),
        encoder: encoder(args, old, &device)?,
        keep_texts: old.examples.iter().any(|example| example.text.is_some()),
        features: old.model.features.clone(),
        device,
        ..default
    })
}

/// Whether a cascade is fitted again.
fn cascade(old: &Artifact, table: &LogTable) -> bool {
    if old.cascade.is_some() && table.answers.is_none() {
        eprintln!(
            "note: no cascade any more: the logs have neither answer_logprob nor answer_chars"
        );
    }
    old.cascade.is_some() && table.answers.is_some()
}

fn encoder(
    args: &RetrainArgs,
    old: &Artifact,
    device: &pointsman_train::Device,
) -> anyhow::Result<Option<Arc<dyn Embed>>> {
    let Some(reference) = &old.model.encoder else {
        return Ok(None);
    };
    let spec = match &args.encoding.encoder {
        Some(spec) => spec.clone(),
        None => reference
            .spec
            .parse()
            .with_context(|| format!("the router's encoder is `{}`", reference.spec))?,
    };
    Ok(Some(Arc::new(CachedEncoder::open(&spec, None, device)?)))
}

fn measured(
    router: &Router,
    table: LogTable,
    rows: &[LogRow],
    training: TrainReport,
    reports: &Path,
) -> anyhow::Result<Retrained> {
    let mut notes = Vec::new();
    let held_out = match held_out(router, table, &mut notes) {
        Ok(evaluation) => {
            evaluation.write(reports)?;
            evaluation.report.finding
        }
        Err(error) => format!("not measured on held-out prompts: {error}"),
    };
    let off_policy = match against_what_decided(router, rows) {
        Ok(report) => {
            report.write(reports)?;
            report.finding
        }
        Err(error) => format!("not measured off-policy: {error}"),
    };
    let retrained = Retrained {
        policy_version: router.policy_version().to_owned(),
        decisions: rows.len(),
        judged: judged(rows).count(),
        training,
        held_out,
        off_policy,
        notes,
    };
    fs::create_dir_all(reports)?;
    let text = serde_json::to_string_pretty(&retrained)?;
    let (aside, place) = (
        reports.join("retrain.json.new"),
        reports.join("retrain.json"),
    );
    fs::write(&aside, text + "\n").and_then(|()| fs::rename(&aside, &place))?;
    Ok(retrained)
}

fn held_out(
    router: &Router,
    mut table: LogTable,
    notes: &mut Vec<String>,
) -> anyhow::Result<Evaluation> {
    notes.extend(level_judges(&mut table));
    notes.extend(complete_costs(&mut table, router.catalog()));
    Ok(evaluate(router, &table, &EvaluateOptions::default())?)
}

/// The worth that the policy itself weighs: utility where money counts, else the score.
fn against_what_decided(router: &Router, rows: &[LogRow]) -> anyhow::Result<OffPolicyReport> {
    let reward = match router.lambda() {
        Some(lambda) => Reward::Utility { lambda },
        None => Reward::Score,
    };
    let options = OffPolicyOptions {
        reward,
        ..OffPolicyOptions::default()
    };
    Ok(off_policy(router, rows, &options)?)
}

fn out(args: &RetrainArgs) -> PathBuf {
    args.out
        .clone()
        .unwrap_or_else(|| with_ending(&args.router, ".candidate"))
}

/// Beside the router, which is replaced as a whole.
fn reports(out: &Path) -> PathBuf {
    with_ending(out, ".report")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.components().as_path().as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn tell(args: &RetrainArgs, retrained: &Retrained, out: &Path) -> anyhow::Result<()> {
    if args.json {
        let text = serde_json::to_string_pretty(retrained)?;
        writeln!(std::io::stdout(), "{text}")?;
    }
    let (judged, decisions) = (retrained.judged, retrained.decisions);
    eprintln!("{judged} of {decisions} decisions were judged");
    eprintln!("held out: {}", retrained.held_out);
    eprintln!("off-policy: {}", retrained.off_policy);
    let notes = retrained.training.notes.iter().chain(&retrained.notes);
    notes.for_each(|note| eprintln!("note: {note}"));
    eprintln!("wrote {} ({})", out.display(), retrained.policy_version);
    Ok(())
}

fn promote(args: &RetrainArgs, out: &Path) -> anyhow::Result<()> {
    let place = PlaceArgs {
        server: args.server.clone(),
        store: None,
        config: None,
    };
    let moves = block_on(async {
        let place = Place::open(&place).await?;
        let order = Order {
            version: place.register(out).await?,
            to: Stage::Shadow,
            share: None,
            force: false,
            reason: Some("retrained".to_owned()),
        };
        place.promote(&order).await
    })?;
    moves.iter().for_each(|one| eprintln!("{one}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use pointsman_types::{Prompt, Quality};

    use super::*;

    fn row(id: &str, score: f32) -> LogRow {
        LogRow {
            decision_id: Some(id.into()),
            score: Some(Quality::clamped(score)),
            ..LogRow::new(Prompt::from("Why?"), "small".into())
        }
    }

    #[test]
    fn another_decision_or_judgement_is_news() {
        let seen = fingerprint(&[row("a", 1.0)]);
        assert_eq!(fingerprint(&[row("a", 1.0)]), seen);
        assert_ne!(fingerprint(&[row("a", 0.5)]), seen);
        assert_ne!(fingerprint(&[row("a", 1.0), row("b", 1.0)]), seen);
    }

    #[test]
    fn the_candidate_lies_beside_the_router() {
        let found = with_ending(Path::new("models/router/"), ".candidate");
        assert_eq!(found, Path::new("models/router.candidate"));
    }
}
