//! The page of a server's learning.

use super::cells::{Row, table};
use super::shell;
use crate::chart::{Width, escape, levels_chart};
use crate::number::{NONE, count, percent};
use crate::taught::{
    Drift, Event, Key, Learnt, MODEL_HEADER, Taught, ago, drift_words, finding, model_figures,
    spending,
};

/// Events that are shown.
const EVENTS: usize = 30;

/// The whole page.
pub(crate) fn taught_page(taught: &Taught) -> String {
    let learning = &taught.learning;
    let parts = [
        heading(taught),
        models(taught),
        drift(taught),
        learning.pacing.as_ref().map_or_else(String::new, |budget| {
            section("Budget", &spending(budget), "")
        }),
        versions(taught),
        events(taught),
        learning.learnt.as_ref().map_or_else(String::new, sources),
    ];
    shell(&taught.title, &parts.concat())
}

fn section(title: &str, words: &str, rest: &str) -> String {
    format!("<h2>{title}</h2>\n<p>{}</p>\n{rest}", escape(words))
}

fn heading(taught: &Taught) -> String {
    let learning = &taught.learning;
    let kept = learning.snapshot.as_ref().map_or_else(
        || "No state was kept yet.".to_owned(),
        |kept| format!("State {} was kept {}.", kept.seq, ago(kept.age_ms)),
    );
    let artifact = learning.artifact.as_deref().unwrap_or(NONE);
    format!(
        "<h1>{}</h1>\n<p class=\"finding\">{}</p>\n<p class=\"facts\">Mode {}, state {}, version {} \
         (artifact {}). {kept}</p>\n",
        escape(&taught.title),
        escape(&finding(learning)),
        escape(&learning.mode),
        escape(&learning.state),
        escape(taught.versions.current.as_deref().unwrap_or(NONE)),
        escape(&artifact.chars().take(12).collect::<String>()),
    )
}

fn models(taught: &Taught) -> String {
    let Some(learnt) = &taught.learning.learnt else {
        return String::new();
    };
    let charts = [Width::Wide, Width::Narrow].map(|width| levels_chart(taught, width));
    let charts: String = charts.into_iter().flatten().collect();
    let row = |model: &crate::taught::Model| Row {
        remark: (model.widening > 0.0).then(|| {
            format!(
                "in doubt: its lower estimate is lowered by {:.3}",
                model.widening
            )
        }),
        ..Row::new(model.model.as_str(), model_figures(model))
    };
    let rows = learnt.models.iter().map(row);
    let words = "The level of a model is by how much its answers were judged better or worse than \
                 training predicts, over all prompts. Effective is the number of judgements of it alone \
                 that would make it as sure.";
    section("Models", words, &(charts + &table(&MODEL_HEADER, rows)))
}

fn drift(taught: &Taught) -> String {
    let rows = taught.learning.drift.as_ref().map(drift_rows);
    let rows = rows.unwrap_or_default();
    let header = ["model", "quality", "choices", "tokens", "cost"];
    section(
        "Drift",
        &drift_words(&taught.learning),
        &table(&header, rows),
    )
}

fn drift_rows(drift: &Drift) -> Vec<Row> {
    let models = drift.models.iter();
    models
        .map(|model| {
            let states = [&model.quality, &model.choices, &model.tokens, &model.cost];
            Row::new(model.model.as_str(), states.map(String::clone))
        })
        .collect()
}

fn versions(taught: &Taught) -> String {
    let verdict = taught.versions.verdict();
    let words = verdict.map_or_else(
        || "No version is on trial.".to_owned(),
        |(version, verdict)| format!("On trial is {version}: {verdict}"),
    );
    let rows = taught.versions.versions.iter().map(|version| {
        let since = ago(taught.asked_ms - version.changed_ms);
        let figures = [version.stage.clone(), percent(version.share), since];
        Row {
            ours: version.stage == "current",
            ..Row::new(version.version.as_str(), figures)
        }
    });
    let header = ["version", "stage", "share of requests", "since"];
    section("Versions", &words, &table(&header, rows))
}

fn events(taught: &Taught) -> String {
    let row = |event: &Event| Row {
        remark: (!event.reason().is_empty()).then(|| event.reason().to_owned()),
        ..Row::new(
            [Some(event.kind.as_str()), event.subject.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
            [ago(taught.asked_ms - event.ts_ms)],
        )
    };
    let rows = taught.versions.events.iter().take(EVENTS).map(row);
    let words = "What happened to versions and what was raised, the last first.";
    section("Events", words, &table(&["event", "when"], rows))
}

fn sources(learnt: &Learnt) -> String {
    let counts = &learnt.judgements;
    let words = format!(
        "{} judgements were learnt, {} of them with less weight since their key has its share; {} came \
         too late, {} were set aside with their key. {} calls told their cost.",
        count(counts.learned as usize),
        count(counts.capped as usize),
        count(counts.late as usize),
        count(counts.quarantined as usize),
        count(learnt.bills as usize),
    );
    let header = ["key (hash)", "judgements", "set aside", "share of late"];
    section(
        "Who was believed",
        &words,
        &table(&header, learnt.keys.iter().map(key)),
    )
}

fn key(key: &Key) -> Row {
    let figures = [
        count(key.lessons as usize),
        count(key.set_aside as usize),
        percent(key.share),
    ];
    Row {
        remark: key
            .is_quarantined
            .then(|| "set aside: it contradicts the others".to_owned()),
        ..Row::new(key.key.as_deref().unwrap_or("without a key"), figures)
    }
}
