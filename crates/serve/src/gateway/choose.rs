//! Who is asked, in which order, and why.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pointsman_policy::limit_refusal;
use pointsman_router::Unsatisfiable;
use pointsman_types::{Candidate, Decision, ModelName, Probability, Reason, Refusal, Request};
use pointsman_wire::{Failure, FailureKind};
use tokio::time::timeout;

use super::asked::Asked;
use super::fleet::Fleet;
use super::refused::Refused;
use super::sessions::Thread;
use super::unrouted::{needs, unpredicted};
use super::wanted::Wanted;
use crate::App;
use crate::compared::{self, Asked as Beside};
use crate::learning::{CHEAPEST, Part};
use crate::live::Snapshot;
use crate::route::{Decided, new_id, unsatisfiable};

/// A decision, and whom to ask if the chosen one gives no answer.
pub(crate) struct Chosen {
    pub(crate) decided: Decided,
    /// Members of the fleet, the chosen one first.
    pub(crate) ranking: Vec<usize>,
    /// What a version in shadow is asked later.
    pub(crate) beside: Option<Beside>,
}

/// Decides who is asked, by the routers that were in service when the request came.
pub(crate) async fn choose(
    app: &Arc<App>,
    snapshot: &Arc<Snapshot>,
    fleet: &Arc<Fleet>,
    mut wanted: Wanted,
    thread: Option<&Thread>,
) -> Result<Chosen, Refused> {
    let (id, ts_ms) = new_id();
    let threshold = narrow(app, fleet, &mut wanted)?;
    let desk = Desk {
        app,
        snapshot,
        fleet,
        id: &id,
        terms: Terms {
            threshold,
            part: wanted.part,
        },
    };
    let decided = desk.decide(&wanted.request).await;
    let mut decision = decided.map_err(unsatisfiable)?;
    match (wanted.asked, thread) {
        (Asked::Pinned(_), _) => decision.reason = Reason::Pinned,
        (Asked::Routed { .. }, Some(thread)) => {
            decision = fleet.sessions.settle(fleet, thread, decision);
        }
        (Asked::Routed { .. } | Asked::Pipeline(_), _) => {}
    }
    let decided = Decided {
        id,
        ts_ms,
        request: wanted.request,
        session_id: wanted.session_id,
        metadata: wanted.metadata,
        key_id: wanted.key_id,
        tier: wanted.tier,
        explain: wanted.explain,
        decision,
        explanation: None,
        arm: None,
        shadow: None,
    };
    let is_free = !matches!(
        decided.decision.reason,
        Reason::Pinned | Reason::SessionKept
    );
    let is_compared = is_free && threshold.is_none() && !snapshot.current.router.is_stand_in();
    let decided = match is_compared {
        true => compared::before_the_answer(app, snapshot, decided).await,
        false => decided,
    };
    let ranking = ranking(fleet, &decided);
    if ranking.is_empty() {
        return Err(Failure::new(FailureKind::Server, NOT_THERE).into());
    }
    Ok(Chosen {
        ranking,
        beside: is_compared
            .then(|| Beside::of(snapshot, &decided))
            .flatten(),
        decided,
    })
}

/// A router decides among the models that a request names.
const NOT_THERE: &str = "the chosen model cannot be called";
/// Pipelines call models, never each other.
const NO_PIPELINE: &str = "a pipeline was to be called like a model";

/// Leaves whom the caller pinned, or lets chance draw; tells the threshold that a caller who is routed
/// named.
fn narrow(app: &App, fleet: &Fleet, wanted: &mut Wanted) -> Result<Option<f32>, Refused> {
    match wanted.asked {
        Asked::Pinned(member) => {
            pin(fleet, member, &mut wanted.request)?;
            Ok(None)
        }
        Asked::Pipeline(_) => Err(Failure::new(FailureKind::Server, NO_PIPELINE).into()),
        Asked::Routed { threshold } => {
            let draw = app.chance.draw(wanted.tier.as_deref(), wanted.no_explore);
            wanted.request.draw = draw;
            Ok(threshold)
        }
    }
}

/// Nobody else may answer.
fn pin(fleet: &Fleet, member: usize, request: &mut Request) -> Result<(), Refused> {
    let name = &fleet.members[member].card.name;
    let is_open = request
        .limits
        .models
        .as_ref()
        .is_none_or(|open| open.contains(name));
    if !is_open {
        let why = format!("`{name}` is not open to this request");
        return Err(Failure::new(FailureKind::Permission, why).into());
    }
    request.limits.models = Some(vec![name.clone()]);
    Ok(())
}

/// Everything that one decision is made with.
struct Desk<'d> {
    app: &'d Arc<App>,
    snapshot: &'d Arc<Snapshot>,
    fleet: &'d Fleet,
    id: &'d str,
    terms: Terms,
}

/// What the router is told besides the request.
#[derive(Clone, Copy)]
struct Terms {
    /// The cheapest within so many points of quality of the best is wanted.
    threshold: Option<f32>,
    /// The request that this is a call of is paced as a whole.
    part: Option<Part>,
}

impl Desk<'_> {
    /// By the router, unless it is not there, knows nobody who may be asked, fails or takes too long.
    async fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
        let router = &self.snapshot.current.router;
        if router.is_stand_in() {
            return self.fleet.unrouted.choose(request, Reason::NoRouter);
        }
        let Some(known) = known(request, router.models()) else {
            return self.fleet.unrouted.choose(request, Reason::NoRouter);
        };
        let decided = match router.is_slow() {
            true => self.decide_aside(known.into_owned()).await,
            false => self.decide_here(&known),
        };
        match decided {
            Ok(Ok(decision)) => Ok(decision),
            // Nor may the default model be asked for money that is not there.
            Ok(Err(refused)) if refused.candidates.iter().any(is_beyond_budget) => Err(refused),
            // Models that the router does not know may satisfy what those it knows do not.
            Ok(Err(refused)) => {
                let other = self.fleet.unrouted.choose(request, Reason::NoRouter);
                other.map_err(|_| refused)
            }
            Err(reason) => self.fleet.unrouted.choose(request, reason),
        }
    }

    /// A decision takes microseconds and reads a bounded part of the prompt, so nothing is gained by
    /// a limit on its time.
    fn decide_here(&self, request: &Request) -> Result<Result<Decision, Unsatisfiable>, Reason> {
        let deciding = || decided(self.app, self.snapshot, request, self.id, self.terms);
        // The router is immutable, and the budget's lock bears a panic.
        catch_unwind(AssertUnwindSafe(deciding)).map_err(|_| Reason::RouterFailed)
    }

    /// A router with a transformer decides on threads of its own, within the limit.
    async fn decide_aside(
        &self,
        request: Request,
    ) -> Result<Result<Decision, Unsatisfiable>, Reason> {
        let (app, snapshot) = (Arc::clone(self.app), Arc::clone(self.snapshot));
        let (id, terms) = (self.id.to_owned(), self.terms);
        let deciding =
            tokio::task::spawn_blocking(move || decided(&app, &snapshot, &request, &id, terms));
        match timeout(self.fleet.limit, deciding).await {
            Ok(Ok(decided)) => Ok(decided),
            Ok(Err(_)) => Err(Reason::RouterFailed),
            Err(_) => Err(Reason::RouterSlow),
        }
    }
}

fn decided(
    app: &App,
    snapshot: &Snapshot,
    request: &Request,
    id: &str,
    terms: Terms,
) -> Result<Decision, Unsatisfiable> {
    let router = snapshot.current.router.as_ref();
    match terms.part {
        Some(part) => app.decided_in_part(router, request, id, part),
        None => app.decided(router, request, id, &mut |candidates| {
            let threshold = terms.threshold?;
            Some(within(candidates, threshold))
        }),
    }
}

fn is_beyond_budget(one: &Candidate) -> bool {
    one.refusal == Some(Refusal::BudgetSpent)
}

/// Leaves those whose quality is at most so far below the best; of them the cheapest is wanted.
fn within(candidates: &mut [Candidate], threshold: f32) -> f64 {
    let open = |one: &&mut Candidate| one.refusal.is_none();
    let quality = |one: &Candidate| one.quality.get();
    let best = candidates
        .iter()
        .filter(|one| one.refusal.is_none())
        .map(quality);
    let least = best.fold(f32::NEG_INFINITY, f32::max) - threshold;
    for one in candidates.iter_mut().filter(open) {
        if quality(one) < least {
            one.refusal = Some(Refusal::BeyondThreshold);
        }
    }
    CHEAPEST
}

/// The request with only those models that the router knows; `None` where it knows none of them.
pub(crate) fn known<'r>(request: &'r Request, router: &[ModelName]) -> Option<Cow<'r, Request>> {
    let open = request.limits.models.as_deref().unwrap_or(router);
    let is_known = |one: &&ModelName| router.contains(one);
    if !open.is_empty() && open.iter().all(|one| is_known(&one)) {
        return Some(Cow::Borrowed(request));
    }
    let models: Vec<ModelName> = open.iter().filter(is_known).cloned().collect();
    (!models.is_empty()).then(|| {
        let mut request = request.clone();
        request.limits.models = Some(models);
        Cow::Owned(request)
    })
}

/// The chosen one, then the others that no limit refused in the router's order, then those that it
/// does not know.
fn ranking(fleet: &Fleet, decided: &Decided) -> Vec<usize> {
    let Decided {
        decision, request, ..
    } = decided;
    let may_answer = |refusal: &Option<Refusal>| match refusal {
        None | Some(Refusal::BeyondThreshold) => true,
        Some(refusal) => !refusal.is_limit(),
    };
    let ranked = decision
        .candidates
        .iter()
        .filter(|one| may_answer(&one.refusal));
    let mut ranking: Vec<usize> = ranked
        .filter_map(|one| fleet.place(one.model.as_str()))
        .collect();
    let is_known = |name: &ModelName| decision.candidates.iter().any(|one| one.model == *name);
    for (place, member) in fleet.members.iter().enumerate() {
        let refusal = limit_refusal(&member.card, &request.limits, needs(&member.card, request));
        if !is_known(&member.card.name) && refusal.is_none() {
            ranking.push(place);
        }
    }
    let open = request.limits.models.as_ref();
    ranking.retain(|place| {
        let name = &fleet.members[*place].card.name;
        open.is_none_or(|open| open.contains(name))
    });
    ranking.truncate(fleet.most_models);
    ranking
}

/// The same request, decided anew since those before gave no answer: what is left of the candidates,
/// with the one that answered in front.
pub(crate) fn instead(decision: &Decision, failed: &[ModelName], answered: &ModelName) -> Decision {
    let mut candidates = decision.candidates.clone();
    for one in &mut candidates {
        let is_it = one.model == *answered;
        one.probability = match is_it {
            true => Probability::ONE,
            false => Probability::ZERO,
        };
        if failed.contains(&one.model) {
            one.refusal = Some(Refusal::Failed);
        }
        if is_it {
            one.refusal = None;
        }
    }
    if !candidates.iter().any(|one| one.model == *answered) {
        candidates.insert(
            0,
            Candidate {
                probability: Probability::ONE,
                ..unpredicted(answered)
            },
        );
    }
    // Refused by a limit last, as in every decision; a stable sort keeps the router's order.
    candidates.sort_by_key(|one| {
        (
            one.model != *answered,
            one.refusal.is_some_and(|why| why.is_limit()),
        )
    });
    Decision {
        model: answered.clone(),
        reason: Reason::Fallback,
        propensity: Probability::ONE,
        candidates,
        ..decision.clone()
    }
}
