//! A made-up log and a made-up router for it: models of rising cost and skill, prompts of rising
//! difficulty, a router that sees the difficulty through noise.

use pointsman_evaluate::{EvaluateError, Options, Replayed, Sample};
use pointsman_measures::Predicted;
use pointsman_types::{Grid, LogTable, ModelName, PromptRow};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const FAMILIES: [(&str, &str); 4] = [
    ("arithmetic", "add these numbers and show each step"),
    ("translation", "translate this sentence into plain English"),
    ("proof", "prove that the theorem holds for every group"),
    ("chat", "tell me something nice about the weather"),
];

/// A log, and what a router predicted for it.
pub(crate) struct MadeUp {
    pub(crate) log: LogTable,
    pub(crate) quality: Grid<f64>,
    pub(crate) cost: Grid<f64>,
    output_tokens: Grid<[f32; 2]>,
}

impl MadeUp {
    /// `noise` is how badly the router sees.
    pub(crate) fn new(prompts: usize, names: &[&str], noise: f64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let models = names.len();
        let mut log = LogTable::empty(names.iter().map(|name| ModelName::from(*name)).collect());
        let (mut score, mut paid) = (Vec::new(), Vec::new());
        let (mut quality, mut cost) = (Vec::new(), Vec::new());
        let (mut tokens, mut expected_tokens) = (Vec::new(), Vec::new());
        for row in 0..prompts {
            let (family, text) = FAMILIES[row % FAMILIES.len()];
            let words = rng.random_range(1..30);
            log.prompts.push(PromptRow {
                id: row.to_string(),
                text: format!("{text} {}", format!("item{row} ").repeat(words)).into(),
                category: Some(family.to_owned()),
            });
            let difficulty = (row % FAMILIES.len()) as f64 / 3.0 + rng.random_range(-0.4..0.4);
            for model in 0..models {
                let rank = model as f64 / (models - 1).max(1) as f64;
                let skill = 0.3 + 0.9 * rank + 0.35 * ((model * 7 % 5) as f64 / 4.0 - 0.5);
                let chance = 1.0 / (1.0 + (4.0 * (difficulty - skill)).exp());
                let price = 2e-5 * 200_f64.powf(rank) * (1.0 + words as f64 / 30.0);
                score.push(f32::from(u8::from(rng.random_range(0.0..1.0) < chance)));
                let luck = rng.random_range(0.8..1.25);
                paid.push(price * luck);
                tokens.push((100.0 * price / 2e-5 * luck) as f32);
                expected_tokens
                    .push([(100.0 * price / 2e-5) as f32, (120.5 * price / 2e-5) as f32]);
                quality.push((chance + noise * rng.random_range(-1.0..1.0)).clamp(0.0, 1.0));
                cost.push(price);
            }
        }
        log.score = Grid::from_values(models, score);
        log.cost_usd = Grid::from_values(models, paid);
        log.output_tokens = Grid::from_values(models, tokens);
        Self {
            log,
            quality: Grid::from_values(models, quality),
            cost: Grid::from_values(models, cost),
            output_tokens: Grid::from_values(models, expected_tokens),
        }
    }

    /// What the router decides at this lambda, and all it predicted, on the sample of the log.
    pub(crate) fn replay(
        &self,
        lambda: f64,
        options: &Options,
    ) -> Result<(Sample, Replayed), EvaluateError> {
        let sample = Sample::of(&self.log, &self.log.models, |_| false, options)?;
        let predicted = Predicted::new(self.quality.clone(), self.cost.clone())?;
        let decided = pointsman_measures::sweep(&predicted).choices_at(lambda);
        let replayed = Replayed {
            predicted,
            output_tokens: self.output_tokens.clone(),
            decided: decided.into_iter().map(Some).collect(),
            policy: format!("utility:{lambda}"),
            policy_version: "0123456789ab".to_owned(),
            guarantee: None,
            cascaded: None,
        };
        Ok((sample, replayed))
    }
}
