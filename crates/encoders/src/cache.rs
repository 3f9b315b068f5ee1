//! Vectors on disk, so that a text is encoded once and not for every training run.
//!
//! One file for each encoder, named after its fingerprint: a line that says what it is, then
//! records of one size: the hash of a text (XXH3, 128 bits), its vector, a checksum. Records are
//! only ever appended. A record that was not finished when its writer died fails its checksum and
//! is dropped when the file is opened next. Vectors stay on disk; what is kept in memory is where
//! they are, some 40 bytes a text.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use pointsman_types::Grid;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::directory::at;
use crate::tensors::each;
use crate::{Encoder, EncoderError};

/// So many texts are encoded before their vectors are written.
const CHUNK: usize = 256;

const KEY: usize = size_of::<u128>();
const CHECKSUM: usize = size_of::<u64>();

/// The vectors of one encoder, in a file that no other process has open.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    file: File,
    fingerprint: String,
    dimensions: usize,
    /// The number of the record of each text.
    records: HashMap<u128, u64>,
}

impl Drop for Cache {
    /// Gives the lock back at once; a program that is just being started holds a copy of the file,
    /// and with it the lock.
    fn drop(&mut self) {
        // What cannot be given back goes with the file.
        self.file.unlock().ok();
    }
}

impl Cache {
    /// Opens the vectors of this encoder in a directory, which is made if need be.
    ///
    /// # Errors
    /// When another process has them open, when the file is something else, or the disk fails.
    pub fn open(dir: &Path, encoder: &Encoder) -> Result<Self, EncoderError> {
        let fingerprint = encoder.fingerprint().to_owned();
        let path = dir.join(format!("{}.vectors", &fingerprint[..16]));
        let file = create(&path).map_err(|source| at(&path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(EncoderError::CacheInUse { file: path }),
            Err(TryLockError::Error(source)) => return Err(at(&path, source)),
        }
        let mut cache = Self {
            path,
            file,
            fingerprint,
            dimensions: encoder.dimensions(),
            records: HashMap::new(),
        };
        match cache.recover() {
            Ok(true) => Ok(cache),
            Ok(false) => Err(cache.foreign()),
            Err(source) => Err(at(&cache.path, source)),
        }
    }

    /// How many vectors are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What [`Encoder::encode`] gives; only texts that are new are encoded, and kept.
    ///
    /// # Errors
    /// When `encoder` is not the one that the cache was opened for, when encoding fails, or the
    /// disk does.
    pub fn encode(&mut self, encoder: &Encoder, texts: &[&str]) -> Result<Grid<f32>, EncoderError> {
        if encoder.fingerprint() != self.fingerprint {
            return Err(self.foreign());
        }
        let keys: Vec<u128> = texts.iter().map(|text| xxh3_128(text.as_bytes())).collect();
        let mut met = HashSet::new();
        let new = keys.iter().zip(texts);
        let new: Vec<_> = new
            .filter(|(key, _)| !self.records.contains_key(key) && met.insert(**key))
            .collect();
        for chunk in new.chunks(CHUNK) {
            let texts: Vec<&str> = chunk.iter().map(|(_, text)| **text).collect();
            let vectors = encoder.encode(&texts)?;
            self.append(chunk.iter().map(|(key, _)| **key), &vectors)
                .map_err(|source| at(&self.path, source))?;
        }
        self.read(&keys).map_err(|source| at(&self.path, source))
    }

    fn foreign(&self) -> EncoderError {
        EncoderError::CacheForeign {
            file: self.path.clone(),
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// The first line of the file.
    fn header(&self) -> String {
        let Self {
            fingerprint,
            dimensions,
            ..
        } = self;
        format!("pointsman vectors 1 {fingerprint} {dimensions}\n")
    }

    fn record_len(&self) -> usize {
        KEY + self.dimensions * size_of::<f32>() + CHECKSUM
    }

    /// Where a record begins.
    fn offset(&self, record: u64) -> u64 {
        self.header().len() as u64 + record * self.record_len() as u64
    }

    /// Reads which records there are and cuts off what is unfinished; false where the file is not
    /// of this encoder.
    fn recover(&mut self) -> io::Result<bool> {
        let header = self.header();
        let mut reader = BufReader::new(&self.file);
        let mut found = Vec::new();
        (&mut reader)
            .take(header.len() as u64)
            .read_to_end(&mut found)?;
        if !header.as_bytes().starts_with(&found) {
            return Ok(false);
        }
        if found.len() < header.len() {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(header.as_bytes())?;
            return Ok(true);
        }
        let mut record = vec![0; self.record_len()];
        let mut records = HashMap::new();
        while fill(&mut reader, &mut record)? && sound(&record) {
            let count = records.len() as u64;
            records.insert(key(&record), count);
        }
        self.records = records;
        self.file.set_len(self.offset(self.records.len() as u64))?;
        Ok(true)
    }

    fn append(&mut self, keys: impl Iterator<Item = u128>, vectors: &Grid<f32>) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(vectors.rows() * self.record_len());
        let first = self.records.len() as u64;
        let keys: Vec<u128> = keys.collect();
        for (row, key) in keys.iter().enumerate() {
            let start = bytes.len();
            bytes.extend(key.to_le_bytes());
            bytes.extend(
                vectors
                    .row(row)
                    .iter()
                    .flat_map(|value| value.to_le_bytes()),
            );
            let checksum = xxh3_64(&bytes[start..]);
            bytes.extend(checksum.to_le_bytes());
        }
        self.file.seek(SeekFrom::Start(self.offset(first)))?;
        self.file.write_all(&bytes)?;
        self.records.extend(keys.into_iter().zip(first..));
        Ok(())
    }

    fn read(&mut self, keys: &[u128]) -> io::Result<Grid<f32>> {
        let mut values = Vec::with_capacity(keys.len() * self.dimensions);
        let mut record = vec![0; self.record_len()];
        for key in keys {
            let offset = self.offset(self.records[key]);
            self.file.seek(SeekFrom::Start(offset))?;
            self.file.read_exact(&mut record)?;
            values.extend(each(
                &record[KEY..record.len() - CHECKSUM],
                f32::from_le_bytes,
            ));
        }
        Ok(Grid::from_values(self.dimensions, values))
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Reads a whole record; false where the file ends before it does.
fn fill(reader: &mut impl Read, record: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(record) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

fn key(record: &[u8]) -> u128 {
    let key = record.first_chunk().expect("a record begins with a key");
    u128::from_le_bytes(*key)
}

fn sound(record: &[u8]) -> bool {
    let (body, checksum) = record
        .split_last_chunk()
        .expect("a record ends in a checksum");
    xxh3_64(body) == u64::from_le_bytes(*checksum)
}
