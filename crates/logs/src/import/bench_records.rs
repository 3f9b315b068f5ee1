//! Long tables of benchmark results: one record per prompt and model.

use std::path::Path;

use pointsman_types::{LogRow, ModelName};

use super::{cost_or_nan, missing, prompt_or_turns, row_of, score_or_nan};
use crate::cell::Cell;
use crate::faults::{At, Wrong};
use crate::scan::Record;
use crate::schema::Fields;

/// LLMRouterBench: `origin_query` or `prompt`, `score`, `cost`, tokens, `index`; the model and the
/// data set stand in the document around the records, or in the path
/// `<dataset>/<split>/<model>/<file>.json`.
pub(super) fn llmrouterbench(
    at: At<'_>,
    record: &dyn Record,
    score: Option<&str>,
) -> Result<Vec<LogRow>, Wrong> {
    if record.get("demo") == Cell::Bool(true) {
        // A trial run over a part of the data set, published beside the whole run.
        return Ok(Vec::new());
    }
    let fields = Fields(record);
    // The question without the template that wraps it for each model, so that a prompt is the
    // same for all of them.
    let prompt = match prompt_or_turns(fields, "origin_query")? {
        Some(prompt) => prompt,
        None => prompt_or_turns(fields, "prompt")?.ok_or_else(|| missing("prompt"))?,
    };
    let model = model(fields, &["model_name", "model"], at.file)?;
    let dataset = match fields.label("dataset_name")? {
        Some(dataset) => Some(dataset),
        None => fields.label("dataset")?,
    };
    let id = id(&dataset, fields.label("split")?, fields.label("index")?);
    let row = LogRow {
        category: dataset,
        score: fields.read(score.unwrap_or("score"), score_or_nan)?,
        cost_usd: fields.read("cost", cost_or_nan)?,
        input_tokens: fields.tokens("prompt_tokens")?,
        output_tokens: fields.tokens("completion_tokens")?,
        ..row_of(prompt, model, id)
    };
    Ok(vec![row])
}

fn id(dataset: &Option<String>, split: Option<String>, index: Option<String>) -> Option<String> {
    let parts = [dataset.clone()?, split.unwrap_or_default(), index?];
    let named: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Some(named.join("/"))
}

fn model(fields: Fields<'_>, columns: &[&str], file: &Path) -> Result<ModelName, Wrong> {
    for column in columns {
        if let Some(name) = fields.label(column)? {
            return Ok(name.into());
        }
    }
    let document = file.extension().is_some_and(|ending| ending == "json");
    let directory = file.parent().and_then(Path::file_name);
    match directory {
        Some(name) if document => Ok(name.to_string_lossy().into_owned().into()),
        _ => Err(missing(columns[0])),
    }
}

/// EmbedLLM: `prompt_id, prompt, model_name, label`, and perhaps `category`.
pub(super) fn embedllm(record: &dyn Record, score: Option<&str>) -> Result<Vec<LogRow>, Wrong> {
    let fields = Fields(record);
    let prompt = prompt_or_turns(fields, "prompt")?.ok_or_else(|| missing("prompt"))?;
    let model = match fields.label("model_name")? {
        Some(name) => name,
        None => fields
            .label("model_id")?
            .ok_or_else(|| missing("model_name"))?,
    };
    let row = LogRow {
        category: fields.label("category")?,
        score: fields.read(score.unwrap_or("label"), score_or_nan)?,
        ..row_of(prompt, model.into(), fields.label("prompt_id")?)
    };
    Ok(vec![row])
}
