//! A key that the program draws is let in by the lines that it prints, and known by guard rails.

use std::collections::BTreeMap;

use pointsman_guard::BuiltIn;
use pointsman_keys::{Config, Keys};
use serde_json::Value;

use crate::program::{run, succeed, text};

/// The key and the settings that `key new` prints.
fn new(args: &[&str]) -> (String, Config) {
    let printed = succeed(&[&["key", "new"], args].concat());
    let (key, lines) = printed.split_once("\n\n").unwrap();
    assert!(lines.starts_with("[[auth.keys]]\n"), "{lines}");
    assert!(!lines.contains(key));
    let mut settings: BTreeMap<String, Config> = toml::from_str(lines).unwrap();
    (key.to_owned(), settings.remove("auth").unwrap())
}

#[test]
fn a_new_key_may_use_everything_for_ever() {
    let (key, config) = new(&[]);
    let ring = config.check().unwrap();
    let caller = ring.caller(&key, i64::MAX).unwrap();
    assert!(ring.may_use(&caller, "any"));
}

#[test]
fn a_bounded_key_is_bounded() {
    let expires = "2027-01-31T00:00:00Z";
    let name = "the \"CI\"\nof two lines";
    let args = [
        "--name",
        name,
        "--models",
        "small,mid",
        "--expires",
        expires,
    ];
    let (key, config) = new(&args);
    let ring = config.check().unwrap();
    let caller = ring.caller(&key, 0).unwrap();
    assert_eq!(caller.entry().name.as_deref(), Some(name));
    assert!(ring.may_use(&caller, "mid") && !ring.may_use(&caller, "large"));
    assert!(ring.caller(&key, i64::MAX).is_err());
}

#[test]
fn two_keys_differ() {
    let ((one, _), (other, config)) = (new(&[]), new(&[]));
    assert_ne!(one, other);
    assert!(config.check().unwrap().caller(&one, 0).is_err());
}

#[test]
fn guard_rails_know_a_key() {
    let (key, _) = new(&[]);
    let config = pointsman_guard::Config {
        redact: [BuiltIn::Key].into(),
        ..pointsman_guard::Config::default()
    };
    let guard = config.check().unwrap();
    assert_eq!(guard.redact(&format!("with {key}?")).text, "with [KEY]?");
}

#[test]
fn json_has_the_same() {
    let printed = succeed(&["key", "new", "--name", "CI", "--json"]);
    let found: Value = serde_json::from_str(&printed).unwrap();
    let keys = vec![serde_json::from_value(found["entry"].clone()).unwrap()];
    let ring = Config { keys }.check().unwrap();
    assert!(ring.caller(found["key"].as_str().unwrap(), 0).is_ok());
}

#[test]
fn wrong_bounds_are_wrong_usage() {
    for args in [["--expires", "tomorrow"], ["--models", "small,,mid"]] {
        let output = run(&[&["key", "new"], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).contains(args[0]), "{args:?}");
    }
}
