//! What a log shows of a prompt: noisy scores, whole tokens, costs, latencies, and gaps.

use pointsman_types::{LogRow, ModelName, Quality, Tokens};

use crate::answers::{Signs, signs};
use crate::draws::{Draws, Purpose};
use crate::family::{FAMILIES, Scoring};
use crate::portable::{exp, rounded};
use crate::roster::{MODELS, ROSTER};
use crate::truth::{CACHE_HIT, LENGTH_SPREAD};
use crate::{Cast, Settings};

/// Votes that a judge's prior opinion weighs: the lower, the more judges differ.
const JUDGE_WEIGHT: f64 = 14.0;

/// The mean difficulty of the prompts, at which gaps are as frequent as asked for.
const USUAL_DIFFICULTY: f64 = 0.36;

/// What happened when one model answered.
struct Outcome {
    score: f64,
    output: f64,
    cached: f64,
    ttft_ms: f64,
    latency_ms: f64,
    gap: Gap,
}

/// Whether the log has the cell.
#[derive(Clone, Copy, PartialEq)]
enum Gap {
    None,
    /// The answer was paid for and never scored.
    Unscored,
    /// The model was never called.
    Uncalled,
}

/// The rows of one prompt: at most one per model, in the roster's order.
pub(crate) fn rows(cast: &Cast, settings: &Settings) -> Vec<LogRow> {
    let (seed, missing) = (settings.seed, settings.missing.get());
    let mut draws = Draws::new(seed, cast.number, Purpose::Outcome);
    // Every model draws, logged or not, so that another share of gaps leaves the rest as it was.
    let outcomes: [Outcome; MODELS] =
        std::array::from_fn(|model| outcome(cast, model, missing, &mut draws));
    let answers = outcomes.each_ref().map(|one| (one.score, one.output));
    let signs = settings.answers.then(|| signs(cast, seed, answers));
    let logged = outcomes.iter().enumerate();
    logged
        .filter(|(_, outcome)| outcome.gap != Gap::Uncalled)
        .map(|(model, outcome)| shown(row(cast, model, outcome), signs.map(|all| all[model])))
        .collect()
}

fn outcome(cast: &Cast, model: usize, missing: f64, draws: &mut Draws) -> Outcome {
    let (simulated, truth) = (&ROSTER[model], &cast.truth);
    let scoring = FAMILIES[cast.asked.family].scoring;
    let length = exp(LENGTH_SPREAD * draws.bell());
    let output = (truth.output[model] * length)
        .round()
        .clamp(1.0, simulated.max_output);
    let hit = draws.chance(CACHE_HIT) && simulated.caches();
    let ttft_ms = simulated.ttft_ms * exp(0.25 * draws.bell());
    let writing_ms = 1000.0 * output / simulated.speed * exp(0.15 * draws.bell());
    Outcome {
        gap: gap(missing * simulated.missing, cast.asked.difficulty, draws),
        score: score(scoring, truth.quality[model], draws),
        output,
        cached: if hit { truth.history[model] } else { 0.0 },
        ttft_ms: rounded(ttft_ms, 10.0),
        latency_ms: rounded(ttft_ms + writing_ms, 10.0),
    }
}

/// A score whose mean is exactly `quality`. A test is passed with that probability; a judge's
/// tenths are drawn from an urn (beta-binomial), so that they spread more than ten tests would.
fn score(scoring: Scoring, quality: f64, draws: &mut Draws) -> f64 {
    match scoring {
        Scoring::Tested => f64::from(u8::from(draws.chance(quality))),
        Scoring::Judged => {
            let tenths = (0..10_u8).fold(0.0, |tenths, votes| {
                let share = (quality * JUDGE_WEIGHT + tenths) / (JUDGE_WEIGHT + f64::from(votes));
                tenths + f64::from(u8::from(draws.chance(share)))
            });
            tenths / 10.0
        }
    }
}

/// Gaps are not at random: the easier the prompt, the more often a cell is missing. Half of the
/// gaps are answers without a score, half are calls never made.
fn gap(probability: f64, difficulty: f64, draws: &mut Draws) -> Gap {
    let probability = probability * (1.0 + USUAL_DIFFICULTY - difficulty);
    match draws.unit() {
        low if low < probability / 2.0 => Gap::Unscored,
        low if low < probability => Gap::Uncalled,
        _ => Gap::None,
    }
}

fn shown(row: LogRow, signs: Option<Signs>) -> LogRow {
    LogRow {
        answer_logprob: signs.and_then(|signs| signs.logprob),
        answer_chars: signs.map(|signs| signs.chars),
        ..row
    }
}

fn row(cast: &Cast, model: usize, outcome: &Outcome) -> LogRow {
    let (simulated, input) = (&ROSTER[model], cast.truth.input[model]);
    let scored = outcome.gap != Gap::Unscored;
    let cost = simulated
        .prices()
        .cost(input, outcome.cached, outcome.output);
    LogRow {
        score: scored.then(|| Quality::clamped(outcome.score as f32)),
        prompt_id: prompt_id(cast.number),
        category: Some(FAMILIES[cast.asked.family].name.to_owned()),
        input_tokens: Some(Tokens(input as u64)),
        output_tokens: Some(Tokens(outcome.output as u64)),
        cached_tokens: (outcome.cached > 0.0).then_some(Tokens(outcome.cached as u64)),
        cost_usd: Some(cost),
        latency_ms: Some(outcome.latency_ms),
        ttft_ms: Some(outcome.ttft_ms),
        ..LogRow::new(cast.asked.prompt.clone(), ModelName::from(simulated.name))
    }
}

/// The id of the prompt of that number, which says that it is synthetic.
pub(crate) fn prompt_id(number: u64) -> String {
    format!("synthetic-{number:06}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_score(scoring: Scoring, quality: f64) -> f64 {
        let mut draws = Draws::new(5, 0, Purpose::Outcome);
        (0..20_000)
            .map(|_| score(scoring, quality, &mut draws))
            .sum::<f64>()
            / 20_000.0
    }

    #[test]
    fn the_mean_score_is_the_quality() {
        for quality in [0.02, 0.15, 0.5, 0.83, 0.98] {
            for scoring in [Scoring::Tested, Scoring::Judged] {
                let mean = mean_score(scoring, quality);
                assert!(
                    (mean - quality).abs() < 0.015,
                    "{scoring:?} {quality} {mean}"
                );
            }
        }
    }

    #[test]
    fn without_missing_there_is_no_gap() {
        let mut draws = Draws::new(5, 0, Purpose::Outcome);
        assert!((0..5_000).all(|_| gap(0.0, 0.2, &mut draws) == Gap::None));
    }
}
