//! One model's linear function of n-grams, learnt one example at a time.
//!
//! Squared loss. Every weight has a step of its own that shrinks with the gradients it has seen
//! (AdaGrad; Duchi, Hazan and Singer 2011, JMLR 12, section 3), and the step of an example is the
//! limit of infinitely many small ones, so that no weight of an example and no rate overshoots the
//! score (importance-aware; Karampatziakis and Langford, arXiv 1011.1576, table 1). The rate falls
//! linearly to 0 over the stream, which does for the last weights what averaging would do (Defazio
//! et al., arXiv 2310.07831). Vectors have unit length, so no feature needs a scale of its own.

/// What the sums of squared gradients start from. Until a weight has seen as much its steps hardly
/// shrink, and they are small: a rare n-gram is not fitted to the noise of its first scores.
const PRIOR: f32 = 0.1;

/// For each n-gram its weight, and one over the root of the sum of its squared gradients: side by
/// side, since both are fetched for every example.
#[derive(Debug, Clone)]
pub(crate) struct OnlineHead(Vec<[f32; 2]>);

impl OnlineHead {
    /// A head over so many n-grams that predicts 0.
    pub(crate) fn new(ngrams: usize) -> Self {
        Self(vec![[0.0, PRIOR.sqrt().recip()]; ngrams])
    }

    /// The weight of each n-gram.
    pub(crate) fn weights(&self) -> impl Iterator<Item = f32> + '_ {
        self.0.iter().map(|[weight, _]| *weight)
    }

    /// The deviation expected of a prompt.
    pub(crate) fn predict(&self, vector: &[(u32, f32)]) -> f32 {
        let weight = |ngram: u32| self.0[ngram as usize][0];
        let terms = vector.iter();
        terms.map(|(ngram, value)| weight(*ngram) * value).sum()
    }

    /// Learns that a prompt deviated so much, `votes` times, at this rate.
    pub(crate) fn learn(&mut self, vector: &[(u32, f32)], deviation: f32, votes: f32, rate: f32) {
        let (mut predicted, mut reach) = (0.0, 0.0);
        for (ngram, value) in vector {
            let [weight, scale] = self.0[*ngram as usize];
            predicted += weight * value;
            reach += value * value * scale;
        }
        if reach <= 0.0 {
            return;
        }
        let error = deviation - predicted;
        let step = -error * libm::expm1f(-votes * rate * reach) / reach;
        for (ngram, value) in vector {
            let [weight, scale] = &mut self.0[*ngram as usize];
            *weight += step * value * *scale;
            let gradient = votes * error * value * *scale;
            *scale /= (1.0 + gradient * gradient).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: [(u32, f32); 2] = [(0, 0.6), (2, 0.8)];

    #[test]
    fn what_is_repeated_is_learnt_and_nothing_else() {
        let mut head = OnlineHead::new(4);
        (0..2000).for_each(|_| head.learn(&PROMPT, 0.25, 1.0, 0.1));
        assert!((head.predict(&PROMPT) - 0.25).abs() < 1e-3);
        assert_eq!(head.predict(&[(1, 0.6), (3, 0.8)]), 0.0);
    }

    #[test]
    fn no_number_of_votes_overshoots() {
        for votes in [1.0, 1e3, 1e6] {
            let mut head = OnlineHead::new(4);
            head.learn(&PROMPT, 0.25, votes, 0.1);
            let found = head.predict(&PROMPT);
            assert!(found > 0.0 && found < 0.25 + 1e-6, "{votes} votes: {found}");
        }
    }

    #[test]
    fn more_votes_are_believed_more() {
        let after = |votes| {
            let mut head = OnlineHead::new(4);
            head.learn(&PROMPT, 0.25, votes, 0.1);
            head.predict(&PROMPT)
        };
        assert!(after(4.0) > 2.0 * after(1.0));
    }

    #[test]
    fn a_prompt_without_known_words_changes_nothing() {
        let mut head = OnlineHead::new(4);
        head.learn(&[], 0.5, 1.0, 0.1);
        assert!(head.weights().all(|weight| weight == 0.0));
    }
}
