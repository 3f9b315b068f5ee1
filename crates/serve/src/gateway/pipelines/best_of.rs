//! Several answers, of which a judge takes the best.

use futures_util::future::join_all;
use pointsman_types::ModelName;
use pointsman_wire::Answer;

use super::judge::best;
use super::{BestOfConfig, Crew, Done, Step, Stopped, calls};

/// A best-of that was checked.
pub(crate) struct BestOf {
    models: Vec<ModelName>,
    judge: ModelName,
    criteria: String,
}

/// What a judge looks at where the settings name nothing.
const CRITERIA: &str = "Which answer is the most correct and complete?";

impl BestOf {
    pub(super) fn new(config: &BestOfConfig) -> Result<Self, String> {
        calls(&config.models, config.samples)?;
        Ok(Self {
            models: repeated(&config.models, config.samples),
            judge: config.judge.clone(),
            criteria: config
                .criteria
                .clone()
                .unwrap_or_else(|| CRITERIA.to_owned()),
        })
    }

    /// The best by the judge; the first where it cannot say.
    pub(super) async fn run(&self, crew: &Crew<'_>) -> Result<Done, Stopped> {
        let mut done = all(crew, &self.models).await?;
        if done.len() == 1 {
            return Ok(done.remove(0));
        }
        let answers: Vec<&Answer> = done.iter().map(|done| &done.answer).collect();
        let place = best(crew, &self.judge, &self.criteria, &answers).await;
        Ok(done.swap_remove(place.ok().flatten().unwrap_or(0)))
    }
}

/// Every model so often.
pub(super) fn repeated(models: &[ModelName], samples: usize) -> Vec<ModelName> {
    let each = |model: &ModelName| std::iter::repeat_n(model.clone(), samples);
    models.iter().flat_map(each).collect()
}

/// The answers of all these at the same time, in their order; an error where none answers.
pub(super) async fn all(crew: &Crew<'_>, models: &[ModelName]) -> Result<Vec<Done>, Stopped> {
    let asked = models
        .iter()
        .map(|model| crew.repeat(model, Step::default()));
    let (mut done, mut trouble) = (Vec::new(), None);
    for result in join_all(asked).await {
        match result {
            Ok(one) => done.push(one),
            Err(stopped) => trouble = Some(stopped),
        }
    }
    match trouble {
        Some(trouble) if done.is_empty() => Err(trouble),
        _ => Ok(done),
    }
}
