//! The files of a table, found by what is in them: each source names them differently.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{MODEL2VEC, PLAIN};
use crate::EncoderError;
use crate::directory::at;

/// The two files that make a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) weights: PathBuf,
    pub(super) tokenizer: PathBuf,
}

/// What is looked for.
struct Wanted<'a> {
    what: &'a str,
    extension: &'static str,
    /// Taken first where several fit.
    preferred: &'static str,
    fits: fn(&Path) -> bool,
}

/// Finds the files in a directory or, where it holds none, in the directories within.
pub(super) fn find(dir: &Path) -> Result<Found, EncoderError> {
    let tensors = format!("safetensors file with tensor `{MODEL2VEC}` or `{PLAIN}`");
    let weights = Wanted {
        what: &tensors,
        extension: "safetensors",
        preferred: "model.safetensors",
        fits: has_table,
    };
    let tokenizer = Wanted {
        what: "tokenizer (a JSON file with `model` and its `vocab`)",
        extension: "json",
        preferred: "tokenizer.json",
        fits: is_tokenizer,
    };
    Ok(Found {
        weights: weights.find(dir)?,
        tokenizer: tokenizer.find(dir)?,
    })
}

impl Wanted<'_> {
    fn find(&self, dir: &Path) -> Result<PathBuf, EncoderError> {
        let mut found = self.among(entries(dir)?);
        if found.is_empty() {
            for inner in entries(dir)?.into_iter().filter(|path| path.is_dir()) {
                found.extend(self.among(entries(&inner)?));
            }
        }
        let preferred = |path: &PathBuf| path.ends_with(self.preferred);
        if found.iter().filter(|path| preferred(path)).count() == 1 {
            found.retain(preferred);
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(EncoderError::NoFile {
                dir: dir.to_owned(),
                wanted: self.what.to_owned(),
            }),
            _ => Err(EncoderError::Ambiguous {
                dir: dir.to_owned(),
                wanted: self.what.to_owned(),
                preferred: self.preferred,
                found: found
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect(),
            }),
        }
    }

    fn among(&self, files: Vec<PathBuf>) -> Vec<PathBuf> {
        let of_kind = |file: &PathBuf| file.extension().is_some_and(|ext| ext == self.extension);
        let fits = |file: &PathBuf| of_kind(file) && (self.fits)(file);
        files.into_iter().filter(fits).collect()
    }
}

/// The files and directories of a directory, by name.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, EncoderError> {
    let entries = fs::read_dir(dir).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
    });
    let mut entries = entries.map_err(|source| at(dir, source))?;
    entries.sort_unstable();
    Ok(entries)
}

/// Whether a file has a tensor that may be a table; a file that cannot be read is kept as well, so
/// that reading it gives the reason.
fn has_table(file: &Path) -> bool {
    let names = header(file).map(|json| serde_json::from_slice::<Map<String, Value>>(&json));
    match names {
        Ok(Ok(names)) => names.contains_key(MODEL2VEC) || names.contains_key(PLAIN),
        _ => true,
    }
}

/// The header of a safetensors file, JSON after its length in 8 bytes.
fn header(file: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    let mut len = [0; 8];
    file.read_exact(&mut len)?;
    let mut json = Vec::new();
    file.take(u64::from_le_bytes(len)).read_to_end(&mut json)?;
    Ok(json)
}

fn is_tokenizer(file: &Path) -> bool {
    let json = fs::read(file).map(|bytes| serde_json::from_slice::<Value>(&bytes));
    matches!(json, Ok(Ok(json)) if !json["model"]["vocab"].is_null())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const TOKENIZER: &str = r#"{"model": {"vocab": {"a": 0}}}"#;

    /// A directory with these files; a safetensors file is given by the name of its one tensor.
    fn directory(files: &[(&str, &str)]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let file = dir.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let bytes = if name.ends_with(".safetensors") {
                let header = format!("{{\"{content}\": {{}}}}");
                [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()
            } else {
                content.as_bytes().to_vec()
            };
            fs::write(file, bytes).unwrap();
        }
        dir
    }

    fn check(files: &[(&str, &str)], weights: &str, tokenizer: &str) {
        let dir = directory(files);
        let expected = Found {
            weights: dir.path().join(weights),
            tokenizer: dir.path().join(tokenizer),
        };
        assert_eq!(find(dir.path()).unwrap(), expected);
    }

    #[test]
    fn files_are_found_by_content() {
        let files = [
            ("l2_256.safetensors", PLAIN),
            ("other.safetensors", "lm_head"),
            ("l2_tokenizer_config.json", TOKENIZER),
            ("config.json", "{}"),
        ];
        check(&files, "l2_256.safetensors", "l2_tokenizer_config.json");
    }

    #[test]
    fn files_are_found_in_directories_within() {
        let files = [
            ("weights/w.safetensors", MODEL2VEC),
            ("t/t.json", TOKENIZER),
        ];
        check(&files, "weights/w.safetensors", "t/t.json");
    }

    #[test]
    fn the_usual_name_comes_first() {
        let files = [
            ("a.safetensors", PLAIN),
            ("model.safetensors", PLAIN),
            ("tokenizer.json", TOKENIZER),
            ("old.json", TOKENIZER),
        ];
        check(&files, "model.safetensors", "tokenizer.json");
    }

    #[test]
    fn what_is_missing_is_named() {
        let dir = directory(&[("a.safetensors", "lm_head"), ("t.json", TOKENIZER)]);
        let message = find(dir.path()).unwrap_err().to_string();
        assert!(
            message.contains("no safetensors file with tensor `embeddings`"),
            "{message}"
        );
        let dir = directory(&[("a.safetensors", PLAIN), ("t.json", "{}")]);
        let message = find(dir.path()).unwrap_err().to_string();
        assert!(message.contains("no tokenizer"), "{message}");
    }

    #[test]
    fn what_is_ambiguous_is_named() {
        let dir = directory(&[
            ("a_64.safetensors", PLAIN),
            ("a_256.safetensors", PLAIN),
            ("t.json", TOKENIZER),
        ]);
        let message = find(dir.path()).unwrap_err().to_string();
        assert!(
            message.contains("a_64.safetensors") && message.contains("a_256"),
            "{message}"
        );
    }
}
