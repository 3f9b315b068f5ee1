//! The router on every prompt of a sample, by the same calls that serve.

use pointsman_measures::Predicted;
use pointsman_policy::Guarantee;
use pointsman_router::Router;
use pointsman_types::{Grid, Limits, ModelName, Prompt, Request};
use rayon::prelude::*;

use crate::{Cascaded, EvaluateError, Sample};

/// What a router said about every prompt of a sample.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// Predicted quality and cost, shape `(prompts, models)`.
    pub predicted: Predicted,
    /// Predicted median and 90th percentile of the tokens out, shape `(prompts, models)`; NaN where
    /// unknown.
    pub output_tokens: Grid<[f32; 2]>,
    /// The model chosen for each prompt, as a number in the sample; `None` where every model was
    /// refused, for example because the prompt fits no window.
    pub decided: Vec<Option<usize>>,
    /// The policy it decided by, in words.
    pub policy: String,
    /// Artifact, catalogue and policy.
    pub policy_version: String,
    /// What is promised of the policy, where anything is.
    pub guarantee: Option<Guarantee>,
    /// What its cascade did, where that is measured.
    pub cascaded: Option<Cascaded>,
}

impl Replayed {
    /// Replays a router. Where it knows models that the sample lacks, it decides among the others,
    /// since nothing is known about what they would have answered.
    ///
    /// # Errors
    /// When a prediction is not a finite number.
    ///
    /// # Panics
    /// When the sample has a model that the router does not know.
    pub fn by(router: &Router, sample: &Sample) -> Result<Self, EvaluateError> {
        let places = places(router.models(), &sample.models);
        let limits = Limits {
            models: (places.len() < router.models().len()).then(|| sample.models.clone()),
            ..Limits::default()
        };
        let said: Vec<Said> = sample
            .prompts
            .par_iter()
            .map(|row| {
                let prompt = Prompt::from(&*row.text);
                Said::by(router, prompt, &places, limits.clone())
            })
            .collect();
        let models = places.len();
        let quality = said.iter().flat_map(|said| said.quality.iter().copied());
        let cost = said.iter().flat_map(|said| said.cost.iter().copied());
        Ok(Self {
            predicted: Predicted::new(
                Grid::from_values(models, quality.collect()),
                Grid::from_values(models, cost.collect()),
            )?,
            output_tokens: Grid::from_values(
                models,
                said.iter()
                    .flat_map(|said| said.output_tokens.iter().copied())
                    .collect(),
            ),
            decided: said
                .iter()
                .map(|said| place_of(&sample.models, said.model.as_ref()?))
                .collect(),
            policy: router.policy().to_string(),
            policy_version: router.policy_version().to_owned(),
            guarantee: router.guarantee().cloned(),
            cascaded: None,
        })
    }

    /// What several routers said of parts of one sample, each with the places of its prompts.
    pub(crate) fn pooled<'a>(
        parts: impl Iterator<Item = (&'a Vec<usize>, &'a Self)> + Clone,
        prompts: usize,
    ) -> Result<Self, EvaluateError> {
        let policies = parts.clone().map(|(_, part)| part.policy.as_str());
        Ok(Self {
            predicted: Predicted::new(
                pool(parts.clone(), prompts, |part| part.predicted.quality()),
                pool(parts.clone(), prompts, |part| part.predicted.cost()),
            )?,
            output_tokens: pool(parts.clone(), prompts, |part| &part.output_tokens),
            decided: decided(parts.clone(), prompts),
            policy: common(policies),
            policy_version: format!("{} folds", parts.count()),
            guarantee: None,
            cascaded: None,
        })
    }
}

fn pool<'a, T>(
    parts: impl Iterator<Item = (&'a Vec<usize>, &'a Replayed)>,
    prompts: usize,
    of: impl Fn(&'a Replayed) -> &'a Grid<T>,
) -> Grid<T>
where
    T: Copy + 'a,
{
    let rows = parts.flat_map(|(places, part)| {
        places
            .iter()
            .zip(0..)
            .map(move |(at, row)| (*at, part, row))
    });
    let mut rows: Vec<(usize, &Replayed, usize)> = rows.collect();
    rows.sort_unstable_by_key(|(at, _, _)| *at);
    debug_assert_eq!(rows.len(), prompts, "every prompt is in one part");
    let columns = rows.first().map_or(1, |(_, part, _)| of(part).columns());
    let values = rows.iter().flat_map(|(_, part, row)| of(part).row(*row));
    Grid::from_values(columns, values.copied().collect())
}

fn decided<'a>(
    parts: impl Iterator<Item = (&'a Vec<usize>, &'a Replayed)>,
    prompts: usize,
) -> Vec<Option<usize>> {
    let mut decided = vec![None; prompts];
    for (places, part) in parts {
        let decisions = places.iter().zip(&part.decided);
        decisions.for_each(|(at, model)| decided[*at] = *model);
    }
    decided
}

/// The policy, where all have the same.
fn common<'a>(mut policies: impl Iterator<Item = &'a str>) -> String {
    let first = policies.next().unwrap_or_default();
    match policies.all(|policy| policy == first) {
        true => first.to_owned(),
        false => "of each fold".to_owned(),
    }
}

/// What was said about one prompt, in the sample's order of models.
struct Said {
    quality: Vec<f64>,
    cost: Vec<f64>,
    output_tokens: Vec<[f32; 2]>,
    model: Option<ModelName>,
}

impl Said {
    fn by(router: &Router, prompt: Prompt, places: &[usize], limits: Limits) -> Self {
        let all = router.predict(&prompt, None);
        let request = Request {
            limits,
            ..Request::new(prompt)
        };
        Self {
            quality: places
                .iter()
                .map(|at| f64::from(all[*at].quality.get()))
                .collect(),
            cost: places.iter().map(|at| all[*at].cost.as_f64()).collect(),
            output_tokens: places
                .iter()
                .map(|at| {
                    let quantiles = [all[*at].output_tokens_p50, all[*at].output_tokens_p90];
                    quantiles.map(|tokens| tokens.unwrap_or(f32::NAN))
                })
                .collect(),
            model: router.decide(&request).ok().map(|decision| decision.model),
        }
    }
}

fn places(known: &[ModelName], wanted: &[ModelName]) -> Vec<usize> {
    let place = |model: &ModelName| {
        place_of(known, model).expect("a sample has only models that the router knows")
    };
    wanted.iter().map(place).collect()
}

fn place_of(models: &[ModelName], wanted: &ModelName) -> Option<usize> {
    models.iter().position(|model| model == wanted)
}
