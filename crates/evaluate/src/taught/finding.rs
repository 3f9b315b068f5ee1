//! How learning stands, in sentences.

use super::parts::{Budget, Learning, Learnt, Model};
use crate::number::{count, signed, significant};

/// The first thing to know.
pub(crate) fn finding(learning: &Learning) -> String {
    let Some(learnt) = &learning.learnt else {
        return match learning.state.as_str() {
            "bypassed" => "Nothing is learnt, by the settings.".to_owned(),
            _ => "Learning has not begun.".to_owned(),
        };
    };
    let applied = match learning.applies {
        true => "Decisions are corrected by what was learnt",
        false => "What was learnt does not change decisions",
    };
    let judged = count(learnt.judgements.learned as usize);
    format!("{applied}, from {judged} judgements. {}", farthest(learnt))
}

/// The model that is surest to differ from what training predicts.
fn farthest(learnt: &Learnt) -> String {
    let sureness = |model: &&Model| (model.mean / model.error.max(f64::MIN_POSITIVE)).abs();
    let models = learnt.models.iter();
    let farthest = models.max_by(|one, other| sureness(one).total_cmp(&sureness(other)));
    match farthest {
        Some(model) if sureness(&model) > 2.0 => format!(
            "{} differs most from its predictions: {} ± {}.",
            model.model,
            signed(model.mean),
            significant(2.0 * model.error, 2)
        ),
        _ => "No model differs from its predictions beyond doubt.".to_owned(),
    }
}

/// What has drifted and what follows, in sentences.
pub(crate) fn drift_words(learning: &Learning) -> String {
    let Some(drift) = &learning.drift else {
        return "Drift is not watched.".to_owned();
    };
    let unlike = match drift.has_reference {
        true => "",
        false => " There are too few requests yet to compare new ones with.",
    };
    let standing = drift.standing.iter();
    let standing = standing.map(|one| format!(" {}, {}.", capital(&one.state), one.words()));
    let found: String = standing.collect();
    let decisions = count(drift.requests as usize);
    let calm = match found.is_empty() {
        true => " Nothing has drifted.",
        false => "",
    };
    format!(
        "{decisions} decisions were looked at.{calm}{found}{}{unlike}",
        consequence_words(learning)
    )
}

fn consequence_words(learning: &Learning) -> &'static str {
    let Some(consequence) = &learning.consequence else {
        return "";
    };
    match (consequence.use_reference, consequence.stop_exploring) {
        (true, _) => " The router decides as trained until predictions hold again.",
        (false, true) => " Nothing is tried out until that is over.",
        (false, false) => "",
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_uppercase());
    first.into_iter().flatten().chain(letters).collect()
}

/// The budget, in a sentence.
pub(crate) fn spending(budget: &Budget) -> String {
    let usd = |value: f64| format!("${}", significant(value, 3));
    let goal = &budget.settings["goal"];
    let goal = match (goal["mean_cost"].as_f64(), goal["spend"]["usd"].as_f64()) {
        (Some(mean), _) => format!("The goal is {} a request.", usd(mean)),
        (_, Some(spend)) => {
            let hours = goal["spend"]["period_ms"].as_f64().unwrap_or(0.0) / 3.6e6;
            format!("The goal is {} in {} h.", usd(spend), significant(hours, 2))
        }
        _ => "There is a cap and no goal.".to_owned(),
    };
    let left = budget.left_usd;
    let left = left.map_or_else(String::new, |left| {
        format!(" {} is left of the cap.", usd(left))
    });
    let lambda = budget.lambda;
    let lambda = lambda.map_or_else(String::new, |lambda| {
        format!(" A dollar must buy {} of quality.", significant(lambda, 3))
    });
    format!(
        "{goal} {} was spent, {} is set aside for {} calls that have not told their cost.{left}{lambda}",
        usd(budget.spent_usd),
        usd(budget.reserved_usd),
        count(budget.open as usize),
    )
}

/// How long ago, given in milliseconds.
pub(crate) fn ago(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    match (minutes, minutes / 60, minutes / (24 * 60)) {
        (0, ..) => "a moment ago".to_owned(),
        (minutes, 0, _) => format!("{minutes} min ago"),
        (_, hours, 0) => format!("{hours} h ago"),
        (.., days) => format!("{days} d ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_in_the_unit_that_fits() {
        let words = [-5, 59_999, 60_000, 7_200_000, 200_000_000].map(ago);
        let expected = [
            "a moment ago",
            "a moment ago",
            "1 min ago",
            "2 h ago",
            "2 d ago",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn a_model_is_named_only_beyond_doubt() {
        let model = |mean: f64| Model {
            model: "large".into(),
            mean,
            error: 0.02,
            ..Model::default()
        };
        let of = |mean: f64| {
            farthest(&Learnt {
                models: vec![model(mean)],
                ..Learnt::default()
            })
        };
        assert_eq!(
            of(-0.1),
            "large differs most from its predictions: −0.1000 ± 0.040."
        );
        assert!(of(0.03).starts_with("No model"), "{}", of(0.03));
    }
}
