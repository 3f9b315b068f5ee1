//! Real logs in five folds: a router trained on four, and the fifth, which it has not seen.

use std::path::PathBuf;

use pointsman_logs::{Budget, ReadOptions, TableBuilder, read};
use pointsman_router::{Router, read_catalog};
use pointsman_train::{Options, complete_costs, train};
use pointsman_types::{Catalog, LogTable, fold_of};

const FOLDS: u64 = 5;
/// Folds of the training itself must be cut along other lines.
const SEED: u64 = 0xf01d;

pub(crate) struct Fold {
    pub(crate) router: Router,
    pub(crate) learnt: LogTable,
    pub(crate) held_out: LogTable,
}

/// A log of the directory given as an argument, by default `../shared/data`; `None`, and said so,
/// where it is not there. `NAME.prices.toml` beside `NAME.parquet` is its catalogue.
pub(crate) fn folds(name: &str) -> Option<Vec<Fold>> {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let given = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let dir = given.map_or_else(|| PathBuf::from(shared), PathBuf::from);
    let (log, prices) = (
        dir.join(format!("{name}.parquet")),
        dir.join(format!("{name}.prices.toml")),
    );
    if !log.exists() {
        eprintln!("skipped: {} is not there", log.display());
        return None;
    }
    let catalog = match prices.exists() {
        true => read_catalog(&prices).expect("the catalogue can be read"),
        false => Catalog::default(),
    };
    let mut table = table(log);
    complete_costs(&mut table, &catalog);
    Some((0..FOLDS).map(|k| fold(&table, &catalog, k)).collect())
}

fn table(log: PathBuf) -> LogTable {
    let mut builder = TableBuilder::new(Budget::default());
    read(&[log], &ReadOptions::default(), |row| {
        builder.push(row);
        Ok(())
    })
    .expect("the log can be read");
    builder.finish().expect("the log makes a table").0
}

fn fold(table: &LogTable, catalog: &Catalog, k: u64) -> Fold {
    let is_held_out = |row: &usize| fold_of(&table.prompts[*row].text, SEED, FOLDS) == k;
    let (held_out, learnt): (Vec<usize>, Vec<usize>) =
        (0..table.prompts.len()).partition(is_held_out);
    let (held_out, learnt) = (table.select(&held_out), table.select(&learnt));
    let trained = train(learnt.clone(), catalog.clone(), &Options::default(), |_| {})
        .expect("the log can be trained on");
    eprintln!("fold {}: trained on {}", k + 1, trained.report.prompts);
    Fold {
        router: Router::new(trained.artifact).expect("what was trained decides"),
        learnt,
        held_out,
    }
}
