//! A server's learning as a page and as text, from answers of the form that servers give.

#![expect(clippy::unwrap_used, reason = "a test that fails here fails")]

use std::fs;

use pointsman_evaluate::taught::{Learning, Versions};
use pointsman_evaluate::{Taught, taught_table};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000_000;

fn learning() -> Value {
    json!({
        "mode": "apply", "state": "learning", "applies": true,
        "artifact": "f9cfff7789bd78a5b4a3", "revision": 12,
        "learnt": {
            "judgements": {"learned": 2892, "capped": 3, "late": 1, "quarantined": 40},
            "bills": 7, "read": {"news": 1},
            "models": [
                {"model": "<b>large</b>", "mean": -0.113, "error": 0.02, "effective_weight": 61.2,
                 "judgements": 1542, "cost_factor": 1.31, "widening": 0.374},
                {"model": "small", "mean": 0.004, "error": 0.03, "effective_weight": 165.0,
                 "judgements": 81, "cost_factor": 1.0, "widening": 0.0, "quota": 0.05},
            ],
            "keys": [{"key": "00ff", "lessons": 40, "set_aside": 38, "is_quarantined": true, "share": 0.2}],
        },
        "drift": {
            "requests": 2896, "state": "alarm", "has_reference": true,
            "models": [{"model": "small", "quality": "ok", "choices": "ok", "tokens": "warning", "cost": "ok"}],
            "standing": [{
                "subject": {"what": "quality", "model": "large", "group": "law"}, "state": "alarm",
                "evidence": {"sentence": "has become worse"},
            }],
        },
        "consequence": {"stop_exploring": true, "use_reference": false},
        "snapshot": {"seq": 9, "age_ms": 61_000},
        "pacing": {"settings": {"goal": {"mean_cost": 0.002}}, "lambda": 24.3, "spent_usd": 1.5,
                   "reserved_usd": 0.25, "left_usd": null, "open": 3},
    })
}

fn versions() -> Value {
    json!({
        "current": "v1",
        "versions": [{"version": "v1", "stage": "current", "share": 0.9, "changed_ms": NOW - 7_200_000}],
        "trial": {"progress": {"version": "v2"}, "verdict": "12 of 200 judgements"},
        "events": [
            {"ts_ms": NOW, "kind": "drift_consequence", "subject": null, "detail": {}},
            {"ts_ms": NOW, "kind": "advanced", "subject": "v2", "detail": {"reason": "proven better"}},
        ],
    })
}

fn taught(learning: Value, versions: Value) -> Taught {
    Taught {
        title: "Learning".into(),
        asked_ms: NOW,
        learning: serde_json::from_value::<Learning>(learning).unwrap(),
        versions: serde_json::from_value::<Versions>(versions).unwrap(),
    }
}

fn written(taught: &Taught) -> (String, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    taught.write(dir.path()).unwrap();
    let page = fs::read_to_string(dir.path().join("learning.html")).unwrap();
    let files = fs::read_dir(dir.path()).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    (page, names)
}

fn check(text: &str, says: &[&str]) {
    for words in says {
        assert!(text.contains(words), "{words:?} is missing in {text}");
    }
}

#[test]
fn the_page_tells_what_a_server_told() {
    let (page, names) = written(&taught(learning(), versions()));
    assert_eq!(
        names,
        [
            "learning.html",
            "learning.json",
            "learning.png",
            "learning.svg"
        ]
    );
    check(
        &page,
        &[
            "from 2,892 judgements",
            "large&lt;/b&gt; differs most from its predictions: −0.1130 ± 0.040.",
            "lower estimate is lowered by 0.374",
            "Alarm, quality of large in group law: has become worse.",
            "Nothing is tried out until that is over.",
            "The goal is $0.00200 a request. $1.50 was spent, $0.250 is set aside for 3 calls",
            "On trial is v2: 12 of 200 judgements",
            "2 h ago",
            "proven better",
            "set aside: it contradicts the others",
        ],
    );
    for absent in ["<b>large", "<script", "http://", "https://", "NaN"] {
        assert!(!page.contains(absent), "{absent} in the page");
    }
}

#[test]
fn the_terminal_is_told_the_same() {
    let text = taught_table(&taught(learning(), versions()));
    check(
        &text,
        &[
            "−0.1130",
            "1,542",
            "1.31",
            "5.0 %",
            "Alarm",
            "v2: 12 of 200",
        ],
    );
}

#[test]
fn a_server_that_learns_nothing_has_a_page_too() {
    let (page, names) = written(&taught(
        json!({"mode": "bypass", "state": "bypassed", "learnt": null, "drift": null}),
        json!({"current": "v1"}),
    ));
    assert_eq!(names, ["learning.html", "learning.json"]);
    check(
        &page,
        &[
            "Nothing is learnt, by the settings.",
            "Drift is not watched.",
        ],
    );
}
