//! `pointsman train`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use pointsman_encoders::EncoderSpec;
use pointsman_logs::{PromptLine, TableNotes, read_scored};
use pointsman_router::read_catalog;
use pointsman_train::guarantee::Promise;
use pointsman_train::{
    Device, Embed, Options, ReadingError, Rest, Stage, StreamLearner, StreamSize, Teacher,
    TrainReport, train_on_all,
};
use pointsman_types::{PromptRow, ScoredRow};

use crate::args::{GuaranteeArgs, TrainArgs};
use crate::encoding::{CachedEncoder, device_named};
use crate::progress::spinner;
use crate::reading::{self, Logs};

pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let catalog = args
        .catalog
        .as_deref()
        .map(read_catalog)
        .transpose()?
        .unwrap_or_default();
    let options = options(args)?;
    let Logs {
        files,
        table,
        notes,
    } = reading::read_logs(&args.logs)?;
    let read = |learner: &mut StreamLearner| stream(&files, learner);
    let rest = size(args, &notes, &files).map(|(above, size)| Rest {
        above,
        size,
        read: &read,
    });
    let progress = spinner("training");
    let trained = train_on_all(table, rest, catalog, &options, |stage| {
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

/// Above which text hash prompts are streamed, and how many; `None` where none is.
fn size(args: &TrainArgs, notes: &TableNotes, files: &[PathBuf]) -> Option<(u64, StreamSize)> {
    let above = notes.left_out_above?;
    let why_not = match files.iter().find(|file| !file.is_file()) {
        _ if args.passes == 0 => Some("--passes is 0".to_owned()),
        _ if args.grouped => {
            Some("--grouped holds categories out, a stream sees them all".to_owned())
        }
        Some(pipe) => Some(format!("{} cannot be read again", pipe.display())),
        None => None,
    };
    if let Some(reason) = why_not {
        eprintln!("note: the prompts that are not held in memory are left out: {reason}");
        return None;
    }
    let size = StreamSize {
        prompts: notes.prompts_seen,
        scores: (notes.scores_left_out as f64 * (1.0 - args.holdout)) as u64,
        passes: args.passes,
    };
    Some((above, size))
}

/// One pass through the whole log.
fn stream(files: &[PathBuf], learner: &mut StreamLearner) -> Result<(), ReadingError> {
    let mut reader = learner.reader();
    let example = move |row: ScoredRow<'_>| reader.example(row);
    read_scored(files, example, |block| learner.learn(&block))?;
    Ok(())
}

fn options(args: &TrainArgs) -> anyhow::Result<Options> {
    let device = device_named(&args.device)?;
    Ok(Options {
        seed: args.seed,
        folds: args.folds,
        grouped: args.grouped,
        holdout: args.holdout,
        least_rows: args.min_rows,
        drop_rare: args.drop_rare,
        policy: args.policy.clone(),
        guarantee: promise(&args.guarantee),
        cascade: args.cascade,
        encoder: encoder(args, args.encoder.as_ref(), &device)?,
        teacher: teacher(args, &device)?,
        keep_texts: args.keep_texts,
        device,
        ..Options::default()
    })
}

fn teacher(args: &TrainArgs, device: &Device) -> anyhow::Result<Option<Teacher>> {
    let Some(encoder) = encoder(args, args.teacher.as_ref(), device)? else {
        return Ok(None);
    };
    let unlabelled = reading::prompts(&args.unlabelled, args.logs.strict)?;
    let row = |line: PromptLine| PromptRow {
        id: line.prompt_id,
        text: line.prompt.shared(),
        category: None,
    };
    Ok(Some(Teacher {
        encoder,
        unlabelled: unlabelled.into_iter().map(row).collect(),
    }))
}

fn encoder(
    args: &TrainArgs,
    spec: Option<&EncoderSpec>,
    device: &Device,
) -> anyhow::Result<Option<Arc<dyn Embed>>> {
    let Some(spec) = spec else {
        return Ok(None);
    };
    let encoder = CachedEncoder::open(spec, args.embedding_cache.as_deref(), device)?;
    Ok(Some(Arc::new(encoder)))
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

fn words(stage: Stage) -> &'static str {
    match stage {
        Stage::Teach => "training teachers and asking them",
        Stage::Represent => "reading features off the prompts",
        Stage::Stream => "streaming the prompts that memory has no room for",
        Stage::Amounts => "fitting tokens and costs",
        Stage::Quality => "fitting quality",
        Stage::Select => "choosing by held-out decisions",
        Stage::Calibrate => "calibrating",
        Stage::Cascade => "learning to read answers",
        Stage::Guarantee => "testing what can be guaranteed",
    }
}

fn tell(args: &TrainArgs, report: &TrainReport) {
    eprintln!(
        "{} prompts, {} models, {} scores",
        report.prompts, report.models, report.scores
    );
    if report.streamed_scores > 0 {
        eprintln!(
            "{} scores of other prompts, streamed",
            report.streamed_scores
        );
    }
    if let Some(teacher) = &report.teacher {
        let aiq = teacher
            .cross_validated
            .as_ref()
            .map(|found| found.router.aiq);
        let aiq = aiq.map_or(String::new(), |aiq| {
            format!(", whose cross-validated AIQ is {aiq:.4}")
        });
        eprintln!(
            "{} prompts taught by {}{aiq}",
            teacher.prompts, teacher.encoder
        );
    }
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
    if let Some(found) = &report.comparisons {
        let (router, strengths) = (&found.cross_validated, &found.strengths_alone);
        eprintln!(
            "{} comparisons: cross-validated log loss {:.4}, accuracy {:.4}; strengths alone {:.4}, {:.4}",
            found.comparisons,
            router.log_loss,
            router.accuracy,
            strengths.log_loss,
            strengths.accuracy
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
