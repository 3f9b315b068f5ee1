//! A new router takes over without a lost request; a broken one does not.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use super::{FirstAllowed, Running, config, start_with};
use crate::{Live, ServeError};

const PATIENCE: Duration = Duration::from_secs(20);

/// The manifest is the version; one that starts with `broken` cannot be loaded.
fn load(directory: &Path) -> io::Result<FirstAllowed> {
    let version = fs::read_to_string(directory.join("manifest.json"))?;
    match version.starts_with("broken") {
        true => Err(io::Error::other("a file of the artifact is missing")),
        false => Ok(FirstAllowed::new(&version)),
    }
}

/// Written aside and renamed, as training does it.
fn write(artifact: &TempDir, version: &str) {
    let aside = tempfile::tempdir()
        .unwrap()
        .path()
        .with_extension("manifest");
    fs::write(&aside, version).unwrap();
    fs::rename(aside, artifact.path().join("manifest.json")).unwrap();
}

async fn start_from(artifact: &TempDir) -> Running {
    start_with(config(), Live::open(artifact.path(), load).unwrap()).await
}

async fn version(running: &Running) -> String {
    let (status, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert!(status.is_success(), "{answer}");
    answer["policy_version"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_router_takes_over_and_no_request_is_lost() {
    let artifact = tempfile::tempdir().unwrap();
    write(&artifact, "v1");
    let running = start_from(&artifact).await;
    assert_eq!(version(&running).await, "v1");
    write(&artifact, "v2");
    // Every request on the way is checked for success.
    let taken_over = async { while version(&running).await != "v2" {} };
    timeout(PATIENCE, taken_over).await.unwrap();
    let page = running.metrics().await;
    assert!(
        page.contains(r#"pointsman_router_reloads_total{result="loaded"}"#),
        "{page}"
    );
}

#[tokio::test]
async fn a_broken_router_is_refused_once_and_the_old_one_stays() {
    let artifact = tempfile::tempdir().unwrap();
    write(&artifact, "v1");
    let running = start_from(&artifact).await;
    write(&artifact, "broken");
    let refused = async {
        let line = r#"pointsman_router_reloads_total{result="refused"} 1"#;
        while !running.metrics().await.contains(line) {}
    };
    timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(version(&running).await, "v1");
    // The next good one is taken, and the broken one was not tried again meanwhile.
    write(&artifact, "v3");
    timeout(PATIENCE, async { while version(&running).await != "v3" {} })
        .await
        .unwrap();
    let page = running.metrics().await;
    assert!(page.contains(r#"result="refused"} 1"#), "{page}");
}

#[tokio::test]
async fn a_directory_that_is_gone_for_a_moment_changes_nothing() {
    let artifact = tempfile::tempdir().unwrap();
    write(&artifact, "v1");
    let running = start_from(&artifact).await;
    fs::remove_file(artifact.path().join("manifest.json")).unwrap();
    for _ in 0..20 {
        assert_eq!(version(&running).await, "v1");
    }
    write(&artifact, "v2");
    timeout(PATIENCE, async { while version(&running).await != "v2" {} })
        .await
        .unwrap();
    assert!(!running.metrics().await.contains(r#"result="refused""#));
}

#[test]
fn the_first_router_must_load() {
    let artifact = tempfile::tempdir().unwrap();
    write(&artifact, "broken");
    let Err(error) = Live::open(artifact.path(), load) else {
        panic!("a broken router was taken");
    };
    assert!(matches!(error, ServeError::Router { .. }), "{error}");
    let place = artifact.path().display().to_string();
    assert!(error.to_string().contains(&place), "{error}");
}
