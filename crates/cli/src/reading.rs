//! Reading logs for commands that need a table, and saying what was wrong with them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use pointsman_logs::{
    Budget, Faults, PromptLine, ReadOptions, TableBuilder, TableNotes, find, read, read_prompts,
};
use pointsman_router::read_catalog;
use pointsman_train::{complete_costs, level_judges};
use pointsman_types::{Catalog, LogRow, LogTable};

use crate::args::LogArgs;
use crate::progress::spinner;

/// Logs as they were read.
pub(crate) struct Logs {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) table: LogTable,
    pub(crate) notes: TableNotes,
}

/// The table of these logs. Malformed rows are told of on standard error.
pub(crate) fn table(logs: &LogArgs) -> anyhow::Result<LogTable> {
    read_logs(logs).map(|logs| logs.table)
}

/// The table as training takes it, and the prices that it was completed with: judges made comparable,
/// costs that the logs lack taken from the catalogue.
pub(crate) fn prepared(
    logs: &LogArgs,
    catalog: Option<&Path>,
) -> anyhow::Result<(LogTable, Catalog)> {
    let catalog = catalog.map(read_catalog).transpose()?.unwrap_or_default();
    let mut table = table(logs)?;
    let mut notes = level_judges(&mut table);
    notes.extend(complete_costs(&mut table, &catalog));
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    Ok((table, catalog))
}

/// The same, and what the table leaves out.
pub(crate) fn read_logs(logs: &LogArgs) -> anyhow::Result<Logs> {
    read_logs_and(logs, Vec::new())
}

/// The same with more rows, which come from elsewhere.
pub(crate) fn read_logs_and(logs: &LogArgs, more: Vec<LogRow>) -> anyhow::Result<Logs> {
    let files = find(&logs.logs)?;
    let mut builder = TableBuilder::new(Budget {
        max_prompts: logs.max_prompts,
        ..Budget::default()
    });
    let progress = spinner("reading logs");
    let faults = read(
        &files,
        &ReadOptions {
            strict: logs.strict,
        },
        |row| {
            builder.push(row);
            Ok(())
        },
    )?;
    progress.finish_and_clear();
    tell_faults(&faults);
    more.into_iter().for_each(|row| builder.push(row));
    let (table, notes) = builder
        .finish()
        .context("no table can be made of the logs")?;
    tell_notes(&notes);
    Ok(Logs {
        files,
        table,
        notes,
    })
}

/// The prompts of these files. Malformed rows are told of on standard error.
pub(crate) fn prompts(files: &[String], strict: bool) -> anyhow::Result<Vec<PromptLine>> {
    let (lines, faults) = read_prompts(&find(files)?, &ReadOptions { strict })?;
    tell_faults(&faults);
    Ok(lines)
}

/// Counts malformed rows and lists the first.
pub(crate) fn tell_faults(faults: &Faults) {
    if faults.bad_rows > 0 {
        eprintln!(
            "warning: {} of {} rows are malformed and were left out:",
            faults.bad_rows, faults.rows_read
        );
        faults.first.iter().for_each(|fault| eprintln!("  {fault}"));
        let more = faults.bad_rows - faults.first.len() as u64;
        if more > 0 {
            eprintln!("  and {more} more");
        }
        eprintln!("  hint: --strict stops at the first");
    }
    if !faults.unknown_columns.is_empty() {
        let names: Vec<&str> = faults.unknown_columns.iter().map(String::as_str).collect();
        eprintln!("note: unknown columns were ignored: {}", names.join(", "));
    }
}

fn tell_notes(notes: &TableNotes) {
    if notes.rows_left_out > 0 {
        let about = if notes.prompts_seen_estimated {
            "about "
        } else {
            ""
        };
        eprintln!(
            "note: {} of {about}{} prompts are held in memory, chosen by the hash of their text (--max-prompts)",
            notes.prompts_kept, notes.prompts_seen
        );
    }
    if notes.duplicates > 0 {
        eprintln!(
            "note: {} rows repeat a prompt and model of another; they were averaged",
            notes.duplicates
        );
    }
}
