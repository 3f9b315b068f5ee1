//! `pointsman export`.

use pointsman_logs::RowWriter;
use pointsman_store::{Export, Filter};

use crate::args::ExportArgs;

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let filter = Filter {
        since_ms: args.since_ms,
        until_ms: args.until_ms,
        only_judged: !args.all,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut export = Export::open(&args.store, filter).await?;
        let mut writer = RowWriter::create(&args.out)?;
        while let Some(row) = export.next().await? {
            writer.push(&row)?;
        }
        let (rows, without_prompt) = (writer.rows(), export.without_prompt());
        writer.finish()?;
        eprintln!("wrote {rows} rows to {}", args.out.display());
        if without_prompt > 0 {
            eprintln!("note: {without_prompt} decisions have no text and were left out; serve with --log-prompts to keep it");
        }
        Ok(())
    })
}
