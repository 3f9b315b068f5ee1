//! Who may know whom. The rooms and their levels stand in ARCHITECTURE.md; this holds them to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::program::root;

/// The rooms by level: a room knows only rooms of lower levels.
const LEVELS: [&[&str]; 7] = [
    &["types"],
    &[
        "features", "encoders", "policy", "measures", "wire", "keys", "guard",
    ],
    &["models", "logs", "store"],
    &["router"],
    &["simulate", "train", "evaluate", "learn", "relay"],
    &["serve", "replay"],
    &["cli"],
];

/// The first level of verbs.
const VERBS: usize = 4;

/// Heavy packages, and the only rooms that may know them.
const HEAVY: [(&str, &[&str]); 6] = [
    ("polars", &["logs"]),
    ("candle-core", &["encoders", "models", "train", "learn"]),
    ("axum", &["serve"]),
    ("sqlx", &["store"]),
    ("anyhow", &["cli"]),
    ("clap", &["cli"]),
];

/// The dependencies of each room, those for tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let rooms = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    rooms
        .map(|room| {
            let manifest: toml::Table = fs::read_to_string(room.join("Cargo.toml"))
                .unwrap()
                .parse()
                .unwrap();
            let names = manifest
                .get("dependencies")
                .and_then(toml::Value::as_table)
                .into_iter()
                .flatten();
            (
                room.file_name().unwrap().to_str().unwrap().to_owned(),
                names.map(|(name, _)| name.clone()).collect(),
            )
        })
        .collect()
}

fn level(room: &str) -> usize {
    let level = LEVELS.iter().position(|rooms| rooms.contains(&room));
    level.unwrap_or_else(|| {
        panic!("room {room} has no level; give it one here and in ARCHITECTURE.md")
    })
}

#[test]
fn rooms_know_only_lower_rooms() {
    for (room, known) in dependencies() {
        for other in known
            .iter()
            .filter_map(|name| name.strip_prefix("pointsman-"))
        {
            assert!(
                level(other) < level(&room),
                "{room} (level {}) knows {other} (level {})",
                level(&room),
                level(other)
            );
        }
    }
}

#[test]
fn nouns_do_not_know_verbs() {
    for (room, known) in dependencies()
        .into_iter()
        .filter(|(room, _)| level(room) < VERBS)
    {
        for other in known
            .iter()
            .filter_map(|name| name.strip_prefix("pointsman-"))
        {
            assert!(
                level(other) < VERBS,
                "the noun {room} knows the verb {other}"
            );
        }
    }
}

#[test]
fn heavy_packages_stay_in_their_rooms() {
    for (room, known) in dependencies() {
        for (package, rooms) in HEAVY {
            assert!(
                !known.contains(package) || rooms.contains(&room.as_str()),
                "{room} knows {package}"
            );
        }
    }
}

#[test]
fn package_names_follow_directories() {
    for room in dependencies().keys() {
        let manifest =
            fs::read_to_string(root().join("crates").join(room).join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains(&format!("name = \"pointsman-{room}\"")),
            "{room}"
        );
    }
}

#[test]
fn every_room_stands_in_the_architecture() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for room in dependencies().keys() {
        assert!(
            text.contains(&format!("| {room} |")),
            "ARCHITECTURE.md has no row for {room}"
        );
    }
}
