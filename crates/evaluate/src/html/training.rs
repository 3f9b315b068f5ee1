//! How the router was trained: the blend, its folds, its uncertainty.

use super::cells::{Row, table};
use crate::chart::escape;
use crate::number::{count, quality, signed};
use crate::report::Report;
use crate::{Training, TrainingCandidate, TrainingTeacher};

/// Blends shown; the others are counted.
const MOST_SHOWN: usize = 8;

/// Nothing where the artifact does not tell.
pub(super) fn training(report: &Report) -> String {
    report.training.as_ref().map_or_else(String::new, section)
}

fn section(training: &Training) -> String {
    format!(
        "<h2>How it was trained</h2>\n<p>{}</p>\n{}{}{}",
        escape(&how(training)),
        blends(training),
        measures(training),
        training.teacher.as_ref().map_or_else(String::new, teacher)
    )
}

fn how(training: &Training) -> String {
    let unit = match training.grouped {
        true => "whole categories",
        false => "prompts",
    };
    let blend = training.candidates.iter().find(|one| one.chosen);
    let blend = blend.map_or_else(String::new, |chosen| {
        format!(" The router predicts quality by {}.", words(chosen))
    });
    format!(
        "From {} prompts. Every blend of heads was fitted {} times, each time without one fold of {unit}, \
         and judged on the fold left out. The widest blend is used whose difference to the best is within \
         one standard error.{blend}",
        count(training.prompts),
        training.folds,
    )
}

fn words(candidate: &TrainingCandidate) -> String {
    match candidate.heads.as_slice() {
        [] => "each model's mean alone".to_owned(),
        heads => heads.join(" + "),
    }
}

fn criterion(training: &Training) -> &str {
    match training.criterion.as_str() {
        "aiq" => "held-out AIQ",
        "explained_variance" => "held-out explained variance",
        "explained_differences" => "held-out explained variance of the differences between models",
        other => other,
    }
}

/// The best first; the one in use always among them.
fn blends(training: &Training) -> String {
    let mut order: Vec<&TrainingCandidate> = training.candidates.iter().collect();
    order.sort_by(|one, other| other.worth.total_cmp(&one.worth));
    let Some(best) = order.first().map(|best| best.worth) else {
        return String::new();
    };
    let shown = order.iter().enumerate();
    let shown = shown.filter(|(at, one)| *at < MOST_SHOWN || one.chosen);
    let rows: Vec<Row> = shown.map(|(_, one)| row(one, best)).collect();
    let further = order.len() - rows.len();
    let header = [
        "blend",
        criterion(training),
        "difference to the best",
        "standard error of that",
    ];
    let remark = match further {
        0 => String::new(),
        _ => format!("<p class=\"note\">{further} further blends were worth less.</p>\n"),
    };
    format!("{}{remark}", table(&header, rows))
}

fn row(candidate: &TrainingCandidate, best: f64) -> Row {
    let figures = [
        quality(candidate.worth),
        signed(candidate.worth - best),
        quality(candidate.error_of_difference),
    ];
    Row {
        remark: candidate.chosen.then(|| "in use".to_owned()),
        ours: candidate.chosen,
        ..Row::new(words(candidate), figures)
    }
}

fn measures(training: &Training) -> String {
    let Some(found) = &training.cross_validated else {
        return "<p>Too few prompts have every model\u{2019}s score and cost for cross-validated measures.</p>\n".to_owned();
    };
    format!(
        "<p>Cross-validated, each fold by the blend that would have been chosen without it: AIQ {} on {} \
         prompts with every model\u{2019}s score, where mixing single models has {} and the oracle {}.</p>\n",
        quality(found.router.aiq),
        count(found.prompts),
        quality(found.zero_router.aiq),
        quality(found.oracle.aiq)
    )
}

fn teacher(teacher: &TrainingTeacher) -> String {
    let own = teacher.cross_validated.as_ref();
    let own = own.map_or_else(String::new, |found| {
        format!(
            ", whose own cross-validated AIQ is {}",
            quality(found.router.aiq)
        )
    });
    format!(
        "<p>Besides, {} prompts without labels: it learnt what a teacher says of them that reads \
         {}{own}.</p>\n",
        count(teacher.prompts),
        escape(&teacher.encoder)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_teacher_is_named_with_what_it_taught() {
        let told = teacher(&TrainingTeacher {
            encoder: "minilm:weights".into(),
            prompts: 3400,
            cross_validated: None,
        });
        assert!(told.contains("3,400 prompts without labels"), "{told}");
        assert!(told.contains("reads minilm:weights.</p>"), "{told}");
    }
}
