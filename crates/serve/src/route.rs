//! `POST /v1/route`: decides, records the decision, then answers.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use pointsman_router::{Explanation, Unsatisfiable};
use pointsman_store::DecisionRecord;
use pointsman_types::{Decision, Request, Usd};
use uuid::Uuid;

use crate::App;
use crate::answer::answer;
use crate::decide::Decide;
use crate::intake::{Held, SMALL};
use crate::parse::parse;
use crate::problem::{Problem, json_bytes};
use crate::refusal::refused;
use crate::route_body::RouteBody;

/// A decision that is yet to be recorded.
struct Decided {
    answer: Vec<u8>,
    record: DecisionRecord,
}

pub(crate) async fn route(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let held = app.intake.read(&headers, body).await?;
    let decided = decide(&app, held).await?;
    let counter = app.metrics.decision(&decided.record.decision);
    let id = app.pacing.is_some().then(|| decided.record.id.clone());
    let kept = app.store.record(decided.record).await;
    if let (Err(_), Some(pacing), Some(id)) = (&kept, &app.pacing, id) {
        // Nobody is told of this decision, so nobody will pay for it.
        pacing.settle(&id, Usd::ZERO);
    }
    kept?;
    counter.inc();
    Ok(json_bytes(decided.answer))
}

/// A decision takes some 50 µs, less than a change of thread; only long bodies, and routers with a
/// transformer, leave the runtime's threads.
async fn decide(app: &Arc<App>, held: Held) -> Result<Decided, Problem> {
    if held.bytes.len() <= SMALL && !app.live.snapshot().router.is_slow() {
        return app.decide(&held.bytes);
    }
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || app.decide(&held.bytes))
        .await
        // The panic itself was reported by the panic hook.
        .map_err(|_| Problem::internal())?
}

impl App {
    fn decide(&self, body: &[u8]) -> Result<Decided, Problem> {
        let snapshot = self.live.snapshot();
        let router = snapshot.router.as_ref();
        let mut body: RouteBody<'_> = parse(body)?;
        let mut request = body.request(router.models())?;
        request.draw = self.chance.draw(body.tier.as_deref(), body.no_explore());
        let (id, ts_ms) = new_id();
        let (explanation, decision) = self.explained(router, &request, body.explain(), &id)?;
        let coordinates = Some(decision.coordinates.clone()).filter(|all| !all.is_empty());
        let lambda = decision.lambda;
        Ok(Decided {
            answer: answer(&id, &decision, explanation.as_ref()),
            record: DecisionRecord {
                id,
                ts_ms,
                prompt_id: request.prompt.default_id(),
                prompt: self.kept_prompt(&request),
                session_id: body.session_id,
                metadata: body.metadata,
                input_tokens: request.input_tokens,
                decision,
                key_id: body.key_id,
                tier: body.tier,
                coordinates,
                lambda,
                arm: None,
                shadow: None,
            },
        })
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
        let since = Instant::now();
        let decision = self.decided(router, request, id).map_err(unsatisfiable)?;
        self.metrics.decided_in(since);
        // The grounds are those of the policy without the budget, the decision is the one in force.
        let explanation = explain.then(|| router.explain(request));
        let explanation = explanation.transpose().map_err(unsatisfiable)?;
        let explanation = explanation.map(|grounds| Explanation {
            decision: decision.clone(),
            ..grounds
        });
        Ok((explanation, decision))
    }

    fn decided(
        &self,
        router: &dyn Decide,
        request: &Request,
        id: &str,
    ) -> Result<Decision, Unsatisfiable> {
        let Some(pacing) = &self.pacing else {
            return router.decide(request);
        };
        let within = pacing.decide(router, request)?;
        Ok(pacing.book(id, within))
    }

    fn kept_prompt(&self, request: &Request) -> Option<String> {
        self.log_prompts.then(|| request.prompt.text().to_owned())
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

fn unsatisfiable(error: Unsatisfiable) -> Problem {
    let refusals = refused(&error.candidates);
    let reasons: Vec<String> = refusals
        .iter()
        .map(|refused| format!("`{}`: {}", refused.model, refused.why.message))
        .collect();
    Problem {
        refusals,
        ..Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no_candidate",
            format!("no model satisfies the limits: {}", reasons.join("; ")),
        )
    }
}
