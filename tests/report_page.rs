//! The report in a real browser: everything there, nothing wider than a phone, no script errors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pointsman_evaluate::{Options as EvaluateOptions, Seen, evaluate};
use pointsman_router::Router;
use pointsman_simulate::{Settings, simulate};
use pointsman_train::{Options, train};

use crate::program::table;

fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// The page as the browser has it after loading, in a window of this width.
fn loaded(browser: &Path, page: &Path, width: u32, profile: &Path) -> String {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--dump-dom",
        ])
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_tells_the_blend_its_folds_and_its_uncertainty() {
    let home = tempfile::tempdir().unwrap();
    let simulation = simulate(&Settings {
        prompts: 200,
        ..Settings::default()
    });
    let log = table(simulation.rows);
    let trained = train(log.clone(), simulation.catalog, &Options::default(), |_| {}).unwrap();
    let router = Router::new(trained.artifact).unwrap();
    let options = EvaluateOptions {
        replicates: 50,
        seen: Seen::Keep,
        ..EvaluateOptions::default()
    };
    let evaluation = evaluate(&router, &log, &options).unwrap();
    evaluation.write(home.path()).unwrap();
    let page = fs::read_to_string(home.path().join("report.html")).unwrap();
    let chosen = trained.report.candidates.iter().find(|one| one.chosen);
    let chosen = chosen.unwrap();
    let error = format!("{:.4}", chosen.error_of_difference);
    let words = match chosen.heads.join(" + ") {
        none if none.is_empty() => "each model&#39;s mean alone".to_owned(),
        heads => heads,
    };
    let fits = format!("fitted {} times", trained.report.folds);
    for words in [words.as_str(), error.as_str(), fits.as_str(), "in use"] {
        assert!(page.contains(words), "the page does not say {words:?}");
    }
}

#[test]
fn the_report_fits_a_phone_and_a_desk() {
    let Some(browser) = browser() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "the test command installs chromium, but it is not there"
        );
        eprintln!("skipped: no chromium on the path");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let simulation = simulate(&Settings {
        prompts: 300,
        ..Settings::default()
    });
    let log = table(simulation.rows);
    let router = Router::new(
        train(log.clone(), simulation.catalog, &Options::default(), |_| {})
            .unwrap()
            .artifact,
    )
    .unwrap();
    let options = EvaluateOptions {
        replicates: 50,
        seen: Seen::Keep,
        ..EvaluateOptions::default()
    };
    evaluate(&router, &log, &options)
        .unwrap()
        .write(home.path())
        .unwrap();
    let measure = "<script>window.addEventListener('error', e => document.title = 'broken: ' + e.message);\
        window.addEventListener('load', () => document.documentElement.setAttribute('data-overflow', \
        document.documentElement.scrollWidth - document.documentElement.clientWidth));</script>";
    let page = home.path().join("measured.html");
    let html = fs::read_to_string(home.path().join("report.html")).unwrap();
    fs::write(
        &page,
        html.replacen("<head>", &format!("<head>{measure}"), 1),
    )
    .unwrap();
    for width in [500, 1280] {
        let dom = loaded(
            &browser,
            &page,
            width,
            &home.path().join(format!("profile-{width}")),
        );
        assert!(
            dom.contains("data-overflow=\"0\""),
            "at {width} pixels the page is wider than the window"
        );
        assert!(!dom.contains("<title>broken"), "a script failed");
        for words in ["<svg", "USD", "zero router"] {
            assert!(
                dom.to_lowercase().contains(&words.to_lowercase()),
                "the page has no {words}"
            );
        }
    }
    assert!(
        !html.contains("http://")
            || html.matches("http://").count() == html.matches("http://www.w3.org").count(),
        "the page asks the network for something"
    );
}
