//! How much of what a model is worth comes back when it is added from a few scores?
//!
//! The five models whose removal costs most AIQ are held back in turn: a router is trained without, the
//! model is added from a few prompts drawn at random from the training split, and AIQ is measured on
//! the held-out fifth, on the scale of all models. `given back` is `(added - without) / (full -
//! without)`.
//!
//!     cargo bench --workspace --bench cold_start -- LOG [CATALOG]

#![expect(
    clippy::print_stdout,
    reason = "the table is what the benchmark is for"
)]

use std::path::Path;

use pointsman_logs::{Budget, ReadOptions, TableBuilder, find, read};
use pointsman_measures::{Outcomes, Predicted, aiq};
use pointsman_router::{Artifact, Encoding, Router, read_catalog};
use pointsman_train::{Options, add_model, complete_costs, train};
use pointsman_types::{Catalog, Grid, LogTable, ModelCard, ModelName, Prompt, fold_of};

type Failure = Box<dyn std::error::Error>;

const MODELS: usize = 5;
/// Scores of the new model (none where the catalogue has its price), and whether the other models'
/// scores on the same prompts come with them.
const LABELS: [(usize, bool); 5] = [
    (0, true),
    (20, false),
    (50, false),
    (50, true),
    (200, false),
];
const DRAWS: u64 = 10;
/// Without scores and without a price nothing is known of a model.
const NO_PRICE: &str = "no price";
/// The held-out split and the draws, apart from the seeds of training.
const SPLIT: u64 = 0x0c01_d57a_2701;
const DRAW: u64 = 0x0c01_d57a_2702;

fn main() -> Result<(), Failure> {
    let mut paths = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"));
    let Some(log) = paths.next() else {
        eprintln!("skipped: give a log, and its catalogue if it has one: `-- LOG [CATALOG]`");
        return Ok(());
    };
    let bench = Bench::new(&log, paths.next().as_deref())?;
    let full = bench.trained(&bench.learnt)?;
    let full_value = bench.value(&full)?;
    eprintln!("all models: AIQ {full_value:.4}");
    println!(
        "| model | cost of removal | {} |",
        LABELS.map(column).join(" | ")
    );
    println!("|---|---|{}", "---|".repeat(LABELS.len()));
    let mut total = Total::default();
    for (cost, model) in bench.dearest_removals(&full, full_value)? {
        let removed = bench.removed(&model, full_value, cost)?;
        println!(
            "| {model} | {:.5} | {} |",
            removed.lost,
            removed.cells().join(" | ")
        );
        total.add(&removed);
    }
    total.tell();
    Ok(())
}

fn column((scores, has_others): (usize, bool)) -> String {
    let others = if has_others && scores > 0 {
        ", others' too"
    } else {
        ""
    };
    format!("{scores} scores{others}")
}

struct Bench {
    catalog: Catalog,
    learnt: LogTable,
    tested: LogTable,
    outcomes: Outcomes,
}

impl Bench {
    fn new(log: &str, catalog: Option<&str>) -> Result<Self, Failure> {
        let catalog = catalog
            .map(|path| read_catalog(Path::new(path)))
            .transpose()?;
        let catalog = catalog.unwrap_or_default();
        let mut builder = TableBuilder::new(Budget::default());
        read(&find(&[log.to_owned()])?, &ReadOptions::default(), |row| {
            builder.push(row);
            Ok(())
        })?;
        let mut table = builder.finish()?.0;
        complete_costs(&mut table, &catalog);
        let is_tested = |row: &usize| fold_of(&table.prompts[*row].text, SPLIT, 5) == 0;
        let (tested, learnt): (Vec<usize>, Vec<usize>) =
            (0..table.prompts.len()).partition(is_tested);
        let tested = table.select(&tested);
        let tested = tested.select(&tested.complete_rows());
        let score = tested.score.values().iter().map(|score| f64::from(*score));
        Ok(Self {
            outcomes: Outcomes::new(
                Grid::from_values(table.models.len(), score.collect()),
                tested.cost_usd.clone(),
            )?,
            learnt: table.select(&learnt),
            tested,
            catalog,
        })
    }

    fn trained(&self, table: &LogTable) -> Result<Artifact, Failure> {
        Ok(train(
            table.clone(),
            self.catalog.clone(),
            &Options::default(),
            |_| {},
        )?
        .artifact)
    }

    fn value(&self, artifact: &Artifact) -> Result<f64, Failure> {
        self.value_without(artifact, None)
    }

    /// AIQ on the held-out prompts; a model that the router lacks, or that is left out, is never chosen.
    fn value_without(
        &self,
        artifact: &Artifact,
        without: Option<&ModelName>,
    ) -> Result<f64, Failure> {
        let router = Router::new(artifact.clone())?;
        let place = |model: &ModelName| {
            let place = router.models().iter().position(|other| other == model);
            place.filter(|_| without != Some(model))
        };
        let places: Vec<Option<usize>> = self.tested.models.iter().map(place).collect();
        let (mut quality, mut cost) = (Vec::new(), Vec::new());
        for row in &self.tested.prompts {
            let said = router.predict(&Prompt::from(&*row.text), None);
            for place in &places {
                quality.push(place.map_or(-1.0, |at| f64::from(said[at].quality.get())));
                cost.push(place.map_or(1e3, |at| said[at].cost.as_f64()));
            }
        }
        let grid = |values| Grid::from_values(places.len(), values);
        Ok(aiq(
            &Predicted::new(grid(quality), grid(cost))?,
            &self.outcomes,
        )?)
    }

    /// The models whose removal costs most, by the router of all.
    fn dearest_removals(
        &self,
        full: &Artifact,
        value: f64,
    ) -> Result<Vec<(f64, ModelName)>, Failure> {
        let mut costs = Vec::new();
        for model in &self.learnt.models {
            costs.push((
                value - self.value_without(full, Some(model))?,
                model.clone(),
            ));
        }
        costs.sort_by(|one, other| other.0.total_cmp(&one.0));
        costs.truncate(MODELS);
        Ok(costs)
    }

    fn removed(&self, model: &ModelName, full: f64, cost: f64) -> Result<Removed, Failure> {
        let names = &self.learnt.models;
        let own = names
            .iter()
            .position(|name| name == model)
            .ok_or("the log has the model")?;
        let others: Vec<usize> = (0..names.len()).filter(|at| *at != own).collect();
        let artifact = self.trained(&self.learnt.with_models(&others))?;
        let without = self.value(&artifact)?;
        eprintln!("{model}: {cost:.5} by the router of all; AIQ {without:.4} trained without");
        let mut removed = Removed {
            lost: full - without,
            gains: Vec::new(),
        };
        for (scores, has_others) in LABELS {
            let columns = if has_others {
                (0..names.len()).collect()
            } else {
                vec![own]
            };
            let table = self.learnt.with_models(&columns);
            let is_priced = |card: &ModelCard| card.prices().is_some();
            let is_known = scores > 0 || self.catalog.get(model.as_str()).is_some_and(is_priced);
            removed.gains.push(match is_known {
                true => self.gains(&artifact, &table, (model, scores), without)?,
                false => Vec::new(),
            });
        }
        Ok(removed)
    }

    /// What adding the model from so many scores brings, draw by draw.
    fn gains(
        &self,
        artifact: &Artifact,
        table: &LogTable,
        (model, scores): (&ModelName, usize),
        without: f64,
    ) -> Result<Vec<f64>, Failure> {
        let own = table
            .models
            .iter()
            .position(|name| name == model)
            .ok_or("the log has the model")?;
        let scored = (0..table.prompts.len()).filter(|row| !table.score[(*row, own)].is_nan());
        let mut order: Vec<usize> = scored.collect();
        let mut gains = Vec::new();
        for draw in 0..if scores == 0 { 1 } else { DRAWS } {
            order.sort_by_key(|row| fold_of(&table.prompts[*row].text, DRAW ^ draw, u64::MAX));
            let few = table.select(&order[..scores]);
            let encoding = Encoding::default();
            let added = add_model(artifact.clone(), &encoding, few, &self.catalog, Some(model))?;
            gains.push(self.value(&added.artifact)? - without);
        }
        Ok(gains)
    }
}

/// One model: the AIQ that is lost without it, and the gains of each kind of labels.
struct Removed {
    lost: f64,
    gains: Vec<Vec<f64>>,
}

impl Removed {
    fn cells(&self) -> Vec<String> {
        let cell = |gains: &Vec<f64>| {
            let (mean, spread) = moments(gains);
            let share = |gain: f64| 100.0 * gain / self.lost;
            match gains.as_slice() {
                [] => NO_PRICE.to_owned(),
                [one] => format!("{:.0} %", share(*one)),
                _ => format!("{:.0} % ± {:.0}", share(mean), share(spread)),
            }
        };
        self.gains.iter().map(cell).collect()
    }
}

/// Mean and standard deviation; NaN without values.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (square / (count - 1.0).max(1.0)).sqrt())
}

/// Over all models: AIQ lost and given back, and the mean of the shares.
#[derive(Default)]
struct Total {
    models: f64,
    lost: f64,
    gained: [f64; LABELS.len()],
    shares: [f64; LABELS.len()],
}

impl Total {
    fn add(&mut self, removed: &Removed) {
        self.models += 1.0;
        self.lost += removed.lost;
        for (at, gains) in removed.gains.iter().enumerate() {
            self.gained[at] += moments(gains).0;
            self.shares[at] += moments(gains).0 / removed.lost;
        }
    }

    fn tell(&self) {
        let row = |name: &str, shares: [f64; LABELS.len()]| {
            let cells = shares.map(|share| match share.is_nan() {
                true => NO_PRICE.to_owned(),
                false => format!("{:.0} %", 100.0 * share),
            });
            println!("| {name} | {:.5} | {} |", self.lost, cells.join(" | "));
        };
        row(
            "all: AIQ given back of AIQ lost",
            self.gained.map(|gain| gain / self.lost),
        );
        row(
            "all: mean of the shares",
            self.shares.map(|share| share / self.models),
        );
    }
}
