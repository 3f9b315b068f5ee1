//! `pointsman add-model`.

use std::io::Write;

use pointsman_router::{Artifact, read_catalog};
use pointsman_train::{Addition, add_model};
use pointsman_types::{LogTable, ModelName};

use crate::args::{AddModelArgs, LogArgs};
use crate::{opening, reading};

pub(crate) fn run(args: &AddModelArgs) -> anyhow::Result<()> {
    let (artifact, _) = Artifact::open(&args.router)?;
    let catalog = args.catalog.as_deref().map(read_catalog).transpose()?;
    let name = args.model.as_deref().map(ModelName::from);
    let catalog = catalog.unwrap_or_default();
    let encoding = opening::encoding(&args.encoding)?;
    let added = add_model(artifact, &encoding, table(args)?, &catalog, name.as_ref())?;
    added.artifact.save(&args.out)?;
    match args.json {
        true => writeln!(
            std::io::stdout(),
            "{}",
            serde_json::to_string_pretty(&added.addition)?
        )?,
        false => tell(args, &added.addition),
    }
    Ok(())
}

fn table(args: &AddModelArgs) -> anyhow::Result<LogTable> {
    match args.logs.is_empty() {
        true => Ok(LogTable::empty(Vec::new())),
        false => reading::table(&LogArgs {
            logs: args.logs.clone(),
            strict: args.strict,
            ..LogArgs::default()
        }),
    }
}

fn tell(args: &AddModelArgs, addition: &Addition) {
    eprintln!(
        "{}: mean quality {:.3} ± {:.3} from {} scored prompts ({} scores of other models on them); price and family alone say {:.3} ± {:.3}",
        addition.model,
        addition.level,
        addition.level_error,
        addition.scores,
        addition.scores_of_others,
        addition.prior_level,
        addition.prior_error,
    );
    addition
        .notes
        .iter()
        .for_each(|note| eprintln!("note: {note}"));
    eprintln!("wrote {}", args.out.display());
}
