//! `POST /v1/route`: decides, records the decision, then answers. What a version beside the current
//! one has to do with it is in `compared`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use pointsman_router::{Explanation, Unsatisfiable};
use pointsman_store::{Arm, DecisionRecord, Shadow};
use pointsman_types::{Candidate, Decision, ModelName, Refusal, Request, Usd};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::App;
use crate::answer::answer;
use crate::compared::{self, Asked};
use crate::decide::Decide;
use crate::gateway::Guest;
use crate::intake::{Held, SMALL};
use crate::learning::{Narrow, Part};
use crate::live::Snapshot;
use crate::parse::parse;
use crate::problem::{Problem, json_bytes};
use crate::refusal::refused;
use crate::route_body::RouteBody;

/// A decision that is yet to be recorded.
#[derive(Clone)]
pub(crate) struct Decided {
    pub(crate) id: String,
    pub(crate) ts_ms: i64,
    pub(crate) request: Request,
    pub(crate) session_id: Option<String>,
    pub(crate) metadata: Option<Map<String, Value>>,
    pub(crate) key_id: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) explain: bool,
    pub(crate) decision: Decision,
    pub(crate) explanation: Option<Explanation>,
    pub(crate) arm: Option<Arm>,
    pub(crate) shadow: Option<Shadow>,
}

pub(crate) async fn route(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let guest = app.gateway.fleet.load().door.admit(&headers)?;
    let held = app.intake.read(&headers, body).await?;
    let snapshot = app.live.snapshot();
    let decided = decide(&app, &snapshot, held, guest).await?;
    let decided = compared::before_the_answer(&app, &snapshot, decided).await;
    let counter = app.metrics.decision(&decided.decision);
    let answer = answer(&decided.id, &decided.decision, decided.explanation.as_ref());
    let asked = Asked::of(&snapshot, &decided);
    app.store.room().await;
    app.keep(decided)?;
    counter.inc();
    app.heard();
    if let Some(asked) = asked {
        asked.after_the_answer(&app);
    }
    Ok(json_bytes(answer))
}

/// A decision takes some 50 µs, less than a change of thread; only long bodies, and routers with a
/// transformer, leave the runtime's threads.
async fn decide(
    app: &Arc<App>,
    snapshot: &Arc<Snapshot>,
    held: Held,
    guest: Guest,
) -> Result<Decided, Problem> {
    if held.bytes.len() <= SMALL && !snapshot.current.router.is_slow() {
        return app.decide(snapshot, &held.bytes, &guest);
    }
    let (app, snapshot) = (Arc::clone(app), Arc::clone(snapshot));
    tokio::task::spawn_blocking(move || app.decide(&snapshot, &held.bytes, &guest))
        .await
        // The panic itself was reported by the panic hook.
        .map_err(|_| Problem::internal())?
}

impl App {
    fn decide(&self, snapshot: &Snapshot, body: &[u8], guest: &Guest) -> Result<Decided, Problem> {
        let router = snapshot.current.router.as_ref();
        let mut body: RouteBody<'_> = parse(body)?;
        let mut request = body.request(router.models())?;
        self.open_to(guest, router.models(), &mut request)?;
        let tier = guest.tier().map(str::to_owned).or(body.tier.take());
        let no_explore = guest.no_explore() || body.no_explore();
        request.draw = self.chance.draw(tier.as_deref(), no_explore);
        let explain = body.explain();
        let (id, ts_ms) = new_id();
        let (explanation, decision) = self.explained(router, &request, explain, &id)?;
        Ok(Decided {
            id,
            ts_ms,
            request,
            session_id: body.session_id,
            metadata: body.metadata,
            key_id: guest.key_id().or(body.key_id),
            tier,
            explain,
            decision,
            explanation,
            arm: None,
            shadow: None,
        })
    }

    /// Leaves the models that the caller's key opens.
    fn open_to(
        &self,
        guest: &Guest,
        known: &[ModelName],
        request: &mut Request,
    ) -> Result<(), Problem> {
        let fleet = self.gateway.fleet.load();
        let wished = request.limits.models.as_deref().unwrap_or(known);
        let is_open = |name: &&ModelName| fleet.door.may_use(guest, name.as_str());
        let open: Vec<ModelName> = wished.iter().filter(is_open).cloned().collect();
        if open.is_empty() {
            let message = "none of the models is open to this key";
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "model_not_allowed",
                message,
            ));
        }
        if open.len() < wished.len() {
            request.limits.models = Some(open);
        }
        Ok(())
    }

    /// The decision, with its grounds where the caller wants them.
    fn explained(
        &self,
        router: &dyn Decide,
        request: &Request,
        explain: bool,
        id: &str,
    ) -> Result<(Option<Explanation>, Decision), Problem> {
        if explain && self.pacing.is_none() {
            let explanation = router.explain(request).map_err(unsatisfiable)?;
            let decision = explanation.decision.clone();
            return Ok((Some(explanation), decision));
        }
        let decision = self.decided(router, request, id, &mut |_| None);
        let decision = decision.map_err(unsatisfiable)?;
        // The grounds are those of the policy without the budget, the decision is the one in force.
        let explanation = explain.then(|| router.explain(request));
        let explanation = explanation.transpose().map_err(unsatisfiable)?;
        let explanation = explanation.map(|grounds| Explanation {
            decision: decision.clone(),
            ..grounds
        });
        Ok((explanation, decision))
    }

    /// Decides within the budget, where there is one, and within what `narrow` leaves.
    pub(crate) fn decided(
        &self,
        router: &dyn Decide,
        request: &Request,
        id: &str,
        narrow: &mut Narrow<'_>,
    ) -> Result<Decision, Unsatisfiable> {
        let since = Instant::now();
        let decision = match &self.pacing {
            None => router.decide_paced(request, narrow),
            Some(pacing) => {
                let within = pacing.decide(router, request, narrow);
                within.map(|within| pacing.book(id, within))
            }
        };
        self.metrics.decided_in(since);
        decision
    }

    /// Decides on one call of a request that is paced as a whole.
    pub(crate) fn decided_in_part(
        &self,
        router: &dyn Decide,
        request: &Request,
        id: &str,
        part: Part,
    ) -> Result<Decision, Unsatisfiable> {
        let Some(pacing) = &self.pacing else {
            return self.decided(router, request, id, &mut |_| None);
        };
        let since = Instant::now();
        let within = pacing.decide_part(router, request, part);
        let decision = within.map(|within| pacing.book(id, within));
        self.metrics.decided_in(since);
        decision
    }

    /// Makes a decision durable. Of one that cannot be kept nobody is told, so nobody will pay for it.
    pub(crate) fn keep(&self, decided: Decided) -> Result<(), Problem> {
        let paced = self.pacing.as_ref();
        let paced = paced.map(|pacing| (pacing, decided.id.clone()));
        let kept = self.store.record(self.record(decided));
        if let (Err(_), Some((pacing, id))) = (&kept, paced) {
            pacing.settle(&id, Usd::ZERO);
        }
        Ok(kept?)
    }

    fn record(&self, decided: Decided) -> DecisionRecord {
        let coordinates = &decided.decision.coordinates;
        let lambda = decided.decision.lambda;
        DecisionRecord {
            coordinates: (!coordinates.is_empty()).then(|| coordinates.clone()),
            id: decided.id,
            ts_ms: decided.ts_ms,
            prompt_id: decided.request.prompt.default_id(),
            prompt: self.kept_prompt(&decided.request),
            session_id: decided.session_id,
            metadata: decided.metadata,
            input_tokens: decided.request.input_tokens,
            decision: decided.decision,
            key_id: decided.key_id,
            tier: decided.tier,
            lambda,
            arm: decided.arm,
            shadow: decided.shadow,
        }
    }

    fn kept_prompt(&self, request: &Request) -> Option<String> {
        let rails = || self.gateway.fleet.load().rails.kept(request.prompt.text());
        self.log_prompts.then(rails)
    }
}

/// An id that rises with time, and that time in milliseconds since 1970.
pub(crate) fn new_id() -> (String, i64) {
    let id = Uuid::now_v7();
    let (seconds, nanos) = id
        .get_timestamp()
        .expect("a version 7 id has a timestamp")
        .to_unix();
    let ts_ms = seconds as i64 * 1000 + i64::from(nanos / 1_000_000);
    (id.to_string(), ts_ms)
}

pub(crate) fn unsatisfiable(error: Unsatisfiable) -> Problem {
    let refusals = refused(&error.candidates);
    let reasons: Vec<String> = refusals
        .iter()
        .map(|refused| format!("`{}`: {}", refused.model, refused.why.message))
        .collect();
    // Only what every limit allowed is refused for money.
    let is_beyond_budget = |one: &Candidate| one.refusal == Some(Refusal::BudgetSpent);
    let (status, code) = match error.candidates.iter().any(is_beyond_budget) {
        true => (StatusCode::PAYMENT_REQUIRED, "budget_spent"),
        false => (StatusCode::UNPROCESSABLE_ENTITY, "no_candidate"),
    };
    Problem {
        refusals,
        ..Problem::new(
            status,
            code,
            format!("no model satisfies the limits: {}", reasons.join("; ")),
        )
    }
}
