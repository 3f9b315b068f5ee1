//! `pointsman explain`.

use std::fmt::Write as _;
use std::io::{Read, Write};

use pointsman_router::{Explanation, Unsatisfiable};
use pointsman_types::{Candidate, Prompt, Request};

use crate::args::ExplainArgs;
use crate::failure::Usage;
use crate::opening;

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let router = opening::open(&args.router, args.policy.clone())?;
    let text = prompt(args)?;
    let explained = router.explain(&Request::new(Prompt::from(text.as_str())));
    let explanation = explained.map_err(|error: Unsatisfiable| anyhow::anyhow!("{error}"))?;
    let told = match args.json {
        true => serde_json::to_string_pretty(&explanation)? + "\n",
        false => words(&explanation)?,
    };
    std::io::stdout().write_all(told.as_bytes())?;
    Ok(())
}

fn prompt(args: &ExplainArgs) -> anyhow::Result<String> {
    let mut text = String::new();
    match &args.prompt {
        Some(prompt) => text.clone_from(prompt),
        None => {
            std::io::stdin().read_to_string(&mut text)?;
        }
    }
    match text.trim().is_empty() {
        true => Err(Usage(
            "the prompt is empty; give it as an argument or on standard input".into(),
        )
        .into()),
        false => Ok(text),
    }
}

fn words(explanation: &Explanation) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let decision = &explanation.decision;
    writeln!(
        text,
        "{} ({}); familiarity {:.2}\n",
        decision.model,
        decision.reason.as_str(),
        decision.familiarity
    )?;
    writeln!(
        text,
        "{:<32} {:>8} {:>8} {:>12}",
        "model", "quality", "lower", "USD"
    )?;
    for candidate in &decision.candidates {
        writeln!(text, "{}", line(candidate))?;
    }
    if let Some(rival) = &explanation.rival {
        writeln!(text, "\nwhat moves its quality against {rival}:")?;
        for influence in &explanation.influences {
            writeln!(text, "  {:+.4}  {}", influence.effect, influence.feature)?;
        }
    }
    for (word, flip) in [
        ("below", &explanation.flips_below),
        ("above", &explanation.flips_above),
    ] {
        if let Some(flip) = flip {
            writeln!(
                text,
                "{word} lambda {:.4} it would be {}",
                flip.lambda, flip.model
            )?;
        }
    }
    writeln!(text, "\nnearest training prompts:")?;
    for neighbour in &explanation.neighbours {
        let shown = neighbour.text.as_deref().unwrap_or_default();
        writeln!(
            text,
            "  {:.3}  {}  {shown:.100}",
            neighbour.similarity, neighbour.prompt_id
        )?;
    }
    Ok(text)
}

fn line(candidate: &Candidate) -> String {
    format!(
        "{:<32} {:>8.4} {:>8.4} {:>12.8}",
        candidate.model.as_str(),
        candidate.quality.get(),
        candidate.quality_lower.get(),
        candidate.cost.as_f64()
    )
}
