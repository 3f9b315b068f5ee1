//! The program under test: started as users start it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use pointsman_types::{LogRow, LogTable};

/// The built program, beside this test binary's directory.
pub(crate) fn program() -> Command {
    let tests = std::env::current_exe().expect("a running test has a path");
    let path = tests
        .ancestors()
        .nth(2)
        .map(|target| target.join("pointsman"))
        .expect("target/<profile>/deps/<test>");
    assert!(
        path.is_file(),
        "{} is missing: build it with the same profile (`just test` does)",
        path.display()
    );
    Command::new(path)
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    program().args(args).output().expect("the program starts")
}

/// Runs it and expects success; returns standard output.
pub(crate) fn succeed(args: &[&str]) -> String {
    let output = run(args);
    assert!(
        output.status.success(),
        "{args:?} failed:\n{}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn str(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A running server on a free port; killed when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    child: Child,
}

impl Server {
    /// Starts `pointsman serve` with these arguments and waits until it says where it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_by(program(), args)
    }

    /// The same by a command that runs the program in its own way.
    pub(crate) fn start_by(mut command: Command, args: &[&str]) -> Self {
        let mut child = command
            .args(["serve", "--bind", "127.0.0.1:0"])
            .args(args)
            .env("POINTSMAN_LOG", "warn")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()));
        // The rest is read and dropped, so that the server never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            url: url.expect("the server says where it listens before it ends"),
            child,
        }
    }

    /// Of a home with settings in `pointsman.toml`; the store lies there too.
    pub(crate) fn at_home(home: &Path, settings: &str) -> Self {
        Self::start(&at_home(home, settings).each_ref().map(String::as_str))
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// SIGKILL: no chance to clean up.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("a killed process ends");
    }

    /// SIGTERM; returns whether it ended well.
    pub(crate) fn terminate(self) -> bool {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .expect("kill starts")
                .success()
        );
        self.wait()
    }

    /// Waits for its end; whether it ended well.
    pub(crate) fn wait(mut self) -> bool {
        let ended = self.child.wait();
        ended.expect("a process ends").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The arguments of a server at a home, whose settings are written there.
pub(crate) fn at_home(home: &Path, settings: &str) -> [String; 4] {
    let (file, store) = (home.join("pointsman.toml"), home.join("store.db"));
    std::fs::write(&file, settings).expect("the home can be written to");
    ["--config", str(&file), "--store", str(&store)].map(ToOwned::to_owned)
}

/// The table of rows.
pub(crate) fn table(rows: impl IntoIterator<Item = LogRow>) -> LogTable {
    let mut builder = pointsman_logs::TableBuilder::new(pointsman_logs::Budget::default());
    rows.into_iter().for_each(|row| builder.push(row));
    builder.finish().expect("the rows make a table").0
}
