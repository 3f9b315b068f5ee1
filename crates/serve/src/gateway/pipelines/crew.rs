//! The calls of a pipeline, their cost, and what is recorded of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::http::HeaderMap;
use pointsman_relay::{Answered, Deployment};
use pointsman_types::{ModelName, Reason, Usd};
use pointsman_wire::{
    self as wire, Answer, Changes, Conversation, Dialect, Failure, FailureKind, Target, Turn,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Stopped;
use super::learned::among;
use crate::App;
use crate::gateway::account::{Bill, Seen};
use crate::gateway::auth::Guest;
use crate::gateway::calling::Call;
use crate::gateway::choose::choose;
use crate::gateway::explained::FIELD;
use crate::gateway::fleet::Fleet;
use crate::gateway::notes::Notes;
use crate::gateway::signs::Signs;
use crate::gateway::telemetry::Trace;
use crate::gateway::wanted::Wanted;
use crate::learning::Part;
use crate::live::Snapshot;

/// Fields of the caller's request that a call of a pipeline does not have: its answer is needed whole.
const WITHOUT: [&str; 3] = ["stream", "stream_options", FIELD];
/// Asks for the likelihood of an answer, in the chat dialect.
const LIKELIHOOD: [(&str, &str); 1] = [("logprobs", "true")];

/// Makes the calls of one run.
pub(crate) struct Crew<'c> {
    pub(crate) app: &'c Arc<App>,
    pub(crate) fleet: &'c Arc<Fleet>,
    /// The routers that all its calls are decided by.
    pub(crate) snapshot: &'c Arc<Snapshot>,
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
    /// What the pipeline knew when it stopped, where it says that.
    pub(crate) ended: Map<String, Value>,
}

/// One call, for whoever wants to know.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    decision_id: String,
    model: ModelName,
    cost_usd: Option<Usd>,
    #[serde(flatten)]
    note: Map<String, Value>,
}

/// What a call is besides its model.
#[derive(Default)]
pub(super) struct Step<'s> {
    /// The likelihood of the answer is wanted, where the model's back ends can tell it.
    pub(super) is_scored: bool,
    /// Who may answer, where not all that the request allows.
    pub(super) among: Option<&'s [ModelName]>,
    /// The pipeline's pace, where its request is paced as a whole.
    pub(super) part: Option<Part>,
    /// What record and explanation say of it.
    pub(super) note: Map<String, Value>,
}

/// A call that was answered.
pub(crate) struct Done {
    pub(crate) answer: Answer,
    pub(crate) decision_id: String,
    pub(crate) model: ModelName,
    pub(crate) notes: Notes,
    /// `None` where the model has no price.
    pub(crate) cost: Option<Usd>,
}

impl Crew<'_> {
    /// The caller's request at this model.
    pub(super) async fn repeat(&self, model: &ModelName, step: Step<'_>) -> Result<Done, Stopped> {
        let Request { body, said, .. } = self.request;
        let is_scored = step.is_scored && self.tells_likelihood(model);
        if is_scored && said.said_in != Dialect::Chat {
            return self.translated(model, step).await;
        }
        let changes = Changes {
            model: Some(model.as_str()),
            without: &WITHOUT,
            with: if is_scored { &LIKELIHOOD } else { &[] },
            ..Changes::default()
        };
        self.call(&body.changed(&changes), said.said_in, step).await
    }

    /// Only the chat dialect can ask for it, and others refuse a request that does.
    fn tells_likelihood(&self, model: &ModelName) -> bool {
        let member = self.fleet.place(model.as_str());
        let mut backends = member
            .into_iter()
            .flat_map(|at| self.fleet.members[at].pool.backends());
        backends.all(|one| one.deployment().dialect == Dialect::Chat)
    }

    /// The request in the words of the chat dialect, where that can ask for what the caller's cannot.
    async fn translated(&self, model: &ModelName, step: Step<'_>) -> Result<Done, Stopped> {
        let mut said = self.request.said.clone();
        said.stream = false;
        let written = Dialect::Chat.write_request(&said, &self.target(model))?;
        let body = wire::Body::parse(written.body.as_bytes())?;
        let changes = Changes {
            without: &WITHOUT,
            with: &LIKELIHOOD,
            ..Changes::default()
        };
        let changed = body.changed(&changes);
        let mut done = self.call(&changed, Dialect::Chat, step).await?;
        done.notes.lost(&written.lost);
        Ok(done)
    }

    fn target<'m>(&self, model: &'m ModelName) -> Target<'m> {
        let place = self.fleet.place(model.as_str());
        let backends = place.map(|at| self.fleet.members[at].pool.backends());
        let any = |what: fn(&Deployment) -> bool| {
            let mut backends = backends.into_iter().flatten();
            backends.any(|one| what(one.deployment()))
        };
        Target {
            older_chat: any(|one| one.older_chat),
            takes_sampling: !any(|one| !one.takes_sampling),
            ..Target::new(model.as_str())
        }
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
        let step = Step::default();
        self.call(&written?.body, Dialect::Chat, step).await
    }

    async fn call(&self, text: &str, dialect: Dialect, step: Step<'_>) -> Result<Done, Stopped> {
        let since = Instant::now();
        let body = wire::Body::parse(text.as_bytes())?;
        let said = dialect.read_request(&body)?;
        let mut wanted = Wanted::read(&said, self.fleet, self.guest, self.request.wishes)?;
        wanted.request = among(wanted.request, step.among);
        wanted.part = step.part;
        let input = wanted.input;
        let metadata = wanted.metadata.get_or_insert_with(Map::new);
        metadata.insert("pipeline".into(), self.label(&step.note));
        let mut chosen = choose(self.app, self.snapshot, self.fleet, wanted, None).await?;
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
            signs: whole.answer.as_ref().map(Signs::of).unwrap_or_default(),
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
            cost: bill.cost,
        };
        self.book(&done, &bill, step.note);
        Ok(done)
    }

    /// What the record of a call says of the pipeline.
    fn label(&self, note: &Map<String, Value>) -> Value {
        let mut label = note.clone();
        label.insert("name".into(), json!(self.pipeline));
        label.insert("step".into(), self.ledger().calls.len().into());
        label.into()
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

    fn book(&self, done: &Done, bill: &Bill, note: Map<String, Value>) {
        let mut ledger = self.ledger();
        ledger.spent = ledger.spent + bill.cost.unwrap_or(Usd::ZERO);
        ledger.is_estimated |= bill.is_estimated;
        ledger.calls.push(Entry {
            decision_id: done.decision_id.clone(),
            model: done.model.clone(),
            cost_usd: bill.cost,
            note,
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
