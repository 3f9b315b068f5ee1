//! Which rows a router was trained on, as one hash.

use pointsman_types::{Grid, LogTable};
use sha2::{Digest, Sha256};

use crate::teacher::Lessons;

/// SHA-256 over models, prompts, every logged number, comparison, rating and choice, in the order of the table; hexadecimal.
pub(crate) fn fingerprint(table: &LogTable) -> String {
    let mut hash = Sha256::new();
    table
        .models
        .iter()
        .for_each(|name| text(&mut hash, name.as_str()));
    for row in &table.prompts {
        text(&mut hash, &row.id);
        text(&mut hash, &row.text);
        text(&mut hash, row.category.as_deref().unwrap_or(""));
    }
    for grid in [
        &table.score,
        &table.weight,
        &table.input_tokens,
        &table.output_tokens,
    ] {
        numbers(&mut hash, grid, |value| value.to_le_bytes());
    }
    numbers(&mut hash, &table.cost_usd, |value| value.to_le_bytes());
    if let Some(answers) = &table.answers {
        numbers(&mut hash, &answers.logprob, |value| value.to_le_bytes());
        numbers(&mut hash, &answers.chars, |value| value.to_le_bytes());
    }
    entries(&mut hash, table);
    hexadecimal(hash)
}

/// The same, and what was streamed, by the digest of the stream.
pub(crate) fn with_stream(fingerprint: &str, digest: u64) -> String {
    let mut hash = Sha256::new();
    text(&mut hash, fingerprint);
    hash.update(digest.to_le_bytes());
    hexadecimal(hash)
}

/// The same, and what was taught by a teacher.
pub(crate) fn with_lessons(fingerprint: &str, lessons: &Lessons) -> String {
    let mut hash = Sha256::new();
    text(&mut hash, fingerprint);
    text(&mut hash, &lessons.encoder.fingerprint);
    let taught = lessons.taught().iter();
    taught.for_each(|row| text(&mut hash, &row.text));
    hexadecimal(hash)
}

fn hexadecimal(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Comparisons, ratings and choices.
fn entries(hash: &mut Sha256, table: &LogTable) {
    let mut entry = |places: &[usize], values: &[f32]| {
        let place = |place: &usize| hash.update((*place as u64).to_le_bytes());
        places.iter().for_each(place);
        let value = |value: &f32| hash.update(value.to_le_bytes());
        values.iter().for_each(value);
    };
    for one in &table.comparisons {
        entry(
            &[one.prompt, one.models[0], one.models[1]],
            &[one.share_of_first, one.weight],
        );
    }
    for one in &table.ratings {
        entry(
            &[one.prompt, one.model, one.judge],
            &[one.score, one.weight],
        );
    }
    for one in &table.choices {
        entry(&[one.prompt, one.model], &[one.propensity]);
    }
}

/// With its length, so that no two lists of texts read the same.
fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

fn numbers<T: Copy, const N: usize>(
    hash: &mut Sha256,
    grid: &Grid<T>,
    bytes: impl Fn(T) -> [u8; N],
) {
    grid.values()
        .iter()
        .for_each(|value| hash.update(bytes(*value)));
}
