//! Writes a report on made-up data, to look at: `report DIR [MODELS] [PROMPTS]`.

#[path = "../tests/made_up/mod.rs"]
mod made_up;

use std::path::PathBuf;

use pointsman_evaluate::{EvaluateError, Options, measure};

fn main() -> Result<(), EvaluateError> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().unwrap_or_else(|| "report".to_owned()));
    let mut number = |default| {
        let argument = arguments.next().and_then(|argument| argument.parse().ok());
        argument.unwrap_or(default)
    };
    let (models, prompts): (usize, usize) = (number(5), number(3000));
    let names: Vec<String> = (1..=models)
        .map(|model| format!("made-up-{}b-instruct", model * model))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let options = Options {
        title: format!("Made-up router, {models} models"),
        synthetic: true,
        ..Options::default()
    };
    let (sample, replayed) = made_up::MadeUp::new(prompts, &names, 0.2).replay(200.0, &options)?;
    let evaluation = measure(&sample, &replayed, &options)?;
    evaluation.write(&dir)?;
    eprintln!("{}", pointsman_evaluate::terminal_table(&evaluation.report));
    Ok(())
}
