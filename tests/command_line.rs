//! Every bad input gets a clear error that names the place, and nothing half-written remains.

use std::fs;
use std::path::Path;

use pointsman_logs::write_rows;
use pointsman_simulate::{Settings, simulate};

use crate::program::{program, root, run, str, succeed, text};

/// `train` on a file with these bytes: exit status, standard error, and whether anything was left
/// in the directory besides the log.
fn train_on(name: &str, bytes: &[u8], more: &[&str]) -> (Option<i32>, String, bool) {
    let home = tempfile::tempdir().unwrap();
    let (log, out) = (home.path().join(name), home.path().join("router"));
    fs::write(&log, bytes).unwrap();
    let output = run(&[&["train", "--logs", str(&log), "--out", str(&out)], more].concat());
    let left = fs::read_dir(home.path()).unwrap().count() > 1;
    (output.status.code(), text(&output.stderr), left)
}

/// Fails with status 1, says each of these, leaves nothing.
fn check(name: &str, bytes: &[u8], says: &[&str]) {
    check_with(name, bytes, &[], says);
}

fn check_with(name: &str, bytes: &[u8], more: &[&str], says: &[&str]) {
    let (status, stderr, left) = train_on(name, bytes, more);
    assert_eq!(status, Some(1), "{stderr}");
    for words in says {
        assert!(stderr.contains(words), "{stderr:?} does not say {words:?}");
    }
    assert!(!left, "something was left behind");
}

/// A log of two models and `prompts` prompts, with further rows at its end.
fn csv(prompts: usize, more: &str) -> Vec<u8> {
    let row = |number: usize| {
        let (a, b) = (number % 2, usize::from(number.is_multiple_of(3)));
        format!("what is {number}?,a,{a},0.001\nwhat is {number}?,b,{b},0.002\n")
    };
    let rows: String = (0..prompts).map(row).collect();
    format!("prompt,model,score,cost_usd\n{rows}{more}").into_bytes()
}

#[test]
fn an_empty_file() {
    check("log.csv", b"", &["log.csv", "no rows"]);
    check("log.jsonl", b"", &["log.jsonl", "no rows"]);
}

#[test]
fn a_header_without_rows() {
    check("log.csv", b"prompt,model,score\n", &["log.csv", "no rows"]);
}

#[test]
fn bytes_that_are_not_utf8() {
    let mut log = csv(30, "");
    log.extend(b"caf\xe9,a,1,0.001\n");
    check_with(
        "log.csv",
        &log,
        &["--strict"],
        &["log.csv, line 62", "UTF-8"],
    );
}

#[test]
fn scores_out_of_range() {
    for wrong in ["1.5", "-0.1", "NaN", "good"] {
        check_with(
            "log.csv",
            &csv(30, &format!("why?,a,{wrong},0.001\n")),
            &["--strict"],
            &["line 62", "column `score`"],
        );
    }
}

#[test]
fn a_negative_cost() {
    check_with(
        "log.csv",
        &csv(30, "why?,a,1,-0.001\n"),
        &["--strict"],
        &["line 62", "column `cost_usd`"],
    );
}

#[test]
fn malformed_rows_are_counted_and_listed_and_the_others_used() {
    let (status, stderr, _) = train_on("log.csv", &csv(60, "why?,a,7,0.001\nwho?,,1,0.001\n"), &[]);
    assert_eq!(status, Some(0), "{stderr}");
    for words in [
        "2 of 122 rows are malformed",
        "line 122, column `score`",
        "line 123, column `model`",
    ] {
        assert!(stderr.contains(words), "{stderr:?} does not say {words:?}");
    }
}

#[test]
fn an_unknown_column_is_told_of() {
    let log = text(&csv(60, ""))
        .replace("cost_usd\n", "cost_usd,colour\n")
        .replace(",0.001\n", ",0.001,red\n")
        .replace(",0.002\n", ",0.002,blue\n");
    let (status, stderr, _) = train_on("log.csv", log.as_bytes(), &[]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("colour"), "{stderr}");
}

#[test]
fn one_model_only() {
    let log: String = (0..40)
        .map(|number| format!("what is {number}?,a,{},0.001\n", number % 2))
        .collect();
    check(
        "log.csv",
        format!("prompt,model,score,cost_usd\n{log}").as_bytes(),
        &["one model only", "`a`"],
    );
}

#[test]
fn a_model_with_one_row() {
    check(
        "log.csv",
        &csv(40, "what is 1?,c,1,0.001\n"),
        &["`c` (1)", "--drop-rare"],
    );
    assert_eq!(
        train_on(
            "log.csv",
            &csv(40, "what is 1?,c,1,0.001\n"),
            &["--drop-rare"]
        )
        .0,
        Some(0)
    );
}

#[test]
fn all_scores_equal() {
    let log = text(&csv(40, "")).replace(",0,", ",1,");
    check("log.csv", log.as_bytes(), &["every score", "is 1"]);
}

#[test]
fn duplicate_rows_are_averaged_and_said_so() {
    let (status, stderr, _) = train_on("log.csv", &csv(60, "what is 1?,a,0,0.001\n"), &[]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("1 rows repeat"), "{stderr}");
}

#[test]
fn a_log_without_costs_and_prices() {
    let log = text(&csv(40, ""))
        .replace(",cost_usd", "")
        .replace(",0.001", "")
        .replace(",0.002", "");
    check("log.csv", log.as_bytes(), &["what `a` costs", "--catalog"]);
}

#[test]
fn a_prompt_of_ten_megabytes_and_a_nul_byte_are_prompts() {
    let mut log: String = (0..60)
        .flat_map(|number| ["a", "b"].map(|model| (number, model)))
        .map(|(number, model)| {
            let score = (number * model.len() + usize::from(model == "a")) % 2;
            format!("{{\"prompt\":\"what is {number}?\",\"model\":\"{model}\",\"score\":{score},\"cost_usd\":0.001}}\n")
        })
        .collect();
    let huge = "word ".repeat(2 << 20);
    log += &format!("{{\"prompt\":\"{huge}\",\"model\":\"a\",\"score\":1,\"cost_usd\":0.001}}\n");
    log += "{\"prompt\":\"nul \\u0000 byte\",\"model\":\"a\",\"score\":1,\"cost_usd\":0.001}\n";
    let (status, stderr, _) = train_on("log.jsonl", log.as_bytes(), &["--strict"]);
    assert_eq!(status, Some(0), "{stderr}");
}

#[test]
fn a_truncated_parquet() {
    let home = tempfile::tempdir().unwrap();
    let whole = home.path().join("whole.parquet");
    write_rows(
        &whole,
        simulate(&Settings {
            prompts: 50,
            ..Settings::default()
        })
        .rows,
    )
    .unwrap();
    let bytes = fs::read(&whole).unwrap();
    check("log.parquet", &bytes[..bytes.len() / 2], &["log.parquet"]);
}

#[test]
fn a_directory_in_place_of_a_file() {
    let home = tempfile::tempdir().unwrap();
    let output = run(&[
        "train",
        "--logs",
        str(home.path()),
        "--out",
        "never-written",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("directory"),
        "{}",
        text(&output.stderr)
    );
    assert!(!Path::new("never-written").exists());
}

#[test]
fn wrong_usage_is_status_two() {
    for args in [
        &["train"][..],
        &["train", "--logs", "x"],
        &["fly"],
        &["train", "--logs", "x", "--out", "y", "--policy", "best"],
    ] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn an_option_out_of_range_is_wrong_usage_too() {
    for option in [["--holdout", "2"], ["--folds", "1"], ["--min-rows", "0"]] {
        let (status, stderr, left) = train_on("log.csv", &csv(30, ""), &option);
        assert_eq!((status, left), (Some(2), false), "{option:?}: {stderr}");
    }
}

/// Both train routers of their own, so an encoder that is not there is not passed over.
#[test]
fn folds_and_learning_curves_read_the_encoder_that_is_named() {
    let home = tempfile::tempdir().unwrap();
    let place = |name: &str| home.path().join(name).display().to_string();
    let (log, out) = (place("log.csv"), place("out"));
    fs::write(&log, csv(60, "")).unwrap();
    let encoder = format!("static:{}", place("nowhere"));
    for kind in [&["--folds", "2"][..], &["--learning-curve"]] {
        let evaluate = ["evaluate", "--logs", &log, "--out", &out];
        let output = run(&[&evaluate[..], kind, &["--encoder", &encoder]].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{kind:?}: {said}");
        assert!(said.contains("nowhere"), "{kind:?}: {said}");
    }
}

#[test]
fn a_full_disk_leaves_nothing() {
    // The kernel's own full disk. Where it is not there the test has nothing to say.
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: no /dev/full");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log.csv");
    fs::write(&log, csv(60, "")).unwrap();
    // A bound on the size of files the process may write stands in for a disk that fills up midway.
    let script = "ulimit -f 1; trap '' XFSZ; exec \"$0\" train --logs \"$1\" --out \"$2\"";
    let out = home.path().join("router");
    let path = program().get_program().to_owned();
    let output = std::process::Command::new("bash")
        .args(["-c", script])
        .arg(path)
        .args([&log, &out])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("cannot write"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        1,
        "only the log is there"
    );
}

#[test]
fn two_trainings_into_one_directory_leave_one_whole_router() {
    let home = tempfile::tempdir().unwrap();
    let (log, out) = (home.path().join("log.csv"), home.path().join("router"));
    fs::write(&log, csv(80, "")).unwrap();
    let start = |seed: &str| {
        let args = [
            "train",
            "--logs",
            str(&log),
            "--out",
            str(&out),
            "--seed",
            seed,
        ];
        program().args(args).spawn().unwrap()
    };
    let mut both = [start("1"), start("2")];
    assert!(both.iter_mut().all(|child| child.wait().unwrap().success()));
    succeed(&["inspect", str(&out)]);
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        2,
        "the log and the router"
    );
}

#[test]
fn a_damaged_router_is_refused_wherever_it_is_opened() {
    let home = tempfile::tempdir().unwrap();
    let (log, out) = (home.path().join("log.csv"), home.path().join("router"));
    fs::write(&log, csv(60, "")).unwrap();
    succeed(&["train", "--logs", str(&log), "--out", str(&out)]);
    let weights = out.join("weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let predictions = home.path().join("predictions.csv");
    for args in [
        vec!["inspect", str(&out)],
        vec![
            "predict",
            "--router",
            str(&out),
            "--prompts",
            str(&log),
            "--out",
            str(&predictions),
        ],
        vec![
            "evaluate",
            "--router",
            str(&out),
            "--logs",
            str(&log),
            "--out",
            str(&predictions),
        ],
        vec!["serve", "--router", str(&out)],
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(
            text(&output.stderr).contains("weights.safetensors"),
            "{}",
            text(&output.stderr)
        );
    }
    assert!(!predictions.exists());
}

#[test]
fn evaluating_on_the_training_prompts_alone_is_said_to_flatter() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    write_rows(
        &at("log.jsonl"),
        simulate(&Settings {
            prompts: 150,
            ..Settings::default()
        })
        .rows,
    )
    .unwrap();
    succeed(&[
        "train",
        "--logs",
        str(&at("log.jsonl")),
        "--out",
        str(&at("router")),
    ]);
    let (router, log, report) = (at("router"), at("log.jsonl"), at("report"));
    let args = [
        "--router",
        str(&router),
        "--logs",
        str(&log),
        "--out",
        str(&report),
    ];
    let output = run(&[&["evaluate", "--replicates", "50"], &args[..]].concat());
    assert!(
        text(&output.stdout).contains("seen in training"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn the_quickstart_leaves_a_router_and_a_report_labelled_synthetic() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("quickstart");
    succeed(&["quickstart", "--no-serve", "--out", str(&out)]);
    for file in [
        "report.json",
        "report.html",
        "curve.parquet",
        "curve.svg",
        "curve.png",
    ] {
        assert!(
            fs::metadata(out.join("report").join(file)).is_ok_and(|file| file.len() > 1000),
            "{file}"
        );
    }
    let page = fs::read_to_string(out.join("report/report.html")).unwrap();
    assert!(page.to_lowercase().contains("synthetic"));
    assert!(succeed(&["inspect", str(&out.join("router"))]).contains("AIQ"));
}

#[test]
fn the_bundled_log_is_what_the_simulator_makes() {
    let home = tempfile::tempdir().unwrap();
    let (log, catalog) = (
        home.path().join("synthetic.jsonl.zst"),
        home.path().join("synthetic.catalog.toml"),
    );
    let args = [
        "--prompts",
        "3500",
        "--seed",
        "7",
        "--out",
        str(&log),
        "--catalog-out",
        str(&catalog),
    ];
    succeed(&[&["simulate"], &args[..]].concat());
    for file in [&log, &catalog] {
        let bundled = root().join("datasets").join(file.file_name().unwrap());
        assert!(
            fs::read(file).unwrap() == fs::read(&bundled).unwrap(),
            "{} differs: run `just synthetic`",
            bundled.display()
        );
    }
}

#[test]
fn a_budget_below_the_cheapest_model_is_refused_before_anything_is_written() {
    check_with(
        "log.csv",
        &csv(80, ""),
        &["--policy", "budget:0.0000001"],
        &["cannot be met"],
    );
}

#[test]
fn predictions_are_one_row_per_prompt_and_model() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let (log, router, prompts, out) = (
        at("log.csv"),
        at("router"),
        at("prompts.jsonl"),
        at("predictions.csv"),
    );
    fs::write(&log, csv(60, "")).unwrap();
    fs::write(
        &prompts,
        "{\"prompt_id\": \"x\", \"prompt\": \"what is 7?\"}\n",
    )
    .unwrap();
    succeed(&["train", "--logs", str(&log), "--out", str(&router)]);
    succeed(&[
        "predict",
        "--router",
        str(&router),
        "--prompts",
        str(&prompts),
        "--out",
        str(&out),
    ]);
    let rows = fs::read_to_string(&out).unwrap();
    assert_eq!(
        rows.lines().next(),
        Some(
            "prompt_id,model,quality,quality_lower,cost_usd,output_tokens,output_tokens_p50,output_tokens_p90"
        )
    );
    assert_eq!(rows.lines().filter(|row| row.starts_with("x,")).count(), 2);
}
