//! `POST /v1/route`: decides, records the decision, then answers.
//!
//! Where a version runs beside the current one, both decide on every request. One that decides a
//! share of them is asked before the answer, and the probabilities that are recorded are those of the
//! draw and both versions together. One in shadow is asked after the answer.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use pointsman_learn::promotion::mixture;
use pointsman_router::{Explanation, Unsatisfiable};
use pointsman_store::{Arm, DecisionRecord, KeptCandidate, Shadow};
use pointsman_types::{Candidate, Decision, Probability, Request};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::App;
use crate::answer::answer;
use crate::beside::Silent;
use crate::decide::Decide;
use crate::intake::{Held, SMALL};
use crate::live::{Beside, Snapshot};
use crate::parse::parse;
use crate::problem::{Problem, json_bytes};
use crate::refusal::refused;
use crate::route_body::RouteBody;

/// A decision that is yet to be recorded.
struct Decided {
    request: Request,
    session_id: Option<String>,
    metadata: Option<Map<String, Value>>,
    key_id: Option<String>,
    tier: Option<String>,
    explain: bool,
    decision: Decision,
    explanation: Option<Explanation>,
    lambda: Option<f64>,
    arm: Option<Arm>,
    shadow: Option<Shadow>,
}

pub(crate) async fn route(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let held = app.intake.read(&headers, body).await?;
    let snapshot = app.live.snapshot();
    let mut decided = decide(&app, &snapshot, held).await?;
    let shares = snapshot.beside.as_ref().filter(|beside| beside.share > 0.0);
    if let Some(beside) = shares {
        decided = app.draw(&snapshot, beside, decided).await;
    }
    let counter = app.metrics.decision(&decided.decision);
    let (id, ts_ms) = new_id();
    let answer = answer(&id, &decided.decision, decided.explanation.as_ref());
    let in_shadow = snapshot
        .beside
        .as_ref()
        .filter(|beside| beside.share <= 0.0);
    let asked = in_shadow.map(|beside| (beside.clone(), decided.request.clone()));
    let record = app.record(id.clone(), ts_ms, decided);
    app.store.record(record).await?;
    counter.inc();
    app.heard();
    if let Some((beside, request)) = asked {
        shade(&app, beside, &snapshot.current.version, id, request);
    }
    Ok(json_bytes(answer))
}

/// A decision takes some 50 µs, less than a change of thread; only long bodies, and routers with a
/// transformer, leave the runtime's threads.
async fn decide(app: &Arc<App>, snapshot: &Arc<Snapshot>, held: Held) -> Result<Decided, Problem> {
    if held.bytes.len() <= SMALL && !snapshot.current.router.is_slow() {
        return app.decide(snapshot, &held.bytes);
    }
    let (app, snapshot) = (Arc::clone(app), Arc::clone(snapshot));
    tokio::task::spawn_blocking(move || app.decide(&snapshot, &held.bytes))
        .await
        // The panic itself was reported by the panic hook.
        .map_err(|_| Problem::internal())?
}

/// Asks the version in shadow, once the answer is on its way, and keeps what it says with the
/// decision.
fn shade(app: &Arc<App>, beside: Beside, against: &str, id: String, request: Request) {
    let (app, against) = (Arc::clone(app), against.to_owned());
    tokio::spawn(async move {
        let said = app.besides.ask(&beside.loaded, &request, false).await;
        app.metrics.beside(said.as_ref().err().copied());
        let candidates = said.map(|said| kept(&said.decision.candidates));
        let shadow = shadow(&beside, against, candidates);
        if let Err(error) = app.store.shade(&id, &shadow) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what the version in shadow said was not kept");
        }
    });
}

impl App {
    fn decide(&self, snapshot: &Snapshot, body: &[u8]) -> Result<Decided, Problem> {
        let router = snapshot.current.router.as_ref();
        let mut body: RouteBody<'_> = parse(body)?;
        let request = body.request(router.models())?;
        let explain = body.explain();
        let (explanation, decision) = self.explained(router, &request, explain)?;
        Ok(Decided {
            request,
            session_id: body.session_id,
            metadata: body.metadata,
            key_id: body.key_id,
            tier: body.tier,
            explain,
            decision,
            explanation,
            lambda: router.lambda(),
            arm: None,
            shadow: None,
        })
    }

    /// The decision, with its grounds where the caller wants them.
    fn explained(
        &self,
        router: &dyn Decide,
        request: &Request,
        explain: bool,
    ) -> Result<(Option<Explanation>, Decision), Problem> {
        if explain {
            let explanation = router.explain(request).map_err(unsatisfiable)?;
            let decision = explanation.decision.clone();
            return Ok((Some(explanation), decision));
        }
        let since = Instant::now();
        let decision = router.decide(request).map_err(unsatisfiable)?;
        self.metrics.decided_in(since);
        Ok((None, decision))
    }

    /// Lets chance say which of two versions decides. Where the one beside is silent the current one
    /// decides, as if there were no other; so its probabilities are the true ones.
    async fn draw(&self, snapshot: &Snapshot, beside: &Beside, own: Decided) -> Decided {
        let takes = draw() < beside.share;
        let explain = own.explain && takes;
        let said = self
            .besides
            .ask(&beside.loaded, &own.request, explain)
            .await;
        self.metrics.beside(said.as_ref().err().copied());
        let candidates = said.as_ref().map(|said| kept(&said.decision.candidates));
        let against = snapshot.current.version.clone();
        let mut shadow = shadow(beside, against, candidates.map_err(|silent| *silent));
        shadow.share = probability(beside.share);
        shadow.current = kept(&own.decision.candidates);
        let Ok(said) = said else {
            return Decided {
                arm: Some(Arm::Current),
                shadow: Some(shadow),
                ..own
            };
        };
        mixed(own, said, takes, beside, shadow)
    }

    fn record(&self, id: String, ts_ms: i64, decided: Decided) -> DecisionRecord {
        let coordinates = &decided.decision.coordinates;
        DecisionRecord {
            coordinates: (!coordinates.is_empty()).then(|| coordinates.clone()),
            id,
            ts_ms,
            prompt_id: decided.request.prompt.default_id(),
            prompt: self.kept_prompt(&decided.request),
            session_id: decided.session_id,
            metadata: decided.metadata,
            input_tokens: decided.request.input_tokens,
            decision: decided.decision,
            key_id: decided.key_id,
            tier: decided.tier,
            lambda: decided.lambda,
            arm: decided.arm,
            shadow: decided.shadow,
        }
    }

    fn kept_prompt(&self, request: &Request) -> Option<String> {
        self.log_prompts.then(|| request.prompt.text().to_owned())
    }
}

/// What was decided where both versions said something.
fn mixed(
    own: Decided,
    said: crate::beside::Said,
    takes: bool,
    beside: &Beside,
    shadow: Shadow,
) -> Decided {
    let (share, rest) = (probability(beside.share), probability(1.0 - beside.share));
    let (decision, explanation, lambda, arm) = match takes {
        true => (
            mixture(&said.decision, &own.decision, share),
            said.explanation,
            beside.loaded.router.lambda(),
            Arm::Canary,
        ),
        false => (
            mixture(&own.decision, &said.decision, rest),
            own.explanation,
            own.lambda,
            Arm::Current,
        ),
    };
    Decided {
        // The answer tells of the probabilities that are recorded.
        explanation: explanation.map(|grounds| Explanation {
            decision: decision.clone(),
            ..grounds
        }),
        decision,
        lambda,
        arm: Some(arm),
        shadow: Some(shadow),
        ..own
    }
}

fn shadow(
    beside: &Beside,
    against: String,
    candidates: Result<Vec<KeptCandidate>, Silent>,
) -> Shadow {
    Shadow {
        version: beside.loaded.version.clone(),
        against,
        after: beside.after,
        share: Probability::ZERO,
        failed: candidates.is_err(),
        candidates: candidates.unwrap_or_default(),
        current: Vec::new(),
    }
}

/// Shares were checked where they were set.
fn probability(share: f64) -> Probability {
    Probability::new(share).unwrap_or(Probability::ZERO)
}

fn kept(candidates: &[Candidate]) -> Vec<KeptCandidate> {
    candidates.iter().map(KeptCandidate::from).collect()
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

/// A number drawn evenly from [0, 1): the part of an id of its own that counts nothing.
fn draw() -> f64 {
    let random = Uuid::now_v7().as_u128() as u32;
    f64::from(random) / (f64::from(u32::MAX) + 1.0)
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
