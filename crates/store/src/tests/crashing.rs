//! A process that is killed in the middle of transitions leaves the old state or the new one.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Child;

use pointsman_types::Stage;

use super::child;
use super::versions::{change, store_with_two, transition};
use crate::Store;

/// Names the store to the child, which is this test program again.
const PLACE: &str = "POINTSMAN_STORE_TO_SWAP_IN";

/// Lets `a` and `b` take turns at being current, and says so each time.
#[tokio::test]
#[ignore = "the process that `a_kill_leaves_the_old_state_or_the_new_one` kills"]
async fn swap_until_killed() {
    let Ok(path) = std::env::var(PLACE) else {
        return;
    };
    let store = Store::open(path).await.unwrap();
    let (mut current, mut other) = ("a", "b");
    loop {
        swap(&store, current, other).await;
        (current, other) = (other, current);
        let mut out = std::io::stdout();
        writeln!(out, "now {current}").unwrap();
        out.flush().unwrap();
    }
}

async fn swap(store: &Store, current: &str, other: &str) {
    let changes = vec![
        change(other, Stage::Previous, Stage::Current),
        change(current, Stage::Current, Stage::Previous),
    ];
    store.transition(transition(changes)).await.unwrap();
}

fn spawn(path: &Path) -> Child {
    child("tests::crashing::swap_until_killed", PLACE, path)
}

/// Kills the child once it has said so many times what it did; the last it said is returned.
fn kill_after(mut child: Child, acknowledged: usize) -> (usize, String) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = lines
        .map_while(Result::ok)
        .filter_map(|line| Some(line.split_once("now ")?.1.to_owned()));
    let first: Vec<String> = said.by_ref().take(acknowledged).collect();
    child.kill().unwrap();
    // What it said between the last line read and the kill counts too.
    let rest: Vec<String> = said.collect();
    child.wait().unwrap();
    let last = rest.last().or(first.last()).expect("it was heard").clone();
    (first.len() + rest.len(), last)
}

#[tokio::test]
async fn a_kill_leaves_the_old_state_or_the_new_one() {
    let (directory, store) = store_with_two().await;
    let to_previous = vec![change("b", Stage::Canary, Stage::Previous)];
    store.transition(transition(to_previous)).await.unwrap();
    store.close().await;
    let path = directory.path().join("store.db");
    let mut told = 1;
    for acknowledged in [2, 3, 5, 8, 13] {
        let reopened = Store::open(&path).await.unwrap();
        let versions = reopened.versions().await.unwrap();
        if versions[0].stage != Stage::Current {
            swap(&reopened, "b", "a").await;
            told += 1;
        }
        reopened.close().await;

        let (count, last) = kill_after(spawn(&path), acknowledged);
        assert!(
            count >= acknowledged,
            "the child ended by itself after {count}"
        );
        let store = Store::open(&path).await.unwrap();
        let events = store.events(0, u32::MAX).await.unwrap().len();
        let unheard = events.checked_sub(told + count);
        let unheard = unheard.expect("no transition that was acknowledged is lost");
        assert!(
            unheard <= 1,
            "{unheard} transitions that nobody was told of"
        );
        let versions = store.versions().await.unwrap();
        let current: Vec<&str> = versions
            .iter()
            .filter(|version| version.stage == Stage::Current)
            .map(|version| version.id.as_str())
            .collect();
        // One that was committed but not yet acknowledged may have followed.
        let expected = if unheard == 1 { other(&last) } else { &last };
        assert_eq!(current, [expected], "after {last}");
        assert_eq!(versions.len(), 2);
        told = events;
        store.close().await;
    }
}

fn other(id: &str) -> &'static str {
    match id {
        "a" => "b",
        _ => "a",
    }
}
