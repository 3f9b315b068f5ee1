//! Which files are meant, and what their names say about their format. Nothing is decoded here.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::LogError;

/// The endings of a log file, for messages.
const ENDINGS: &str = ".jsonl, .ndjson or .csv (each also with .gz or .zst after it), or .parquet";

/// How rows are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Jsonl,
    Csv,
    Parquet,
}

/// How the bytes of a text format are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// What the name of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) format: Format,
    pub(crate) packing: Packing,
}

impl Kind {
    pub(crate) fn of(path: &Path) -> Result<Self, LogError> {
        Self::by_name(path).ok_or_else(|| LogError::UnknownFormat {
            path: path.to_path_buf(),
            allowed: ENDINGS,
        })
    }

    fn by_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let (stem, packing) = match name.rsplit_once('.')? {
            (stem, "gz") => (stem, Packing::Gzip),
            (stem, "zst") => (stem, Packing::Zstd),
            _ => (name.as_str(), Packing::Plain),
        };
        let format = match stem.rsplit_once('.')?.1 {
            "jsonl" | "ndjson" => Format::Jsonl,
            "csv" => Format::Csv,
            // Parquet packs its own pages, so that parts of the file can be read.
            "parquet" if packing == Packing::Plain => Format::Parquet,
            _ => return None,
        };
        Some(Self { format, packing })
    }
}

/// Expands file names and globs (`*`, `?`, `[..]`, `**`) to the files they name: in the order
/// given, those of one glob by name, each file once.
///
/// # Errors
/// On a pattern that names nothing, a directory, a file of an unknown format or a malformed glob.
pub fn find(patterns: &[String]) -> Result<Vec<PathBuf>, LogError> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for pattern in patterns {
        for file in matches(pattern)? {
            Kind::of(&file)?;
            if seen.insert(file.clone()) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

pub(crate) fn matches(pattern: &str) -> Result<Vec<PathBuf>, LogError> {
    // A name with brackets in it is a name first and a glob second.
    let literal = Path::new(pattern);
    if literal.exists() {
        refuse_directory(literal)?;
        return Ok(vec![literal.to_path_buf()]);
    }
    let found = glob::glob(pattern).map_err(|source| LogError::Pattern {
        pattern: pattern.to_owned(),
        source,
    })?;
    let mut files = Vec::new();
    for entry in found {
        let file = entry.map_err(|unreadable| {
            let path = unreadable.path().to_path_buf();
            LogError::open(&path, unreadable.into())
        })?;
        if !file.is_dir() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(LogError::NoMatch {
            pattern: pattern.to_owned(),
        });
    }
    Ok(files)
}

pub(crate) fn refuse_directory(path: &Path) -> Result<(), LogError> {
    if path.is_dir() {
        return Err(LogError::Directory {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}

/// Opens a file; an empty one has no rows in any format.
pub(crate) fn open_file(path: &Path) -> Result<File, LogError> {
    refuse_directory(path)?;
    let file = File::open(path).map_err(|source| LogError::open(path, source))?;
    let metadata = file
        .metadata()
        .map_err(|source| LogError::open(path, source))?;
    if metadata.is_file() && metadata.len() == 0 {
        return Err(LogError::NoRows {
            path: path.to_path_buf(),
        });
    }
    Ok(file)
}

/// Opens a text file and unpacks it while it is read.
pub(crate) fn open_text(path: &Path, packing: Packing) -> Result<Box<dyn Read>, LogError> {
    let file = open_file(path)?;
    let buffered = BufReader::with_capacity(1 << 16, file);
    Ok(match packing {
        Packing::Plain => Box::new(buffered),
        Packing::Gzip => Box::new(MultiGzDecoder::new(buffered)),
        Packing::Zstd => Box::new(unzstd(buffered).map_err(|e| LogError::damaged(path, e))?),
    })
}

fn unzstd(input: BufReader<File>) -> io::Result<impl Read> {
    zstd::Decoder::with_buffer(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> Option<(Format, Packing)> {
        Kind::of(Path::new(name))
            .ok()
            .map(|kind| (kind.format, kind.packing))
    }

    #[test]
    fn a_name_tells_format_and_packing() {
        assert_eq!(kind("a.jsonl"), Some((Format::Jsonl, Packing::Plain)));
        assert_eq!(kind("a.b.NDJSON.GZ"), Some((Format::Jsonl, Packing::Gzip)));
        assert_eq!(kind("dir/a.csv.zst"), Some((Format::Csv, Packing::Zstd)));
        assert_eq!(kind("a.parquet"), Some((Format::Parquet, Packing::Plain)));
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["a.txt", "jsonl", "a.gz", "a.parquet.gz", "a.json", "", "a."] {
            assert_eq!(kind(name), None, "{name}");
        }
    }

    fn names(dir: &Path, patterns: &[&str]) -> Result<Vec<String>, LogError> {
        let patterns: Vec<String> = patterns
            .iter()
            .map(|pattern| dir.join(pattern).display().to_string())
            .collect();
        Ok(find(&patterns)?
            .iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
            .collect())
    }

    #[test]
    fn globs_expand_by_name_and_each_file_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "c[1].jsonl"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(dir.path().join("d.csv")).unwrap();
        assert_eq!(
            names(dir.path(), &["c[1].jsonl", "*.csv", "a.csv"]).unwrap(),
            ["c[1].jsonl", "a.csv", "b.csv"]
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.txt"), "x").unwrap();
        let refused = |pattern| names(dir.path(), &[pattern]).unwrap_err();
        assert!(matches!(refused("*.csv"), LogError::NoMatch { .. }));
        assert!(matches!(refused("gone.csv"), LogError::NoMatch { .. }));
        assert!(matches!(refused(""), LogError::Directory { .. }));
        assert!(matches!(refused("a.txt"), LogError::UnknownFormat { .. }));
        assert!(matches!(refused("***"), LogError::Pattern { .. }));
    }
}
