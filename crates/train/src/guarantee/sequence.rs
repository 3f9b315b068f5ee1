//! Which policies are tried, in which order.

use pointsman_measures::{MeasureError, Predicted, sweep};
use pointsman_policy::expected_regression;
use pointsman_router::{Prediction, Router};
use pointsman_types::{Grid, ModelName, Prompt, PromptRow};
use rayon::prelude::*;

use crate::held_out::rounded_down;

/// Steps of a sequence at most.
const STEPS: usize = 200;
/// Prompts that say how predictions are spread.
const PROMPTS: usize = 2000;

/// Lambdas of `reference:MODEL:LAMBDA` from strict to loose, such that from each to the next about
/// as many training prompts change to a cheaper model. Empty where none ever does. Calibration
/// prompts must have no part in it.
///
/// # Errors
/// When there is no prompt, or a prediction is not a finite number.
///
/// # Panics
/// When the reference is not one of the router's models.
pub fn lambdas(
    router: &Router,
    training: &[PromptRow],
    reference: &ModelName,
) -> Result<Vec<f64>, MeasureError> {
    let taken = &training[..training.len().min(PROMPTS)];
    let changes: Vec<f64> = sweep(&kept_quality(router, taken, reference)?)
        .lambdas()
        .rev()
        .collect();
    let last = changes.len().saturating_sub(1);
    let steps = STEPS.min(changes.len());
    let mut lambdas: Vec<f64> = (0..steps)
        .map(|step| rounded_down(changes[step * last / (steps - 1).max(1)]))
        .collect();
    lambdas.dedup();
    Ok(lambdas)
}

/// One minus the expected regression of each model: what `reference:MODEL:LAMBDA` weighs against
/// cost.
fn kept_quality(
    router: &Router,
    prompts: &[PromptRow],
    reference: &ModelName,
) -> Result<Predicted, MeasureError> {
    let models = router.models();
    let place = models
        .iter()
        .position(|model| model == reference)
        .expect("a reference is one of the router's models");
    let said: Vec<Vec<Prediction>> = prompts
        .par_iter()
        .map(|row| router.predict(&Prompt::from(&*row.text), None))
        .collect();
    let kept = |of: &Vec<Prediction>, model: usize| match model == place {
        true => 1.0,
        false => 1.0 - expected_regression(of[place].quality, of[model].quality),
    };
    let cells = || {
        said.iter()
            .flat_map(|of| (0..models.len()).map(move |model| (of, model)))
    };
    Predicted::new(
        Grid::from_values(
            models.len(),
            cells().map(|(of, model)| kept(of, model)).collect(),
        ),
        Grid::from_values(
            models.len(),
            cells().map(|(of, model)| of[model].cost.as_f64()).collect(),
        ),
    )
}
