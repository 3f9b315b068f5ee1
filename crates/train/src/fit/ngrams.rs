//! Ridge regression on hashed n-grams.

use super::path::ridge_path;
use super::{Family, Fitted, Part};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::splits::Splits;

const ALPHAS: [f64; 4] = [100.0, 30.0, 10.0, 3.0];

/// For every strength: one weight per n-gram and model.
pub(crate) fn fit_ngrams(examples: &Examples, splits: &Splits) -> Result<Vec<Fitted>, TrainError> {
    if examples.representation.lexicon.is_empty() {
        return Ok(Vec::new());
    }
    let device = examples.context.device();
    let solved = ridge_path(&examples.ngrams, splits, &ALPHAS, device)?;
    let fitted = solved.into_iter().map(|solved| Fitted {
        family: Family::Ngrams,
        setting: format!("alpha {}", solved.alpha),
        held_out: solved.held_out,
        part: Part::Ngrams(solved.weights),
    });
    Ok(fitted.collect())
}
