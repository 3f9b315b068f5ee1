//! The logs lie beside the project, are never copied into it, and are not needed.

use pointsman_types::LogTable;

use super::*;
use crate::{Budget, ImportFormat, ImportOptions, TableBuilder, TableNotes, import, inspect};

fn log(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let file = beside.join(name);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {name} is not at hand");
    None
}

fn table(file: PathBuf) -> (LogTable, TableNotes) {
    let mut builder = TableBuilder::new(Budget::default());
    let faults = read(&[file], &ReadOptions { strict: true }, |row| {
        builder.push(row);
        Ok(())
    })
    .unwrap();
    assert_eq!(faults.bad_rows, 0);
    builder.finish().unwrap()
}

fn shape(table: &LogTable) -> (usize, usize) {
    (table.prompts.len(), table.models.len())
}

#[test]
fn cascades() {
    let Some(file) = log("cascades.parquet") else {
        return;
    };
    let (table, notes) = table(file);
    assert_eq!(shape(&table), (5_533, 9));
    assert_eq!(notes.duplicates, 0);
    assert_eq!(table.complete_rows().len(), 5_533);
}

#[test]
fn mmlu_pro() {
    let Some(file) = log("mmlu_pro.parquet") else {
        return;
    };
    let (table, notes) = table(file);
    assert_eq!(shape(&table), (12_032, 28));
    assert_eq!(12_032 - table.complete_rows().len(), 30);
    assert_eq!(notes.texts_with_several_ids, 159);
    let categories: std::collections::BTreeSet<_> = table
        .prompts
        .iter()
        .map(|prompt| &prompt.category)
        .collect();
    assert_eq!(categories.len(), 14);
}

#[test]
fn arena_bench() {
    let Some(file) = log("arena_bench.parquet") else {
        return;
    };
    let (table, notes) = table(file);
    assert_eq!(shape(&table), (300, 14));
    assert!(notes.rows < 300 * 14);
}

#[test]
fn routellm() {
    let Some(file) = log("routellm.parquet") else {
        return;
    };
    let (table, notes) = table(file.clone());
    assert_eq!(shape(&table), (14_037 + 1_307 + 72, 2));
    assert_eq!(notes.texts_with_several_ids, 105);
    let summary = inspect(&[file], &ReadOptions::default()).unwrap();
    assert_eq!(summary.prompts, 14_037 + 1_307 + 72);
    assert!(
        summary
            .models
            .iter()
            .all(|model| model.mean_cost_usd.is_some())
    );
}

#[test]
fn arena_preference_pairs() {
    let Some(file) = log("arena_pref_pairs.parquet") else {
        return;
    };
    let scratch = Scratch::new("x.txt", "");
    let output = scratch.beside("out.parquet");
    let options = ImportOptions::default();
    let report = import(ImportFormat::RouteLlmPairs, &file, &output, &options).unwrap();
    assert_eq!(report.faults.rows_read, 5_000);
    assert_eq!(report.rows_written, 5_000 - report.faults.bad_rows);
    let first = report.faults.first.first();
    assert!(report.faults.bad_rows < 50, "{first:?}");
}
