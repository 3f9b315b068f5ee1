//! Several judges of the same answers: what one is stricter or kinder by is taken out before their
//! scores are averaged.
//!
//! The model is additive: a score is the quality of the answer plus the severity of its judge plus
//! noise (a two-way layout without interaction; Scheffé 1959, chapter 4). Only answers that several
//! judges scored tell severity from difficulty.

use std::collections::BTreeMap;

use pointsman_measures::krippendorff_alpha;
use pointsman_types::{LogTable, Rating};

/// Votes at severity 0 that every judge is credited with.
const PRIOR: f64 = 5.0;
const MOST_SWEEPS: usize = 200;
const TOLERANCE: f64 = 1e-7;
/// Severities below this are not worth a word.
const NOTEWORTHY: f64 = 0.005;

/// Replaces the scores of judged answers by the mean of what their judges said less the judge's
/// severity. Returns what the user should know; nothing happens where fewer than two judges are
/// named.
pub fn level_judges(table: &mut LogTable) -> Vec<String> {
    if table.judges.len() < 2 {
        return Vec::new();
    }
    let answers = answers(table);
    let severity = severities(&answers, table.judges.len());
    for answer in &answers {
        let cell = (answer[0].prompt, answer[0].model);
        table.score[cell] = quality(answer, &severity).clamp(0.0, 1.0) as f32;
    }
    vec![note(table, &answers, &severity)]
}

/// The ratings of each answer.
fn answers(table: &LogTable) -> Vec<Vec<Rating>> {
    let mut answers: BTreeMap<(usize, usize), Vec<Rating>> = BTreeMap::new();
    for rating in &table.ratings {
        let cell = (rating.prompt, rating.model);
        answers.entry(cell).or_default().push(*rating);
    }
    answers.into_values().collect()
}

fn quality(answer: &[Rating], severity: &[f64]) -> f64 {
    let (sum, votes) = answer.iter().fold((0.0, 0.0), |(sum, votes), one| {
        let weight = f64::from(one.weight);
        (
            sum + weight * (f64::from(one.score) - severity[one.judge]),
            votes + weight,
        )
    });
    sum / votes
}

/// What each judge adds to a score, 0 in the mean over votes: alternating least squares between
/// qualities and severities, the latter shrunk.
fn severities(answers: &[Vec<Rating>], judges: usize) -> Vec<f64> {
    let shared: Vec<&Vec<Rating>> = answers.iter().filter(|one| one.len() > 1).collect();
    let mut severity = vec![0.0; judges];
    for _ in 0..MOST_SWEEPS {
        let next = sweep(&shared, &severity);
        let moved = severity.iter().zip(&next).map(|(a, b)| (a - b).abs());
        let moved = moved.fold(0.0, f64::max);
        severity = next;
        if moved < TOLERANCE {
            break;
        }
    }
    severity
}

fn sweep(shared: &[&Vec<Rating>], severity: &[f64]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); severity.len()];
    for answer in shared {
        let quality = quality(answer, severity);
        for one in *answer {
            let (sum, votes) = &mut sums[one.judge];
            *sum += f64::from(one.weight) * (f64::from(one.score) - quality);
            *votes += f64::from(one.weight);
        }
    }
    let all: f64 = sums.iter().map(|(_, votes)| votes).sum();
    let shrunk: Vec<f64> = sums
        .iter()
        .map(|(sum, votes)| sum / (votes + PRIOR))
        .collect();
    let level = sums
        .iter()
        .zip(&shrunk)
        .map(|((_, votes), one)| votes * one);
    let level = level.sum::<f64>() / f64::max(all, 1.0);
    let has_votes = sums.iter().map(|(_, votes)| *votes > 0.0);
    shrunk
        .iter()
        .zip(has_votes)
        .map(|(one, has_votes)| if has_votes { one - level } else { 0.0 })
        .collect()
}

fn note(table: &LogTable, answers: &[Vec<Rating>], severity: &[f64]) -> String {
    let shared = answers.iter().filter(|one| one.len() > 1).count();
    if shared == 0 {
        return format!(
            "{} judges scored no answer in common: how strict each is cannot be told, and their scores stay as they are",
            table.judges.len()
        );
    }
    let units: Vec<Vec<f64>> = answers
        .iter()
        .map(|answer| answer.iter().map(|one| one.score.into()).collect())
        .collect();
    let alpha =
        krippendorff_alpha(&units).map_or("undefined".to_owned(), |alpha| format!("{alpha:.2}"));
    format!(
        "{} judges, {shared} answers scored by several, Krippendorff's alpha {alpha}; taken out of the scores: {}",
        table.judges.len(),
        listed(table, severity)
    )
}

fn listed(table: &LogTable, severity: &[f64]) -> String {
    let each: Vec<String> = table
        .judges
        .iter()
        .zip(severity)
        .filter(|(_, severity)| severity.abs() >= NOTEWORTHY)
        .map(|(judge, severity)| match judge.is_empty() {
            true => format!("{severity:+.2} of rows without a judge"),
            false => format!("{severity:+.2} of `{judge}`"),
        })
        .collect();
    match each.is_empty() {
        true => "nothing worth a word".to_owned(),
        false => each.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::PromptRow;

    use super::*;

    /// One model; `said(prompt, judge)` is the score where that judge scored that prompt.
    fn judged(
        prompts: usize,
        judges: &[&str],
        said: impl Fn(usize, usize) -> Option<f32>,
    ) -> LogTable {
        let mut table = LogTable::empty(vec!["a".into()]);
        table.judges = judges.iter().map(|judge| (*judge).to_owned()).collect();
        for prompt in 0..prompts {
            table.prompts.push(PromptRow {
                id: prompt.to_string(),
                text: prompt.to_string().into(),
                category: None,
            });
            let scores = (0..judges.len()).filter_map(|judge| Some((judge, said(prompt, judge)?)));
            let ratings: Vec<Rating> = scores
                .map(|(judge, score)| Rating {
                    prompt,
                    model: 0,
                    judge,
                    score,
                    weight: 1.0,
                })
                .collect();
            let mean = ratings.iter().map(|one| one.score).sum::<f32>() / ratings.len() as f32;
            table.score.push_row(&[mean]);
            table.weight.push_row(&[ratings.len() as f32]);
            table.ratings.extend(ratings);
        }
        table
    }

    fn truth(prompt: usize) -> f32 {
        0.3 + 0.4 * ((prompt * 7) % 10) as f32 / 10.0
    }

    #[test]
    fn severity_is_taken_out_also_where_one_judge_was_alone() {
        let strict = |prompt: usize, judge: usize| match judge {
            0 => (!prompt.is_multiple_of(3)).then(|| truth(prompt) + 0.1),
            _ => (prompt % 3 != 1).then(|| truth(prompt) - 0.1),
        };
        let mut table = judged(300, &["kind", "strict"], strict);
        let notes = level_judges(&mut table);
        for prompt in 0..300 {
            let error = table.score[(prompt, 0)] - truth(prompt);
            assert!(error.abs() < 0.02, "prompt {prompt} is off by {error}");
        }
        assert!(
            notes[0].contains("+0.09 of `kind`") || notes[0].contains("+0.10 of `kind`"),
            "{notes:?}"
        );
    }

    #[test]
    fn judges_with_nothing_in_common_are_left_alone() {
        let apart =
            |prompt: usize, judge: usize| (prompt % 2 == judge).then_some(0.2 + 0.5 * judge as f32);
        let mut table = judged(50, &["x", "y"], apart);
        let before = table.score.clone();
        let notes = level_judges(&mut table);
        assert_eq!(table.score, before);
        assert!(notes[0].contains("no answer in common"), "{notes:?}");
    }

    #[test]
    fn one_judge_needs_no_levelling() {
        let mut table = judged(50, &["x"], |prompt, _| Some(truth(prompt)));
        assert!(level_judges(&mut table).is_empty());
    }

    #[test]
    fn a_few_scores_hardly_move_a_severity() {
        let rarely = |prompt: usize, judge: usize| match judge {
            0 => Some(0.5),
            _ => (prompt < 2).then_some(1.0),
        };
        let answers = answers(&judged(100, &["often", "rarely"], rarely));
        let severity = severities(&answers, 2);
        assert!(severity[1] < 0.2, "{severity:?}");
    }
}
