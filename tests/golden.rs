//! The measures on real rows: values that are known to be right, reproduced.
//!
//! The rows are not part of the project. Where `../shared/data` is absent, the tests say so and
//! pass.

use std::collections::HashMap;
use std::path::PathBuf;

use pointsman_logs::{Budget, ReadOptions, TableBuilder, read};
use pointsman_measures::{
    Curve, Kept, Measures, Outcomes, Predicted, Preference, RouteLlm, Singles, Weights,
    quantile_binned, sweep,
};
use pointsman_types::{Grid, LogRow, LogTable};
use serde_json::Value;

const WITHIN: f64 = 1e-6;
const STRONG: &str = "gpt-4-1106-preview";

fn data(name: &str) -> Option<PathBuf> {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let path = dir.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

fn golden() -> Option<Value> {
    let text = std::fs::read_to_string(data("golden.json")?).expect("golden.json can be read");
    Some(serde_json::from_str(&text).expect("golden.json is JSON"))
}

fn rows(path: PathBuf) -> Vec<LogRow> {
    let mut rows = Vec::new();
    let faults = read(&[path], &ReadOptions { strict: true }, |row| {
        rows.push(row);
        Ok(())
    });
    faults.expect("real logs are well formed");
    rows
}

fn table(rows: Vec<LogRow>) -> LogTable {
    let mut builder = TableBuilder::new(Budget::default());
    for row in rows {
        builder.push(row);
    }
    builder.finish().expect("real logs have scores").0
}

fn close(what: &str, got: f64, expected: &Value) {
    let expected = expected.as_f64().expect("golden values are numbers");
    assert!(
        (got - expected).abs() < WITHIN,
        "{what}: {got} instead of {expected}"
    );
}

#[test]
fn curves_on_cascades() {
    check_curves("cascades");
}

#[test]
fn curves_on_mmlu_pro() {
    check_curves("mmlu_pro");
}

#[test]
fn curves_on_arena_bench() {
    check_curves("arena_bench");
}

fn check_curves(name: &str) {
    let (Some(golden), Some(path)) = (golden(), data(&format!("{name}.parquet"))) else {
        return;
    };
    let expected = &golden["curves"][name];
    let table = table(rows(path));
    let (outcomes, kept) =
        Outcomes::complete(&table.score, &table.cost_usd).expect("complete rows");
    assert_eq!(outcomes.prompts() as u64, expected["prompts"]);
    assert_eq!(outcomes.models() as u64, expected["models"]);
    let weights = Weights::even(outcomes.prompts());
    let singles = Singles::of(&outcomes, &weights);
    for (column, point) in kept.models.iter().zip(singles.points()) {
        let model = table.models[*column].as_str();
        close(model, point.quality, &expected["mean_score"][model]);
        close(model, point.cost, &expected["mean_cost_usd"][model]);
    }
    let swept = |predicted: &Predicted| {
        let curve = Curve::new(&sweep(predicted), &outcomes).expect("predictions for the outcomes");
        singles.measure(&curve.hull(&weights))
    };
    let length_rule = length_rule(&table, &kept, &singles);
    same(
        singles.measure(&singles.zero_router()),
        &expected["zero_router"],
    );
    same(swept(&outcomes.as_predicted()), &expected["oracle"]);
    same(swept(&length_rule), &expected["length_rule"]);
}

fn same(got: Measures, expected: &Value) {
    close("aiq", got.aiq, &expected["aiq"]);
    close("qnc", got.qnc.expect("reached"), &expected["qnc"]);
    close("qnc95", got.qnc95.expect("reached"), &expected["qnc95"]);
    close("max_quality", got.max_quality, &expected["max_quality"]);
}

/// The rule of golden.json: dearer models are the better the longer the prompt.
fn length_rule(table: &LogTable, kept: &Kept, singles: &Singles) -> Predicted {
    let means = singles.points();
    let cheaper = |cost: f64| means.iter().filter(|other| other.cost < cost).count() as f64;
    let middle = (means.len() - 1) as f64 / 2.0;
    let (mut quality, mut cost) = (Vec::new(), Vec::new());
    for row in &kept.prompts {
        let length = table.prompts[*row].text.chars().count() as f64;
        for mean in means {
            quality.push(mean.quality + 1e-4 * (cheaper(mean.cost) - middle) * length);
            cost.push(mean.cost);
        }
    }
    let grid = |values| Grid::from_values(means.len(), values);
    Predicted::new(grid(quality), grid(cost)).expect("finite predictions")
}

#[test]
fn two_models_as_routellm_measures_them() {
    let (Some(golden), Some(path)) = (golden(), data("routellm.parquet")) else {
        return;
    };
    let rows = rows(path);
    for (name, prefix, scale) in [
        ("mmlu", "mmlu/", 100.0),
        ("gsm8k", "gsm8k/", 100.0),
        ("mt_bench", "mtbench/", 10.0),
    ] {
        let expected = &golden["routellm_two_model"][name];
        let pairs = Pairs::of(&rows, prefix);
        assert_eq!(pairs.strong.len() as u64, expected["n"], "{name}");
        let measured = quantile_binned(Preference {
            for_strong: &pairs.length,
            strong: &pairs.strong,
            weak: &pairs.weak,
        });
        same_rounded(measured.expect("a gap"), expected, scale);
    }
}

/// The golden values are rounded: to two digits after the point in percent, some to four.
fn same_rounded(got: RouteLlm, expected: &Value, scale: f64) {
    let near = |what: &str, got: f64, within: f64| {
        let expected = expected[what].as_f64().expect("golden values are numbers");
        assert!(
            (got - expected).abs() < within,
            "{what}: {got} instead of {expected}"
        );
    };
    near("strong", got.strong * scale, 6e-5);
    near("weak", got.weak * scale, 6e-5);
    near("apgr", got.apgr, WITHIN);
    near("apgr_mean10", got.apgr_mean10, WITHIN);
    for (what, cpt) in ["cpt20", "cpt50", "cpt80"].into_iter().zip(got.cpt) {
        near(what, 100.0 * cpt, 0.0051);
    }
}

/// Scores of both models, in the order of the file.
#[derive(Default)]
struct Pairs {
    length: Vec<f64>,
    strong: Vec<f64>,
    weak: Vec<f64>,
}

impl Pairs {
    fn of(rows: &[LogRow], prefix: &str) -> Self {
        let mut pairs = Self::default();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for row in rows.iter().filter(|row| row.prompt_id.starts_with(prefix)) {
            let place = *places.entry(&row.prompt_id).or_insert_with(|| {
                let place = pairs.length.len();
                let length = row.prompt.text().chars().count() as f64;
                pairs.length.push(length + 1e-6 * place as f64);
                pairs.strong.push(f64::NAN);
                pairs.weak.push(f64::NAN);
                place
            });
            let score = row.score.map_or(f64::NAN, |score| f64::from(score.get()));
            if row.model.as_str() == STRONG {
                pairs.strong[place] = score;
            } else {
                pairs.weak[place] = score;
            }
        }
        pairs
    }
}
