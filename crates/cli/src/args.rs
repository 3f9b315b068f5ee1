//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pointsman_encoders::EncoderSpec;
use pointsman_keys::Expiry;
use pointsman_learn::promotion::Stage;
use pointsman_logs::ImportFormat;
use pointsman_policy::PolicySpec;
use pointsman_replay::{Regime, Scenario};
use pointsman_train::guarantee::Promise;
use pointsman_types::{Probability, Quality};

/// Learns from your request logs how well each model would answer a prompt and what it would cost,
/// and sends each request to the cheapest model that is good enough.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train on the bundled synthetic log, evaluate, write the report and serve.
    Quickstart(QuickstartArgs),
    /// Turn a public format into log rows.
    Import(ImportArgs),
    /// Train a router from request logs.
    Train(TrainArgs),
    /// Add a model to a router from a few scored prompts, or from its price alone; trains nothing else.
    AddModel(AddModelArgs),
    /// Predict quality, cost and tokens of every model for prompts.
    Predict(PredictArgs),
    /// Say why a router would choose which model for a prompt.
    Explain(ExplainArgs),
    /// Measure a router's cost–quality curve on logs and write a report.
    Evaluate(EvaluateArgs),
    /// Estimate what a router would have been worth on decisions that another policy made, and
    /// whether it is better (off-policy evaluation).
    Ope(OpeArgs),
    /// Replay serving with feedback on a log where every model was scored, next to known bandits.
    Replay(ReplayArgs),
    /// Serve decisions over HTTP.
    Serve(ServeArgs),
    /// Tell everything that is wrong with a settings file.
    Check(CheckArgs),
    /// Prepare the cache of answers to similar questions.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Make keys for clients of a server.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Show what a running server has learnt, what drifted, its budget and its versions.
    Learning(TaughtArgs),
    /// Show the versions of a server's router, and what happened to them.
    Versions(VersionsArgs),
    /// Try a new router beside the one that serves: in shadow, in canary, or in its place.
    Promote(PromoteArgs),
    /// Go back to the last good version.
    Rollback(RollbackArgs),
    /// Train a new router on the old logs and what came in since, and prepare it as a candidate.
    Retrain(RetrainArgs),
    /// Write the decisions and feedback of a server as log rows.
    Export(ExportArgs),
    /// Show what is in a router or a log.
    Inspect(InspectArgs),
    /// Make the synthetic log.
    Simulate(SimulateArgs),
}

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

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Directory that `train --out` wrote.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["learning_curve", "folds"])]
    pub(crate) router: Option<PathBuf>,
    /// Catalogue to take prices from instead of the router's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    #[command(flatten)]
    pub(crate) learning: LearningArgs,
    /// Directory for report.json, report.html, curve.parquet, curve.svg and curve.png; with
    /// --learning-curve for learning_curve.json, .html, .svg and .png.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Measure the router's cascade beside it: a model answers, its answer is read, then that is
    /// returned or another model is called. Needs a router trained with --cascade, or --folds.
    #[arg(long, conflicts_with = "learning_curve")]
    pub(crate) cascade: bool,
    /// Decide by another policy than the router's own.
    #[arg(long, value_name = "POLICY", conflicts_with = "learning_curve")]
    pub(crate) policy: Option<PolicySpec>,
    /// A score below this counts as inadequate.
    #[arg(long, default_value = "0.5", value_parser = quality, value_name = "SCORE", conflicts_with = "learning_curve")]
    pub(crate) target: Quality,
    /// Resample whole categories for the intervals, not single prompts; with --folds or
    /// --learning-curve hold them out whole as well.
    #[arg(long)]
    pub(crate) grouped: bool,
    /// Resamples behind every interval.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u64).range(20..=100_000))]
    pub(crate) replicates: u64,
    /// Seed of the resamples; with --folds or --learning-curve also of folds, subsets and training.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Also count prompts that the router was trained on; the figures then flatter it.
    #[arg(long, conflicts_with_all = ["learning_curve", "folds"])]
    pub(crate) include_training: bool,
    /// Say on the report that the log was made by a simulator.
    #[arg(long)]
    pub(crate) synthetic: bool,
    /// What the report is called [default: Router evaluation, or Learning curve].
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Print the report as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A learning curve in place of one router.
#[derive(Debug, Default, Args)]
pub(crate) struct LearningArgs {
    /// Train on growing parts of the logs instead of evaluating a router, and show AIQ over the number
    /// of labelled prompts: would more labels pay?
    #[arg(long, conflicts_with = "router")]
    pub(crate) learning_curve: bool,
    /// Prompts to train on, all of them in any case [default: all, and halves down to 50].
    #[arg(long, conflicts_with = "router", requires = "learning_curve", value_name = "N,N..", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(20..))]
    pub(crate) sizes: Vec<u64>,
    /// Evaluate no router that is there, but one for each of so many folds of the logs, trained on
    /// the other folds; with --learning-curve the folds that are held out in turn [default: 5].
    #[arg(long, conflicts_with = "router", value_name = "N", value_parser = clap::value_parser!(u64).range(2..=20))]
    pub(crate) folds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct OpeArgs {
    /// Directory of the router to evaluate, as `train --out` wrote it.
    #[arg(long, value_name = "ROUTER")]
    pub(crate) policy: PathBuf,
    /// Catalogue to take prices from instead of the router's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
    /// Logged decisions, files or globs: rows with a propensity, as `export --all` writes them.
    #[arg(long, required = true, num_args = 1.., value_name = "DECISIONS")]
    pub(crate) logs: Vec<String>,
    /// What a decision is worth: its score, or its utility, score minus lambda times cost [default:
    /// score, or utility where --lambda is given].
    #[arg(long, value_enum)]
    pub(crate) reward: Option<RewardKind>,
    /// Quality that a dollar must buy, for --reward utility [default: that of the router's policy].
    #[arg(long, value_name = "L", value_parser = lambda)]
    pub(crate) lambda: Option<f64>,
    /// With which probability an interval covers the truth.
    #[arg(long, default_value = "0.95", value_parser = confidence, value_name = "SHARE")]
    pub(crate) confidence: Probability,
    /// Intervals that hold for any number of decisions (empirical Bernstein), and are wide, in place
    /// of the studentised bootstrap.
    #[arg(long)]
    pub(crate) bernstein: bool,
    /// Resamples behind every interval.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u64).range(20..=100_000))]
    pub(crate) replicates: u64,
    /// Seed of the resamples and of the folds that correct the predictions.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Also count decisions on prompts that the router was trained on; the figures then flatter it.
    #[arg(long)]
    pub(crate) include_training: bool,
    /// Stop at the first row that is malformed or cannot be used instead of leaving it out.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Directory for off_policy.json, .html, .svg and .png.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Say on the report that the log was made by a simulator.
    #[arg(long)]
    pub(crate) synthetic: bool,
    /// What the report is called [default: Off-policy evaluation].
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Print the report as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a decision is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RewardKind {
    /// The score of its answer.
    Score,
    /// The score minus lambda times the cost.
    Utility,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Directory that `train --out` wrote [default: `router.path` of the settings]. A new router there
    /// is taken up without a restart.
    #[arg(long = "router", value_name = "DIR")]
    pub(crate) router: Option<PathBuf>,
    /// Catalogue to take prices from instead of the router's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
    /// Settings (TOML); flags win.
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", env = "POINTSMAN_BIND")]
    pub(crate) bind: Option<SocketAddr>,
    /// Database of decisions and feedback [default: pointsman.db].
    #[arg(long, value_name = "FILE", env = "POINTSMAN_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Decide by another policy than the router's own.
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<PolicySpec>,
    /// Keep the text of prompts with the decisions; export needs it.
    #[arg(long)]
    pub(crate) log_prompts: bool,
    /// Write the server's own log as JSON.
    #[arg(long)]
    pub(crate) log_json: bool,
}

/// A settings file to check.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The settings (TOML).
    #[arg(value_name = "CONFIG")]
    pub(crate) config: PathBuf,
}

/// Where versions are kept.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The server to ask [default: the address of the settings, http://127.0.0.1:8080].
    #[arg(long, value_name = "URL", conflicts_with = "store")]
    pub(crate) server: Option<String>,
    /// Its database, while no server has it open.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Settings (TOML) of the server.
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct TaughtArgs {
    /// The server to ask [default: the address of the settings, http://127.0.0.1:8080].
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Settings (TOML) of the server.
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Directory for learning.json and learning.html, and for learning.svg and learning.png once
    /// anything was learnt.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// What the page is called.
    #[arg(long, default_value = "Learning while serving")]
    pub(crate) title: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VersionsArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Find the threshold of `cache.semantic` on pairs of questions whose truth is known.
    Calibrate(CacheCalibrateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CacheCalibrateArgs {
    /// Pairs as they will be compared, a line each: {"a": "...", "b": "...", "same": true}.
    #[arg(long, value_name = "FILE")]
    pub(crate) pairs: PathBuf,
    /// What makes a vector of a text: static:DIR or minilm:DIR.
    #[arg(long, value_name = "SPEC")]
    pub(crate) encoder: EncoderSpec,
    /// The most hits that may be of another question, as a share.
    #[arg(long, default_value_t = 0.01, value_name = "SHARE")]
    pub(crate) false_hits: f64,
    /// With which probability that may be missed.
    #[arg(long, default_value_t = 0.05, value_name = "DELTA")]
    pub(crate) delta: f64,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Draw a key, show it once, and print the lines of the settings that let it in.
    New(KeyNewArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeyNewArgs {
    /// Whose it is, for people.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The models it may use, with commas between; without this, all.
    #[arg(long, value_name = "MODELS", value_delimiter = ',', value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) models: Option<Vec<String>>,
    /// When it expires, like 2027-01-31T00:00:00Z; without this, never.
    #[arg(long, value_name = "DATE-TIME")]
    pub(crate) expires: Option<Expiry>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// A router's directory, which is registered first, or a version.
    #[arg(value_name = "DIR|VERSION")]
    pub(crate) what: String,
    /// Where to.
    #[arg(long, value_enum, default_value_t = Target::Shadow)]
    pub(crate) to: Target,
    /// The share of the requests that it decides in canary [default: that of the settings].
    #[arg(long, value_name = "SHARE")]
    pub(crate) share: Option<f64>,
    /// Past the gate, and in the place of a version that is in the way.
    #[arg(long, requires = "reason")]
    pub(crate) force: bool,
    /// Why; recorded.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Where a version can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// It decides beside the current version, and nothing that it says is used.
    Shadow,
    /// It decides a share of the requests.
    Canary,
    /// It decides.
    Current,
    /// It is taken out of the trial.
    Rejected,
}

impl From<Target> for Stage {
    fn from(target: Target) -> Self {
        match target {
            Target::Shadow => Self::Shadow,
            Target::Canary => Self::Canary,
            Target::Current => Self::Current,
            Target::Rejected => Self::Rejected,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Why; recorded.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
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
pub(crate) struct ExportArgs {
    /// Database of the server; it may be running.
    #[arg(long, value_name = "FILE", default_value = "pointsman.db")]
    pub(crate) store: PathBuf,
    /// File to write: .jsonl (also .gz, .zst), .csv or .parquet.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Only decisions from this time on, in milliseconds since 1970.
    #[arg(long, value_name = "MS")]
    pub(crate) since_ms: Option<i64>,
    /// Only decisions before this time, in milliseconds since 1970.
    #[arg(long, value_name = "MS")]
    pub(crate) until_ms: Option<i64>,
    /// Also decisions without feedback; their score is missing.
    #[arg(long)]
    pub(crate) all: bool,
}

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

/// Serving and learning on a log whose every outcome is known.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    /// Catalogue of models and prices (TOML); not needed where the logs carry cost_usd.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Random halves are offline and online, or half of the categories each.
    #[arg(long, default_value = "iid", value_enum)]
    pub(crate) regime: RegimeArg,
    /// Labelled prompts that the router is trained on.
    #[arg(long, default_value_t = 300, value_name = "N")]
    pub(crate) labels: usize,
    /// Share of the decisions that get feedback.
    #[arg(long, default_value = "0.3", value_parser = probability, value_name = "SHARE")]
    pub(crate) feedback: Probability,
    /// Feedback comes within so many requests.
    #[arg(long, default_value_t = 500, value_name = "N")]
    pub(crate) delay: usize,
    /// Splits of the log, each with a router of its own.
    #[arg(long, default_value_t = 20, value_name = "K")]
    pub(crate) seeds: usize,
    /// Orders of the online prompts for each split, averaged.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) streams: usize,
    /// What a dollar is worth in score.
    #[arg(long, default_value_t = 200.0, value_name = "LAMBDA")]
    pub(crate) lambda: f64,
    /// What happens half-way (poison: from the start).
    #[arg(long, value_enum)]
    pub(crate) scenario: Option<ScenarioArg>,
    /// Table of regret and levels over time to write: .csv, .jsonl or .parquet.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How online prompts differ from offline ones.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RegimeArg {
    Iid,
    Shift,
}

impl From<RegimeArg> for Regime {
    fn from(regime: RegimeArg) -> Self {
        match regime {
            RegimeArg::Iid => Self::Iid,
            RegimeArg::Shift => Self::Shift,
        }
    }
}

/// What happens while serving.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ScenarioArg {
    Drop,
    Price,
    NewModel,
    Poison,
}

impl From<ScenarioArg> for Scenario {
    fn from(scenario: ScenarioArg) -> Self {
        match scenario {
            ScenarioArg::Drop => Self::Drop,
            ScenarioArg::Price => Self::Price,
            ScenarioArg::NewModel => Self::NewModel,
            ScenarioArg::Poison => Self::Poison,
        }
    }
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

fn quality(text: &str) -> Result<Quality, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| "must be a number between 0 and 1".to_owned())?;
    Quality::new(value).map_err(|error| error.to_string())
}

/// Their range is checked where they are used.
fn levels(text: &str) -> Result<(f64, f64), String> {
    let levels = text
        .split_once(',')
        .and_then(|(alpha, delta)| Some((alpha.trim().parse().ok()?, delta.trim().parse().ok()?)));
    levels.ok_or_else(|| "must be two numbers with a comma between, such as 0.05,0.1".to_owned())
}

/// A number of seconds, minutes, hours or days.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a whole number and s, m, h or d, such as 24h".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(whole) if whole > 0 => Ok(Duration::from_secs(whole)),
        _ => Err(wrong()),
    }
}

fn probability(text: &str) -> Result<Probability, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| "must be a number between 0 and 1".to_owned())?;
    Probability::new(value).map_err(|error| error.to_string())
}

fn lambda(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok();
    value
        .filter(|value| value.is_finite() && *value >= 0.0)
        .ok_or_else(|| "must be a finite number that is not negative".to_owned())
}

fn confidence(text: &str) -> Result<Probability, String> {
    let value = probability(text)?;
    match (0.5..1.0).contains(&value.get()) {
        true => Ok(value),
        false => Err(format!("must be at least 0.5 and below 1, got {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("24h"), duration("1d"));
        for wrong in ["", "h", "24", "-1h", "0s", "1w", "99999999999999999d", "1µ"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
