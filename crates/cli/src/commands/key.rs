//! `pointsman key`.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use pointsman_keys::{Config, Entry, Key};
use serde_json::json;

use crate::args::{KeyCommand, KeyNewArgs};

pub(crate) fn run(command: &KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::New(args) => new(args),
    }
}

/// A new key, which is printed this once, and its entry for the settings.
fn new(args: &KeyNewArgs) -> anyhow::Result<()> {
    let mut entropy = [0; Key::ENTROPY_BYTES];
    getrandom::fill(&mut entropy).context("the operating system gave no random bytes")?;
    let key = Key::draw(entropy);
    let entry = entry(&key, args);
    let mut out = std::io::stdout();
    match args.json {
        true => {
            let found = json!({"key": key.reveal(), "entry": entry});
            writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
        }
        false => write!(out, "{}\n\n{}", key.reveal(), lines(entry)?)?,
    }
    eprintln!("the key is shown this once; its entry goes into the settings of `serve`");
    Ok(())
}

fn entry(key: &Key, args: &KeyNewArgs) -> Entry {
    let models = args.models.as_ref();
    Entry {
        name: args.name.clone(),
        models: models.map(|names| names.iter().map(|name| name.as_str().into()).collect()),
        expires: args.expires.clone(),
        ..Entry::of(key)
    }
}

/// The entry as lines of a settings file.
fn lines(entry: Entry) -> anyhow::Result<String> {
    let config = Config { keys: vec![entry] };
    Ok(toml::to_string(&BTreeMap::from([("auth", config)]))?)
}
