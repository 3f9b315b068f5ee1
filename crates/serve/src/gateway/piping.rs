//! A request to a pipeline: its calls, and the answer that they make.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;
use pointsman_relay::streamed;
use pointsman_types::{ModelName, Usd};
use pointsman_wire::{Body, Envelope, Failure};
use serde::Serialize;
use serde_json::{Map, Value};

use super::account::Bill;
use super::auth::Guest;
use super::caching::{Keeping, Place};
use super::ending::{before_done, wrapped};
use super::explained::FIELD;
use super::fleet::Fleet;
use super::pipelines::{Crew, Done, Entry, Ledger, Pipeline, Request};
use super::refused::Refused;
use super::reply::reply;
use super::telemetry::Trace;
use crate::App;

/// What a pipeline did, for whoever wants to know.
#[derive(Serialize)]
struct Explained<'e> {
    pipeline: &'e ModelName,
    decision_id: &'e str,
    model: &'e ModelName,
    calls: &'e [Entry],
    /// What the pipeline knew when it stopped, where it says that.
    #[serde(skip_serializing_if = "Map::is_empty")]
    ended: &'e Map<String, Value>,
    cost_usd: Usd,
    cost_is_estimated: bool,
}

/// A request to a pipeline.
pub(super) struct Piping<'p> {
    pub(super) app: &'p Arc<App>,
    pub(super) fleet: &'p Arc<Fleet>,
    pub(super) guest: &'p Guest,
    pub(super) trace: &'p Trace,
    pub(super) headers: &'p HeaderMap,
    pub(super) request: Request<'p>,
    pub(super) explains: bool,
}

impl Piping<'_> {
    /// Runs it, and answers.
    pub(super) async fn run(
        &self,
        pipeline: &Pipeline,
        place: Option<Place>,
    ) -> Result<Response, Refused> {
        let crew = Crew {
            app: self.app,
            fleet: self.fleet,
            snapshot: &self.app.live.snapshot(),
            guest: self.guest,
            trace: self.trace,
            headers: self.headers,
            request: self.request,
            pipeline: &pipeline.name,
            max_cost: pipeline.max_cost,
            ledger: Mutex::new(Ledger::default()),
        };
        let mut done = pipeline.run(&crew).await?;
        let ledger = crew.ledger();
        let bill = Bill {
            cost: Some(ledger.spent()),
            is_estimated: ledger.is_estimated,
        };
        done.notes.bill(&bill);
        let said = self.request.said;
        let explained = self
            .explains
            .then(|| self.explained(pipeline, &done, &ledger));
        let body = match said.stream {
            true => self.stream(&done, explained),
            false => self.whole(&done, &bill, explained)?,
        };
        if let Some(place) = place {
            let keeping = Keeping::new(place, &done.decision_id, done.model.as_str());
            let kept = (!said.stream).then(|| body.clone());
            keeping.land(&self.fleet.answers, done.answer, kept);
        }
        Ok(reply(body.into(), said.stream, done.notes))
    }

    fn explained(&self, pipeline: &Pipeline, done: &Done, ledger: &Ledger) -> String {
        let explained = Explained {
            pipeline: &pipeline.name,
            decision_id: &done.decision_id,
            model: &done.model,
            calls: &ledger.calls,
            ended: &ledger.ended,
            cost_usd: ledger.spent(),
            cost_is_estimated: ledger.is_estimated,
        };
        serde_json::to_string(&explained)
            .expect("keys are strings and writing to memory does not fail")
    }

    fn stream(&self, done: &Done, explained: Option<String>) -> Bytes {
        let said = self.request.said;
        let stream = streamed(&done.answer, said, envelope(done));
        let (before, rest) = before_done(stream.as_bytes(), said.said_in);
        let event = explained
            .map(|told| wrapped(said.said_in, &done.decision_id, done.model.as_str(), &told));
        [before, event.unwrap_or_default().as_bytes(), rest]
            .concat()
            .into()
    }

    fn whole(&self, done: &Done, bill: &Bill, explained: Option<String>) -> Result<Bytes, Refused> {
        let written = self
            .request
            .said
            .said_in
            .write_answer(&done.answer, &envelope(done));
        let written = written.map_err(|error| Failure::of_answer(&error))?.body;
        let cost = bill.cost.map(|cost| cost.as_f64().to_string());
        let slots = Body::parse(written.as_bytes())?.slots(FIELD);
        let told = slots.filled(written.as_bytes(), cost.as_deref(), explained.as_deref());
        Ok(told.into())
    }
}

fn envelope(done: &Done) -> Envelope {
    Envelope {
        id: done.decision_id.clone(),
        model: done.model.to_string(),
        created: (crate::learning::now_ms() / 1000).unsigned_abs(),
    }
}
