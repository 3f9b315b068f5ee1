//! What the simulated log looks like: distinct texts, reproducible rows, gaps, units, prices.

use std::collections::{BTreeMap, BTreeSet};

use pointsman_simulate::{Settings, Simulation, catalog_toml, rows, simulate};
use pointsman_types::{Catalog, LogRow, Probability, Quality, Tokens, Usd, text_hash};
use proptest::prelude::*;

fn settings(prompts: usize, seed: u64) -> Settings {
    Settings {
        prompts,
        seed,
        ..Settings::default()
    }
}

#[test]
fn the_bundled_log_has_no_text_twice() {
    let simulation = simulate(&Settings::default());
    let mut seen = BTreeSet::new();
    for prompt in &simulation.prompts {
        assert!(seen.insert(prompt.text.text()), "{}", prompt.text.text());
    }
}

#[test]
fn larger_logs_have_few_texts_twice() {
    let simulation = simulate(&settings(20_000, 1));
    let texts = simulation.prompts.iter().map(|prompt| prompt.text.text());
    let distinct = texts.collect::<BTreeSet<_>>().len();
    assert!(distinct >= 19_940, "{distinct} of 20000");
}

#[test]
fn prompts_and_families_are_many() {
    let simulation = simulate(&Settings::default());
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    for prompt in &simulation.prompts {
        *families.entry(prompt.family).or_default() += 1;
    }
    assert!(families.len() >= 12, "{families:?}");
    assert!(families.values().all(|count| *count >= 60), "{families:?}");
    assert_eq!(simulation.models.len(), 5);
}

#[test]
fn lengths_go_from_a_few_words_to_hundreds() {
    let simulation = simulate(&Settings::default());
    let mut words: Vec<usize> = simulation
        .prompts
        .iter()
        .map(|prompt| prompt.text.text().split_whitespace().count())
        .collect();
    words.sort_unstable();
    println!(
        "words: min {} p10 {} median {} p90 {} max {}",
        words[0],
        words[words.len() / 10],
        words[words.len() / 2],
        words[words.len() * 9 / 10],
        words[words.len() - 1]
    );
    assert!(words[0] <= 6 && words[words.len() - 1] >= 300);
}

#[test]
fn the_same_settings_give_the_same_log() {
    assert_eq!(simulate(&settings(300, 9)), simulate(&settings(300, 9)));
    assert_ne!(
        simulate(&settings(300, 9)).rows,
        simulate(&settings(300, 10)).rows
    );
}

/// One number for all rows and fields that the simulator fills.
fn fingerprint(settings: Settings) -> u64 {
    let line = |row: LogRow| {
        let money = row.cost_usd.map(Usd::picos);
        let tokens = (row.input_tokens, row.output_tokens, row.cached_tokens);
        let times = (row.latency_ms, row.ttft_ms);
        let score = row.score.map(Quality::get);
        let names = (row.prompt_id, row.model, row.category);
        let text = row.prompt.shared();
        format!("{names:?} {score:?} {tokens:?} {money:?} {times:?} {text}")
    };
    let lines: Vec<String> = rows(settings).map(line).collect();
    text_hash(&lines.join("\n"))
}

/// The same on every platform. It changes with the grammars and the roster: then the bundled log
/// has to be made anew, and this number with it.
#[test]
fn the_rows_are_the_ones_that_are_bundled() {
    assert_eq!(
        format!("{:016x}", fingerprint(Settings::default())),
        "5445b74192e404dc"
    );
}

#[test]
fn a_prompt_does_not_depend_on_how_many_there_are() {
    let few = simulate(&settings(50, 3));
    let many = simulate(&settings(200, 3));
    assert_eq!(few.prompts[..], many.prompts[..50]);
    assert_eq!(few.rows[..], many.rows[..few.rows.len()]);
}

#[test]
fn the_stream_has_the_rows_of_the_whole() {
    let settings = settings(200, 5);
    assert!(rows(settings).eq(simulate(&settings).rows));
}

#[test]
fn no_prompts_are_no_rows() {
    let empty = simulate(&settings(0, 1));
    assert!(empty.prompts.is_empty() && empty.rows.is_empty());
    assert!(empty.value(|_| 0).quality.abs() < 1e-12);
}

#[test]
fn everything_says_that_it_is_synthetic() {
    let simulation = simulate(&settings(100, 7));
    for row in &simulation.rows {
        assert!(row.prompt_id.starts_with("synthetic-"), "{}", row.prompt_id);
        assert!(row.model.as_str().starts_with("sim-"), "{}", row.model);
    }
    assert!(simulation.catalog_toml().starts_with("# Synthetic"));
}

#[test]
fn the_catalogue_can_be_read_back() {
    let catalog: Catalog = toml::from_str(&catalog_toml()).unwrap();
    assert_eq!(catalog, simulate(&settings(1, 1)).catalog);
}

#[test]
fn the_bundled_catalogue_is_the_simulated_one() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../datasets/synthetic.catalog.toml"
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), catalog_toml());
}

/// Share of cells without a score.
fn gaps(simulation: &Simulation) -> f64 {
    let scored = simulation.rows.iter().filter(|row| row.score.is_some());
    let cells = simulation.prompts.len() * simulation.models.len();
    1.0 - scored.count() as f64 / cells as f64
}

#[test]
fn about_as_many_cells_are_missing_as_asked_for() {
    for missing in [0.0, 0.04, 0.2] {
        let simulation = simulate(&Settings {
            missing: Probability::new(missing).unwrap(),
            ..settings(4000, 7)
        });
        let share = gaps(&simulation);
        assert!((share - missing).abs() < 0.01, "{share} for {missing}");
    }
}

#[test]
fn gaps_change_nothing_else() {
    let all = simulate(&Settings {
        missing: Probability::new(0.0).unwrap(),
        ..settings(200, 7)
    });
    let some = simulate(&settings(200, 7));
    assert_eq!(all.prompts, some.prompts);
    for row in some.rows.iter().filter(|row| row.score.is_some()) {
        assert!(all.rows.contains(row), "{} {}", row.prompt_id, row.model);
    }
}

#[test]
fn answers_shown_change_nothing_else_and_tell_of_the_score() {
    let hidden = simulate(&settings(400, 7));
    let mut shown = simulate(&Settings {
        answers: true,
        ..settings(400, 7)
    });
    let doubt = |is_right: bool| {
        let rows = shown.rows.iter().filter(|row| row.score.is_some());
        let rows = rows.filter(|row| (row.score > Some(Quality::clamped(0.5))) == is_right);
        let doubts: Vec<f64> = rows.filter_map(|row| row.answer_logprob).collect();
        doubts.iter().sum::<f64>() / doubts.len() as f64
    };
    assert!(doubt(true) > 2.0 * doubt(false), "surer where right");
    let silent = shown.rows.iter().filter(|row| row.answer_logprob.is_none());
    assert!((10..100).contains(&silent.count()));
    for row in &mut shown.rows {
        (row.answer_logprob, row.answer_chars) = (None, None);
    }
    assert_eq!(hidden, shown);
}

#[test]
fn each_row_costs_its_tokens_times_the_prices() {
    let simulation = simulate(&settings(300, 7));
    for row in &simulation.rows {
        let card = simulation.catalog.get(row.model.as_str()).unwrap();
        let count = |tokens: Option<Tokens>| tokens.map_or(0.0, |t| t.0 as f64);
        let cost = card.prices().unwrap().cost(
            count(row.input_tokens),
            count(row.cached_tokens),
            count(row.output_tokens),
        );
        assert_eq!(row.cost_usd, Some(cost));
        assert!(row.latency_ms > row.ttft_ms && row.ttft_ms > Some(0.0));
    }
}

#[test]
fn mean_scores_and_costs_agree_with_the_truth() {
    let simulation = simulate(&settings(4000, 11));
    for (model, name) in simulation.models.iter().enumerate() {
        let value = simulation.value(|_| model);
        let of_model = simulation.rows.iter().filter(|row| row.model == *name);
        let (mut scores, mut costs) = (Vec::new(), Vec::new());
        for row in of_model {
            scores.extend(row.score.map(|score| f64::from(score.get())));
            costs.extend(row.cost_usd.map(|cost| cost.as_f64()));
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean(&scores) - value.quality).abs() < 0.02, "{name}");
        assert!((mean(&costs) / value.cost_usd - 1.0).abs() < 0.03, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_seed_gives_a_sound_log(seed: u64, missing in 0.0..=1.0_f64) {
        let missing = Probability::new(missing).unwrap();
        let simulation = simulate(&Settings { prompts: 20, seed, missing, answers: true });
        for prompt in &simulation.prompts {
            prop_assert!(!prompt.text.text().trim().is_empty());
            prop_assert!((0.0..=1.0).contains(&prompt.difficulty));
            prop_assert!(prompt.truth.iter().all(|quality| (0.0..=1.0).contains(quality)));
            prop_assert!(prompt.expected_cost.iter().all(|cost| *cost > Usd::ZERO));
        }
        for row in &simulation.rows {
            prop_assert!(row.cost_usd > Some(Usd::ZERO));
            prop_assert!(row.answer_chars.is_some());
            prop_assert!(row.answer_logprob.is_none_or(|logprob| logprob <= 0.0));
            prop_assert!(row.output_tokens > Some(Tokens(0)));
            prop_assert!(row.cached_tokens <= row.input_tokens);
        }
    }
}

#[test]
fn sixty_prompts_to_look_at() {
    for prompt in simulate(&settings(60, 4242)).prompts {
        println!(
            "--- {} {:.2} {:?}\n{}",
            prompt.family,
            prompt.difficulty,
            prompt.truth,
            prompt.text.text()
        );
        assert!(!prompt.text.text().trim().is_empty());
    }
}
