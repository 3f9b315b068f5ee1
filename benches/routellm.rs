//! How well does a router choose between two models on RouteLLM's MMLU answers (GPT-4-1106 against
//! Mixtral-8x7B, arXiv 2406.18665)?
//!
//! The preference for the strong model is the difference of the two predicted qualities, from the
//! default training and on prompts that it did not see: five folds by the hash of the text, three
//! times; 1,500 rows, five draws; five folds of whole subjects; and trained on another log's MMLU
//! part with two other models. APGR is exact, over every breakpoint, and by RouteLLM's ten bins.
//!
//! `bash benches/routellm.sh DIR`; DIR holds `routellm.parquet`, `routellm.prices.toml` and
//! `cascades.parquet` in the log schema.

use std::collections::{BTreeSet, HashSet};
use std::io::Write;
use std::path::Path;

use pointsman_logs::{Budget, ReadOptions, TableBuilder, read};
use pointsman_measures::{Preference, TwoModelCurve, quantile_binned};
use pointsman_router::{Router, read_catalog};
use pointsman_train::{Options, train};
use pointsman_types::{Catalog, LogTable, fold_of, text_hash};

const STRONG: &str = "gpt-4-1106-preview";
const WEAK: &str = "mistralai/Mixtral-8x7B-Instruct-v0.1";
const OTHER_STRONG: &str = "llama3.1-70b";
const OTHER_WEAK: &str = "llama3.2-3b";
const FOLDS: u64 = 5;

fn main() {
    let Some(dir) = std::env::args().nth(1).filter(|dir| dir != "--bench") else {
        eprintln!("skipped: no directory of logs was named");
        return;
    };
    let data = Data::read(Path::new(&dir));
    say("| trained on | runs | APGR | APGR, ten bins |\n|---|---|---|---|");
    let seeds = |count: u64, of: &dyn Fn(u64) -> Apgr| (0..count).map(of).collect::<Vec<_>>();
    let by_text = |seed| data.cross_validated(&data.folds_of_texts(seed));
    tell("four fifths of the prompts", &seeds(3, &by_text));
    tell("1,500 rows", &seeds(5, &|seed| data.few(1500, seed)));
    let by_subject = |seed| data.cross_validated(&data.folds_of_subjects(seed));
    tell("the other subjects", &seeds(3, &by_subject));
    tell(
        &format!("the MMLU part of cascades, {OTHER_STRONG} and {OTHER_WEAK}"),
        &[data.transferred()],
    );
}

/// APGR on every breakpoint, and on RouteLLM's ten bins.
#[derive(Clone, Copy)]
struct Apgr {
    exact: f64,
    binned: f64,
}

fn tell(what: &str, runs: &[Apgr]) {
    let column = |of: fn(&Apgr) -> f64| {
        let values: Vec<f64> = runs.iter().map(of).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        format!("{mean:.4} ({low:.4} to {high:.4})")
    };
    let (exact, binned) = (column(|run| run.exact), column(|run| run.binned));
    say(&format!("| {what} | {} | {exact} | {binned} |", runs.len()));
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output is open");
}

struct Data {
    mmlu: LogTable,
    prices: Catalog,
    other: LogTable,
}

impl Data {
    fn read(dir: &Path) -> Self {
        Self {
            mmlu: mmlu(&dir.join("routellm.parquet"), &[STRONG, WEAK]),
            prices: read_catalog(&dir.join("routellm.prices.toml")).expect("a catalogue"),
            other: mmlu(&dir.join("cascades.parquet"), &[OTHER_STRONG, OTHER_WEAK]),
        }
    }

    fn text(&self, row: usize) -> &str {
        &self.mmlu.prompts[row].text
    }

    fn rows(&self) -> std::ops::Range<usize> {
        0..self.mmlu.prompts.len()
    }

    fn folds_of_texts(&self, seed: u64) -> Vec<u64> {
        self.rows()
            .map(|row| fold_of(self.text(row), 100 + seed, FOLDS))
            .collect()
    }

    /// Subjects in the order of their hashes, dealt one by one.
    fn folds_of_subjects(&self, seed: u64) -> Vec<u64> {
        let hash = |row: usize| {
            let label = self.mmlu.prompts[row].category.as_deref();
            fold_of(label.unwrap_or_default(), 100 + seed, u64::MAX)
        };
        let subjects: Vec<u64> = self
            .rows()
            .map(hash)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let rank = |row| subjects.partition_point(|subject| *subject < hash(row)) as u64;
        self.rows().map(|row| rank(row) % FOLDS).collect()
    }

    fn cross_validated(&self, folds: &[u64]) -> Apgr {
        let mut preference = vec![0.0; folds.len()];
        for held_out in 0..FOLDS {
            let of = |inside: bool| -> Vec<usize> {
                self.rows()
                    .filter(|row| (folds[*row] == held_out) == inside)
                    .collect()
            };
            let router = self.router(&of(false));
            for row in of(true) {
                preference[row] = self.preference(&router, row, [STRONG, WEAK]);
            }
        }
        self.apgr(&self.rows().collect::<Vec<_>>(), &preference)
    }

    fn few(&self, count: usize, seed: u64) -> Apgr {
        let mut order: Vec<usize> = self.rows().collect();
        order.sort_by_key(|row| fold_of(self.text(*row), 200 + seed, u64::MAX));
        let router = self.router(&order[..count]);
        self.preferred(&router, &order[count..], [STRONG, WEAK])
    }

    /// Questions that stand in both logs are left out of the measurement.
    fn transferred(&self) -> Apgr {
        let trained = train(
            self.other.clone(),
            Catalog::default(),
            &Options::default(),
            |_| {},
        );
        let router = Router::new(trained.expect("a trainable log").artifact).expect("a router");
        let known: HashSet<u64> = self
            .other
            .prompts
            .iter()
            .map(|row| question(&row.text))
            .collect();
        let fresh = |row: &usize| !known.contains(&question(self.text(*row)));
        let rows: Vec<usize> = self.rows().filter(fresh).collect();
        self.preferred(&router, &rows, [OTHER_STRONG, OTHER_WEAK])
    }

    fn router(&self, rows: &[usize]) -> Router {
        let table = self.mmlu.select(rows);
        let trained = train(table, self.prices.clone(), &Options::default(), |_| {});
        Router::new(trained.expect("a trainable log").artifact).expect("a router")
    }

    fn preferred(&self, router: &Router, rows: &[usize], models: [&str; 2]) -> Apgr {
        let preference: Vec<f64> = rows
            .iter()
            .map(|row| self.preference(router, *row, models))
            .collect();
        self.apgr(rows, &preference)
    }

    fn preference(&self, router: &Router, row: usize, models: [&str; 2]) -> f64 {
        let predicted = router.predict(&self.text(row).into(), None);
        let quality = |name: &str| {
            let at = router.models().iter().position(|one| one.as_str() == name);
            f64::from(predicted[at.expect("a known model")].quality.get())
        };
        quality(models[0]) - quality(models[1])
    }

    fn apgr(&self, rows: &[usize], for_strong: &[f64]) -> Apgr {
        let column = |name: &str| -> Vec<f64> {
            let at = self.mmlu.models.iter().position(|one| one.as_str() == name);
            let at = at.expect("a known model");
            rows.iter()
                .map(|row| f64::from(self.mmlu.score[(*row, at)]))
                .collect()
        };
        let (strong, weak) = (column(STRONG), column(WEAK));
        let preference = Preference {
            for_strong,
            strong: &strong,
            weak: &weak,
        };
        Apgr {
            exact: TwoModelCurve::new(preference).expect("a gap").apgr(),
            binned: quantile_binned(preference).expect("a gap").apgr,
        }
    }
}

/// The letters and digits of the question, without the words around it and without the choices.
fn question(prompt: &str) -> u64 {
    let text = prompt.split("Question: ").last().unwrap_or(prompt);
    let end = ["\n\nChoices", "\nA. "]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min();
    let asked: String = text[..end.unwrap_or(text.len())]
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    text_hash(&asked)
}

/// The MMLU rows of these models.
fn mmlu(path: &Path, models: &[&str]) -> LogTable {
    let mut builder = TableBuilder::new(Budget::default());
    let read = read(&[path], &ReadOptions { strict: true }, |row| {
        let wanted = row.prompt_id.starts_with("mmlu/") && models.contains(&row.model.as_str());
        if wanted {
            builder.push(row);
        }
        Ok(())
    });
    read.expect("a readable log");
    builder.finish().expect("scores").0
}
