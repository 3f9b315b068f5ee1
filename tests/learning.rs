//! What a router must not learn, and what it must.

use pointsman_evaluate::{Options as EvaluateOptions, RowKind, Seen, evaluate};
use pointsman_measures::Interval;
use pointsman_policy::PolicySpec;
use pointsman_router::Router;
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{Options, train};
use pointsman_types::{Catalog, LogRow, LogTable, ModelCard, Prompt, Request, Usd, UsdPerMillion};

use crate::program::table;

fn simulation(prompts: usize, seed: u64) -> Simulation {
    simulate(&Settings {
        prompts,
        seed,
        ..Settings::default()
    })
}

fn router(log: LogTable, catalog: &Catalog) -> Router {
    let trained = train(log, catalog.clone(), &Options::default(), |_| {}).unwrap();
    Router::new(trained.artifact).unwrap()
}

/// How much more AIQ than mixing single models, with its interval.
pub(crate) fn gain(router: &Router, log: &LogTable) -> Interval {
    let options = EvaluateOptions {
        replicates: 300,
        seen: Seen::Keep,
        ..EvaluateOptions::default()
    };
    let report = evaluate(router, log, &options).unwrap().report;
    report
        .rows
        .into_iter()
        .find(|row| row.kind == RowKind::ZeroRouter)
        .and_then(|row| row.router_gain)
        .unwrap()
}

#[test]
fn a_router_beats_mixing_single_models_on_unseen_prompts() {
    let trained = router(table(simulation(1500, 1).rows), &simulation(1, 1).catalog);
    let gain = gain(&trained, &table(simulation(1000, 2).rows));
    assert!(gain.low > Some(0.0), "{gain:?}");
}

/// Sixty prompts, five models. A curve from so little data may lie anywhere within its noise, so
/// several logs are looked at, and together they must gain.
#[test]
fn three_hundred_rows_give_a_curve_not_below_mixing_single_models() {
    let fresh = table(simulation(1000, 21).rows);
    let gains: Vec<Interval> = (22..27)
        .map(|seed| {
            let log = simulation(60, seed);
            gain(&router(table(log.rows), &log.catalog), &fresh)
        })
        .collect();
    assert!(gains.iter().all(|gain| gain.high >= Some(0.0)), "{gains:?}");
    let mean = gains.iter().filter_map(|gain| gain.estimate).sum::<f64>() / 5.0;
    assert!(mean > 0.0, "{gains:?}");
}

/// The scores of each model are dealt anew among its prompts: nothing about a prompt tells them.
pub(crate) fn permuted(mut rows: Vec<LogRow>) -> Vec<LogRow> {
    let mut names: Vec<_> = rows.iter().map(|row| row.model.clone()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let places: Vec<usize> = (0..rows.len())
            .filter(|at| rows[*at].model == name)
            .collect();
        let scores: Vec<_> = places.iter().map(|at| rows[*at].score).collect();
        // Any step that shares no factor with the count visits every score once.
        let step = (1..)
            .map(|k| places.len() / 2 + k)
            .find(|step| gcd(*step, places.len()) == 1)
            .unwrap();
        for (k, at) in places.iter().enumerate() {
            rows[*at].score = scores[(k * step + 17) % places.len()];
        }
    }
    rows
}

fn gcd(left: usize, right: usize) -> usize {
    if right == 0 {
        left
    } else {
        gcd(right, left % right)
    }
}

/// Every call of a model costs the same. Otherwise a router gains from knowing which prompts are
/// cheap for a dear model, whatever the scores are.
fn evenly_priced(mut rows: Vec<LogRow>) -> Vec<LogRow> {
    for row in &mut rows {
        let price = 0.001 * row.model.as_str().len() as f64;
        row.cost_usd = Some(Usd::saturating(price));
        (row.input_tokens, row.output_tokens) = (None, None);
    }
    rows
}

#[test]
fn permuted_labels_give_no_gain() {
    let log = |prompts, seed| table(evenly_priced(permuted(simulation(prompts, seed).rows)));
    let trained = router(log(1500, 3), &Catalog::default());
    let gain = gain(&trained, &log(1000, 4));
    assert!(gain.covers(0.0), "{gain:?}");
}

/// Not exactly none: all models share the slope of the calibration, and a twin votes on it twice.
#[test]
fn a_duplicated_model_takes_no_share_from_others() {
    let simulation = simulation(800, 5);
    let original = simulation.models[0].clone();
    let twin = |row: &LogRow| LogRow {
        model: "aa-twin".into(),
        ..row.clone()
    };
    let twins: Vec<LogRow> = simulation
        .rows
        .iter()
        .filter(|row| row.model == original)
        .map(twin)
        .collect();
    let mut cards: Vec<ModelCard> = simulation.catalog.cards().cloned().collect();
    cards.push(ModelCard {
        name: "aa-twin".into(),
        ..simulation.catalog.get(original.as_str()).unwrap().clone()
    });
    let alone = router(table(simulation.rows.clone()), &simulation.catalog);
    let doubled = router(
        table(simulation.rows.iter().cloned().chain(twins)),
        &Catalog::new(cards).unwrap(),
    );
    for lambda in [0.0, 30.0, 300.0, 3000.0] {
        let share = |router: &Router, names: &[&str]| share(router, lambda, names, &simulation);
        let (before, after) = (
            share(&alone, &[original.as_str()]),
            share(&doubled, &[original.as_str(), "aa-twin"]),
        );
        assert!(
            (before - after).abs() < 0.04,
            "at {lambda}: {before} alone, {after} with its twin"
        );
    }
}

/// The share of prompts that go to these models.
fn share(router: &Router, lambda: f64, names: &[&str], simulation: &Simulation) -> f64 {
    let router = router
        .clone()
        .with_policy(PolicySpec::Utility { lambda })
        .unwrap();
    let chosen = |text: &Prompt| router.decide(&Request::new(text.clone())).unwrap().model;
    let hits = simulation
        .prompts
        .iter()
        .filter(|prompt| names.contains(&chosen(&prompt.text).as_str()))
        .count();
    hits as f64 / simulation.prompts.len() as f64
}

#[test]
fn ten_times_the_price_lowers_the_share_at_every_lambda() {
    let simulation = simulation(800, 6);
    let trained = router(table(simulation.rows.clone()), &simulation.catalog);
    for model in &simulation.models {
        let dearer = trained
            .clone()
            .with_catalog(ten_times(&simulation.catalog, model.as_str()))
            .unwrap();
        for lambda in [10.0, 100.0, 1000.0, 10_000.0] {
            let share = |router: &Router| share(router, lambda, &[model.as_str()], &simulation);
            let (before, after) = (share(&trained), share(&dearer));
            assert!(
                after < before || before == 0.0,
                "{model} at {lambda}: {before} before, {after} after"
            );
        }
    }
}

fn ten_times(catalog: &Catalog, name: &str) -> Catalog {
    let dearer = |price: Option<UsdPerMillion>| {
        price.map(|price| UsdPerMillion::new(price.get() * 10.0).unwrap())
    };
    let card = |card: &ModelCard| match card.name.as_str() == name {
        true => ModelCard {
            input_usd_per_million: dearer(card.input_usd_per_million),
            output_usd_per_million: dearer(card.output_usd_per_million),
            cached_input_usd_per_million: dearer(card.cached_input_usd_per_million),
            ..card.clone()
        },
        false => card.clone(),
    };
    Catalog::new(catalog.cards().map(card).collect()).unwrap()
}

#[test]
fn the_same_data_and_seed_give_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let simulation = simulation(400, 7);
    for name in ["one", "other"] {
        let trained = train(
            table(simulation.rows.clone()),
            simulation.catalog.clone(),
            &Options::default(),
            |_| {},
        );
        trained
            .unwrap()
            .artifact
            .save(&home.path().join(name))
            .unwrap();
    }
    for entry in std::fs::read_dir(home.path().join("one")).unwrap() {
        let name = entry.unwrap().file_name();
        let bytes = |dir: &str| std::fs::read(home.path().join(dir).join(&name)).unwrap();
        assert!(bytes("one") == bytes("other"), "{} differs", name.display());
    }
}

#[test]
fn missing_cells_do_not_count_as_zero() {
    let simulation = simulation(1000, 8);
    let model = simulation.models[2].clone();
    let gaps =
        |(number, row): (usize, &LogRow)| match row.model == model && number.is_multiple_of(2) {
            true => LogRow {
                score: None,
                ..row.clone()
            },
            false => row.clone(),
        };
    let full = train(
        table(simulation.rows.clone()),
        simulation.catalog.clone(),
        &Options::default(),
        |_| {},
    )
    .unwrap();
    let holey = table(simulation.rows.iter().enumerate().map(gaps));
    let holey = train(
        holey,
        simulation.catalog.clone(),
        &Options::default(),
        |_| {},
    )
    .unwrap();
    let mean = |trained: &pointsman_train::Trained| trained.artifact.model.quality.mean[2];
    assert!(
        (mean(&full) - mean(&holey)).abs() < 0.05,
        "{} and {}",
        mean(&full),
        mean(&holey)
    );
}
