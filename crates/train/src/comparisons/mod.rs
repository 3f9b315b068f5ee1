//! Comparisons of answers, read as scores, so that every family of heads learns from them unchanged.
//!
//! A score here is the chance to win against a model of average strength. Bradley–Terry strengths
//! that do not depend on the prompt give each model its mean, `mean = sigmoid(strength - level)`. A
//! game against `b` is then re-based to a game against the average: where `a` was expected to win
//! with probability `p`, a win counts `(1 - p) / (1 - mean)` and a loss `p / mean`. These are the
//! weights of a prior shift (Saerens, Latinne and Decaestecker 2002, Neural Computation 14): they
//! move the odds from those of `p` to those of `mean` and leave what the prompt adds to the logit
//! as it is. So the weighted mean of a model's scores is its mean, and scores stay within `[0, 1]`.

mod measure;
mod strengths;

pub(crate) use measure::measure;
use pointsman_types::{Comparison, LogTable};

use crate::error::TrainError;
pub(crate) use strengths::Strengths;
use strengths::sigmoid;

/// One comparison seen from one of its models.
struct Game {
    cell: (usize, usize),
    rival: usize,
    share: f64,
    expected: f64,
    votes: f64,
}

/// Puts a score and a weight into the cells of the models that were compared, merged with scores
/// that are there. Returns the strengths; `None` without comparisons.
pub(crate) fn read_as_scores(table: &mut LogTable) -> Result<Option<Strengths>, TrainError> {
    if table.comparisons.is_empty() {
        return Ok(None);
    }
    let strengths = Strengths::fit(&table.comparisons, table.models.len())?;
    let games: Vec<Game> = table
        .comparisons
        .iter()
        .flat_map(|one| games(one, &strengths))
        .collect();
    let means = means(table, &strengths, &games);
    let own_shares = own_shares(&games, table.models.len());
    for game in games {
        let model = game.cell.1;
        let (score, weight) = rebased(&game, means[model]);
        let score = means[model] + own_shares[model] * (score - means[model]);
        merge(table, game.cell, score, weight);
    }
    Ok(Some(strengths))
}

fn games(one: &Comparison, strengths: &Strengths) -> [Game; 2] {
    let (share, expected) = (
        f64::from(one.share_of_first),
        strengths.first_wins(one.models).clamp(1e-6, 1.0 - 1e-6),
    );
    let [first, second] = one.models;
    let game = |model, rival, share, expected| Game {
        cell: (one.prompt, model),
        rival,
        share,
        expected,
        votes: one.weight.into(),
    };
    [
        game(first, second, share, expected),
        game(second, first, 1.0 - share, 1.0 - expected),
    ]
}

/// The score of a game against an average opponent, and what it weighs.
fn rebased(game: &Game, mean: f64) -> (f64, f64) {
    let wins = game.share * (1.0 - game.expected) / (1.0 - mean);
    let losses = (1.0 - game.share) * game.expected / mean;
    (wins / (wins + losses), game.votes * (wins + losses))
}

/// Of what a prompt adds to the logit of a game, the part that is the model's own: its opponents
/// differ from their means too. Where two models meet only each other it is a half; where one of
/// `n` meets all others equally often, `(n - 1) / n`.
fn own_shares(games: &[Game], models: usize) -> Vec<f64> {
    let mut votes = vec![vec![0.0; models]; models];
    for game in games {
        votes[game.cell.1][game.rival] += game.votes;
    }
    let sums: Vec<f64> = votes.iter().map(|row| row.iter().sum()).collect();
    let share = |model: usize, rival: usize| votes[model][rival] / f64::max(sums[model], 1e-300);
    let mutual = |model: usize| -> f64 {
        let of_rival = |rival| share(model, rival) * share(rival, model);
        (0..models).map(of_rival).sum()
    };
    (0..models)
        .map(|model| 1.0 / (1.0 + mutual(model)))
        .collect()
}

/// The mean score of each model. Comparisons alone have no level: without scores the average model
/// has a half, with scores the compared models have the mean of those scored.
fn means(table: &LogTable, strengths: &Strengths, games: &[Game]) -> Vec<f64> {
    let mut compared: Vec<usize> = games.iter().map(|game| game.cell.1).collect();
    compared.sort_unstable();
    compared.dedup();
    let level = match mean_score(table, &compared) {
        None => average(compared.iter().map(|model| strengths.of_model[*model])),
        Some(goal) => level_at(goal, |level| {
            let mean = |model: &usize| sigmoid(strengths.of_model[*model] - level);
            average(compared.iter().map(mean))
        }),
    };
    let of_model = strengths.of_model.iter();
    of_model
        .map(|strength| inside(sigmoid(strength - level)))
        .collect()
}

/// The mean over models of their mean scores: of those compared, or of all where none of those was
/// scored.
fn mean_score(table: &LogTable, compared: &[usize]) -> Option<f64> {
    let of_model = |model: usize| {
        let cells = table.score.column(model).zip(table.weight.column(model));
        let seen = cells.filter(|(score, _)| !score.is_nan());
        let (sum, weight) = seen.fold((0.0, 0.0), |(sum, total), (score, weight)| {
            (sum + f64::from(score * weight), total + f64::from(weight))
        });
        (weight > 0.0).then(|| sum / weight)
    };
    let both: Vec<f64> = compared
        .iter()
        .filter_map(|model| of_model(*model))
        .collect();
    let means = match both.is_empty() {
        true => (0..table.models.len()).filter_map(of_model).collect(),
        false => both,
    };
    (!means.is_empty()).then(|| average(means.into_iter()))
}

/// The level at which a falling function reaches a goal, by bisection.
fn level_at(goal: f64, of: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if of(middle) > goal {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// Weights divide by a mean and by what it lacks to 1.
fn inside(mean: f64) -> f64 {
    const MARGIN: f64 = 0.01;
    mean.clamp(MARGIN, 1.0 - MARGIN)
}

fn merge(table: &mut LogTable, cell: (usize, usize), score: f64, weight: f64) {
    let known = match table.score[cell].is_nan() {
        true => (0.0, 0.0),
        false => (f64::from(table.score[cell]), f64::from(table.weight[cell])),
    };
    let total = known.1 + weight;
    table.score[cell] = ((known.0 * known.1 + score * weight) / total) as f32;
    table.weight[cell] = total as f32;
}
