//! `pointsman rollback`.

use crate::administering::{Place, block_on};
use crate::args::RollbackArgs;

pub(crate) fn run(args: &RollbackArgs) -> anyhow::Result<()> {
    let moves = block_on(async {
        let place = Place::open(&args.place).await?;
        let moves = place.rollback(args.reason.as_deref()).await;
        place.close().await;
        moves
    })?;
    moves.iter().for_each(|one| eprintln!("{one}"));
    Ok(())
}
