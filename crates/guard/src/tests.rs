//! What is found and what is not, that chunks change nothing, that nothing takes long.

mod corpus;
mod hostile;
mod json;
mod settings;
mod streams;

use std::sync::LazyLock;

use crate::{Config, Guard};

const BUILT_IN: &str = r#"redact = ["email", "phone", "card", "iban", "key", "ip"]"#;

const OWN: &str = r"
[[patterns]]
name = 'employee'
regex = '\bEMP-\d{4,6}\b'
[[patterns]]
name = 'word'
regex = '(?i)tür[a-zé]{0,5}'
";

fn made(config: &str) -> Guard {
    let config: Config = toml::from_str(config).unwrap();
    config.check().unwrap()
}

/// Everything that is built in.
fn guard() -> Guard {
    static GUARD: LazyLock<Guard> = LazyLock::new(|| made(BUILT_IN));
    GUARD.clone()
}

/// The same, and two own patterns.
fn guard_with_own() -> Guard {
    static GUARD: LazyLock<Guard> = LazyLock::new(|| made(&format!("{BUILT_IN}{OWN}")));
    GUARD.clone()
}

/// A text in pieces: what came out of each, and at the end.
fn streamed(guard: &Guard, text: &str, cuts: &[usize]) -> Vec<String> {
    let mut cuts: Vec<usize> = cuts
        .iter()
        .map(|cut| text.floor_char_boundary(cut % (text.len() + 1)))
        .chain([0, text.len()])
        .collect();
    cuts.sort_unstable();
    let mut stream = guard.stream();
    let pieces = cuts.windows(2).map(|ends| &text[ends[0]..ends[1]]);
    let mut out: Vec<String> = pieces.map(|piece| stream.push(piece)).collect();
    out.push(stream.finish());
    out
}
