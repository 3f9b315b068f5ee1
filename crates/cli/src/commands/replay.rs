//! `pointsman replay`.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use pointsman_logs::{Column, write_table};
use pointsman_replay::{Plan, TraceRow, replay, terminal_table};

use crate::args::ReplayArgs;
use crate::progress::spinner;
use crate::reading;

pub(crate) fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let (table, catalog) = reading::prepared(&args.logs, args.catalog.as_deref())?;
    let progress = spinner("training and replaying");
    let replayed = replay(&table, &catalog, &plan(args), |done| {
        progress.set_message(format!("replayed {done} of {} seeds", args.seeds));
    })?;
    progress.finish_and_clear();
    if let Some(path) = &args.trace {
        write_trace(path, &replayed.trace)?;
    }
    let text = match args.json {
        true => serde_json::to_string_pretty(&replayed.report)?,
        false => terminal_table(&replayed.report),
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

fn plan(args: &ReplayArgs) -> Plan {
    Plan {
        regime: args.regime.into(),
        labels: args.labels,
        feedback: args.feedback.get(),
        delay: args.delay,
        seeds: args.seeds,
        streams: args.streams,
        lambda: args.lambda,
        scenario: args.scenario.map(Into::into),
        ..Plan::default()
    }
}

fn write_trace(path: &Path, rows: &[TraceRow]) -> anyhow::Result<()> {
    let text =
        |name, of: fn(&TraceRow) -> String| Column::text(name, rows.iter().map(of).collect());
    let float = |name, of: fn(&TraceRow) -> f64| Column::float(name, rows.iter().map(of).collect());
    let columns = [
        text("kind", |row| row.kind.to_owned()),
        text("name", |row| row.name.clone()),
        Column::int("step", rows.iter().map(|row| row.step as i64).collect()),
        float("value", |row| row.value),
        float("error", |row| row.error),
    ];
    write_table(path, &columns).context("the trace cannot be written")
}
