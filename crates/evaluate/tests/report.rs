//! The whole way on made-up data: what is in the report, what is written, what goes wrong.

mod made_up;

use std::fs;

use made_up::MadeUp;
use pointsman_evaluate::{
    EvaluateError, Evaluation, Options, Report, Resample, RowKind, measure, terminal_table,
};
use pointsman_types::Grid;

const FIVE: [&str; 5] = ["tiny-1b", "small-3b", "mid-8b", "large-70b", "huge-400b"];

fn options() -> Options {
    Options {
        replicates: 200,
        ..Options::default()
    }
}

fn evaluated(made_up: &MadeUp, options: &Options) -> Evaluation {
    let (sample, replayed) = made_up
        .replay(200.0, options)
        .expect("made-up data is complete");
    measure(&sample, &replayed, options).expect("the replay is of the sample")
}

fn zero_gain(report: &Report) -> pointsman_measures::Interval {
    report
        .row(RowKind::ZeroRouter)
        .and_then(|row| row.router_gain)
        .expect("every report compares with the zero router")
}

#[test]
fn a_router_that_sees_well_beats_mixing_and_says_so() {
    let report = evaluated(&MadeUp::new(1500, &FIVE, 0.02), &options()).report;
    assert!(zero_gain(&report).low.unwrap() > 0.0);
    assert!(
        report.finding.contains("It is better than mixing"),
        "{}",
        report.finding
    );
    assert_eq!(report.prompts, 1500);
    assert_eq!(report.calibration.len(), 5);
}

#[test]
fn a_router_that_sees_nothing_is_no_better_than_mixing() {
    let mut blind = MadeUp::new(1500, &FIVE, 0.02);
    // every prompt gets the predictions of another one
    let order: Vec<usize> = (0..1500).map(|row| (row * 701 + 13) % 1500).collect();
    blind.quality = blind.quality.select(&order);
    blind.cost = blind.cost.select(&order);
    let report = evaluated(&blind, &options()).report;
    assert!(zero_gain(&report).low.unwrap() < 0.0);
    assert!(!report.finding.contains("better"), "{}", report.finding);
}

#[test]
fn every_row_of_the_table_is_there_and_in_bounds() {
    let report = evaluated(&MadeUp::new(800, &FIVE, 0.05), &options()).report;
    let kinds: Vec<RowKind> = report.rows.iter().map(|row| row.kind).collect();
    for kind in [
        RowKind::Router,
        RowKind::Length,
        RowKind::Neighbours,
        RowKind::Category,
        RowKind::ZeroRouter,
        RowKind::Oracle,
    ] {
        assert_eq!(kinds.iter().filter(|other| **other == kind).count(), 1);
    }
    assert_eq!(report.singles().count(), 5);
    let aiq = |kind| report.row(kind).unwrap().measures.unwrap().aiq;
    assert!(aiq(RowKind::Oracle) >= aiq(RowKind::Router));
    assert!((report.row(RowKind::Oracle).unwrap().gap_share.unwrap() - 1.0).abs() < 1e-9);
    assert!(
        aiq(RowKind::Neighbours) > aiq(RowKind::ZeroRouter),
        "the made-up families can be told apart by their words"
    );
}

#[test]
fn tokens_and_costs_are_measured_beside_one_figure_for_all() {
    let evaluation = evaluated(&MadeUp::new(600, &FIVE, 0.1), &options());
    assert_eq!(evaluation.report.amounts.len(), 5);
    for model in &evaluation.report.amounts {
        assert!(model.log_r2 > 0.5, "{model:?}");
        assert!(
            model.tokens_error < 0.7 * model.tokens_error_of_median,
            "{model:?}"
        );
        assert!(
            model.cost_error_usd < 0.7 * model.cost_error_of_mean_usd,
            "{model:?}"
        );
        // Luck is even between 0.8 and 1.25; a p90 at 1.205 of the median stays above nine of ten.
        assert!((model.below_p90 - 0.9).abs() < 0.05, "{model:?}");
    }
    let home = tempfile::tempdir().unwrap();
    evaluation.write(home.path()).unwrap();
    let page = fs::read_to_string(home.path().join("report.html")).unwrap();
    assert!(page.contains("<h2>Tokens and costs</h2>"));
}

#[test]
fn traffic_adds_up_and_follows_the_curve() {
    let evaluation = evaluated(&MadeUp::new(600, &FIVE, 0.1), &options());
    let points = &evaluation.report.traffic.points;
    assert!((20..=40).contains(&points.len()));
    for point in points {
        assert!((point.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
    assert!(
        points
            .windows(2)
            .all(|pair| pair[0].cost_usd < pair[1].cost_usd)
    );
    assert!(evaluation.curve.len() > points.len());
    assert!(evaluation.curve[0].lambda.is_infinite() && points[0].lambda.is_none());
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_does_not() {
    let made_up = MadeUp::new(300, &FIVE, 0.1);
    let json =
        |options: &Options| serde_json::to_string(&evaluated(&made_up, options).report).unwrap();
    assert_eq!(json(&options()), json(&options()));
    let other = Options {
        seed: 1,
        ..options()
    };
    assert_ne!(json(&options()), json(&other));
}

#[test]
fn categories_are_drawn_whole_when_asked() {
    let options = Options {
        resample: Resample::Categories,
        ..options()
    };
    let report = evaluated(&MadeUp::new(400, &FIVE, 0.05), &options).report;
    assert_eq!(report.bootstrap.drawn_from, 4);
    let by_prompt = evaluated(&MadeUp::new(400, &FIVE, 0.05), &self::options()).report;
    let width = |report: &Report| {
        let gain = zero_gain(report);
        gain.high.unwrap() - gain.low.unwrap()
    };
    assert!(width(&report) > width(&by_prompt));
}

#[test]
fn two_models_have_their_own_measures() {
    let report = evaluated(&MadeUp::new(600, &["weak", "strong"], 0.05), &options()).report;
    let two = report.two_model.unwrap();
    assert_eq!((two.strong.as_str(), two.weak.as_str()), ("strong", "weak"));
    assert!(two.apgr > 0.55, "{}", two.apgr);
    assert!(two.cpt[0] < two.cpt[1] && two.cpt[1] < two.cpt[2]);
    assert!((two.apgr - two.routellm.apgr).abs() < 0.03);
}

#[test]
fn one_model_leaves_nothing_to_route() {
    let report = evaluated(&MadeUp::new(100, &["only"], 0.05), &options()).report;
    assert!(report.finding.contains("only one model"));
    assert!(report.two_model.is_none());
}

#[test]
fn equal_scores_and_free_models_are_no_reason_to_fail() {
    let mut flat = MadeUp::new(120, &FIVE, 0.05);
    flat.log.score = Grid::filled(120, 5, 0.5);
    flat.log.cost_usd = Grid::filled(120, 5, 0.0);
    let evaluation = evaluated(&flat, &options());
    let dir = tempfile::tempdir().unwrap();
    evaluation.write(dir.path()).unwrap();
    assert!(!terminal_table(&evaluation.report).contains("NaN"));
}

#[test]
fn one_text_in_all_rows_leaves_no_folds_and_no_baselines() {
    let mut same = MadeUp::new(60, &FIVE, 0.05);
    for prompt in &mut same.log.prompts {
        prompt.text = "the same".into();
    }
    let report = evaluated(&same, &options()).report;
    assert!(report.row(RowKind::Length).is_none());
    assert!(report.row(RowKind::ZeroRouter).is_some());
}

#[test]
fn refused_prompts_are_counted() {
    let made_up = MadeUp::new(100, &FIVE, 0.05);
    let (sample, mut replayed) = made_up.replay(200.0, &options()).unwrap();
    replayed.decided[3] = None;
    let report = measure(&sample, &replayed, &options()).unwrap().report;
    assert_eq!(report.operating.unwrap().refused, 1);
    replayed.decided = vec![None; 100];
    let report = measure(&sample, &replayed, &options()).unwrap().report;
    assert!(report.operating.is_none());
}

#[test]
fn a_replay_of_other_prompts_is_refused() {
    let made_up = MadeUp::new(100, &FIVE, 0.05);
    let (sample, mut replayed) = made_up.replay(200.0, &options()).unwrap();
    replayed.decided.pop();
    assert!(matches!(
        measure(&sample, &replayed, &options()),
        Err(EvaluateError::OtherPrompts {
            needed: 100,
            got: 99
        })
    ));
}

#[test]
fn the_page_needs_nothing_but_itself_and_keeps_names_as_text() {
    let names = [
        "<script>alert(1)</script>",
        "a&b",
        "mid-8b",
        "large-70b",
        "huge-400b",
    ];
    let options = Options {
        title: "Costs < quality & \"quotes\"".to_owned(),
        synthetic: true,
        ..options()
    };
    let dir = tempfile::tempdir().unwrap();
    evaluated(&MadeUp::new(300, &names, 0.1), &options)
        .write(dir.path())
        .unwrap();
    let page = fs::read_to_string(dir.path().join("report.html")).unwrap();
    for absent in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(absent), "{absent} in the page");
    }
    for present in [
        "name=\"viewport\"",
        "prefers-color-scheme:dark",
        "Synthetic log",
        "&lt;script&gt;alert(1)",
        "USD per 1,000 requests",
    ] {
        assert!(page.contains(present), "{present} is missing");
    }
    assert!(
        !page.contains("NaN") && !page.contains("inf "),
        "a figure that is no number"
    );
}

#[test]
fn every_file_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("made/on/the/way");
    evaluated(&MadeUp::new(200, &FIVE, 0.1), &options())
        .write(&target)
        .unwrap();
    let read = |name: &str| fs::read(target.join(name)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&read("report.json")).unwrap();
    assert_eq!(json["prompts"], 200);
    assert!(read("curve.png").starts_with(b"\x89PNG"));
    assert!(read("curve.svg").starts_with(b"<svg"));
    assert!(read("report.html").starts_with(b"<!doctype html>"));
    assert_eq!(fs::read_dir(&target).unwrap().count(), 4);
}

#[test]
fn a_file_in_place_of_the_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report");
    fs::write(&path, "a file").unwrap();
    let error = evaluated(&MadeUp::new(60, &FIVE, 0.1), &options())
        .write(&path)
        .unwrap_err();
    assert!(error.to_string().contains("report"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
}
