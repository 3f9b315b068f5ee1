//! The gateway under faults of the machine below it, and while it is changed or ended under load: no
//! answer is wrong, nothing acknowledged is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pointsman_router::Router;
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{Options, train};
use pointsman_types::Request;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::program::{Server, at_home, program, str, succeed, table};
use crate::provider::{Provider, Say};

const PATIENCE: Duration = Duration::from_secs(60);

async fn post(client: &Client, url: String, body: Value) -> Response {
    client.post(url).json(&body).send().await.unwrap()
}

fn asking(model: &str, prompt: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": prompt}]})
}

async fn chat(client: &Client, server: &Server, body: Value) -> Response {
    post(client, server.path("/v1/chat/completions"), body).await
}

fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(format!("x-pointsman-{name}"))?;
    Some(value.to_str().unwrap().to_owned())
}

/// The rows that the store of a server has that runs no more.
fn rows(store: &Path) -> Vec<Value> {
    let out = store.with_extension("jsonl");
    // With room of its own: the disk of the store may be full.
    let aside = tempfile::tempdir().unwrap();
    let out = aside.path().join(out.file_name().unwrap());
    let (store, to) = (str(store), str(&out));
    succeed(&["export", "--store", store, "--all", "--out", to]);
    let text = fs::read_to_string(out).unwrap();
    text.lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
}

/// A file system of a few megabytes, in memory. `None` where this process may not mount one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(bytes: &str) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={bytes}"),
            "tmpfs",
            str(place.path()),
        ]);
        let is_mounted = mount.output().is_ok_and(|done| done.status.success());
        is_mounted.then_some(Self(place))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Leaves no byte.
    fn fill(&self) {
        use std::io::Write;
        let mut filler = fs::File::create(self.path("filler")).unwrap();
        let mut size = 1 << 16;
        while size > 0 {
            if filler.write_all(&vec![b'x'; size]).is_err() {
                size /= 2;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let place = str(self.0.path()).to_owned();
        drop(Command::new("umount").args(["-l", &place]).status());
    }
}

/// Asks once; the id of the decision, where it was kept.
async fn recorded(client: &Client, server: &Server) -> Option<String> {
    let response = chat(client, server, asking("small", "Why?")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let id = header(&response, "decision-id");
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "Since it is.");
    id
}

/// Whether feedback on a decision was acknowledged; if not, for a reason that is said.
async fn judged(client: &Client, server: &Server, id: &str) -> bool {
    let body = json!({"decision_id": id, "value": 0.25});
    let response = post(client, server.path("/v1/feedback"), body).await;
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    assert!(
        status.is_success() || answer["error"]["code"] == "store_full",
        "{answer}"
    );
    status.is_success()
}

#[tokio::test]
async fn a_disk_that_is_full_loses_nothing_that_was_acknowledged() {
    let Some(disk) = Disk::new("3m") else {
        eprintln!("skipped: this process may not mount a file system; run it as root");
        return;
    };
    let provider = Provider::new(|_| Say::at_once("Since it is.")).await;
    let (home, client) = (tempfile::tempdir().unwrap(), Client::new());
    let settings = format!(
        "[server]\nlog_prompts = true\n{}",
        provider.models(&["small"])
    );
    let [config, file, store_flag, _] = at_home(home.path(), &settings);
    let store = disk.path("store.db");
    let server = Server::start(&[&config, &file, &store_flag, str(&store)]);
    let (mut known, mut taught) = (Vec::new(), BTreeSet::new());
    for _ in 0..20 {
        known.push(recorded(&client, &server).await.expect("there is room"));
    }
    disk.fill();
    // What the files had room for is used up first.
    let mut unknown = 0;
    for _ in 0..5000 {
        match recorded(&client, &server).await {
            Some(id) => known.push(id),
            None => unknown += 1,
        }
        if unknown == 10 {
            break;
        }
    }
    assert_eq!(unknown, 10, "the disk is full");
    for id in &known[..10] {
        if judged(&client, &server, id).await {
            taught.insert(id.clone());
        }
    }
    let routed = post(&client, server.path("/v1/route"), json!({"prompt": "Why?"})).await;
    let (status, error) = (routed.status(), routed.json::<Value>().await.unwrap());
    assert_eq!(error["error"]["code"], "store_full", "{status}: {error}");
    assert!(status.is_server_error());
    disk.make_room();
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(id) = recorded(&client, &server).await {
            break known.push(id);
        }
        assert!(Instant::now() < end, "room was made and nothing is kept");
    }
    for id in &known[10..20] {
        assert!(judged(&client, &server, id).await, "there is room again");
        taught.insert(id.clone());
    }
    server.kill();
    let rows = rows(&store);
    let kept: BTreeMap<&str, &Value> = rows
        .iter()
        .map(|row| (row["decision_id"].as_str().unwrap(), &row["score"]))
        .collect();
    for id in &known {
        let score = kept
            .get(id.as_str())
            .unwrap_or_else(|| panic!("{id} is lost"));
        assert_eq!(**score == json!(0.25), taught.contains(id), "{id}: {score}");
    }
}

/// Where the library is that shows a program another time than the system's.
fn faketime() -> Option<PathBuf> {
    let places = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib",
    ];
    let found = places.map(|place| Path::new(place).join("faketime/libfaketimeMT.so.1"));
    found.into_iter().find(|library| library.exists())
}

/// A server whose clock a test sets.
struct Clocked {
    server: Server,
    time: PathBuf,
}

impl Clocked {
    fn start(library: &Path, home: &Path, settings: &str) -> Self {
        let time = home.join("time");
        fs::write(&time, "+0").unwrap();
        let mut command = program();
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &time)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let args = at_home(home, settings);
        let args = args.each_ref().map(String::as_str);
        let server = Server::start_by(command, &args);
        Self { server, time }
    }

    /// Moves it so far from the real time.
    fn set(&self, offset: &str) {
        let aside = self.time.with_extension("aside");
        fs::write(&aside, offset).unwrap();
        fs::rename(aside, &self.time).unwrap();
    }
}

/// The time in a decision's id, in days since 1970.
fn day(response: &Response) -> i64 {
    let id = header(response, "decision-id").unwrap().replace('-', "");
    i64::from_str_radix(&id[..12], 16).unwrap() / 86_400_000
}

#[tokio::test]
async fn a_clock_that_is_set_changes_no_limit_of_time() {
    let Some(library) = faketime() else {
        assert!(std::env::var_os("CI").is_none(), "libfaketime is missing");
        eprintln!("skipped: libfaketime is missing; tests/run installs it");
        return;
    };
    let slowly = |asked: &Value| Say {
        after: Duration::from_millis(match asked.to_string().contains("slowly") {
            true => 600,
            false => 0,
        }),
        ..Say::at_once("Since it is.")
    };
    let (provider, home) = (Provider::new(slowly).await, tempfile::tempdir().unwrap());
    let router = home.path().join("router");
    let simulation = save_router(&router, 61);
    let gone = "[[models]]\nname = 'gone'\n[[models.deployments]]\ndialect = 'openai'\n\
        base_url = 'http://127.0.0.1:9/v1'\nbreaker = { consecutive = 1, open_ms = 60000 }\n";
    let settings = format!(
        "[router]\npath = '{}'\n[cache]\nttl_s = 60\n[retries]\nretries = 0\n\
         [learning]\nlease_ms = 1000\nsnapshot_ms = 100\n{gone}{}",
        router.display(),
        provider.catalog(&simulation.catalog),
    );
    let clocked = Clocked::start(&library, home.path(), &settings);
    let (server, client) = (&clocked.server, Client::new());
    let first = chat(&client, server, asking("auto", "Why?")).await;
    let today = day(&first);
    assert_eq!(header(&first, "cache").as_deref(), Some("miss"));
    let fallen = chat(&client, server, asking("gone", "Why?")).await.status();
    assert_eq!(fallen, StatusCode::BAD_GATEWAY);
    for (number, offset) in ["+1d", "-1d", "+0"].into_iter().enumerate() {
        let body = asking("auto", &format!("Slowly, slowly: why? {number}"));
        let under_way = chat(&client, server, body.clone());
        let jump = async {
            sleep(Duration::from_millis(200)).await;
            clocked.set(offset);
        };
        let (answered, ()) = tokio::join!(under_way, jump);
        assert_eq!(
            answered.status(),
            StatusCode::OK,
            "it was under way at {offset}"
        );
        let fresh = chat(&client, server, asking("auto", &format!("{number}"))).await;
        // Ids never go back, whatever the clock does.
        assert!(day(&fresh) > today, "the clock was set");
        let again = chat(&client, server, asking("auto", "Why?")).await;
        assert_eq!(
            header(&again, "cache").as_deref(),
            Some("hit"),
            "at {offset}"
        );
        let resting = chat(&client, server, asking("gone", "Why?")).await.status();
        assert_eq!(resting, StatusCode::SERVICE_UNAVAILABLE, "at {offset}");
        let id = header(&fresh, "decision-id").unwrap();
        assert!(judged(&client, server, &id).await);
        until_learnt(&client, server, number as u64 + 1).await;
    }
}

/// Until so many judgements are learnt from, and in a snapshot.
async fn until_learnt(client: &Client, server: &Server, judgements: u64) {
    let end = Instant::now() + Duration::from_secs(15);
    loop {
        let got = client
            .get(server.path("/v1/learning"))
            .send()
            .await
            .unwrap();
        let told: Value = got.json().await.unwrap();
        let cursor = told["snapshot"]["cursor"].as_u64().unwrap_or(0);
        if cursor >= judgements && told["state"] == "learning" {
            return;
        }
        assert!(Instant::now() < end, "{judgements} are not learnt: {told}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn simulation(seed: u64) -> Simulation {
    simulate(&Settings {
        prompts: 300,
        seed,
        ..Settings::default()
    })
}

fn save_router(directory: &Path, seed: u64) -> Simulation {
    let simulation = simulation(seed);
    let (rows, catalog) = (simulation.rows.clone(), simulation.catalog.clone());
    let trained = train(table(rows), catalog, &Options::default(), |_| {}).unwrap();
    trained.artifact.save(directory).unwrap();
    simulation
}

/// Who is chosen for each prompt, by version.
type Choices = BTreeMap<String, BTreeMap<String, String>>;

fn choices(routers: &[PathBuf], prompts: &[String]) -> Choices {
    let of = |directory: &PathBuf| {
        let router = Router::open(directory).unwrap();
        let choice = |prompt: &String| {
            let request = Request::new(prompt.as_str().into());
            let decision = router.decide(&request).unwrap();
            (prompt.clone(), decision.model.to_string())
        };
        let version = router.policy_version().to_owned();
        (version, prompts.iter().map(choice).collect())
    };
    routers.iter().map(of).collect()
}

/// Asks one prompt after the other until told to stop; every version that answered. Each choice must
/// be that of the version that it names.
async fn asking_until(
    stop: &AtomicBool,
    server: &Server,
    prompts: &[String],
    choices: &Choices,
    seen: &std::sync::Mutex<BTreeMap<String, usize>>,
) {
    let client = Client::new();
    for prompt in prompts.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let response = chat(&client, server, asking("auto", prompt)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let version = header(&response, "policy-version").unwrap();
        let choice = &choices
            .get(&version)
            .unwrap_or_else(|| panic!("who is {version}?"))[prompt];
        assert_eq!(
            header(&response, "model").as_ref(),
            Some(choice),
            "by {version}"
        );
        *seen.lock().unwrap().entry(version).or_default() += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_replaced_under_load_fails_no_request_and_mixes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let versions: Vec<PathBuf> = (0..3)
        .map(|number| home.path().join(format!("v{number}")))
        .collect();
    for (number, version) in versions.iter().enumerate() {
        save_router(version, 71 + number as u64);
    }
    let simulation = simulation(74);
    let prompts: Vec<String> = simulation.prompts[..40]
        .iter()
        .map(|prompt| prompt.text.text().to_owned())
        .collect();
    let choices = choices(&versions, &prompts);
    assert_eq!(choices.len(), 3);
    let differ = |prompt: &&String| {
        let chosen: BTreeSet<&String> = choices.values().map(|one| &one[*prompt]).collect();
        chosen.len() > 1
    };
    assert!(
        prompts.iter().any(|prompt| differ(&prompt)),
        "a mixture would show"
    );
    let slowly = |_: &Value| Say {
        after: Duration::from_millis(20),
        ..Say::at_once("Since it is.")
    };
    let provider = Provider::new(slowly).await;
    let live = home.path().join("live");
    put(&versions[0], &live);
    let settings = format!(
        "[server]\nreload_ms = 10\nlog_prompts = true\n[learning]\nmode = 'bypass'\n[router]\npath = '{}'\n{}",
        live.display(),
        provider.catalog(&simulation.catalog)
    );
    let server = Server::at_home(home.path(), &settings);
    let (stop, seen) = (AtomicBool::new(false), std::sync::Mutex::default());
    let load = join_all((0..200).map(|_| asking_until(&stop, &server, &prompts, &choices, &seen)));
    let replacing = async {
        for number in 1..7 {
            let next = &versions[number % 3];
            put(next, &live);
            let version = Router::open(next).unwrap().policy_version().to_owned();
            let since = seen.lock().unwrap().get(&version).copied().unwrap_or(0);
            let end = Instant::now() + PATIENCE;
            while seen.lock().unwrap().get(&version).copied().unwrap_or(0) < since + 200 {
                assert!(Instant::now() < end, "{version} was not taken up");
                sleep(Duration::from_millis(10)).await;
            }
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load, replacing);
    let asked: usize = seen.lock().unwrap().values().sum();
    assert!(asked >= 1200, "{asked}");
    assert!(server.terminate());
    let rows = rows(&home.path().join("store.db"));
    assert_eq!(rows.len(), asked, "every answer has its decision");
}

/// Puts a router where the server looks, in one step.
fn put(router: &Path, live: &Path) {
    let (artifact, _) = pointsman_router::Artifact::open(router).unwrap();
    artifact.save(live).unwrap();
}

/// Streams under way at a server: the text that each caller read.
async fn streamed(client: &Client, server: &Server, begun: &tokio::sync::Semaphore) -> String {
    let mut body = asking("small", "Why?");
    body["stream"] = json!(true);
    let mut response = chat(client, server, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut text = String::new();
    begun.add_permits(1);
    while let Ok(Some(chunk)) = response.chunk().await {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    text
}

const WORDS: &str = "one two three four five six seven eight nine ten";

/// Ends a server by SIGTERM while sixty callers read streams of so many milliseconds a word; what they
/// read, and how long the end took.
async fn ended(home: &Path, word_ms: u64, drain_ms: u64) -> (Vec<String>, Duration) {
    let slowly = move |_: &Value| Say {
        after: Duration::from_millis(word_ms),
        ..Say::at_once(WORDS)
    };
    let provider = Provider::new(slowly).await;
    let models = provider.models(&["small"]);
    let settings = format!("[server]\nlog_prompts = true\ndrain_ms = {drain_ms}\n{models}");
    let server = std::sync::Arc::new(Server::at_home(home, &settings));
    let begun = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let streams: Vec<_> = (0..60)
        .map(|_| {
            let (server, begun) = (server.clone(), begun.clone());
            tokio::spawn(async move { streamed(&Client::new(), &server, &begun).await })
        })
        .collect();
    drop(begun.acquire_many(60).await.unwrap());
    let (address, since) = (server.url.clone(), Instant::now());
    let pid = server.pid().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let closed = async {
        while Client::new()
            .get(format!("{address}/healthz"))
            .send()
            .await
            .is_ok()
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed)
        .await
        .expect("nobody new is let in");
    let read = join_all(streams)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let server = std::sync::Arc::into_inner(server).expect("all streams are over");
    let is_well = tokio::task::spawn_blocking(move || server.wait())
        .await
        .unwrap();
    assert!(is_well, "it ends in order");
    (read, since.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_breaks_no_stream() {
    let home = tempfile::tempdir().unwrap();
    let (read, _) = ended(home.path(), 60, 10_000).await;
    for text in &read {
        assert!(WORDS.split(' ').all(|word| text.contains(word)), "{text}");
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    }
    let rows = rows(&home.path().join("store.db"));
    assert_eq!(rows.len(), 60);
    assert!(
        rows.iter().all(|row| row["output_tokens"] == 22),
        "what they took is kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_streams_beyond_the_deadline_is_cut_off_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let (read, took) = ended(home.path(), 2000, 300).await;
    assert!(
        read.iter()
            .all(|text| text.contains("one") && !text.contains("[DONE]"))
    );
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_eq!(rows(&home.path().join("store.db")).len(), 60);
}
