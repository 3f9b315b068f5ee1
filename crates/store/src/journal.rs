//! Decisions that are not in the database yet: in files beside it, and in memory.
//!
//! Every caller would otherwise wait for a transaction, two changes of thread away. Appending a line to
//! a file is one system call, and what it wrote outlives the process; the writer moves decisions into the
//! database many at a time. A line is the JSON of a row, so that a release reads what an earlier one
//! left, and whatever the end of the process cut off is no JSON.
//!
//! The files are numbered. Lines go to the newest; before the writer takes what waits it begins the next,
//! and once the rows are committed it removes the older ones. What is left of them after a crash goes
//! into the database when the store is opened, and a row that is there already changes nothing.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::insert::{DecisionRow, json};
use crate::{StoreError, database};

/// How long decisions gather before they are written together.
const GATHER: Duration = Duration::from_millis(50);
/// How long after a failure they are tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Decisions that may wait; about half a second of work at full load.
const MOST_ROWS: usize = 4096;
/// What they may take, in bytes of JSON.
const MOST_BYTES: u64 = 64 << 20;

/// The decisions that wait. Callers append, one writer takes.
pub(crate) struct Journal {
    path: Arc<Path>,
    queue: Mutex<Queue>,
    /// The first decision came since the writer took all.
    came: Notify,
}

struct Queue {
    /// Files that the database does not have yet.
    older: Vec<u64>,
    newest: Newest,
    /// Why nothing is taken.
    refusal: Option<StoreError>,
}

/// The newest file, and the rows of its lines.
struct Newest {
    number: u64,
    file: File,
    /// Bytes of whole lines.
    length: u64,
    /// A part of a line may follow them, which would hide those that come after it.
    is_torn: bool,
    rows: Vec<DecisionRow>,
}

impl Journal {
    /// Begins a new file after those that are left.
    pub(crate) fn open(path: &Arc<Path>) -> Result<Self, StoreError> {
        let older = numbers(path)?;
        let number = older.last().map_or(0, |last| last + 1);
        let queue = Queue {
            older,
            newest: Newest::begin(path, number)?,
            refusal: None,
        };
        Ok(Self {
            queue: Mutex::new(queue),
            path: Arc::clone(path),
            came: Notify::new(),
        })
    }

    /// Keeps a decision; once this returns it survives the end of the process.
    pub(crate) fn append(&self, row: DecisionRow) -> Result<(), StoreError> {
        let mut line = json(&row).into_bytes();
        line.push(b'\n');
        let mut queue = self.queue();
        if let Some(why) = &queue.refusal {
            return Err(why.clone());
        }
        let newest = &mut queue.newest;
        if newest.is_full() {
            let waiting = newest.rows.len();
            return Err(StoreError::Busy { waiting });
        }
        let appended = newest.append(row, &line);
        appended.map_err(|source| StoreError::from_io(&self.path, source))?;
        if newest.rows.len() == 1 {
            self.came.notify_one();
        }
        Ok(())
    }

    /// Decisions that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue().newest.rows.len()
    }

    /// Whether everything is in the database.
    pub(crate) fn is_empty(&self) -> bool {
        let queue = self.queue();
        queue.newest.rows.is_empty() && queue.older.is_empty()
    }

    /// Completes when decisions should be taken.
    pub(crate) async fn due(&self, has_failed: bool) {
        if has_failed {
            return sleep(RETRY).await;
        }
        self.came.notified().await;
        sleep(GATHER).await;
    }

    /// Takes what waits and begins the next file. The older ones keep it until [`Journal::forget`].
    pub(crate) fn take(&self) -> Result<Vec<DecisionRow>, StoreError> {
        let number = self.queue().newest.number;
        if self.waiting() == 0 {
            return Ok(Vec::new());
        }
        // Beside the callers: only this makes files.
        let next = Newest::begin(&self.path, number + 1)?;
        let mut queue = self.queue();
        queue.older.push(number);
        Ok(std::mem::replace(&mut queue.newest, next).rows)
    }

    /// What the older files hold.
    pub(crate) fn left(&self) -> Result<Vec<DecisionRow>, StoreError> {
        let older = self.queue().older.clone();
        rows(&self.path, &older)
    }

    /// What the older files hold is in the database: removes them, and takes decisions again where they
    /// were refused.
    pub(crate) fn forget(&self) -> Result<(), StoreError> {
        let older = self.queue().older.clone();
        for number in older {
            let file = file(&self.path, number);
            fs::remove_file(&file).map_err(|source| StoreError::open(&file, source))?;
            self.queue().older.retain(|one| *one != number);
        }
        let is_open = |why: &mut StoreError| !matches!(why, StoreError::Closed);
        self.queue().refusal.take_if(is_open);
        Ok(())
    }

    /// Takes no more decisions, for this reason.
    pub(crate) fn refuse(&self, why: StoreError) {
        self.queue().refusal.get_or_insert(why);
    }

    /// Why it takes no decisions.
    pub(crate) fn refusal(&self) -> Option<StoreError> {
        self.queue().refusal.clone()
    }

    /// Takes no more decisions, for ever.
    pub(crate) fn close(&self) {
        self.queue().refusal = Some(StoreError::Closed);
    }

    /// Removes the newest file where nothing waits.
    pub(crate) fn finish(&self) {
        let newest = &self.queue().newest;
        if newest.rows.is_empty() {
            // An empty file says nothing; the next opening removes it.
            fs::remove_file(file(&self.path, newest.number)).ok();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newest {
    fn begin(path: &Path, number: u64) -> Result<Self, StoreError> {
        let file = file(path, number);
        let opened = File::options().create(true).append(true).open(&file);
        Ok(Self {
            number,
            file: opened.map_err(|source| StoreError::from_io(path, source))?,
            length: 0,
            is_torn: false,
            rows: Vec::new(),
        })
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= MOST_ROWS || self.length > MOST_BYTES
    }

    fn append(&mut self, row: DecisionRow, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.length)?;
        }
        self.is_torn = true;
        self.file.write_all(line)?;
        self.is_torn = false;
        self.length += line.len() as u64;
        self.rows.push(row);
        Ok(())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What is not in the database of this store, for whoever reads beside its server. Read before the
/// database, it misses nothing: rows only ever move from here to there.
pub(crate) fn read(path: &Path) -> Result<Vec<DecisionRow>, StoreError> {
    rows(path, &numbers(path)?)
}

/// The rows of these files, the oldest first.
fn rows(path: &Path, numbers: &[u64]) -> Result<Vec<DecisionRow>, StoreError> {
    let mut rows = Vec::new();
    for number in numbers {
        let file = file(path, *number);
        match File::open(&file) {
            Ok(opened) => read_lines(&file, opened, &mut rows)?,
            // A server that works beside this has moved it into the database.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::open(&file, error)),
        }
    }
    Ok(rows)
}

/// Up to the first line that is not whole: nobody was told that it is kept.
fn read_lines(path: &Path, file: File, rows: &mut Vec<DecisionRow>) -> Result<(), StoreError> {
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(|source| StoreError::open(path, source))?;
        match serde_json::from_slice(&line) {
            Ok(row) => rows.push(row),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), bytes = line.len(), "a decision was cut off");
                break;
            }
        }
    }
    Ok(())
}

fn file(path: &Path, number: u64) -> PathBuf {
    database::beside(path, &format!("{ENDING}{number}"))
}

/// Not `-journal`, which is SQLite's own.
const ENDING: &str = ".decisions-";

/// The numbers of the files that there are, in order.
fn numbers(path: &Path) -> Result<Vec<u64>, StoreError> {
    let failed = |source| StoreError::open(path, source);
    let mut start = path.file_name().unwrap_or_default().to_owned();
    start.push(ENDING);
    let directory = path.parent().filter(|place| !place.as_os_str().is_empty());
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory.unwrap_or(Path::new("."))).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name
            .as_encoded_bytes()
            .strip_prefix(start.as_encoded_bytes());
        let number = name.and_then(|rest| std::str::from_utf8(rest).ok()?.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}
