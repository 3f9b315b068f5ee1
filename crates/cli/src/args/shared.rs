//! What several commands take, and what asks a router.

use std::path::PathBuf;

use clap::Args;
use pointsman_encoders::EncoderSpec;
use pointsman_policy::PolicySpec;

/// Where log rows come from.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Log files or globs: .jsonl, .csv (also .gz, .zst), .parquet.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) logs: Vec<String>,
    /// Stop at the first malformed row instead of leaving it out.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Hold at most this many prompts in memory, chosen by the hash of their text.
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    pub(crate) max_prompts: usize,
}

impl Default for LogArgs {
    fn default() -> Self {
        Self {
            logs: Vec::new(),
            strict: false,
            max_prompts: 200_000,
        }
    }
}

/// A router, and the prices it is used with.
#[derive(Debug, Args)]
pub(crate) struct RouterArgs {
    /// Directory that `train --out` wrote. `serve` takes up a new router there without a restart.
    #[arg(id = "router", long = "router", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Catalogue to take prices from instead of the router's own.
    #[arg(id = "router-catalog", long = "catalog", value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
}

/// The sentence encoder of a router, where it has one.
#[derive(Debug, Clone, Args)]
pub(crate) struct EncodingArgs {
    /// Where the router's sentence encoder is now, if not where training had it.
    #[arg(long, value_name = "SPEC", value_parser = |spec: &str| spec.parse::<EncoderSpec>())]
    pub(crate) encoder: Option<EncoderSpec>,
    /// Where the encoder's tensors live: cpu, or cuda:N (in builds with the feature `cuda`).
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    pub(crate) device: String,
}

impl Default for EncodingArgs {
    fn default() -> Self {
        Self {
            encoder: None,
            device: "cpu".into(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) router: RouterArgs,
    /// The prompt; from standard input where it is left out.
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: Option<String>,
    /// Decide by another policy than the router's own.
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<PolicySpec>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub(crate) router: RouterArgs,
    /// Prompt files or globs: `prompt` or `messages`, and optionally `prompt_id`, `input_tokens`.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) prompts: Vec<String>,
    /// File to write: .parquet, .csv or .jsonl; one row per prompt and model.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Stop at the first malformed row instead of leaving it out.
    #[arg(long)]
    pub(crate) strict: bool,
}
