//! The official packages that people already use, against the gateway, streamed and not, tools included;
//! and the gateway as the program runs it: settings that change, prices, kills.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Server, at_home, program, root, run, str, succeed, text};

/// Providers that run; they end when dropped.
struct Providers {
    child: Child,
    port: u16,
}

impl Providers {
    fn start() -> Self {
        let mut child = Command::new("python3")
            .arg(clients().join("stand_in.py"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a python3");
        let mut line = String::new();
        let said = child.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { child, port }
    }

    /// The settings of a gateway to them.
    fn settings(&self) -> String {
        let models = [
            ("chat", "openai", "plain"),
            ("messages", "anthropic", "plain"),
            ("broken", "openai", "broken"),
            ("busy", "openai", "busy"),
        ];
        let mut text =
            "[retries]\nbase_ms = 1\n[server]\nreload_ms = 20\nlog_prompts = true\n".to_owned();
        for (name, dialect, does) in models {
            let port = self.port;
            text.push_str(&format!(
                "[[models]]\nname = '{name}'\ninput_usd_per_million = 1.0\noutput_usd_per_million = 2.0\n[[models.deployments]]\ndialect = '{dialect}'\nbase_url = 'http://127.0.0.1:{port}/v1'\nmodel = '{does}-1'\n"
            ));
        }
        text
    }
}

impl Drop for Providers {
    fn drop(&mut self) {
        // Already ended is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn clients() -> PathBuf {
    root().join("tests/clients")
}

fn start(home: &Path, settings: &str) -> Server {
    let file = home.join("pointsman.toml");
    fs::write(&file, settings).unwrap();
    Server::start(&[
        "--config",
        str(&file),
        "--store",
        str(&home.join("store.db")),
    ])
}

/// Runs a script against a gateway, unless what it needs is not installed.
fn check(tool: &Path, command: &mut Command) {
    if !tool.exists() {
        let tool = tool.display();
        assert!(std::env::var_os("CI").is_none(), "{tool} is missing");
        eprintln!("skipped: {tool} is missing; tests/run installs it");
        return;
    }
    let (providers, home) = (Providers::start(), tempfile::tempdir().unwrap());
    let server = start(home.path(), &providers.settings());
    let ran = command.arg(&server.url).output().unwrap();
    let said = text(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", text(&ran.stderr));
}

#[test]
fn the_python_packages_of_openai_and_anthropic() {
    let python = root().join("target/tools/python");
    let marker = python.join("clients");
    let mut command = Command::new(python.join("bin/python"));
    check(&marker, command.arg(clients().join("check.py")));
}

#[test]
fn the_npm_packages_openai_and_ai() {
    // Packages are found beside the script.
    let installed = root().join("target/tools/clients");
    let marker = installed.join("node_modules/openai");
    let script = installed.join("check.mjs");
    if marker.exists() {
        fs::copy(clients().join("check.mjs"), &script).unwrap();
    }
    check(&marker, Command::new("node").arg(script));
}

async fn ask(url: &str, model: &str) -> (u16, Value) {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Why?"}]});
    let request = reqwest::Client::new().post(format!("{url}/v1/chat/completions"));
    let response = request.json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Asks until the cost of an answer is this.
async fn until_cost(url: &str, cost: f64) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let (_, answer) = ask(url, "chat").await;
        if answer["usage"]["cost"] == cost {
            return;
        }
        assert!(Instant::now() < end, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn settings_change_while_it_runs_and_wrong_ones_change_nothing() {
    let (providers, home) = (Providers::start(), tempfile::tempdir().unwrap());
    let settings = providers.settings();
    let server = start(home.path(), &settings);
    // 11 tokens in, 22 out.
    until_cost(&server.url, 0.000_055).await;
    let file = home.path().join("pointsman.toml");
    let dearer = settings.replace(
        "output_usd_per_million = 2.0",
        "output_usd_per_million = 20.0",
    );
    fs::write(&file, &dearer).unwrap();
    until_cost(&server.url, 0.000_451).await;
    fs::write(&file, dearer.replace("'openai'", "'nonsense'")).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (status, answer) = ask(&server.url, "chat").await;
    assert_eq!((status, &answer["usage"]["cost"]), (200, &json!(0.000_451)));
}

#[tokio::test]
async fn what_traffic_cost_survives_a_kill() {
    let (providers, home) = (Providers::start(), tempfile::tempdir().unwrap());
    let server = start(home.path(), &providers.settings());
    for _ in 0..5 {
        assert_eq!(ask(&server.url, "auto").await.0, 200);
    }
    // Outcomes are written behind the answers, within moments.
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.kill();
    let (store, out) = (
        home.path().join("store.db"),
        home.path().join("served.jsonl"),
    );
    succeed(&[
        "export",
        "--store",
        str(&store),
        "--all",
        "--out",
        str(&out),
    ]);
    let rows = fs::read_to_string(out).unwrap();
    assert_eq!(rows.matches("\"output_tokens\":22").count(), 5, "{rows}");
}

#[test]
fn a_settings_file_is_checked_as_a_whole() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("pointsman.toml");
    fs::write(&file, "[router]\npath = 'nowhere'\ndefault_model = 'tiny'\n[[models]]\nname = 'small'\n[[models.deployments]]\ndialect = 'openai'\nbase_url = 'http://example.com'\napi_key_env = 'NO_SUCH_KEY'\n").unwrap();
    let checked = run(&["check", str(&file)]);
    assert_eq!(checked.status.code(), Some(2));
    let said = text(&checked.stderr);
    for says in [
        "router.path: `nowhere`",
        "warning: router.default_model: `tiny` has no deployments; `small` answers instead",
        "called in the clear",
        "NO_SUCH_KEY",
    ] {
        assert!(said.contains(says), "{says} is not in\n{said}");
    }
}

/// Neither the router nor the default model is there; the model that is answers.
#[tokio::test]
async fn the_smallest_settings_serve() {
    let (providers, home) = (Providers::start(), tempfile::tempdir().unwrap());
    let port = providers.port;
    let settings = format!(
        "[server]\nbind = '127.0.0.1:8080'\n[router]\npath = 'models/quickstart'\ndefault_model = 'large'\n[auth]\nrequired = false\n[[models]]\nname = 'small'\ninput_usd_per_million = 0.15\noutput_usd_per_million = 0.60\ncontext_window = 128000\n[[models.deployments]]\ndialect = 'openai'\nbase_url = 'http://127.0.0.1:{port}/v1'\nmodel = 'plain-1'\napi_key_env = 'SMALL_API_KEY'\n"
    );
    let mut command = program();
    command
        .current_dir(home.path())
        .env("SMALL_API_KEY", "sk-1");
    let server = Server::start_by(
        command,
        &at_home(home.path(), &settings)
            .each_ref()
            .map(String::as_str),
    );
    let (status, answer) = ask(&server.url, "auto").await;
    assert_eq!(
        (status, &answer["object"]),
        (200, &json!("chat.completion"))
    );
}
