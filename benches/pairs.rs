//! Do comparisons, learnt from as such, foretell on unseen prompts who is preferred? Beside: always
//! the same chance, the models' strengths alone, and reading every pair as two scores 1, 0 or ½.
//!
//! Preference pairs of Chatbot Arena, a fifth of the prompts, five folds by the hash of the text, default training. Each
//! predictor says a difference of logits; what the first place is worth is fitted to the training
//! pairs, since "strong lost" holds ties as well and so weighs against the first. Intervals are
//! 95 % from a bootstrap over pairs.
//!
//! `cargo bench --workspace --bench pairs -- DIR/arena_pref_pairs.parquet`

use std::io::Write;
use std::path::Path;

use pointsman_logs::{
    Budget, ImportFormat, ImportOptions, ReadOptions, TableBuilder, import, read,
};
use pointsman_measures::{Bootstrap, Foretold, PreferenceMeasures, preference_measures};

use pointsman_router::{Artifact, Router};
use pointsman_train::{Options, train};
use pointsman_types::{Catalog, LogRow, ModelCard, Quality, UsdPerMillion, fold_of};

const FOLDS: u64 = 5;
const REPLICATES: usize = 200;
/// One prompt in so many is looked at.
const SAMPLED: u64 = 5;

fn main() {
    let Some(path) = std::env::args().nth(1).filter(|path| path != "--bench") else {
        eprintln!("skipped: no file of preference pairs was named");
        return;
    };
    let rows = rows(Path::new(&path));
    let mut foretold: [Vec<Foretold>; 4] = Default::default();
    for fold in 0..FOLDS {
        let (held_out, seen): (Vec<LogRow>, Vec<LogRow>) = rows
            .iter()
            .cloned()
            .partition(|row| fold_of(row.prompt.text(), 1, FOLDS) == fold);
        for (all, of_fold) in foretold.iter_mut().zip(predictors(&seen)) {
            let order = order_effect(&seen, &of_fold);
            all.extend(held_out.iter().filter_map(|row| {
                let logit = of_fold(row)? + order;
                Some(foretell(row, logit))
            }));
        }
    }
    let names = [
        "always the same chance",
        "strengths alone",
        "pairs read as scores",
        "comparisons",
    ];
    say("| predictor | pairs | log loss | accuracy | AUC |\n|---|---|---|---|---|");
    for (name, foretold) in names.iter().zip(&foretold) {
        say(&line(name, foretold));
    }
    difference(
        "comparisons against strengths alone",
        &foretold[3],
        &foretold[1],
    );
    difference("comparisons against scores", &foretold[3], &foretold[2]);
}

/// The pairs as log rows, by the importer.
fn rows(path: &Path) -> Vec<LogRow> {
    let home = tempfile::tempdir().expect("a temporary directory");
    let log = home.path().join("pairs.parquet");
    let options = ImportOptions::default();
    import(ImportFormat::RouteLlmPairs, path, &log, &options).expect("preference pairs");
    let mut rows = Vec::new();
    let read = read(&[log], &ReadOptions::default(), |row| {
        if fold_of(row.prompt.text(), 2, SAMPLED) == 0 {
            rows.push(row);
        }
        Ok(())
    });
    read.expect("what was imported can be read");
    rows
}

/// The logit that the first wins, less what the first place is worth; `None` for an unknown model.
type Predictor = Box<dyn Fn(&LogRow) -> Option<f64>>;

fn predictors(seen: &[LogRow]) -> [Predictor; 4] {
    let compared = fitted(seen.iter().cloned());
    let scored = fitted(seen.iter().flat_map(as_scores));
    let means = compared.model.quality.mean.clone();
    let names = compared.model.names.clone();
    let strengths = move |row: &LogRow| {
        let of = |name| Some(logit(means[names.iter().position(|one| one == name)?]));
        Some(of(&row.model)? - of(&row.rival.as_ref()?.model)?)
    };
    let known = compared.model.names.clone();
    let both_known = move |row: &LogRow| {
        let is_known = known.contains(&row.model) && known.contains(&row.rival.as_ref()?.model);
        is_known.then_some(0.0)
    };
    [
        Box::new(both_known),
        Box::new(strengths),
        Box::new(by_prompt(scored)),
        Box::new(by_prompt(compared)),
    ]
}

fn by_prompt(artifact: Artifact) -> impl Fn(&LogRow) -> Option<f64> {
    let router = Router::new(artifact).expect("a router");
    move |row: &LogRow| {
        let predicted = router.predict(&row.prompt, None);
        let of = |name| {
            let at = router.models().iter().position(|one| one == name)?;
            Some(logit(predicted[at].quality.get()))
        };
        Some(of(&row.model)? - of(&row.rival.as_ref()?.model)?)
    }
}

fn logit(quality: f32) -> f64 {
    pointsman_models::logit(quality).into()
}

fn fitted(rows: impl IntoIterator<Item = LogRow>) -> Artifact {
    let mut builder = TableBuilder::new(Budget::default());
    rows.into_iter().for_each(|row| builder.push(row));
    let (table, _) = builder.finish().expect("labels");
    let price = UsdPerMillion::new(1.0).ok();
    let card = |name: &pointsman_types::ModelName| ModelCard {
        input_usd_per_million: price,
        output_usd_per_million: price,
        ..ModelCard::unknown(name.clone())
    };
    let catalog = Catalog::new(table.models.iter().map(card).collect()).expect("names differ");
    let options = Options {
        drop_rare: true,
        ..Options::default()
    };
    train(table, catalog, &options, |_| {})
        .expect("a trainable log")
        .artifact
}

fn as_scores(row: &LogRow) -> [LogRow; 2] {
    let rival = row.rival.clone().expect("a pair");
    let share = rival.winner.share_of_first();
    let scored = |model, share| LogRow {
        rival: None,
        model,
        score: Quality::new(share).ok(),
        ..row.clone()
    };
    [
        scored(row.model.clone(), share),
        scored(rival.model, 1.0 - share),
    ]
}

fn share(row: &LogRow) -> f64 {
    let rival = row.rival.as_ref();
    rival.map_or(0.5, |rival| rival.winner.share_of_first())
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// The intercept at which the mean chance is the mean share, by Newton's method.
fn order_effect(seen: &[LogRow], predictor: &Predictor) -> f64 {
    let pairs: Vec<(f64, f64)> = seen
        .iter()
        .filter_map(|row| Some((predictor(row)?, share(row))))
        .collect();
    let mut order = 0.0;
    for _ in 0..20 {
        let chances = pairs.iter().map(|(logit, _)| sigmoid(logit + order));
        let spread: f64 = chances.clone().map(|chance| chance * (1.0 - chance)).sum();
        let error: f64 = pairs
            .iter()
            .zip(chances)
            .map(|((_, share), chance)| share - chance)
            .sum();
        order += error / spread;
    }
    order
}

fn foretell(row: &LogRow, logit: f64) -> Foretold {
    Foretold {
        probability: sigmoid(logit),
        share_of_first: share(row),
        weight: 1.0,
    }
}

fn measured(foretold: &[Foretold]) -> PreferenceMeasures {
    preference_measures(foretold).expect("votes")
}

fn line(name: &str, foretold: &[Foretold]) -> String {
    let found = measured(foretold);
    format!(
        "| {name} | {} | {:.4} | {:.4} | {:.4} |",
        foretold.len(),
        found.log_loss,
        found.accuracy,
        found.auc
    )
}

/// Paired over the same pairs.
fn difference(what: &str, left: &[Foretold], right: &[Foretold]) {
    let bootstrap = Bootstrap::over_prompts(left.len(), REPLICATES, 0);
    let mut differences: Vec<[f64; 2]> = bootstrap.each(|weights| {
        let measure = |of: &[Foretold]| {
            let weighted = of.iter().zip(weights.each()).map(|(one, weight)| Foretold {
                weight: *weight,
                ..*one
            });
            measured(&weighted.collect::<Vec<_>>())
        };
        let (left, right) = (measure(left), measure(right));
        [left.log_loss - right.log_loss, left.auc - right.auc]
    });
    let mut range = |at: usize| {
        differences.sort_by(|a, b| a[at].total_cmp(&b[at]));
        let quantile = |share: f64| differences[(share * (REPLICATES - 1) as f64) as usize][at];
        format!("[{:+.4}, {:+.4}]", quantile(0.025), quantile(0.975))
    };
    let (loss, auc) = (range(0), range(1));
    say(&format!("{what}: log loss {loss}, AUC {auc}"));
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output is open");
}
