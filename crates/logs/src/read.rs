//! Reading logs as the learner and the evaluator need them: row by row, malformed rows counted
//! and stepped over.

use std::path::Path;

use pointsman_types::{LogRow, Prompt, Tokens};

use crate::cell::Cell;
use crate::faults::{At, Tally, Wrong};
use crate::scan::{Record, Visit, scan};
use crate::schema::{self, Fields, LastPrompt};
use crate::{Faults, LogError};

/// How to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Whether the first malformed row is an error.
    pub strict: bool,
}

/// Reads logs and hands on every row that is well formed, in the order of the files. Memory is bounded by the longest row (64 MiB at most).
///
/// # Errors
/// On a file that cannot be opened, read to its end or split into rows, that has no rows or lacks
/// a required column; when every row is malformed; on the first malformed row with `strict`; on
/// whatever `on_row` fails with.
pub fn read(
    files: &[impl AsRef<Path>],
    options: &ReadOptions,
    mut on_row: impl FnMut(LogRow) -> Result<(), LogError>,
) -> Result<Faults, LogError> {
    let mut reader = LogReader {
        tally: Tally::new(options.strict),
        last: LastPrompt::default(),
        declared: false,
        on_row: &mut on_row,
    };
    for file in files {
        scan(file.as_ref(), &mut reader)?;
    }
    reader.tally.finish()
}

/// Hands on every well-formed row of one file and steps over the others in silence.
pub(crate) fn read_again(
    file: &Path,
    on_row: &mut dyn FnMut(LogRow) -> Result<(), LogError>,
) -> Result<(), LogError> {
    let mut reader = LogReader {
        tally: Tally::new(false),
        last: LastPrompt::default(),
        declared: false,
        on_row,
    };
    scan(file, &mut reader)
}

struct LogReader<'a> {
    tally: Tally,
    last: LastPrompt,
    declared: bool,
    on_row: &'a mut dyn FnMut(LogRow) -> Result<(), LogError>,
}

impl LogReader<'_> {
    fn note_unknown(&mut self, column: &str) {
        if !schema::knows(column) {
            self.tally.unknown_column(column);
        }
    }
}

impl Visit for LogReader<'_> {
    fn wants(&self, column: &str) -> bool {
        schema::knows(column)
    }

    fn file(&mut self, file: &Path, declared: Option<&[String]>) -> Result<(), LogError> {
        self.declared = declared.is_some();
        let columns = declared.unwrap_or_default();
        for column in columns {
            self.note_unknown(column);
        }
        match schema::lacks(columns) {
            Some(needed) if self.declared && !columns.is_empty() => Err(LogError::MissingColumn {
                path: file.to_path_buf(),
                needed,
            }),
            _ => Ok(()),
        }
    }

    fn row(&mut self, at: At<'_>, record: &dyn Record) -> Result<(), LogError> {
        self.tally.faults.rows_read += 1;
        if !self.declared {
            record.for_each_column(&mut |column| self.note_unknown(column));
        }
        match schema::row(record, &mut self.last) {
            Err(wrong) => self.tally.bad_row(at, wrong),
            Ok(row) => (self.on_row)(row),
        }
    }

    fn broken(&mut self, at: At<'_>, wrong: Wrong) -> Result<(), LogError> {
        self.tally.faults.rows_read += 1;
        self.tally.bad_row(at, wrong)
    }
}

/// One prompt to predict for.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptLine {
    /// The id it was given; the hash of the text where none was.
    pub prompt_id: String,
    /// What is asked.
    pub prompt: Prompt,
    /// Tokens in, where they were counted.
    pub input_tokens: Option<Tokens>,
}

/// Reads the prompts of files in any of the formats, one per row and in their order: `prompt` or
/// `messages`, and `prompt_id` and `input_tokens` where they are there. Other columns are ignored.
///
/// # Errors
/// As [`read()`]; a model is not required.
pub fn read_prompts(
    files: &[impl AsRef<Path>],
    options: &ReadOptions,
) -> Result<(Vec<PromptLine>, Faults), LogError> {
    let mut reader = PromptReader {
        tally: Tally::new(options.strict),
        last: LastPrompt::default(),
        lines: Vec::new(),
    };
    for file in files {
        scan(file.as_ref(), &mut reader)?;
    }
    Ok((reader.lines, reader.tally.finish()?))
}

struct PromptReader {
    tally: Tally,
    last: LastPrompt,
    lines: Vec<PromptLine>,
}

impl PromptReader {
    fn line(&mut self, record: &dyn Record) -> Result<PromptLine, Wrong> {
        let fields = Fields(record);
        let prompt = schema::prompt(fields, &mut self.last)?;
        let logged = fields.label("prompt_id")?;
        Ok(PromptLine {
            prompt_id: logged.unwrap_or_else(|| prompt.default_id()),
            prompt,
            input_tokens: fields.read("input_tokens", Cell::count)?.map(Tokens),
        })
    }
}

impl Visit for PromptReader {
    fn wants(&self, column: &str) -> bool {
        ["prompt", "messages", "prompt_id", "input_tokens"].contains(&column)
    }

    fn file(&mut self, file: &Path, declared: Option<&[String]>) -> Result<(), LogError> {
        let has_prompt = |columns: &[String]| {
            columns
                .iter()
                .any(|name| name == "prompt" || name == "messages")
        };
        match declared {
            Some(columns) if !columns.is_empty() && !has_prompt(columns) => {
                Err(LogError::MissingColumn {
                    path: file.to_path_buf(),
                    needed: "`prompt` or `messages`",
                })
            }
            _ => Ok(()),
        }
    }

    fn row(&mut self, at: At<'_>, record: &dyn Record) -> Result<(), LogError> {
        self.tally.faults.rows_read += 1;
        match self.line(record) {
            Ok(line) => self.lines.push(line),
            Err(wrong) => self.tally.bad_row(at, wrong)?,
        }
        Ok(())
    }

    fn broken(&mut self, at: At<'_>, wrong: Wrong) -> Result<(), LogError> {
        self.tally.faults.rows_read += 1;
        self.tally.bad_row(at, wrong)
    }
}
