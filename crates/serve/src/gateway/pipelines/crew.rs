//! The calls of a pipeline, their cost, and what is recorded of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::http::HeaderMap;
use pointsman_relay::Answered;
use pointsman_types::{ModelName, Reason, Usd};
use pointsman_wire::{
    self as wire, Answer, Changes, Conversation, Dialect, Failure, FailureKind, Target, Turn,
};
use serde::Serialize;
use serde_json::{Map, json};

use super::Stopped;
use crate::App;
use crate::gateway::account::Seen;
use crate::gateway::auth::Guest;
use crate::gateway::calling::Call;
use crate::gateway::choose::choose;
use crate::gateway::explained::FIELD;
use crate::gateway::fleet::Fleet;
use crate::gateway::notes::Notes;
use crate::gateway::telemetry::Trace;
use crate::gateway::wanted::Wanted;

/// Fields of the caller's request that a call of a pipeline does not have: its answer is needed whole.
const WITHOUT: [&str; 3] = ["stream", "stream_options", FIELD];

/// Makes the calls of one run.
pub(crate) struct Crew<'c> {
    pub(crate) app: &'c Arc<App>,
    pub(crate) fleet: &'c Arc<Fleet>,
    pub(crate) guest: &'c Guest,
    pub(crate) trace: &'c Trace,
    pub(crate) headers: &'c HeaderMap,
    pub(crate) request: Request<'c>,
    pub(crate) pipeline: &'c ModelName,
    pub(crate) max_cost: Option<Usd>,
    pub(crate) ledger: Mutex<Ledger>,
}

/// The caller's request.
#[derive(Clone, Copy)]
pub(crate) struct Request<'c> {
    pub(crate) body: &'c wire::Body<'c>,
    pub(crate) said: &'c Conversation<'c>,
    /// The wishes, as JSON.
    pub(crate) wishes: &'c str,
}

/// What was called and what it cost.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) calls: Vec<Entry>,
    spent: Usd,
    /// What calls under way are expected to cost.
    reserved: Usd,
    pub(crate) is_estimated: bool,
}

/// One call, for whoever wants to know.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    decision_id: String,
    model: ModelName,
    cost_usd: Option<Usd>,
}

/// A call that was answered.
pub(crate) struct Done {
    pub(crate) answer: Answer,
    pub(crate) decision_id: String,
    pub(crate) model: ModelName,
    pub(crate) notes: Notes,
}

impl Crew<'_> {
    /// The caller's request at this model; `scored` asks for the likelihood of the answer.
    pub(super) async fn repeat(&self, model: &ModelName, scored: bool) -> Result<Done, Stopped> {
        let Request { body, said, .. } = self.request;
        let changes = Changes {
            model: Some(model.as_str()),
            without: &WITHOUT,
            with: if scored && said.said_in == Dialect::Chat {
                &[("logprobs", "true")]
            } else {
                &[]
            },
            ..Changes::default()
        };
        self.call(&body.changed(&changes), said.said_in).await
    }

    /// A question of the pipeline's own.
    pub(super) async fn ask(
        &self,
        model: &ModelName,
        turns: Vec<Turn<'_>>,
    ) -> Result<Done, Stopped> {
        let mut question = Conversation::new(model.as_str());
        question.turns = turns;
        let target = Target::new(model.as_str());
        let written = Dialect::Chat.write_request(&question, &target);
        self.call(&written?.body, Dialect::Chat).await
    }

    async fn call(&self, text: &str, dialect: Dialect) -> Result<Done, Stopped> {
        let since = Instant::now();
        let body = wire::Body::parse(text.as_bytes())?;
        let said = dialect.read_request(&body)?;
        let mut wanted = Wanted::read(&said, self.fleet, self.guest, self.request.wishes)?;
        let input = wanted.input;
        let metadata = wanted.metadata.get_or_insert_with(Map::new);
        let step = self.ledger().calls.len();
        metadata.insert(
            "pipeline".into(),
            json!({"name": self.pipeline, "step": step}),
        );
        let mut chosen = choose(self.app, self.fleet, wanted, None).await?;
        let decision = &mut chosen.decided.decision;
        if decision.reason == Reason::Pinned {
            decision.reason = Reason::Pipeline;
        }
        let expected = decision.chosen().cost;
        self.reserve(expected, &chosen.decided.id)?;
        let call = Call {
            app: self.app,
            fleet: self.fleet,
            body: &body,
            said: &said,
            trace: self.trace,
            headers: self.headers,
            input,
            thread: None,
            read_in: since.elapsed(),
        };
        let sent = call.send(chosen, true).await;
        self.ledger().release(expected);
        let sent = sent?;
        let Answered::Whole(whole) = sent.reply.answered else {
            let why = "a back end streamed what was not asked to be a stream";
            return Err(Failure::new(FailureKind::BadGateway, why).into());
        };
        let whole = *whole;
        let seen = Seen {
            usage: whole.answer.as_ref().and_then(|answer| answer.usage),
            bytes: whole.body.len() as u64,
        };
        let mut account = sent.account;
        account.answered_by(whole.answer.as_ref().map(|answer| answer.model.as_str()));
        let bill = account.settle(seen, None);
        let answer = whole.answer.ok_or_else(|| {
            let why = "the back end's answer cannot be read";
            Failure::new(FailureKind::BadGateway, why)
        })?;
        let done = Done {
            answer,
            decision_id: sent.ticket.id,
            model: sent.ticket.decided.decision.model,
            notes: sent.notes,
        };
        self.book(&done, &bill);
        Ok(done)
    }

    /// Sets aside what a call may cost. The first call is always made if the cap alone would not refuse
    /// it, so a cap below any call's cost refuses all.
    fn reserve(&self, expected: Usd, decision_id: &str) -> Result<(), Stopped> {
        let mut ledger = self.ledger();
        let whole = ledger.spent + ledger.reserved + expected;
        match self.max_cost.filter(|most| whole > *most) {
            None => {
                ledger.reserved = ledger.reserved + expected;
                Ok(())
            }
            Some(most) => {
                if let Some(pacing) = &self.app.pacing {
                    pacing.settle(decision_id, Usd::ZERO);
                }
                Err(Stopped::TooDear(most))
            }
        }
    }

    fn book(&self, done: &Done, bill: &crate::gateway::account::Bill) {
        let mut ledger = self.ledger();
        ledger.spent = ledger.spent + bill.cost.unwrap_or(Usd::ZERO);
        ledger.is_estimated |= bill.is_estimated;
        ledger.calls.push(Entry {
            decision_id: done.decision_id.clone(),
            model: done.model.clone(),
            cost_usd: bill.cost,
        });
    }

    /// A panic leaves at worst one call unbooked.
    pub(crate) fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// What all calls cost together.
    pub(crate) const fn spent(&self) -> Usd {
        self.spent
    }

    fn release(&mut self, expected: Usd) {
        self.reserved = self.reserved - expected;
    }
}
