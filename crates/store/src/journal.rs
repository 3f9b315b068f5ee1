//! Decisions that are not in the database yet: in files beside it, and in memory. What their calls took
//! waits with them, in memory alone: nobody was told that it is kept.
//!
//! Every caller would otherwise wait for a transaction, two changes of thread away. Appending to a file
//! is one system call, and what it wrote outlives the process; the writer moves decisions into the
//! database many at a time. What is appended is a frame: the length of the rest, eight bytes with the
//! lowest first, and the row in MessagePack with the names of its columns, so that a release reads what
//! an earlier one left. What the end of the process cut off is shorter than its length.
//!
//! The files are numbered. Frames go to the newest; before the writer takes what waits it begins the next,
//! and once the rows are committed it removes the older ones. What is left of them after a crash goes
//! into the database when the store is opened, and a row that is there already changes nothing.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::insert::DecisionRow;
use crate::{OutcomeRecord, StoreError, database};

/// How long decisions gather before they are written together.
const GATHER: Duration = Duration::from_millis(50);
/// How long after a failure they are tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Decisions that may wait; about half a second of work at full load.
const MOST_ROWS: usize = 4096;
/// What they may take, in bytes of frames.
const MOST_BYTES: u64 = 64 << 20;
/// So many make callers wait for the writer, this long at most.
const MANY_ROWS: usize = MOST_ROWS / 2;
const PATIENCE: Duration = Duration::from_millis(250);
/// Outcomes that may wait.
const MOST_NOTES: usize = 65_536;

/// The decisions that wait. Callers append, one writer takes.
pub(crate) struct Journal {
    path: Arc<Path>,
    queue: Mutex<Queue>,
    /// The first of them came since the writer took all.
    came: Notify,
    /// The writer took all.
    taken: Notify,
}

/// What the writer takes at a time.
pub(crate) struct Taken {
    pub(crate) rows: Vec<DecisionRow>,
    pub(crate) notes: Vec<OutcomeRecord>,
}

struct Queue {
    /// Files that the database does not have yet.
    older: Vec<u64>,
    newest: Newest,
    /// What calls took.
    notes: Vec<OutcomeRecord>,
    /// Why nothing is taken.
    refusal: Option<StoreError>,
}

/// The newest file, and the rows of its frames.
struct Newest {
    number: u64,
    file: File,
    /// Bytes of whole frames.
    length: u64,
    /// A part of a frame may follow them, which would hide those that come after it.
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
            notes: Vec::new(),
            refusal: None,
        };
        Ok(Self {
            queue: Mutex::new(queue),
            path: Arc::clone(path),
            came: Notify::new(),
            taken: Notify::new(),
        })
    }

    /// Keeps a decision; once this returns it survives the end of the process.
    pub(crate) fn append(&self, row: DecisionRow) -> Result<(), StoreError> {
        let frame = framed(&row);
        let mut queue = self.queue();
        queue.admit(queue.newest.is_full())?;
        let appended = queue.newest.append(row, &frame);
        appended.map_err(|source| StoreError::from_io(&self.path, source))?;
        self.wake_writer(&queue);
        Ok(())
    }

    /// Holds what the call of a decision took until the writer takes it.
    pub(crate) fn note(&self, outcome: OutcomeRecord) -> Result<(), StoreError> {
        let mut queue = self.queue();
        queue.admit(queue.notes.len() >= MOST_NOTES)?;
        queue.notes.push(outcome);
        self.wake_writer(&queue);
        Ok(())
    }

    /// Once for all that it will take: nothing waited before this came.
    fn wake_writer(&self, queue: &Queue) {
        if queue.waiting() == 1 {
            self.came.notify_one();
        }
    }

    /// Completes at once where few decisions wait or none is taken, else when the writer took them, or
    /// after a while.
    pub(crate) async fn room(&self) {
        let taken = self.taken.notified();
        if self.queue().is_crowded() {
            // Whoever waited in vain finds out by what becomes of the decision.
            timeout(PATIENCE, taken).await.ok();
        }
    }

    /// Decisions and outcomes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue().waiting()
    }

    /// Whether everything is in the database.
    pub(crate) fn is_empty(&self) -> bool {
        let queue = self.queue();
        queue.waiting() == 0 && queue.older.is_empty()
    }

    /// Completes when what waits should be taken.
    pub(crate) async fn due(&self, has_failed: bool) {
        if has_failed {
            return sleep(RETRY).await;
        }
        self.came.notified().await;
        sleep(GATHER).await;
    }

    /// Takes what waits. Where there are decisions the next file begins; the older ones keep them until
    /// [`Journal::forget`].
    pub(crate) fn take(&self) -> Result<Taken, StoreError> {
        let mut queue = self.queue();
        let mut rows = Vec::new();
        if !queue.newest.rows.is_empty() {
            let number = queue.newest.number;
            drop(queue);
            // Beside the callers: only this makes files.
            let next = Newest::begin(&self.path, number + 1)?;
            queue = self.queue();
            queue.older.push(number);
            rows = std::mem::replace(&mut queue.newest, next).rows;
        }
        let notes = std::mem::take(&mut queue.notes);
        drop(queue);
        self.taken.notify_waiters();
        Ok(Taken { rows, notes })
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

impl Queue {
    fn admit(&self, is_full: bool) -> Result<(), StoreError> {
        match &self.refusal {
            Some(why) => Err(why.clone()),
            None if is_full => Err(StoreError::Busy {
                waiting: self.waiting(),
            }),
            None => Ok(()),
        }
    }

    fn is_crowded(&self) -> bool {
        self.refusal.is_none() && self.newest.rows.len() >= MANY_ROWS
    }

    fn waiting(&self) -> usize {
        self.newest.rows.len() + self.notes.len()
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

    fn append(&mut self, row: DecisionRow, frame: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.length)?;
        }
        self.is_torn = true;
        self.file.write_all(frame)?;
        self.is_torn = false;
        self.length += frame.len() as u64;
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
        match fs::read(&file) {
            Ok(frames) => read_frames(&file, &frames, &mut rows),
            // A server that works beside this has moved it into the database.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::open(&file, error)),
        }
    }
    Ok(rows)
}

/// Up to the first frame that is not whole: nobody was told that it is kept.
fn read_frames(path: &Path, mut frames: &[u8], rows: &mut Vec<DecisionRow>) {
    while !frames.is_empty() {
        let Some((row, rest)) = first(frames) else {
            let (path, bytes) = (path.display(), frames.len());
            tracing::warn!(%path, bytes, "a decision was cut off");
            return;
        };
        rows.push(row);
        frames = rest;
    }
}

/// The row of the first frame, and the others.
fn first(frames: &[u8]) -> Option<(DecisionRow, &[u8])> {
    let (length, rest) = frames.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (row, others) = rest.split_at_checked(length)?;
    Some((rmp_serde::from_slice(row).ok()?, others))
}

fn framed(row: &DecisionRow) -> Vec<u8> {
    const LENGTH: usize = size_of::<u64>();
    let mut frame = Vec::with_capacity(LENGTH + row.room());
    frame.extend([0; LENGTH]);
    rmp_serde::encode::write_named(&mut frame, row)
        .expect("a row is a struct of plain values and writing to memory does not fail");
    let length = (frame.len() - LENGTH) as u64;
    frame[..LENGTH].copy_from_slice(&length.to_le_bytes());
    frame
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
