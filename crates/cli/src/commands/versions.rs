//! `pointsman versions`.

use std::io::Write;

use serde_json::Value;

use crate::administering::{Place, block_on};
use crate::args::VersionsArgs;

/// Events that are printed.
const EVENTS: usize = 10;

pub(crate) fn run(args: &VersionsArgs) -> anyhow::Result<()> {
    let listing = block_on(async {
        let place = Place::open(&args.place).await?;
        let listing = place.listing().await;
        place.close().await;
        listing
    })?;
    let mut out = std::io::stdout();
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&listing)?)?,
        false => write!(out, "{}", table(&listing))?,
    }
    Ok(())
}

fn table(listing: &Value) -> String {
    let mut text = String::from("version       stage        share\n");
    for version in listing["versions"].as_array().into_iter().flatten() {
        let word = |field: &str| version[field].as_str().unwrap_or_default().to_owned();
        let share = 100.0 * version["share"].as_f64().unwrap_or(0.0);
        let (name, stage) = (word("version"), word("stage"));
        text.push_str(&format!("{name:<13} {stage:<12} {share:>4.0} %\n"));
    }
    if let Some(verdict) = listing["trial"]["verdict"].as_str() {
        let version = listing["trial"]["progress"]["version"].as_str();
        text.push_str(&format!("\n{}: {verdict}\n", version.unwrap_or_default()));
    }
    let events = listing["events"].as_array().into_iter().flatten();
    for (at, event) in events.take(EVENTS).enumerate() {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, subject) = (word(&event["kind"]), word(&event["subject"]));
        let reason = word(&event["detail"]["reason"]);
        let gap = if at == 0 { "\n" } else { "" };
        text.push_str(format!("{gap}{kind:<12} {subject:<13} {reason}").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_a_line_for_every_version_and_what_happened_last() {
        let listing = json!({
            "versions": [
                {"version": "0123456789ab", "stage": "current", "share": 0.9},
                {"version": "ba9876543210", "stage": "canary", "share": 0.1},
            ],
            "trial": {"verdict": "12 of 200", "progress": {"version": "ba9876543210"}},
            "events": [{"kind": "advanced", "subject": "ba9876543210", "detail": {"reason": "better"}}],
        });
        let lines: Vec<String> = table(&listing).lines().map(str::to_owned).collect();
        assert_eq!(lines[1], "0123456789ab  current        90 %");
        assert_eq!(lines[4], "ba9876543210: 12 of 200");
        assert_eq!(lines[6], "advanced     ba9876543210  better");
    }
}
