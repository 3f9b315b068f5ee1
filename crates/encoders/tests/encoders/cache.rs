//! The cache: what is kept, what survives a writer that died, and what is refused.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use pointsman_encoders::{Cache, Encoder, EncoderError, EncoderKind};
use tempfile::TempDir;

use crate::made_up::{IDS, Tensor, bert, bert_tensors, model2vec, open, tensors};

const TEXTS: [&str; 5] = ["red", "green blue", "", "red", "blue . red"];
const DISTINCT: usize = 4;

fn encoder() -> Encoder {
    open(EncoderKind::MiniLm, bert(&bert_tensors()).path()).unwrap()
}

/// A directory with a cache of these texts, and its file.
fn filled(encoder: &Encoder) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path(), encoder).unwrap();
    cache.encode(encoder, &TEXTS).unwrap();
    let file = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap();
    (dir, file.path())
}

#[test]
fn vectors_are_those_of_the_encoder() {
    let encoder = encoder();
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(&dir.path().join("made/for/it"), &encoder).unwrap();
    assert!(cache.is_empty());
    let expected = encoder.encode(&TEXTS).unwrap();
    assert_eq!(cache.encode(&encoder, &TEXTS).unwrap(), expected);
    assert_eq!(cache.len(), DISTINCT);
    assert_eq!(cache.encode(&encoder, &TEXTS).unwrap(), expected);
    assert_eq!(cache.len(), DISTINCT);
}

#[test]
fn vectors_outlive_the_process() {
    let encoder = encoder();
    let (dir, file) = filled(&encoder);
    let size = fs::metadata(&file).unwrap().len();
    let mut cache = Cache::open(dir.path(), &encoder).unwrap();
    assert_eq!(cache.len(), DISTINCT);
    let found = cache.encode(&encoder, &TEXTS).unwrap();
    assert_eq!(found, encoder.encode(&TEXTS).unwrap());
    assert_eq!(fs::metadata(&file).unwrap().len(), size);
}

#[test]
fn what_a_killed_writer_left_unfinished_is_dropped() {
    let encoder = encoder();
    let (_dir, file) = filled(&encoder);
    let whole = fs::read(&file).unwrap();
    let record = 16 + 4 * encoder.dimensions() + 8;
    let header = whole.len() - DISTINCT * record;
    let expected = encoder.encode(&TEXTS).unwrap();
    for len in 0..=whole.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(file.file_name().unwrap()), &whole[..len]).unwrap();
        let mut cache = Cache::open(dir.path(), &encoder).unwrap();
        assert_eq!(
            cache.len(),
            len.saturating_sub(header) / record,
            "{len} bytes"
        );
        assert_eq!(
            cache.encode(&encoder, &TEXTS).unwrap(),
            expected,
            "{len} bytes"
        );
    }
}

#[test]
fn a_record_with_a_wrong_bit_is_encoded_anew() {
    let encoder = encoder();
    let (dir, file) = filled(&encoder);
    let mut bytes = fs::read(&file).unwrap();
    let len = bytes.len();
    bytes[len - 12] ^= 1;
    fs::write(&file, bytes).unwrap();
    let mut cache = Cache::open(dir.path(), &encoder).unwrap();
    assert_eq!(cache.len(), DISTINCT - 1);
    let found = cache.encode(&encoder, &TEXTS).unwrap();
    assert_eq!(found, encoder.encode(&TEXTS).unwrap());
}

#[test]
fn garbage_at_the_end_is_written_over() {
    let encoder = encoder();
    let (dir, file) = filled(&encoder);
    let mut end = OpenOptions::new().append(true).open(&file).unwrap();
    end.write_all(&[7; 1000]).unwrap();
    let mut cache = Cache::open(dir.path(), &encoder).unwrap();
    cache.encode(&encoder, &["a new text"]).unwrap();
    drop(cache);
    let cache = Cache::open(dir.path(), &encoder).unwrap();
    assert_eq!(cache.len(), DISTINCT + 1);
}

#[test]
fn a_second_writer_is_refused() {
    let encoder = encoder();
    let dir = tempfile::tempdir().unwrap();
    let first = Cache::open(dir.path(), &encoder).unwrap();
    let second = Cache::open(dir.path(), &encoder);
    assert!(matches!(second, Err(EncoderError::CacheInUse { .. })));
    drop(first);
    assert!(Cache::open(dir.path(), &encoder).is_ok());
}

#[test]
fn encoders_do_not_share_vectors() {
    let first = encoder();
    let table = Tensor::floats(&[IDS, 1], &[1.0; IDS]);
    let dir = model2vec(&tensors([("embeddings", table)]));
    let second = open(EncoderKind::Static, dir.path()).unwrap();
    let (dir, _) = filled(&first);
    let mut cache = Cache::open(dir.path(), &second).unwrap();
    assert!(cache.is_empty());
    let mixed = cache.encode(&first, &TEXTS);
    assert!(matches!(mixed, Err(EncoderError::CacheForeign { .. })));
}

#[test]
fn a_file_that_is_no_cache_is_left_as_it_is() {
    let encoder = encoder();
    let (dir, file) = filled(&encoder);
    fs::write(&file, "somebody's notes").unwrap();
    let error = Cache::open(dir.path(), &encoder).unwrap_err();
    assert!(
        matches!(error, EncoderError::CacheForeign { .. }),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's notes");
}
