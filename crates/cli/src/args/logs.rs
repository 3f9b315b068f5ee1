//! Commands about logs and what is in files.

use std::path::PathBuf;

use clap::Args;
use pointsman_logs::ImportFormat;
use pointsman_types::Probability;

use super::values::probability;

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A router's directory, or log files or globs.
    #[arg(required = true, value_name = "DIR|FILE")]
    pub(crate) what: Vec<String>,
    /// Stop at the first malformed row instead of leaving it out.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// routerbench, routellm, routellm-pairs, llmrouterbench, embedllm, litellm or openai.
    #[arg(value_parser = |name: &str| name.parse::<ImportFormat>())]
    pub(crate) format: ImportFormat,
    /// File to read: .jsonl, .csv (also .gz, .zst), .parquet or .json.
    pub(crate) input: PathBuf,
    /// File to write: .jsonl (also .gz, .zst), .csv or .parquet.
    pub(crate) output: PathBuf,
    /// Column or path of the score, such as metadata.judge.score, when not in the usual place.
    #[arg(long, value_name = "PATH")]
    pub(crate) score: Option<String>,
    /// Stop at the first malformed record instead of leaving it out.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// How many prompts.
    #[arg(long, default_value_t = 3500, value_name = "N")]
    pub(crate) prompts: usize,
    /// Seed of every draw.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Share of the cells without a score.
    #[arg(long, default_value = "0.015", value_parser = probability, value_name = "SHARE")]
    pub(crate) missing: Probability,
    /// Also log what answers show of themselves: answer_logprob and answer_chars.
    #[arg(long)]
    pub(crate) answers: bool,
    /// Log to write: .jsonl (also .gz, .zst), .csv or .parquet.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Catalogue to write (TOML).
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog_out: Option<PathBuf>,
}
