//! Does one key say the opposite of what the others say, or the same whatever is asked?
//!
//! Accounts of its judgements are weighed against each other. Either it agrees with the others up to
//! a severity of its own, a constant that is added to the expected score; or it inverts them; or it
//! is always down. Whatever the severity, the evidence for one of the latter is a CUSUM of
//! log-likelihood ratios (Page 1954), and a key is suspect once it exceeds the limit against all
//! severities: under each the mean time to a false alarm is at least `exp(LIMIT)` judgements (Lorden
//! 1971), and the true one is near one of them. So a harsh key is not suspect, up to
//! [`SEVERITIES`]. Random judgements are none of these; they only count their share.

/// What a key may add to every score.
const SEVERITIES: [f64; 7] = [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3];
/// Evidence at which a key is set aside: about one of 10,000 judgements of an honest key at worst.
const LIMIT: f64 = 9.2;
/// Evidence at which it is believed again.
const AGREEMENT: f64 = 6.9;
/// Expected scores and chances are kept this far from 0 and 1, so that no single judgement decides.
const MARGIN: f64 = 0.05;

/// The chance of a good score by a key that is always down.
const DOWN: f64 = MARGIN;
/// Inverted, and always down.
const ACCUSATIONS: usize = 2;

/// Evidence about one key.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Suspicion {
    /// For each accusation, against each severity.
    pub(super) against: [[f64; SEVERITIES.len()]; ACCUSATIONS],
    /// That it agrees after all, by each severity; gathered while it is set aside.
    pub(super) agrees: [f64; SEVERITIES.len()],
    /// The accusation for which it is set aside.
    pub(super) accused: Option<u8>,
}

impl Suspicion {
    /// Whether what it says is not learnt.
    pub(super) fn is_set_aside(&self) -> bool {
        self.accused.is_some()
    }

    /// Everything that it holds, in order.
    pub(super) fn evidence(&self) -> impl Iterator<Item = &f64> {
        self.against.iter().flatten().chain(&self.agrees)
    }

    pub(super) fn evidence_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        self.against.iter_mut().flatten().chain(&mut self.agrees)
    }

    /// `None` where there is no such accusation.
    pub(super) fn accusation(number: u8) -> Option<u8> {
        (usize::from(number) < ACCUSATIONS).then_some(number)
    }

    /// Hears a judgement, given the score that the others lead to expect.
    pub(super) fn hear(&mut self, score: f64, expected: f64, weight: f64) {
        let expected = expected.clamp(MARGIN, 1.0 - MARGIN);
        let accused = [likelihood(score, 1.0 - expected), likelihood(score, DOWN)];
        let honest = SEVERITIES.map(|severity| likelihood(score, expected + severity));
        match self.accused {
            None => self.accuse(&accused, &honest, weight),
            Some(at) => self.excuse(accused[usize::from(at)], &honest, weight),
        }
    }

    fn accuse(&mut self, accused: &[f64], honest: &[f64], weight: f64) {
        for (sums, accused) in self.against.iter_mut().zip(accused) {
            cusum(
                sums,
                honest.iter().map(|honest| weight * (accused - honest)),
            );
        }
        let is_proven = |sums: &[f64; SEVERITIES.len()]| sums.iter().all(|one| *one > LIMIT);
        if let Some(at) = self.against.iter().position(is_proven) {
            *self = Self {
                accused: Some(at as u8),
                ..Self::default()
            };
        }
    }

    fn excuse(&mut self, accused: f64, honest: &[f64], weight: f64) {
        let ratios = honest.iter().map(|honest| weight * (honest - accused));
        cusum(&mut self.agrees, ratios);
        if self.agrees.iter().any(|evidence| *evidence > AGREEMENT) {
            *self = Self::default();
        }
    }
}

fn cusum(sums: &mut [f64], ratios: impl Iterator<Item = f64>) {
    for (sum, ratio) in sums.iter_mut().zip(ratios) {
        *sum = (*sum + ratio).max(0.0);
    }
}

/// Logarithm of the likelihood of a score under a chance; in between 0 and 1 the score is a share of
/// both.
fn likelihood(score: f64, chance: f64) -> f64 {
    let chance = chance.clamp(MARGIN, 1.0 - MARGIN);
    score * libm::log(chance) + (1.0 - score) * libm::log(1.0 - chance)
}
