//! What an answer shows of itself: how long it is, and how sure the model was of it. Learnt cascades
//! read it, and it is kept with the outcome, so that cascades can be trained on live traffic.
//!
//! It is the same in both places: what a cascade reads is what it was trained on.

use pointsman_wire::{Answer, Likelihood, Observed};

/// What an answer shows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Signs {
    /// The mean, over its tokens, of the logarithm of their probability, in nats; finite and not above
    /// 0. `None` where the back end was not asked or says none.
    pub(crate) logprob: Option<f64>,
    /// Characters of its text. `None` where it has none: a call of a tool has no length to compare with
    /// those of texts.
    pub(crate) chars: Option<u64>,
}

impl Signs {
    /// Of a whole answer.
    pub(crate) fn of(answer: &Answer) -> Self {
        Self::new(answer.likelihood, answer.text().chars().count() as u64)
    }

    /// Of a stream, as far as it has come.
    pub(crate) fn so_far(observed: &Observed) -> Self {
        Self::new(observed.likelihood, observed.chars)
    }

    fn new(likelihood: Option<Likelihood>, chars: u64) -> Self {
        let is_one = |mean: &f64| mean.is_finite() && *mean <= 0.0;
        Self {
            logprob: likelihood.map(Likelihood::mean).filter(is_one),
            chars: Some(chars).filter(|chars| *chars > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_wire::Said;

    use super::*;

    fn check(logprob: f64, said: Vec<Said>, expected: Signs) {
        let answer = Answer {
            said,
            likelihood: Some(Likelihood { logprob, tokens: 4 }),
            ..Answer::default()
        };
        assert_eq!(Signs::of(&answer), expected);
    }

    fn text(text: &str) -> Said {
        Said::Text(text.to_owned())
    }

    #[test]
    fn characters_of_texts_count_and_tokens_are_averaged() {
        let said = vec![text("Grüß"), Said::Refusal("No.".to_owned()), text(" Gott")];
        let expected = Signs {
            logprob: Some(-0.5),
            chars: Some(9),
        };
        check(-2.0, said, expected);
    }

    #[test]
    fn what_is_no_logarithm_of_a_probability_and_no_text_is_not_known() {
        for logprob in [f64::NEG_INFINITY, f64::NAN, 0.5] {
            check(logprob, Vec::new(), Signs::default());
        }
    }
}
