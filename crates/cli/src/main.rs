//! `pointsman`: arguments, settings, telemetry, exit codes. No logic: a command hands over to the
//! crate that does the work.

mod administering;
mod args;
mod commands;
mod encoding;
mod failure;
mod fitting;
mod opening;
mod progress;
mod reading;
mod settings;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

/// A request allocates some hundred and fifty times; this takes an eighth off its processor time.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Quickstart(args) => commands::quickstart::run(&args),
        Command::Import(args) => commands::import::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::AddModel(args) => commands::add_model::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Ope(args) => commands::ope::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Cache(command) => commands::cache::run(&command),
        Command::Key(command) => commands::key::run(&command),
        Command::Learning(args) => commands::learning::run(&args),
        Command::Versions(args) => commands::versions::run(&args),
        Command::Promote(args) => commands::promote::run(&args),
        Command::Rollback(args) => commands::rollback::run(&args),
        Command::Retrain(args) => commands::retrain::run(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Simulate(args) => commands::simulate::run(&args),
    }
}
