//! Public formats to the log schema. Each format is one file that turns a record into log rows;
//! reading, counting faults and writing are the same for all.

mod bench_records;
mod pairs;
mod requests;
mod text_list;
mod wide;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pointsman_types::{LogRow, ModelName, Prompt};
use serde::Serialize;

use crate::cell::Cell;
use crate::faults::{At, Tally, Wrong};
use crate::scan::{Record, Visit, scan, scan_json_document};
use crate::schema::{self, Fields};
use crate::{Faults, LogError, RowWriter};

/// A form in which others publish or log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportFormat {
    /// RouterBench: one row per prompt; for each model a column with the score, and
    /// `<model>|total_cost`.
    RouterBench,
    /// RouteLLM: `prompt` and one column of scores or truth values per model.
    RouteLlm,
    /// Preference pairs as RouteLLM and Chatbot Arena publish them.
    RouteLlmPairs,
    /// LLMRouterBench: `records` of one model and data set per JSON file, or such records as rows.
    LlmRouterBench,
    /// EmbedLLM: one row per prompt and model, with `model_name` and `label`.
    EmbedLlm,
    /// LiteLLM: spend logs or logging payloads.
    LiteLlm,
    /// Requests and responses of the OpenAI API, nested or flat.
    OpenAi,
}

impl ImportFormat {
    /// Every format, with the name it goes by.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::RouterBench, "routerbench"),
        (Self::RouteLlm, "routellm"),
        (Self::RouteLlmPairs, "routellm-pairs"),
        (Self::LlmRouterBench, "llmrouterbench"),
        (Self::EmbedLlm, "embedllm"),
        (Self::LiteLlm, "litellm"),
        (Self::OpenAi, "openai"),
    ];

    /// The name it goes by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(format, _)| *format == self)
            .map_or("", |(_, name)| name)
    }
}

impl fmt::Display for ImportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no format goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no format to import; there are routerbench, routellm, routellm-pairs, llmrouterbench, embedllm, litellm and openai"
)]
pub struct UnknownImportFormat(String);

impl FromStr for ImportFormat {
    type Err = UnknownImportFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(format, _)| *format)
            .ok_or_else(|| UnknownImportFormat(name.to_owned()))
    }
}

/// How to import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Where the score is, when not in the usual place: a column, or a path into nested values
    /// such as `metadata.judge.score`.
    pub score: Option<String>,
    /// Whether the first malformed row is an error.
    pub strict: bool,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Log rows written.
    pub rows_written: u64,
    /// Records read and what was wrong with some of them. A record is taken whole or not at all.
    pub faults: Faults,
}

/// Reads `input` in `format` and writes log rows to `output`, in the format its name tells.
///
/// `input` is JSONL, CSV, Parquet or a JSON document; for LLMRouterBench also a directory of
/// such documents.
///
/// # Errors
/// When the input cannot be read or yields no row, on the first malformed record with `strict`,
/// and when the output cannot be written. `output` is left as it was then.
pub fn import(
    format: ImportFormat,
    input: &Path,
    output: &Path,
    options: &ImportOptions,
) -> Result<ImportReport, LogError> {
    let mut importer = Importer {
        format,
        options,
        tally: Tally::new(options.strict),
        writer: RowWriter::create(output)?,
    };
    for file in inputs(format, input)? {
        let document = file.extension().is_some_and(|ending| ending == "json");
        let read = if document { scan_json_document } else { scan };
        read(&file, &mut importer)?;
    }
    importer.finish(input)
}

fn inputs(format: ImportFormat, input: &Path) -> Result<Vec<PathBuf>, LogError> {
    if format == ImportFormat::LlmRouterBench && input.is_dir() {
        let escaped = glob::Pattern::escape(&input.display().to_string());
        return crate::source::matches(&format!("{escaped}/**/*.json"));
    }
    Ok(vec![input.to_path_buf()])
}

struct Importer<'a> {
    format: ImportFormat,
    options: &'a ImportOptions,
    tally: Tally,
    writer: RowWriter,
}

impl Importer<'_> {
    fn log_rows(&self, at: At<'_>, record: &dyn Record) -> Result<Vec<LogRow>, Wrong> {
        let score = self.options.score.as_deref();
        match self.format {
            ImportFormat::RouterBench => wide::routerbench(record),
            ImportFormat::RouteLlm => wide::routellm(record),
            ImportFormat::RouteLlmPairs => pairs::row(record).map(|row| vec![row]),
            ImportFormat::LlmRouterBench => bench_records::llmrouterbench(at, record, score),
            ImportFormat::EmbedLlm => bench_records::embedllm(record, score),
            ImportFormat::LiteLlm => requests::row(&requests::LITELLM, record, score),
            ImportFormat::OpenAi => requests::row(&requests::OPENAI, record, score),
        }
    }

    fn finish(self, input: &Path) -> Result<ImportReport, LogError> {
        let rows_written = self.writer.rows();
        let faults = self.tally.finish()?;
        if rows_written == 0 {
            return Err(LogError::NothingImported {
                path: input.to_path_buf(),
                rows: faults.rows_read,
                format: self.format.as_str(),
            });
        }
        self.writer.finish()?;
        Ok(ImportReport {
            rows_written,
            faults,
        })
    }
}

impl Visit for Importer<'_> {
    fn wants(&self, column: &str) -> bool {
        // Answers are most of the bytes of such files, and nothing is learned from them here.
        !column.ends_with("|model_response") && !column.ends_with("_response")
    }

    fn file(&mut self, _: &Path, _: Option<&[String]>) -> Result<(), LogError> {
        Ok(())
    }

    fn row(&mut self, at: At<'_>, record: &dyn Record) -> Result<(), LogError> {
        self.tally.faults.rows_read += 1;
        match self.log_rows(at, record) {
            Ok(rows) => rows.iter().try_for_each(|row| self.writer.push(row)),
            Err(wrong) => self.tally.bad_row(at, wrong),
        }
    }

    fn broken(&mut self, at: At<'_>, wrong: Wrong) -> Result<(), LogError> {
        self.tally.faults.rows_read += 1;
        self.tally.bad_row(at, wrong)
    }
}

/// A prompt that may be written as a list of its turns.
fn prompt_or_turns(fields: Fields<'_>, column: &str) -> Result<Option<Prompt>, Wrong> {
    let Some(text) = fields.read(column, Cell::text)? else {
        return Ok(None);
    };
    let prompt = match text_list::parse(&text) {
        Some(turns) => turns.join("\n\n"),
        None => text.into_owned(),
    };
    if prompt.is_empty() {
        return Err(Wrong::new(column, "must not be empty"));
    }
    Ok(Some(Prompt::from(prompt)))
}

fn missing(column: &str) -> Wrong {
    Wrong::new(column, "is missing")
}

/// A row whose id, where none was given, is that of the prompt.
fn row_of(prompt: Prompt, model: ModelName, prompt_id: Option<String>) -> LogRow {
    let row = LogRow::new(prompt, model);
    LogRow {
        prompt_id: prompt_id.unwrap_or(row.prompt_id),
        ..row
    }
}

/// A score for which data frames write not-a-number where there is none.
fn score_or_nan(cell: Cell<'_>) -> Result<Option<pointsman_types::Quality>, String> {
    match not_nan(cell) {
        Cell::Missing => Ok(None),
        cell => schema::quality(cell),
    }
}

fn cost_or_nan(cell: Cell<'_>) -> Result<Option<pointsman_types::Usd>, String> {
    schema::cost(not_nan(cell))
}

fn not_nan(cell: Cell<'_>) -> Cell<'_> {
    match cell {
        Cell::Float(number) if number.is_nan() => Cell::Missing,
        Cell::Field(field) if field.eq_ignore_ascii_case("nan") => Cell::Missing,
        cell => cell,
    }
}
