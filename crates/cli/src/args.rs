//! The command line.

mod logs;
mod measuring;
mod serving;
mod shared;
mod training;
mod values;

use clap::{Parser, Subcommand};

pub(crate) use logs::{ImportArgs, InspectArgs, SimulateArgs};
pub(crate) use measuring::{EvaluateArgs, LearningArgs, OpeArgs, ReplayArgs, RewardKind};
pub(crate) use serving::{
    CacheCalibrateArgs, CacheCommand, CheckArgs, ExportArgs, KeyCommand, KeyNewArgs, PlaceArgs,
    PromoteArgs, RollbackArgs, ServeArgs, TaughtArgs, VersionsArgs,
};
pub(crate) use shared::{EncodingArgs, ExplainArgs, LogArgs, PredictArgs, RouterArgs};
pub(crate) use training::{AddModelArgs, GuaranteeArgs, QuickstartArgs, RetrainArgs, TrainArgs};

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
