//! `pointsman cache`.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use pointsman_encoders::{Device, Encoder};
use pointsman_measures::{Compared, HitMeasures, fewest_hits, similarity_threshold};
use pointsman_types::Grid;
use serde::Deserialize;
use serde_json::json;

use crate::args::{CacheCalibrateArgs, CacheCommand};
use crate::failure::Usage;

pub(crate) fn run(command: &CacheCommand) -> anyhow::Result<()> {
    match command {
        CacheCommand::Calibrate(args) => calibrate(args),
    }
}

/// A line of the file of pairs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    a: String,
    b: String,
    /// Whether one answer serves both.
    same: bool,
}

/// The threshold for `cache.semantic`, and what it does to the pairs.
fn calibrate(args: &CacheCalibrateArgs) -> anyhow::Result<()> {
    for (name, value) in [("--false-hits", args.false_hits), ("--delta", args.delta)] {
        if !(value > 0.0 && value < 1.0) {
            return Err(Usage(format!("{name} is {value}; it must be between 0 and 1")).into());
        }
    }
    let pairs = read(&args.pairs)?;
    let encoder = Encoder::open(&args.encoder, &Device::Cpu)?;
    let compared = compared(&encoder, &pairs)?;
    let found = similarity_threshold(&compared, args.false_hits, args.delta);
    let Some(found) = found else {
        anyhow::bail!(nothing(args));
    };
    tell(args, &found, pairs.len())
}

fn read(file: &Path) -> anyhow::Result<Vec<Pair>> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the pairs {}", file.display()))?;
    parsed(&text).with_context(|| format!("the pairs {} cannot be used", file.display()))
}

/// A pair on each line that is not empty.
fn parsed(text: &str) -> anyhow::Result<Vec<Pair>> {
    const FORM: &str = r#"{"a": "...", "b": "...", "same": true}"#;
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let pair = |(at, line): (usize, &str)| {
        serde_json::from_str(line)
            .with_context(|| format!("line {}: is no pair; expected {FORM}", at + 1))
    };
    lines.map(pair).collect()
}

fn compared(encoder: &Encoder, pairs: &[Pair]) -> anyhow::Result<Vec<Compared>> {
    let texts = |of: fn(&Pair) -> &str| -> Vec<&str> { pairs.iter().map(of).collect() };
    let a: Grid<f32> = encoder.encode(&texts(|pair| &pair.a))?;
    let b: Grid<f32> = encoder.encode(&texts(|pair| &pair.b))?;
    let cosine = |row: usize| -> f64 {
        let products = a.row(row).iter().zip(b.row(row));
        products.map(|(a, b)| f64::from(a * b)).sum()
    };
    let all = pairs.iter().enumerate();
    let all = all.map(|(row, pair)| Compared {
        similarity: cosine(row),
        is_same: pair.same,
    });
    Ok(all.collect())
}

fn nothing(args: &CacheCalibrateArgs) -> String {
    let fewest = fewest_hits(args.false_hits, args.delta);
    format!(
        "no threshold keeps false hits within {} with confidence {}; that takes at least {fewest} similar pairs of which none differs, or more with few that do, or another encoder",
        args.false_hits,
        1.0 - args.delta
    )
}

fn tell(args: &CacheCalibrateArgs, found: &HitMeasures, pairs: usize) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if args.json {
        let found = json!({
            "threshold": found.threshold, "pairs": pairs, "hits": found.hits,
            "false_hits": found.false_hits, "false_hit_rate": found.false_share,
            "false_hit_rate_upper": found.false_share_upper, "hit_rate": found.hit_rate,
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
        return Ok(());
    }
    writeln!(out, "threshold = {}", found.threshold)?;
    eprintln!(
        "of {pairs} pairs {} are hits, {} of them false: {:.4}, at most {:.4} with confidence {} (Clopper-Pearson); {:.4} of the pairs that share an answer are hits",
        found.hits,
        found.false_hits,
        found.false_share,
        found.false_share_upper,
        1.0 - args.delta,
        found.hit_rate
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_pair_is_named() {
        let good = r#"{"a": "Buy?", "b": "Purchase?", "same": true}"#;
        let pairs = parsed(&format!("{good}\n\n{good}\n")).unwrap();
        assert!(pairs.len() == 2 && pairs[1].same);
        let error = parsed(&format!("{good}\n\n{{\"a\": 1}}")).err().unwrap();
        assert!(error.to_string().starts_with("line 3: "), "{error}");
    }
}
