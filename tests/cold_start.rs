//! A new model for a router that is there: from a few scored prompts, from its price, and how much of
//! what a full training gives comes back.

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_logs::write_rows;
use pointsman_measures::{Outcomes, Predicted, aiq};
use pointsman_policy::Guarantee;
use pointsman_router::{Artifact, Encoding, Router};
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{AddError, Added, Options, add_model, complete_costs, train};
use pointsman_types::{Catalog, Grid, LogRow, LogTable, ModelName, Prompt};

use crate::program::{run, str, succeed, table, text};

const FEW: usize = 60;

fn simulation(prompts: usize, seed: u64) -> Simulation {
    simulate(&Settings {
        prompts,
        seed,
        ..Settings::default()
    })
}

fn log(simulation: &Simulation) -> LogTable {
    let mut log = table(simulation.rows.clone());
    complete_costs(&mut log, &simulation.catalog);
    log
}

fn without(log: &LogTable, name: &ModelName) -> LogTable {
    let others: Vec<usize> = (0..log.models.len())
        .filter(|at| log.models[*at] != *name)
        .collect();
    log.with_models(&others)
}

fn trained(log: LogTable, catalog: &Catalog) -> Artifact {
    train(log, catalog.clone(), &Options::default(), |_| {})
        .unwrap()
        .artifact
}

/// A router without this model, and what the log knows of it.
struct Lacking {
    artifact: Artifact,
    log: LogTable,
    name: ModelName,
    catalog: Catalog,
}

impl Lacking {
    fn new(name: usize) -> Self {
        let simulation = simulation(700, 21);
        let (log, name) = (log(&simulation), simulation.models[name].clone());
        let others: Vec<_> = simulation
            .catalog
            .cards()
            .filter(|card| card.name != name)
            .cloned()
            .collect();
        Self {
            artifact: trained(without(&log, &name), &Catalog::new(others).unwrap()),
            log,
            name,
            catalog: simulation.catalog,
        }
    }

    fn added(&self, prompts: usize) -> Added {
        let rows: Vec<usize> = (0..prompts)
            .map(|row| row * 11 % self.log.prompts.len())
            .collect();
        let few = self.log.select(&rows);
        add_model(
            self.artifact.clone(),
            &Encoding::default(),
            few,
            &self.catalog,
            Some(&self.name),
        )
        .unwrap()
    }
}

/// AIQ on a log by the models that the router knows, on the scale of all.
fn value(artifact: &Artifact, log: &LogTable) -> f64 {
    let router = Router::new(artifact.clone()).unwrap();
    let rows = log.complete_rows();
    let (mut quality, mut cost) = (Vec::new(), Vec::new());
    for row in &rows {
        let said = router.predict(&Prompt::from(&*log.prompts[*row].text), None);
        for model in &log.models {
            let at = router.models().iter().position(|other| other == model);
            // A model that the router lacks is never worth its cost.
            quality.push(at.map_or(-1.0, |at| f64::from(said[at].quality.get())));
            cost.push(at.map_or(1e3, |at| said[at].cost.as_f64()));
        }
    }
    let models = log.models.len();
    let score = log
        .score
        .select(&rows)
        .values()
        .iter()
        .map(|score| f64::from(*score))
        .collect();
    let outcomes =
        Outcomes::new(Grid::from_values(models, score), log.cost_usd.select(&rows)).unwrap();
    let predicted = Predicted::new(
        Grid::from_values(models, quality),
        Grid::from_values(models, cost),
    )
    .unwrap();
    aiq(&predicted, &outcomes).unwrap()
}

#[test]
fn sixty_scores_give_back_a_good_part_of_what_a_full_training_gives() {
    let unseen = log(&simulation(800, 22));
    let (mut gained, mut lost) = (0.0, 0.0);
    for model in [1, 3] {
        let lacking = Lacking::new(model);
        let full = value(&trained(lacking.log.clone(), &lacking.catalog), &unseen);
        let before = value(&lacking.artifact, &unseen);
        assert!(
            full > before + 0.003,
            "{}: {before} without, {full} with",
            lacking.name
        );
        gained += value(&lacking.added(FEW).artifact, &unseen) - before;
        lost += full - before;
    }
    assert!(gained > 0.3 * lost, "{gained} of {lost}");
}

#[test]
fn the_other_models_are_predicted_as_before_bit_for_bit() {
    let lacking = Lacking::new(2);
    let before = Router::new(lacking.artifact.clone()).unwrap();
    for prompts in [0, FEW] {
        let after = Router::new(lacking.added(prompts).artifact).unwrap();
        for row in &lacking.log.prompts {
            let prompt = Prompt::from(&*row.text);
            let found = after.predict(&prompt, None);
            assert_eq!(found[..found.len() - 1], before.predict(&prompt, None));
        }
    }
}

#[test]
fn more_scores_bring_the_level_nearer_and_its_bound_closer() {
    let lacking = Lacking::new(4);
    let at = lacking
        .log
        .models
        .iter()
        .position(|name| *name == lacking.name)
        .unwrap();
    let scores: Vec<f32> = lacking
        .log
        .score
        .column(at)
        .filter(|score| !score.is_nan())
        .collect();
    let truth = f64::from(scores.iter().sum::<f32>()) / scores.len() as f64;
    let found = [0, 30, 300].map(|prompts| lacking.added(prompts));
    let gap = |added: &Added| {
        let prompt = Prompt::from("What is the capital of France?");
        let last = *Router::new(added.artifact.clone())
            .unwrap()
            .predict(&prompt, None)
            .last()
            .unwrap();
        last.quality.get() - last.quality_lower.get()
    };
    assert!(
        (found[2].addition.level - truth).abs() < 0.05,
        "{:?} but {truth}",
        found[2].addition
    );
    assert!(gap(&found[0]) > gap(&found[1]) && gap(&found[1]) > gap(&found[2]));
    assert!(
        found
            .iter()
            .all(|added| added.addition.scores_of_others == 0 || added.addition.scores > 0)
    );
}

#[test]
fn the_artifact_tells_how_a_model_was_added_and_a_second_one_beside_it() {
    let lacking = Lacking::new(0);
    let once = lacking.added(FEW);
    let free = Catalog::new(vec![pointsman_types::ModelCard {
        name: "sim-newcomer".into(),
        ..lacking.catalog.cards().next().unwrap().clone()
    }])
    .unwrap();
    let nothing = LogTable::empty(Vec::new());
    let twice = add_model(
        once.artifact.clone(),
        &Encoding::default(),
        nothing,
        &free,
        Some(&"sim-newcomer".into()),
    )
    .unwrap();
    let told = &twice.artifact.report["added"];
    assert_eq!(told[0]["model"], once.addition.model.as_str());
    assert_eq!(
        (told[0]["scores"].as_u64(), told[1]["scores"].as_u64()),
        (Some(once.addition.scores as u64), Some(0))
    );
    assert!(told[0]["scores_of_others"].as_u64() > Some(100));
    let seen = &lacking.log.prompts[0];
    assert!(
        once.artifact
            .trained_on
            .contains(&Prompt::from(&*seen.text))
    );
}

#[test]
fn a_guarantee_that_did_not_know_the_model_is_dropped_and_told() {
    let lacking = Lacking::new(0);
    let mut artifact = lacking.artifact.clone();
    artifact.guarantee = Some(guarantee(&artifact));
    let few = lacking.log.select(&[0, 1, 2]);
    let (encoding, name) = (Encoding::default(), Some(&lacking.name));
    let added = add_model(artifact, &encoding, few, &lacking.catalog, name).unwrap();
    assert_eq!(added.artifact.guarantee, None);
    let told = added.artifact.report["added"][0]["notes"].to_string();
    assert!(told.contains("no guarantee any more"), "{told}");
}

fn guarantee(artifact: &Artifact) -> Guarantee {
    let reference = artifact.model.names[0].clone();
    Guarantee {
        alpha: 0.05,
        delta: 0.1,
        risk: Guarantee::risk_against(&reference),
        reference,
        policy: artifact.policy.clone(),
        prompts: 100,
        prompts_at_worst: 0,
        measured: 0.02,
        bound: 0.04,
        method: "betting".into(),
        saving: 0.3,
        categories: Vec::new(),
        assumption: Guarantee::ASSUMPTION.into(),
    }
}

#[test]
fn what_cannot_be_added_is_told_apart() {
    let lacking = Lacking::new(0);
    let add = |log: &LogTable, catalog: &Catalog, name: Option<&str>| {
        let name = name.map(ModelName::from);
        let encoding = Encoding::default();
        add_model(
            lacking.artifact.clone(),
            &encoding,
            log.clone(),
            catalog,
            name.as_ref(),
        )
        .unwrap_err()
    };
    let (nothing, none) = (LogTable::empty(Vec::new()), Catalog::default());
    let known = lacking.artifact.model.names[0].clone();
    assert!(
        matches!(add(&nothing, &none, Some(known.as_str())), AddError::Known(name) if name == known)
    );
    assert!(matches!(
        add(&nothing, &none, Some("new")),
        AddError::NothingKnown(_)
    ));
    assert!(matches!(
        add(&without(&lacking.log, &lacking.name), &none, None),
        AddError::NoneNew
    ));
    let mut strange = lacking.log.select(&[0, 1]);
    strange
        .models
        .iter_mut()
        .for_each(|name| *name = format!("x-{name}").into());
    assert!(matches!(add(&strange, &none, None), AddError::Several(names) if names.len() == 5));
}

/// A router of four models on disk, the rows of the fifth, and a catalogue.
fn on_disk() -> (tempfile::TempDir, PathBuf, PathBuf, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let simulation = simulation(300, 23);
    let name = &simulation.models[0];
    let (new, others): (Vec<LogRow>, Vec<LogRow>) = simulation
        .rows
        .into_iter()
        .partition(|row| row.model == *name);
    write_rows(&at("log.jsonl"), others).unwrap();
    write_rows(&at("few.jsonl"), new.into_iter().take(40)).unwrap();
    fs::write(
        at("catalog.toml"),
        toml::to_string(&simulation.catalog).unwrap(),
    )
    .unwrap();
    let (router, few, catalog) = (at("router"), at("few.jsonl"), at("catalog.toml"));
    succeed(&[
        "train",
        "--logs",
        str(&at("log.jsonl")),
        "--catalog",
        str(&catalog),
        "--out",
        str(&router),
    ]);
    (home, router, few, catalog)
}

#[test]
fn the_command_writes_a_router_beside_the_old_one_or_in_its_place() {
    let (home, router, few, _) = on_disk();
    let new = home.path().join("new");
    let told = succeed(&[
        "add-model",
        str(&router),
        "--logs",
        str(&few),
        "--out",
        str(&new),
        "--json",
    ]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let name = told["model"].as_str().unwrap();
    assert!(!succeed(&["inspect", str(&router)]).contains(&format!("added    {name}")));
    assert!(succeed(&["inspect", str(&new)]).contains(&format!("added    {name} from")));
    succeed(&[
        "add-model",
        str(&router),
        "--logs",
        str(&few),
        "--out",
        str(&router),
    ]);
    let files = |dir: &Path| {
        fs::read_dir(dir)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                (
                    path.file_name().unwrap().to_owned(),
                    fs::read(path).unwrap(),
                )
            })
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    assert!(
        files(&router) == files(&new),
        "the same router wherever it is written"
    );
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        5,
        "nothing else is left"
    );
}

#[test]
fn a_model_can_be_added_from_its_price_alone() {
    let (home, router, _, catalog) = on_disk();
    let (out, card) = (home.path().join("new"), home.path().join("card.toml"));
    fs::write(&card, "[[models]]\nname = \"sim-untried\"\ninput_usd_per_million = 1.0\noutput_usd_per_million = 4.0\n").unwrap();
    let args = [
        "add-model",
        str(&router),
        "--model",
        "sim-untried",
        "--out",
        str(&out),
    ];
    let output = run(&args);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("nothing is known of `sim-untried`"),
        "{}",
        text(&output.stderr)
    );
    assert!(!out.exists() && catalog.exists());
    succeed(&[&args[..], &["--catalog", str(&card)]].concat());
    assert!(
        succeed(&["inspect", str(&out)]).contains("added    sim-untried from 0 scored prompts")
    );
}

#[test]
fn bad_input_to_add_model_is_told_and_leaves_nothing() {
    let (home, router, few, _) = on_disk();
    let out = home.path().join("new");
    let check = |args: &[&str], status: i32, says: &str| {
        let output = run(&[&["add-model"], args, &["--out", str(&out)]].concat());
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{stderr}");
        assert!(stderr.contains(says), "{stderr:?} does not say {says:?}");
        assert!(!out.exists());
    };
    check(
        &["no-such-router", "--logs", str(&few)],
        1,
        "is not a router",
    );
    check(&[str(&router)], 2, "--logs");
    let log = home.path().join("log.jsonl");
    check(
        &[str(&router), "--logs", str(&log)],
        1,
        "no model that the router does not know",
    );
    let name = Artifact::open(&router).unwrap().0.model.names[0].clone();
    check(
        &[str(&router), "--logs", str(&log), "--model", name.as_str()],
        1,
        "already has",
    );
    let textless = home.path().join("textless.jsonl");
    fs::write(
        &textless,
        "{\"prompt\":\"\",\"model\":\"new\",\"score\":1}\n",
    )
    .unwrap();
    check(
        &[str(&router), "--logs", str(&textless)],
        1,
        "textless.jsonl",
    );
}
