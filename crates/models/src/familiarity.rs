//! How much a prompt is like the prompts that a router was trained on.

use pointsman_features::FeatureRow;

use crate::lexicon::Lexicon;
use crate::representation::Representation;

/// Where the training prompts end. Beyond it predictions shrink to the models' means: the further,
/// the more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Familiarity {
    /// The share of known n-grams that all but the strangest training prompts reach.
    pub least_known: f32,
    /// The surface distance that all but the strangest training prompts stay below.
    pub most_distance: f32,
}

impl Familiarity {
    /// Everything is familiar: what is assumed where nothing was measured.
    pub const UNBOUNDED: Self = Self {
        least_known: 0.0,
        most_distance: f32::INFINITY,
    };

    /// From 1, within the training range, down to 0, at half of the least known share, at twice the
    /// greatest distance, or at less of both: nothing that was learnt carries over to there.
    #[must_use]
    pub fn of(&self, seen: &Representation, features: FeatureRow<'_>) -> f32 {
        let known = known_share(&seen.lexicon, features, |_| true);
        let distance = seen.surface_distance(features);
        let within = ratio(known, self.least_known) * ratio(self.most_distance, distance);
        (2.0 * within - 1.0).max(0.0)
    }
}

/// `part / whole`, at most 1; 1 where the whole is 0.
fn ratio(part: f32, whole: f32) -> f32 {
    if part >= whole { 1.0 } else { part / whole }
}

/// The share of a prompt's squared TF-IDF length that lies on n-grams which the lexicon has and
/// `counts` accepts, by their row. An unknown n-gram weighs as the rarest known one. 0 for a prompt
/// without words. Of a conversation the current turn alone is looked at: a new system text makes no
/// known question strange.
#[must_use]
pub fn known_share(
    lexicon: &Lexicon,
    features: FeatureRow<'_>,
    counts: impl Fn(usize) -> bool,
) -> f32 {
    let (mut known, mut all) = (0.0, 0.0);
    for (bucket, frequency) in features.of_current_turn() {
        let row = lexicon.row(bucket).filter(|row| counts(*row));
        let value = frequency * row.map_or(lexicon.rarest(), |row| lexicon.idf()[row]);
        all += value * value;
        known += if row.is_some() { value * value } else { 0.0 };
    }
    if all > 0.0 { known / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use pointsman_features::Features;

    use super::*;

    fn share(buckets: &[u32]) -> f32 {
        let lexicon = Lexicon::new(16, vec![2, 5], vec![1.0, 2.0]);
        let values = vec![1.0; buckets.len()];
        let features = Features {
            buckets: buckets.into(),
            values,
            ..Features::default()
        };
        known_share(&lexicon, (&features).into(), |_| true)
    }

    #[test]
    fn an_unknown_ngram_weighs_as_the_rarest() {
        assert!((share(&[2, 5, 9]) - 5.0 / 9.0).abs() < 1e-6);
        assert!((share(&[2, 5]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn nothing_is_known_of_a_prompt_without_words() {
        assert!(share(&[]).abs() < 1e-9 && share(&[9]).abs() < 1e-9);
    }
}
