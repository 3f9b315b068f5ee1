//! `pointsman predict`.

use pointsman_logs::{PredictionRow, write_predictions};

use crate::args::PredictArgs;
use crate::opening;
use crate::progress::spinner;
use crate::reading;

pub(crate) fn run(args: &PredictArgs) -> anyhow::Result<()> {
    let router = opening::open(&args.router, None)?;
    let lines = reading::prompts(&args.prompts, args.strict)?;
    let progress = spinner("predicting");
    let rows: Vec<PredictionRow> = lines
        .iter()
        .flat_map(|line| {
            let predictions = router.predict(&line.prompt, line.input_tokens);
            router
                .models()
                .iter()
                .zip(predictions)
                .map(|(model, prediction)| PredictionRow {
                    prompt_id: line.prompt_id.clone(),
                    model: model.clone(),
                    quality: prediction.quality,
                    quality_lower: prediction.quality_lower,
                    cost_usd: prediction.cost,
                    output_tokens: prediction.output_tokens.unwrap_or(f32::NAN),
                    output_tokens_p50: prediction.output_tokens_p50.unwrap_or(f32::NAN),
                    output_tokens_p90: prediction.output_tokens_p90.unwrap_or(f32::NAN),
                })
        })
        .collect();
    write_predictions(&args.out, &rows)?;
    progress.finish_and_clear();
    eprintln!(
        "wrote {} predictions for {} prompts to {}",
        rows.len(),
        lines.len(),
        args.out.display()
    );
    Ok(())
}
