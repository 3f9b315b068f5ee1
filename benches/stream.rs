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
    let start = processor_seconds();
    let rounds: Vec<(f64, StreamLearner)> = (0..ROUNDS).map(|_| pass(&log)).collect();
    let used = processor_seconds() - start;
    let seconds = sorted(rounds.iter().map(|round| round.0));
    let rate = |seconds: f64| EXAMPLES as f64 / seconds;
    eprintln!(
        "learning: {:.0} examples/s, median of {ROUNDS} rounds ({:.0} to {:.0}); {:.1} µs of processor time per example",
        rate(seconds[ROUNDS / 2]),
        rate(seconds[ROUNDS - 1]),
        rate(seconds[0]),
        used / (ROUNDS * EXAMPLES) as f64 * 1e6
    );
    let learner = &rounds[0].1;
    let micros = sorted(texts[..20_000].iter().map(|text| predict(learner, text)));
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

/// One pass by a new learner, and its seconds.
fn pass(log: &Path) -> (f64, StreamLearner) {
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
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(learnt, EXAMPLES);
    (seconds, learner)
}

/// Microseconds of one prediction.
fn predict(learner: &StreamLearner, text: &str) -> f64 {
    let start = Instant::now();
    std::hint::black_box(learner.predict(text));
    start.elapsed().as_secs_f64() * 1e6
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// What this process has used of all cores so far, where Linux tells; a busy machine lengthens it
/// less than it lengthens waiting.
fn processor_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_PER_SECOND
}
