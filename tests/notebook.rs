//! The notebook on learning, run as it stands on what a replay of the bundled log wrote.

use std::path::Path;
use std::process::Command;

use crate::program::{root, str, succeed, text};

/// Runs the code cells of a notebook one after another.
const RUNNER: &str = r#"
import json, sys
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
scope = {}
for cell in cells:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), scope)
"#;

fn replay(log: &Path, dir: &Path, name: &str, trace: &str, more: &[&str]) {
    let catalog = root().join("datasets/synthetic.catalog.toml");
    let trace = dir.join(trace);
    let args = ["replay", "--logs", str(log), "--catalog", str(&catalog)];
    let small = ["--regime", "shift", "--labels", "200", "--seeds", "1"];
    let out = ["--json", "--trace", str(&trace)];
    let printed = succeed(&[args.as_slice(), &small, &out, more].concat());
    std::fs::write(dir.join(name), printed).unwrap();
}

#[test]
fn the_notebook_on_learning_runs_on_a_real_replay() {
    let python = root().join("target/tools/python/bin/python");
    if !python.is_file() {
        eprintln!(
            "skipped: {} is missing; tests/run installs it",
            python.display()
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let log = root().join("datasets/synthetic.jsonl.zst");
    replay(&log, dir.path(), "replay.json", "trace.csv", &[]);
    let drop = ["--scenario", "drop"];
    replay(&log, dir.path(), "drop.json", "drop.csv", &drop);
    let ran = Command::new(python)
        .args(["-c", RUNNER, str(&root().join("notebooks/learning.ipynb"))])
        .env("REPLAY", dir.path())
        .env("MPLCONFIGDIR", dir.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    for figure in ["regret.png", "levels.png", "drift.png"] {
        let bytes = std::fs::metadata(dir.path().join(figure)).unwrap().len();
        assert!(bytes > 10_000, "{figure} has {bytes} bytes");
    }
}
