//! `pointsman import`.

use pointsman_logs::{ImportOptions, import};

use crate::args::ImportArgs;
use crate::progress::spinner;
use crate::reading::tell_faults;

pub(crate) fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let progress = spinner("importing");
    let options = ImportOptions {
        score: args.score.clone(),
        strict: args.strict,
    };
    let report = import(args.format, &args.input, &args.output, &options)?;
    progress.finish_and_clear();
    tell_faults(&report.faults);
    eprintln!(
        "wrote {} rows to {}",
        report.rows_written,
        args.output.display()
    );
    Ok(())
}
