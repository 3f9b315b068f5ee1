//! Commands that serve, and that ask or tell a server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pointsman_encoders::EncoderSpec;
use pointsman_keys::Expiry;
use pointsman_policy::PolicySpec;
use pointsman_types::Stage;

use super::EncodingArgs;

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
