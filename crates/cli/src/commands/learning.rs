//! `pointsman learning`.

use std::io::Write;

use anyhow::Context;
use pointsman_evaluate::{Taught, taught_table};

use crate::administering::{Place, block_on, now_ms};
use crate::args::{PlaceArgs, TaughtArgs};

pub(crate) fn run(args: &TaughtArgs) -> anyhow::Result<()> {
    let taught = block_on(asked(args))?;
    if let Some(dir) = &args.out {
        taught.write(dir)?;
    }
    let text = match args.json {
        true => serde_json::to_string_pretty(&taught)?,
        false => taught_table(&taught),
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

async fn asked(args: &TaughtArgs) -> anyhow::Result<Taught> {
    let server = PlaceArgs {
        server: args.server.clone(),
        store: None,
        config: args.config.clone(),
    };
    let place = Place::open(&server).await?;
    let (learning, versions) = (place.learning().await?, place.listing().await?);
    let unread = "the server's answer cannot be read";
    Ok(Taught {
        title: args.title.clone(),
        asked_ms: now_ms(),
        learning: serde_json::from_value(learning).context(unread)?,
        versions: serde_json::from_value(versions).context(unread)?,
    })
}
