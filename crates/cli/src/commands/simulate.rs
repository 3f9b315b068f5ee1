//! `pointsman simulate`.

use anyhow::Context;
use pointsman_logs::write_rows;
use pointsman_simulate::{Settings, catalog_toml, rows};

use crate::args::SimulateArgs;

pub(crate) fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    let settings = Settings {
        prompts: args.prompts,
        seed: args.seed,
        missing: args.missing,
        answers: args.answers,
    };
    let written = write_rows(&args.out, rows(settings))?;
    eprintln!("wrote {written} synthetic rows to {}", args.out.display());
    if let Some(path) = &args.catalog_out {
        std::fs::write(path, catalog_toml())
            .with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}
