//! Budgets in service: what a dollar must buy for the next request, and what is set aside for calls
//! whose cost is not known yet.
//!
//! The server makes decisions and others make the calls, so a cost is known when `usage` is
//! reported. What was set aside is settled then, or after [`PATIENCE`] at what was expected.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pointsman_learn::pacing::{Offer, Pacer, PacingError, PacingSettings, Reservation};
use pointsman_router::Unsatisfiable;
use pointsman_store::KeptDecision;
use pointsman_types::{Candidate, Decision, ModelName, Refusal, Request, Tokens, Usd};
use serde::{Deserialize, Serialize};

use super::now_ms;
use crate::Decide;

/// So long a report of a cost is waited for.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// So many reports are waited for; the oldest are settled at what was expected.
const MOST_OPEN: usize = 65_536;
/// At this lambda the cheapest candidate is the best, whatever its quality.
pub(crate) const CHEAPEST: f64 = 1e12;

/// One budget that all requests share.
pub(crate) struct Pacing {
    settings: PacingSettings,
    desk: Mutex<Desk>,
}

struct Desk {
    pacer: Pacer,
    /// Names by their numbers in the pacer.
    models: Vec<ModelName>,
    open: HashMap<String, Booking>,
    /// The order in which they were booked.
    queue: VecDeque<String>,
    lambda: Option<f64>,
}

struct Booking {
    reservation: Reservation,
    expected: Usd,
    since: Instant,
}

impl Booking {
    fn of(reservation: Reservation, chosen: &Candidate) -> Self {
        Self {
            reservation,
            expected: chosen.cost,
            since: Instant::now(),
        }
    }
}

/// A pacer between two runs of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Paced {
    settings: PacingSettings,
    pacer: Pacer,
    models: Vec<ModelName>,
    /// The last decision that it has counted.
    counted: i64,
}

/// How the budget stands, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PacingStatus {
    settings: PacingSettings,
    /// Quality that a dollar must buy, as of the last request.
    lambda: Option<f64>,
    spent_usd: Usd,
    reserved_usd: Usd,
    left_usd: Option<Usd>,
    /// Calls whose cost was not reported yet.
    open: usize,
}

/// Refuses candidates beyond the limits, and may say what a dollar must buy.
pub(crate) type Narrow<'n> = dyn FnMut(&mut [Candidate]) -> Option<f64> + 'n;

/// One call of a request that needs several, all at the pace that [`Pacing::pace`] told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    /// Quality that a dollar must buy.
    pub(crate) lambda: f64,
    /// Whether the request is counted with it: calls after its first only add to what it costs.
    pub(crate) is_first: bool,
}

/// A decision within the budget, and what is to be booked for it.
pub(crate) struct Within {
    pub(crate) decision: Decision,
    booking: Option<Booking>,
}

impl Pacing {
    /// `None` where nothing is paced.
    pub(crate) fn new(settings: Option<PacingSettings>) -> Option<Self> {
        let settings = settings?;
        let pacer = Pacer::new(settings).expect("the settings were checked");
        let desk = Desk {
            pacer,
            models: Vec::new(),
            open: HashMap::new(),
            queue: VecDeque::new(),
            lambda: None,
        };
        Some(Self {
            settings,
            desk: Mutex::new(desk),
        })
    }

    /// A panic leaves at worst one request uncounted.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides at the lambda that meets the budget, or that `narrow` asks for. The desk is held from
    /// the question to the reservation, so that no two requests count on the same money.
    pub(crate) fn decide(
        &self,
        router: &dyn Decide,
        request: &Request,
        narrow: &mut Narrow<'_>,
    ) -> Result<Within, Unsatisfiable> {
        let now_ms = now_ms();
        let mut held = None;
        let decision = router.decide_paced(request, &mut |candidates| {
            let asked = narrow(candidates);
            let desk = held.insert(self.desk());
            let paced = desk.pace(now_ms, candidates, request.limits.max_tokens);
            asked.or(paced)
        })?;
        let booking =
            held.and_then(|mut desk| desk.reserve(decision.chosen(), request.limits.max_tokens));
        Ok(Within { decision, booking })
    }

    /// Counts a request that will need several calls: refuses what does not fit in the budget, and says
    /// what a dollar must buy. Its calls are [`decide_part`](Self::decide_part).
    pub(crate) fn pace(
        &self,
        candidates: &mut [Candidate],
        longest: Option<Tokens>,
    ) -> Option<f64> {
        self.desk().pace(now_ms(), candidates, longest)
    }

    /// Decides on one call of a request that is counted already, and sets aside what it may cost.
    pub(crate) fn decide_part(
        &self,
        router: &dyn Decide,
        request: &Request,
        part: Part,
    ) -> Result<Within, Unsatisfiable> {
        let longest = request.limits.max_tokens;
        let mut held = None;
        let decision = router.decide_paced(request, &mut |candidates| {
            let desk = held.insert(self.desk());
            refuse(candidates, longest, desk.pacer.left());
            Some(part.lambda)
        })?;
        let booking = held.and_then(|mut desk| match part.is_first {
            true => desk.reserve(decision.chosen(), longest),
            false => Some(desk.reserve_more(decision.chosen(), longest)),
        });
        Ok(Within { decision, booking })
    }

    /// The call of a decision failed and that of another answers in its place, for the same request;
    /// what it may cost is set aside even where it does not fit, since it is under way.
    pub(crate) fn fallen_back(&self, [failed, id]: [&str; 2], answers: &Candidate) {
        let mut desk = self.desk();
        let Some(before) = desk.open.remove(failed) else {
            return;
        };
        desk.pacer.settle(before.reservation, Usd::ZERO);
        let booking = desk.reserve_more(answers, None);
        desk.book(id, booking);
    }

    /// Waits for the cost of a decision.
    pub(crate) fn book(&self, id: &str, within: Within) -> Decision {
        if let Some(booking) = within.booking {
            self.desk().book(id, booking);
        }
        within.decision
    }

    /// The call of a decision cost this much; nothing, where it was never made.
    pub(crate) fn settle(&self, id: &str, actual: Usd) {
        let mut desk = self.desk();
        if let Some(booking) = desk.open.remove(id) {
            desk.pacer.settle(booking.reservation, actual);
        }
    }

    /// A price changed: this model's requests cost so many times what they did.
    pub(crate) fn reprice(&self, model: &ModelName, factor: f64) {
        let mut desk = self.desk();
        let number = desk.number(model);
        if let Err(error) = desk.pacer.repriced(number, factor) {
            tracing::warn!(%error, %model, "a new price is not paced");
        }
    }

    /// The pacer as it goes into a snapshot, having counted every decision up to this number.
    pub(crate) fn paced(&self, counted: i64) -> Paced {
        let desk = self.desk();
        Paced {
            settings: self.settings,
            pacer: desk.pacer.clone(),
            models: desk.models.clone(),
            counted,
        }
    }

    /// Goes on from a snapshot, unless the budget is another now. Returns the last decision that is
    /// counted.
    pub(crate) fn resume(&self, paced: Paced) -> Option<i64> {
        if paced.settings != self.settings {
            return None;
        }
        let mut desk = self.desk();
        (desk.pacer, desk.models) = (paced.pacer, paced.models);
        Some(paced.counted)
    }

    /// Counts a decision that was made before a crash and after the last snapshot.
    pub(crate) fn recount(&self, decision: &KeptDecision, cost: Usd) {
        let mut desk = self.desk();
        let offers: Vec<Offer> = decision
            .candidates
            .iter()
            .filter(|one| !one.refused)
            .map(|one| offer(desk.number(&one.model), one.quality.get(), one.cost, 1.0))
            .collect();
        let place = decision.candidates.iter().filter(|one| !one.refused);
        let place = place
            .map(|one| &one.model)
            .position(|name| *name == decision.model);
        // An error means that the cap was reached, and that is counted as well.
        desk.pacer.ask(positive(decision.ts_ms), &offers).ok();
        if let Some(offer) = place.and_then(|place| offers.get(place))
            && let Ok(reservation) = desk.pacer.reserve(offer)
        {
            desk.pacer.settle(reservation, cost);
        }
    }

    /// What was spent in the current period.
    pub(crate) fn spent(&self) -> Usd {
        self.desk().pacer.spent()
    }

    pub(crate) fn status(&self) -> PacingStatus {
        let desk = self.desk();
        PacingStatus {
            settings: self.settings,
            lambda: desk.lambda,
            spent_usd: desk.pacer.spent(),
            reserved_usd: desk.pacer.reserved(),
            left_usd: desk.pacer.left(),
            open: desk.open.len(),
        }
    }
}

impl Desk {
    /// Refuses what does not fit in the budget, and says what a dollar must buy.
    fn pace(
        &mut self,
        now_ms: i64,
        candidates: &mut [Candidate],
        longest: Option<Tokens>,
    ) -> Option<f64> {
        self.give_up(Instant::now());
        let mut offers = Vec::with_capacity(candidates.len());
        for one in candidates.iter().filter(|one| one.refusal.is_none()) {
            offers.push(self.offer(one, longest));
        }
        let left = match self.pacer.ask(positive(now_ms), &offers) {
            Ok(pace) => {
                self.lambda = Some(pace.lambda);
                let lambda = if pace.is_cheapest_only {
                    CHEAPEST
                } else {
                    pace.lambda
                };
                refuse(candidates, longest, pace.most);
                return Some(lambda);
            }
            Err(PacingError::BudgetExhausted { left, .. }) => left,
            // No candidate is left, which the router says better.
            Err(_) => return None,
        };
        refuse(candidates, longest, Some(left));
        None
    }

    fn reserve(&mut self, chosen: &Candidate, longest: Option<Tokens>) -> Option<Booking> {
        let offer = self.offer(chosen, longest);
        let reservation = self.pacer.reserve(&offer).ok()?;
        Some(Booking::of(reservation, chosen))
    }

    fn reserve_more(&mut self, chosen: &Candidate, longest: Option<Tokens>) -> Booking {
        let offer = self.offer(chosen, longest);
        Booking::of(self.pacer.reserve_more(&offer), chosen)
    }

    fn offer(&mut self, one: &Candidate, longest: Option<Tokens>) -> Offer {
        let number = self.number(&one.model);
        offer(number, one.quality.get(), one.cost, most(one, longest))
    }

    fn book(&mut self, id: &str, booking: Booking) {
        self.queue.push_back(id.to_owned());
        self.open.insert(id.to_owned(), booking);
    }

    /// Settles at what was expected where no report came.
    fn give_up(&mut self, now: Instant) {
        while let Some(oldest) = self.queue.front() {
            let waits = self.open.get(oldest).map(|booking| booking.since);
            let is_over = waits.is_none_or(|since| now.duration_since(since) > PATIENCE);
            if !is_over && self.open.len() <= MOST_OPEN {
                return;
            }
            let booking = self.open.remove(oldest);
            self.queue.pop_front();
            if let Some(booking) = booking {
                self.pacer.settle(booking.reservation, booking.expected);
            }
        }
    }

    fn number(&mut self, model: &ModelName) -> u16 {
        let known = self.models.iter().position(|name| name == model);
        let place = known.unwrap_or_else(|| {
            self.models.push(model.clone());
            self.models.len() - 1
        });
        // No catalogue lists more; should one, its last models share a number.
        u16::try_from(place).unwrap_or(u16::MAX)
    }
}

fn refuse(candidates: &mut [Candidate], longest: Option<Tokens>, left: Option<Usd>) {
    let Some(left) = left else { return };
    for one in candidates.iter_mut().filter(|one| one.refusal.is_none()) {
        if at_most(one.cost, most(one, longest)) > left {
            one.refusal = Some(Refusal::BudgetSpent);
        }
    }
}

fn offer(model: u16, quality: f32, cost: Usd, most: f64) -> Offer {
    Offer {
        model,
        quality,
        cost,
        most: at_most(cost, most),
    }
}

fn at_most(cost: Usd, times: f64) -> Usd {
    Usd::saturating(cost.as_f64() * times).max(cost)
}

/// How many times the expected cost a call may cost: as its longest answer is longer than the
/// expected one. Where the request does not bound the answer that is what nine of ten stay below.
fn most(candidate: &Candidate, longest: Option<Tokens>) -> f64 {
    let longest = longest.map(|tokens| tokens.0 as f32);
    let longest = longest.or(candidate.output_tokens_p90);
    let expected = candidate.output_tokens.filter(|tokens| *tokens > 0.0);
    let times = longest
        .zip(expected)
        .map(|(longest, expected)| longest / expected);
    times.map_or(1.0, |times| f64::from(times).max(1.0))
}

fn positive(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
