//! `pointsman promote`.

use std::io::Write;
use std::path::Path;

use pointsman_serve::Order;

use crate::administering::{Place, block_on};
use crate::args::PromoteArgs;

pub(crate) fn run(args: &PromoteArgs) -> anyhow::Result<()> {
    let (version, moves) = block_on(async {
        let place = Place::open(&args.place).await?;
        let promoted = promote(&place, args).await;
        place.close().await;
        promoted
    })?;
    let mut out = std::io::stdout();
    writeln!(out, "{version}")?;
    moves.iter().for_each(|one| eprintln!("{one}"));
    Ok(())
}

/// A directory is registered first.
async fn promote(place: &Place, args: &PromoteArgs) -> anyhow::Result<(String, Vec<String>)> {
    let version = match Path::new(&args.what).is_dir() {
        true => place.register(Path::new(&args.what)).await?,
        false => args.what.clone(),
    };
    let order = Order {
        version: version.clone(),
        to: args.to.into(),
        share: args.share,
        force: args.force,
        reason: args.reason.clone(),
    };
    let moves = place.promote(&order).await?;
    Ok((version, moves))
}
