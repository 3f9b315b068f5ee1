//! A summary as text for a terminal.

use std::fmt;

use comfy_table::{CellAlignment, ColumnConstraint, LineStyle, Table, TableStyle};

use super::{Judging, ModelSummary, Quantiles, Summary};

/// Where the columns about comparisons begin in the table of models.
const COMPARISONS: usize = 7;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<String> = self
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        writeln!(f, "{}", files.join(", "))?;
        writeln!(
            f,
            "{} rows, {} prompts, {} models; {} missing cells, {} duplicate rows, {} malformed rows",
            self.rows,
            self.prompts,
            self.models.len(),
            self.missing_cells,
            self.duplicates,
            self.faults.bad_rows,
        )?;
        if self.comparisons > 0 {
            writeln!(f, "{} of the rows compare two answers", self.comparisons)?;
        }
        writeln!(f, "\n{}", self.model_table())?;
        writeln!(f, "\n{}", self.distribution_table())?;
        if let Some(judging) = &self.judging {
            writeln!(f, "\n{}\n{}", judge_table(judging), agreement(judging))?;
        }
        if !self.categories.is_empty() {
            writeln!(f, "\n{}", self.category_table())?;
        }
        self.write_notes(f)
    }
}

impl Summary {
    fn model_table(&self) -> Table {
        let mut table = numbers(&[
            "model",
            "rows",
            "without score",
            "mean score",
            "mean cost, USD",
            "mean tokens in",
            "mean tokens out",
            "comparisons",
            "share won",
        ]);
        table.add_rows(self.models.iter().map(model_row));
        if self.comparisons == 0 {
            for column in [COMPARISONS, COMPARISONS + 1] {
                let column = table.column_mut(column).expect("the header has so many");
                column.set_constraint(ColumnConstraint::Hidden);
            }
        }
        table
    }

    fn distribution_table(&self) -> Table {
        let mut table = numbers(&["", "min", "p10", "p50", "p90", "p99", "max"]);
        for (name, quantiles) in [
            ("prompt, characters", self.prompt_chars),
            ("tokens in", self.input_tokens),
            ("tokens out", self.output_tokens),
        ] {
            table.add_row(quantile_row(name, quantiles));
        }
        table
    }

    fn category_table(&self) -> Table {
        let mut table = numbers(&["category", "prompts"]);
        for (category, prompts) in &self.categories {
            table.add_row([category.clone(), prompts.to_string()]);
        }
        if self.prompts_of_other_categories > 0 {
            let others = self.prompts_of_other_categories.to_string();
            table.add_row(["(others)".to_owned(), others]);
        }
        table
    }

    fn write_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown: Vec<&str> = self
            .faults
            .unknown_columns
            .iter()
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            writeln!(f, "\nignored columns: {}", unknown.join(", "))?;
        }
        if !self.faults.first.is_empty() {
            writeln!(f, "\nfirst faults:")?;
        }
        for fault in &self.faults.first {
            writeln!(f, "  {fault}")?;
        }
        Ok(())
    }
}

/// A table whose first column is a name and whose others are numbers.
fn numbers(header: &[&str]) -> Table {
    let under_header = LineStyle::none().fill('-').junction('-');
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(under_header));
    table.set_header(header.iter().copied());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn model_row(model: &ModelSummary) -> Vec<String> {
    vec![
        model.model.to_string(),
        model.rows.to_string(),
        model.missing_scores.to_string(),
        or_dash(model.mean_score, |score| format!("{score:.4}")),
        or_dash(model.mean_cost_usd, |usd| format!("{usd:.8}")),
        or_dash(model.mean_input_tokens, |tokens| format!("{tokens:.1}")),
        or_dash(model.mean_output_tokens, |tokens| format!("{tokens:.1}")),
        model.comparisons.to_string(),
        or_dash(model.share_won, |share| format!("{share:.4}")),
    ]
}

fn quantile_row(name: &str, quantiles: Option<Quantiles>) -> Vec<String> {
    let values = quantiles.map(|q| [q.min, q.p10, q.p50, q.p90, q.p99, q.max]);
    let mut row = vec![name.to_owned()];
    row.extend((0..6).map(|index| or_dash(values, |values| values[index].to_string())));
    row
}

fn judge_table(judging: &Judging) -> Table {
    let mut table = numbers(&["judge", "scores", "mean score"]);
    for one in &judging.judges {
        let mean = or_dash(one.mean_score, |score| format!("{score:.4}"));
        table.add_row([one.judge.clone(), one.scores.to_string(), mean]);
    }
    table
}

fn agreement(judging: &Judging) -> String {
    let alpha = or_dash(judging.krippendorff_alpha, |alpha| format!("{alpha:.3}"));
    format!(
        "{} answers scored more than once; Krippendorff's alpha {alpha}",
        judging.shared_answers
    )
}

fn or_dash<T>(value: Option<T>, print: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), print)
}
