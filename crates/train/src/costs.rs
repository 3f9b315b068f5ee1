//! Costs that were not logged but follow from what was.

use pointsman_types::{Catalog, LogTable, ModelName, Prices};

/// Tokens out of a model of which neither tokens nor costs were logged.
pub(crate) const ASSUMED_OUTPUT_TOKENS: f32 = 256.0;
/// Characters per token in, where no tokens were logged.
const ASSUMED_CHARS_PER_TOKEN: f32 = 4.0;

/// Fills missing costs from logged tokens and the catalogue's prices. Of a priced model that has
/// neither tokens nor costs anywhere in the log, tokens are assumed. Returns what the user should
/// know about it.
pub fn complete_costs(table: &mut LogTable, catalog: &Catalog) -> Vec<String> {
    let mut assumed = Vec::new();
    for model in 0..table.models.len() {
        let Some(prices) = catalog
            .get(table.models[model].as_str())
            .and_then(|card| card.prices())
        else {
            continue;
        };
        if is_silent(table, model) {
            assume_tokens(table, model);
            assumed.push(table.models[model].clone());
        }
        fill(table, model, prices);
    }
    note(&assumed).into_iter().collect()
}

fn is_silent(table: &LogTable, model: usize) -> bool {
    table.cost_usd.column(model).all(f64::is_nan)
        && table.output_tokens.column(model).all(f32::is_nan)
}

fn assume_tokens(table: &mut LogTable, model: usize) {
    for row in 0..table.prompts.len() {
        let cell = (row, model);
        table.output_tokens[cell] = ASSUMED_OUTPUT_TOKENS;
        if table.input_tokens[cell].is_nan() {
            table.input_tokens[cell] =
                table.prompts[row].text.chars().count() as f32 / ASSUMED_CHARS_PER_TOKEN;
        }
    }
}

fn fill(table: &mut LogTable, model: usize, prices: Prices) {
    for row in 0..table.prompts.len() {
        let cell = (row, model);
        let (input, output) = (table.input_tokens[cell], table.output_tokens[cell]);
        if table.cost_usd[cell].is_nan() && !input.is_nan() && !output.is_nan() {
            table.cost_usd[cell] = prices.cost(input.into(), 0.0, output.into()).as_f64();
        }
    }
}

fn note(assumed: &[ModelName]) -> Option<String> {
    let names: Vec<String> = assumed.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| {
        format!(
            "the log has neither output_tokens nor cost_usd for {}: {ASSUMED_OUTPUT_TOKENS} tokens out were assumed",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use pointsman_types::{ModelCard, PromptRow, UsdPerMillion};

    use super::*;

    fn catalog() -> Catalog {
        let price = Some(UsdPerMillion::new(10.0).unwrap());
        let card = ModelCard {
            input_usd_per_million: price,
            output_usd_per_million: price,
            ..ModelCard::unknown("a".into())
        };
        Catalog::new(vec![card]).unwrap()
    }

    fn cost_after(input: f32, output: f32, cost: f64) -> (f64, usize) {
        let mut table = LogTable::empty(vec!["a".into()]);
        table.prompts.push(PromptRow {
            id: "1".into(),
            text: "12345678".into(),
            category: None,
        });
        table.score.push_row(&[1.0]);
        table.weight.push_row(&[1.0]);
        table.input_tokens.push_row(&[input]);
        table.output_tokens.push_row(&[output]);
        table.cost_usd.push_row(&[cost]);
        let notes = complete_costs(&mut table, &catalog());
        (table.cost_usd[(0, 0)], notes.len())
    }

    fn check(found: (f64, usize), cost: f64, notes: usize) {
        assert!(
            (found.0 - cost).abs() < 1e-9 && found.1 == notes,
            "{found:?}"
        );
    }

    #[test]
    fn a_logged_cost_stays() {
        check(cost_after(10.0, 10.0, 0.5), 0.5, 0);
    }

    #[test]
    fn tokens_times_prices_fill_a_missing_cost() {
        check(cost_after(100.0, 200.0, f64::NAN), 0.003, 0);
    }

    #[test]
    fn a_model_without_any_amount_is_assumed_and_said_so() {
        check(cost_after(f32::NAN, f32::NAN, f64::NAN), 0.002_58, 1);
    }
}
