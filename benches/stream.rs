//! How many scores a second does the streamed learner learn, one pass, parsing included, and how
//! long does one prediction take?
//!
//! 200,000 prompts of 65 words each, one model, as JSON lines in a file that the page cache holds;
//! the words are made up and as frequent as Zipf's law has it. Every hash bucket is an n-gram of the
//! learner, the hardest case for the caches. With `POINTSMAN_BENCH_LOG=FILE` the log is left there, for
//! `benches/stream_peers.py`, which gives the same rows to other learners.
//!
//! `cargo bench --workspace --bench stream`

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use pointsman_features::FeatureSpec;
use pointsman_logs::read_scored;
use pointsman_models::Lexicon;
use pointsman_train::{StreamLearner, StreamSize};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const EXAMPLES: usize = 200_000;
const WORDS: usize = 65;
const VOCABULARY: usize = 30_000;
const ROUNDS: usize = 9;

fn main() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let kept = std::env::var_os("POINTSMAN_BENCH_LOG").map(PathBuf::from);
    let log = kept.unwrap_or_else(|| home.path().join("log.jsonl"));
    let texts = write_log(&log);
    let mut seconds = Vec::new();
    let mut learner = pass(&log, &mut seconds);
    for _ in 1..ROUNDS {
        learner = pass(&log, &mut seconds);
    }
    let rates = seconds.iter().map(|seconds| EXAMPLES as f64 / seconds);
    let (low, median, high) = spread(rates.collect());
    eprintln!("learning: {median:.0} examples/s ({low:.0} to {high:.0} over {ROUNDS} rounds)");
    let micros = texts[..20_000].iter().map(|text| predict(&learner, text));
    let mut micros: Vec<f64> = micros.collect();
    micros.sort_by(f64::total_cmp);
    eprintln!(
        "predicting: {:.1} µs median, {:.1} µs at the 99th percentile",
        micros[micros.len() / 2],
        micros[micros.len() / 100 * 99]
    );
}

/// Writes the log and returns its prompts.
fn write_log(log: &Path) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let words: Vec<(String, f64)> = (0..VOCABULARY).map(|_| word(&mut rng)).collect();
    let file = std::fs::File::create(log).expect("the log can be written");
    let mut out = BufWriter::new(file);
    let prompt = |_| {
        let (text, score) = prompt(&words, &mut rng);
        writeln!(out, r#"{{"prompt":"{text}","model":"m","score":{score}}}"#)
            .expect("a line can be written");
        text
    };
    let texts = (0..EXAMPLES).map(prompt).collect();
    out.flush().expect("the log can be written");
    texts
}

/// A word, and how much it speaks for a good answer.
fn word(rng: &mut ChaCha8Rng) -> (String, f64) {
    let letters = rng.random_range(1..=9);
    let text = (0..letters).map(|_| char::from(rng.random_range(b'a'..=b'z')));
    (text.collect(), rng.random_range(-1.0..1.0))
}

/// The text of a prompt, and 1 or 0.
fn prompt(words: &[(String, f64)], rng: &mut ChaCha8Rng) -> (String, u8) {
    let mut text = String::new();
    let mut speaks = 0.0;
    for number in 0..WORDS {
        // The inverse of Zipf's distribution function, near enough.
        let rank = (VOCABULARY as f64).powf(rng.random_range(0.0..1.0)) as usize - 1;
        let (word, part) = &words[rank.min(VOCABULARY - 1)];
        text.push_str(if number == 0 { "" } else { " " });
        text.push_str(word);
        speaks += part;
    }
    let chance = 1.0 / (1.0 + (-speaks / 4.0).exp());
    (text, u8::from(rng.random_range(0.0..1.0) < chance))
}

/// One pass by a new learner.
fn pass(log: &Path, seconds: &mut Vec<f64>) -> StreamLearner {
    let start = Instant::now();
    let features = FeatureSpec::default();
    let buckets = features.buckets();
    let lexicon = Lexicon::new(buckets, (0..buckets as u32).collect(), vec![1.0; buckets]);
    let size = StreamSize {
        prompts: EXAMPLES as u64,
        scores: EXAMPLES as u64,
        passes: 1,
    };
    let mut learner = StreamLearner::new(&features, lexicon, &["m".into()], size)
        .expect("the default features can be extracted");
    let mut reader = learner.reader();
    let mut learnt = 0;
    read_scored(
        &[log],
        move |row| reader.example(row),
        |block| {
            learnt += block.len();
            learner.learn(&block);
        },
    )
    .expect("the log can be read");
    seconds.push(start.elapsed().as_secs_f64());
    assert_eq!(learnt, EXAMPLES);
    learner
}

/// Microseconds of one prediction.
fn predict(learner: &StreamLearner, text: &str) -> f64 {
    let start = Instant::now();
    std::hint::black_box(learner.predict(text));
    start.elapsed().as_secs_f64() * 1e6
}

/// Least, median and greatest.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (
        values[0],
        values[values.len() / 2],
        values[values.len() - 1],
    )
}
