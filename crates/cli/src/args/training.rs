//! Commands that train.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pointsman_encoders::EncoderSpec;
use pointsman_policy::PolicySpec;
use pointsman_train::guarantee::Promise;

use super::values::{duration, levels};
use super::{EncodingArgs, LogArgs};

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    /// Directory to write the router to; a router that is there is replaced in one step.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Catalogue of models and prices (TOML); not needed where the logs carry cost_usd.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Decides folds, clusterings and resampling.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folds of the cross-validation.
    #[arg(long, default_value_t = 5)]
    pub(crate) folds: usize,
    /// Hold out whole categories in the cross-validation, not single prompts.
    #[arg(long)]
    pub(crate) grouped: bool,
    /// Share of the prompts to learn nothing from, for a later `evaluate` on the same logs.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub(crate) holdout: f64,
    /// Models with fewer scored prompts are an error.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) min_rows: usize,
    /// How often to go through the prompts beyond --max-prompts: they are not held in memory but
    /// streamed, for a linear model of their words. 0 leaves them out.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) passes: u32,
    /// Leave models with fewer than --min-rows scored prompts out.
    #[arg(long)]
    pub(crate) drop_rare: bool,
    /// Policy the router decides by: utility:LAMBDA, adequate:TARGET, budget:USD or
    /// reference:MODEL:LAMBDA [default: the cheapest utility within 1 % of the best single model's
    /// quality].
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<PolicySpec>,
    #[command(flatten)]
    pub(crate) guarantee: GuaranteeArgs,
    /// Learn also from the answers (columns answer_logprob and answer_chars) when one is good enough,
    /// and which model to call when it is not.
    #[arg(long)]
    pub(crate) cascade: bool,
    /// Sentence encoder to read besides words: static:DIR (Model2Vec, WordLlama) or minilm:DIR (a
    /// BERT-like transformer in the Hugging Face layout).
    #[arg(long, value_name = "SPEC", value_parser = |spec: &str| spec.parse::<EncoderSpec>())]
    pub(crate) encoder: Option<EncoderSpec>,
    /// Sentence encoder of a teacher: a second router that reads it is trained on the same logs, and
    /// says how well the models would answer the prompts of --unlabelled, which this one learns too.
    #[arg(long, value_name = "SPEC", requires = "unlabelled", value_parser = |spec: &str| spec.parse::<EncoderSpec>())]
    pub(crate) teacher: Option<EncoderSpec>,
    /// Prompts without scores, in any of the log formats, for --teacher to label.
    #[arg(long, value_name = "FILE", requires = "teacher", num_args = 1..)]
    pub(crate) unlabelled: Vec<String>,
    /// Directory that keeps the encoder's vectors between trainings [default: pointsman/embeddings
    /// in the user's cache directory].
    #[arg(long, value_name = "DIR", env = "POINTSMAN_EMBEDDINGS")]
    pub(crate) embedding_cache: Option<PathBuf>,
    /// Where tensors live: cpu, or cuda:N (in builds with the feature `cuda`).
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    pub(crate) device: String,
    /// Keep the texts of training prompts in the router, so that `explain` can show the nearest.
    #[arg(long)]
    pub(crate) keep_texts: bool,
    /// Print the report as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A bound on what the router may lose against a reference, and on which evidence.
#[derive(Debug, Args)]
pub(crate) struct GuaranteeArgs {
    /// Take the policy that saves the most while its mean loss of quality against the reference is
    /// at most ALPHA, with probability 1 - DELTA.
    #[arg(id = "guarantee", long = "guarantee", value_name = "ALPHA,DELTA", value_parser = levels, conflicts_with = "policy")]
    pub(crate) levels: Option<(f64, f64)>,
    /// The model that --guarantee measures losses against [default: the one with the best mean
    /// score].
    #[arg(long, value_name = "MODEL", requires = "guarantee")]
    pub(crate) reference: Option<String>,
    /// Guarantee it to every category by itself.
    #[arg(long, value_name = "GROUP", value_parser = ["category"], requires = "guarantee")]
    pub(crate) guarantee_by: Option<String>,
    /// Share of the prompts that only --guarantee looks at.
    #[arg(long, default_value_t = Promise::SHARE, value_name = "SHARE", requires = "guarantee")]
    pub(crate) calibration_share: f64,
}

impl GuaranteeArgs {
    /// Nothing guaranteed.
    pub(crate) fn none() -> Self {
        Self {
            levels: None,
            reference: None,
            guarantee_by: None,
            calibration_share: Promise::SHARE,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AddModelArgs {
    /// Directory that `train --out` wrote.
    #[arg(value_name = "ROUTER")]
    pub(crate) router: PathBuf,
    /// Log files or globs with scored prompts of the new model; scores of the router's models on the
    /// same prompts sharpen the estimate. Without, its price must be in a catalogue.
    #[arg(long, num_args = 1.., value_name = "FILE", required_unless_present = "model")]
    pub(crate) logs: Vec<String>,
    /// The new model [default: the only one in the logs that the router does not know].
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Catalogue with the new model's prices (TOML); cards of other models in it are not used.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Directory to write the router to; a router that is there is replaced in one step. It may be
    /// ROUTER.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
    /// Stop at the first malformed row instead of leaving it out.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print how the model was added as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RetrainArgs {
    /// The router that serves; the new one has its policy, catalogue, encoder and seed.
    #[arg(long, value_name = "DIR")]
    pub(crate) router: PathBuf,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    /// Database of the server; it may be running.
    #[arg(long, value_name = "FILE", default_value = "pointsman.db")]
    pub(crate) store: PathBuf,
    /// Directory to write the new router to [default: the old one's, with `.candidate` after it].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Share of the prompts to learn nothing from, which the new router is measured on.
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    pub(crate) holdout: f64,
    /// Where the router's sentence encoder is now, and on what it runs.
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
    /// Send the new router into shadow.
    #[arg(long)]
    pub(crate) promote: bool,
    /// The server to send it to [default: http://127.0.0.1:8080].
    #[arg(long, value_name = "URL", requires = "promote")]
    pub(crate) server: Option<String>,
    /// Again and again, this long after each time: a number and s, m, h or d, such as 24h. Where no
    /// judged decision has come in since, nothing is trained.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) every: Option<Duration>,
    /// Print what was measured as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QuickstartArgs {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub(crate) bind: SocketAddr,
    /// Directory for the router, the report and the database.
    #[arg(long, default_value = "runs/quickstart", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Train and evaluate only.
    #[arg(long)]
    pub(crate) no_serve: bool,
}
