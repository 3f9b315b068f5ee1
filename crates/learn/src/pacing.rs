//! What a dollar must buy, so that spending meets a budget.
//!
//! Choosing `argmax quality - lambda x cost` at the right lambda is the best that any policy can do
//! at its mean cost. The usual pacing walks to that lambda by steps along the dual (Balseiro and Gur,
//! Management Science 2019), which takes hundreds of requests after every change. Here all
//! candidates of the last requests are known, so the dual is solved for them instead; what is left
//! of error, because requests or costs turn out otherwise than before, goes into the target as a
//! balance (integral control).
//!
//! Spending within a period has a hard cap as well: what an answer may cost at most is reserved
//! before it is asked for.
//!
//! No clock and no randomness: milliseconds come with each request, and where two lambdas must be
//! mixed they take turns.

mod clock;
mod ring;

use pointsman_types::Usd;
use serde::{Deserialize, Serialize};

use clock::Clock;
use ring::{Bracket, Ring};

/// Requests over which a surplus or a deficit is made up for.
const HORIZON: f64 = 100.0;
/// The target moves by this factor at most while that is done, and the balance no further.
const MOST_FACTOR: f64 = 4.0;
/// Requests after which the dual is solved anew.
const EVERY: u32 = 32;
/// While the ring has fewer requests, each tells something new.
const FEW: usize = 64;
/// The two lambdas of a bracket are moved apart by this share: a cost that is rounded otherwise than
/// in the ring, or that a bill has moved by a hair, must not make both choose the same.
const APART: f64 = 1e-5;
/// What is kept at each request of the times between the requests before.
const MEMORY: f64 = 200.0;
/// What is kept of earlier bills of a model at each new one.
const KEPT: f64 = 0.95;
/// Bills that are right are assumed beforehand.
const PRIOR_BILLS: f64 = 2.0;

/// What is to be met.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// This mean cost of a request, in US dollars.
    MeanCost(Usd),
    /// This much in each period, evenly over its requests. It is a hard cap.
    Spend(Spend),
}

/// An amount for a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spend {
    /// How much.
    #[serde(rename = "usd")]
    pub amount: Usd,
    /// In how many milliseconds.
    pub period_ms: u64,
}

/// What a pacer is to do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacingSettings {
    /// What is to be met.
    pub goal: Goal,
    /// A hard cap beside a mean cost; `Goal::Spend` has its own.
    #[serde(default)]
    pub cap: Option<Spend>,
    /// When less than this share of a cap is left, only the cheapest model is asked.
    #[serde(default = "near")]
    pub near: f64,
}

fn near() -> f64 {
    0.02
}

impl PacingSettings {
    /// # Errors
    /// When an amount, a period or the share is out of range.
    pub fn check(&self) -> Result<(), PacingError> {
        let target = match self.goal {
            Goal::MeanCost(cost) => cost,
            Goal::Spend(spend) => spend.amount,
        };
        for amount in [Some(target), self.cap.map(|cap| cap.amount)] {
            if amount.is_some_and(|amount| amount <= Usd::ZERO) {
                return Err(PacingError::NoBudget);
            }
        }
        if self.limit().is_some_and(|cap| cap.period_ms == 0) {
            return Err(PacingError::NoPeriod);
        }
        match (0.0..1.0).contains(&self.near) {
            true => Ok(()),
            false => Err(PacingError::Near(self.near)),
        }
    }

    fn limit(&self) -> Option<Spend> {
        match self.goal {
            Goal::Spend(spend) => Some(spend),
            Goal::MeanCost(_) => self.cap,
        }
    }
}

/// Why there is no choice.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PacingError {
    /// Nothing that is offered fits in what is left.
    #[error(
        "the budget of this period is spent: {left} is left and the cheapest answer may cost {least}; the next period begins in {ends_in_ms} ms"
    )]
    BudgetExhausted {
        /// What is neither spent nor reserved.
        left: Usd,
        /// What the cheapest offer may cost.
        least: Usd,
        /// Until then.
        ends_in_ms: u64,
    },
    /// No model is offered.
    #[error("there is nothing to choose from: no model is offered")]
    NoOffer,
    /// A quality or a cost that cannot be.
    #[error(
        "offer {offer} must have a finite quality and costs of at least 0, the most not below the expected one"
    )]
    Offer {
        /// Its place, from 0.
        offer: usize,
    },
    /// A budget of nothing.
    #[error("a budget must be above $0")]
    NoBudget,
    /// A period of no time.
    #[error("a period must be at least 1 ms")]
    NoPeriod,
    /// A share that is none.
    #[error("`near` must be from 0 to below 1, got {0}")]
    Near(f64),
    /// A factor that is none.
    #[error("a price must change by a finite factor above 0, got {0}")]
    Factor(f64),
}

/// One admissible model as it looks for one request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The number of the model, the same for every request.
    pub model: u16,
    /// Expected quality.
    pub quality: f32,
    /// Expected cost.
    pub cost: Usd,
    /// What it may cost at most: the prompt, and as many tokens out as are allowed.
    pub most: Usd,
}

/// How to choose for one request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Quality that a dollar must buy.
    pub lambda: f64,
    /// The offer that this makes the best, by its place.
    pub chosen: usize,
    /// What an answer may cost at most, where there is a cap.
    pub most: Option<Usd>,
    /// The cap is near: only the cheapest is asked, whatever its quality.
    pub is_cheapest_only: bool,
}

/// What is set aside for one answer until its cost is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    model: u16,
    cost: Usd,
    /// `cost` as the bills before it say.
    expected: Usd,
    most: Usd,
    period: u64,
}

/// What a model's answers cost against what was expected, the latest the most.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Bills {
    count: f64,
    expected: f64,
    actual: f64,
}

impl Bills {
    fn add(&mut self, expected: f64, actual: f64) {
        self.count = KEPT * self.count + 1.0;
        self.expected = KEPT * self.expected + expected;
        self.actual = KEPT * self.actual + actual;
    }

    fn factor(&self) -> f64 {
        if self.expected <= 0.0 {
            return 1.0;
        }
        let prior = PRIOR_BILLS * self.expected / self.count;
        (self.actual + prior) / (self.expected + prior)
    }
}

/// Meets a budget. Its size is bounded; a snapshot goes on where it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pacer {
    settings: PacingSettings,
    clock: Clock,
    ring: Ring,
    bills: Vec<Bills>,
    /// What expected costs were multiplied by when the dual was solved. Its solution is right for
    /// these alone: where all requests are alike, a hair's breadth turns every choice.
    factors: Vec<f64>,
    bracket: Bracket,
    /// Requests since the dual was solved.
    stale: u32,
    /// Turns that the lower lambda is owed.
    owed: f64,
    /// Dollars below the target so far.
    balance: f64,
    /// Milliseconds between requests.
    interval_ms: f64,
    period: u64,
    spent: Usd,
    reserved: Usd,
}

impl Pacer {
    /// A pacer that has seen nothing yet.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(settings: PacingSettings) -> Result<Self, PacingError> {
        settings.check()?;
        Ok(Self {
            settings,
            clock: Clock::default(),
            ring: Ring::default(),
            bills: Vec::new(),
            factors: Vec::new(),
            bracket: Bracket::default(),
            stale: EVERY,
            owed: 0.0,
            balance: 0.0,
            interval_ms: 0.0,
            period: 0,
            spent: Usd::ZERO,
            reserved: Usd::ZERO,
        })
    }

    /// How to choose among these offers. `now_ms` may go back: then time stands still.
    ///
    /// # Errors
    /// When nothing is offered, an offer has a number that cannot be, or nothing fits in what is left
    /// of the period's cap. Only the last is counted as a request.
    pub fn ask(&mut self, now_ms: u64, offers: &[Offer]) -> Result<Pace, PacingError> {
        check(offers)?;
        self.pass(now_ms);
        self.ring.push(offers);
        let most = self.left();
        let fits = |offer: &Offer| most.is_none_or(|most| offer.most <= most);
        if !offers.iter().any(fits) {
            return Err(self.exhausted(offers));
        }
        self.refresh();
        let lambda = self.turn();
        let is_cheapest_only = self.is_near();
        let places = (0..offers.len()).filter(|at| fits(&offers[*at]));
        let worth = |at: &usize| self.worth(&offers[*at], lambda, is_cheapest_only);
        let best = places.max_by(|one, other| worth(one).total_cmp(&worth(other)));
        Ok(Pace {
            lambda,
            chosen: best.expect("one offer fits"),
            most,
            is_cheapest_only,
        })
    }

    /// Sets aside what the answer may cost. Any offer may be taken that fits, also another than the
    /// best.
    ///
    /// # Errors
    /// When it does not fit in what is left of the cap.
    pub fn reserve(&mut self, offer: &Offer) -> Result<Reservation, PacingError> {
        if self.left().is_some_and(|left| offer.most > left) {
            return Err(self.exhausted(&[*offer]));
        }
        Ok(self.set_aside(offer, 1.0))
    }

    /// Sets aside what one more answer for a request may cost that [`reserve`](Self::reserve) was told
    /// of: it is no request of its own, so a mean cost allows nothing more for it. That is not refused:
    /// who has only just seen what is [`left`](Self::left) knows whether it fits, and what is under way
    /// already must be counted.
    pub fn reserve_more(&mut self, offer: &Offer) -> Reservation {
        self.set_aside(offer, 0.0)
    }

    /// A mean cost allows its target for each of so many requests.
    fn set_aside(&mut self, offer: &Offer, requests: f64) -> Reservation {
        self.reserved = self.reserved + offer.most;
        let cost = Usd::saturating(self.corrected(offer));
        if let Goal::MeanCost(target) = self.settings.goal {
            self.balance += requests * target.as_f64() - cost.as_f64();
            self.bound_balance(target.as_f64());
        }
        Reservation {
            model: offer.model,
            expected: cost,
            cost: offer.cost,
            most: offer.most,
            period: self.period,
        }
    }

    /// What the answer did cost. Nothing, where it failed.
    pub fn settle(&mut self, reservation: Reservation, actual: Usd) {
        if let Goal::MeanCost(target) = self.settings.goal {
            self.balance += reservation.expected.as_f64() - actual.as_f64();
            self.bound_balance(target.as_f64());
        }
        if actual > Usd::ZERO {
            let place = usize::from(reservation.model);
            if self.bills.len() <= place {
                self.bills.resize(place + 1, Bills::default());
            }
            self.bills[place].add(reservation.cost.as_f64(), actual.as_f64());
        }
        if reservation.period == self.period {
            self.reserved = self.reserved - reservation.most;
            self.spent = self.spent + actual;
        }
    }

    /// The expected costs of this model are from now on this many times what they were: the price in
    /// the catalogue has changed. Lambda follows at the next request.
    ///
    /// # Errors
    /// When the factor is not a finite number above 0.
    pub fn repriced(&mut self, model: u16, factor: f64) -> Result<(), PacingError> {
        if !factor.is_finite() || factor <= 0.0 {
            return Err(PacingError::Factor(factor));
        }
        self.ring.reprice(model, factor);
        self.stale = EVERY;
        Ok(())
    }

    /// What has been spent in the current period.
    #[must_use]
    pub const fn spent(&self) -> Usd {
        self.spent
    }

    /// What is set aside in the current period for answers whose cost is not known yet.
    #[must_use]
    pub const fn reserved(&self) -> Usd {
        self.reserved
    }

    /// What is left of the cap; `None` where there is none.
    #[must_use]
    pub fn left(&self) -> Option<Usd> {
        let cap = self.settings.limit()?;
        Some(cap.amount - self.spent - self.reserved)
    }

    fn pass(&mut self, now_ms: u64) {
        let period_ms = self.settings.limit().map(|cap| cap.period_ms);
        let is_first = self.clock.is_unset();
        let passed = self.clock.pass(now_ms, period_ms.unwrap_or(u64::MAX));
        if !is_first {
            let share = 1.0 / (self.ring.len() as f64).clamp(1.0, MEMORY);
            self.interval_ms += share * (passed as f64 - self.interval_ms);
        }
        let period = period_ms.map_or(0, |length| self.clock.elapsed() / length);
        if period != self.period {
            self.period = period;
            (self.spent, self.reserved) = (Usd::ZERO, Usd::ZERO);
        }
    }

    fn is_near(&self) -> bool {
        let cap = self.settings.limit().map(|cap| cap.amount.as_f64());
        let left = self.left().map(Usd::as_f64);
        left.zip(cap)
            .is_some_and(|(left, cap)| left < self.settings.near * cap)
    }

    /// What the next request should cost on average.
    fn target(&self) -> f64 {
        match self.settings.goal {
            Goal::MeanCost(target) => {
                let target = target.as_f64();
                let wished = target + self.balance / HORIZON;
                wished.clamp(target / MOST_FACTOR, target * MOST_FACTOR)
            }
            Goal::Spend(spend) => {
                let left = self.left().map_or(0.0, Usd::as_f64);
                let ends_in = self.ends_in_ms(spend.period_ms) as f64;
                left.max(0.0) / (ends_in / self.interval_ms.max(1e-3)).max(1.0)
            }
        }
    }

    fn bound_balance(&mut self, target: f64) {
        let most = HORIZON * target * (MOST_FACTOR - 1.0);
        self.balance = self.balance.clamp(-most, most);
    }

    fn ends_in_ms(&self, period_ms: u64) -> u64 {
        period_ms - self.clock.elapsed() % period_ms
    }

    fn refresh(&mut self) {
        self.stale += 1;
        if self.stale < EVERY && self.ring.len() >= FEW {
            return;
        }
        self.stale = 0;
        self.factors = self.bills.iter().map(Bills::factor).collect();
        self.bracket = self.ring.solve(self.target(), &self.factors);
    }

    /// The lower lambda as often as the target lies towards it, evenly spread.
    fn turn(&mut self) -> f64 {
        self.owed += self.bracket.share_of_rich(self.target());
        match self.owed >= 1.0 {
            true => {
                self.owed -= 1.0;
                self.bracket.rich.lambda * (1.0 - APART)
            }
            false => self.bracket.poor.lambda * (1.0 + APART),
        }
    }

    /// Rounded as in the ring, for the same reason.
    fn corrected(&self, offer: &Offer) -> f64 {
        let factor = self.factors.get(usize::from(offer.model));
        ring::rounded(offer.cost) * factor.unwrap_or(&1.0)
    }

    fn worth(&self, offer: &Offer, lambda: f64, is_cheapest_only: bool) -> f64 {
        let cost = self.corrected(offer);
        match is_cheapest_only {
            true => -cost,
            false => f64::from(offer.quality) - lambda * cost,
        }
    }

    fn exhausted(&self, offers: &[Offer]) -> PacingError {
        let least = offers.iter().map(|offer| offer.most).min();
        let period_ms = self.settings.limit().map_or(1, |cap| cap.period_ms);
        PacingError::BudgetExhausted {
            left: self.left().unwrap_or_default(),
            least: least.unwrap_or_default(),
            ends_in_ms: self.ends_in_ms(period_ms),
        }
    }
}

fn check(offers: &[Offer]) -> Result<(), PacingError> {
    if offers.is_empty() {
        return Err(PacingError::NoOffer);
    }
    let is_wrong = |offer: &Offer| {
        !offer.quality.is_finite() || offer.cost < Usd::ZERO || offer.most < offer.cost
    };
    match offers.iter().position(is_wrong) {
        Some(offer) => Err(PacingError::Offer { offer }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
