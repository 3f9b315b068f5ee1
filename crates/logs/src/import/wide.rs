//! Wide tables: one row per prompt, columns per model.

use pointsman_types::{LogRow, Prompt};

use super::{cost_or_nan, missing, prompt_or_turns, row_of, score_or_nan};
use crate::faults::Wrong;
use crate::scan::Record;
use crate::schema::Fields;

const COST: &str = "|total_cost";

/// Columns of the two tables that are no models. Data frames add an index, without a name or
/// with one of these.
const NOT_MODELS: [&str; 12] = [
    "",
    "Unnamed: 0",
    "__index_level_0__",
    "index",
    "idx",
    "sample_id",
    "prompt_id",
    "prompt",
    "eval_name",
    "category",
    "source",
    "oracle_model_to_route_to",
];

/// `sample_id, prompt, eval_name`, and for each model `<model>`, `<model>|total_cost` and
/// `<model>|model_response`.
pub(super) fn routerbench(record: &dyn Record) -> Result<Vec<LogRow>, Wrong> {
    let fields = Fields(record);
    let about = About {
        id: fields.label("sample_id")?,
        prompt: prompt_or_turns(fields, "prompt")?.ok_or_else(|| missing("prompt"))?,
        category: fields.label("eval_name")?,
    };
    about.rows(fields, &models(record))
}

/// `prompt` and for each model `<model>`, and perhaps `<model>_response`.
pub(super) fn routellm(record: &dyn Record) -> Result<Vec<LogRow>, Wrong> {
    let fields = Fields(record);
    let about = About {
        id: fields.label("prompt_id")?,
        prompt: prompt_or_turns(fields, "prompt")?.ok_or_else(|| missing("prompt"))?,
        category: fields.label("category")?,
    };
    about.rows(fields, &models(record))
}

/// The columns that are models: those with costs beside them if there are such, or else all that
/// are nothing else.
fn models(record: &dyn Record) -> Vec<String> {
    let mut plain = Vec::new();
    let mut priced = Vec::new();
    record.for_each_column(&mut |column| {
        if let Some(model) = column.strip_suffix(COST) {
            priced.push(model.to_owned());
        } else if !NOT_MODELS.contains(&column)
            && !column.contains('|')
            && !column.ends_with("_response")
        {
            plain.push(column.to_owned());
        }
    });
    let mut models = if priced.is_empty() { plain } else { priced };
    models.sort();
    models
}

/// What the models of a row have in common.
struct About {
    id: Option<String>,
    prompt: Prompt,
    category: Option<String>,
}

impl About {
    fn rows(self, fields: Fields<'_>, models: &[String]) -> Result<Vec<LogRow>, Wrong> {
        if models.is_empty() {
            return Err(Wrong::row("no column is a model"));
        }
        models
            .iter()
            .filter_map(|model| self.row(fields, model).transpose())
            .collect()
    }

    /// Nothing is logged of a model that has neither score nor cost.
    fn row(&self, fields: Fields<'_>, model: &str) -> Result<Option<LogRow>, Wrong> {
        let score = fields.read(model, score_or_nan)?;
        let cost_usd = fields.read(&format!("{model}{COST}"), cost_or_nan)?;
        if score.is_none() && cost_usd.is_none() {
            return Ok(None);
        }
        Ok(Some(LogRow {
            score,
            cost_usd,
            category: self.category.clone(),
            ..row_of(self.prompt.clone(), model.into(), self.id.clone())
        }))
    }
}
