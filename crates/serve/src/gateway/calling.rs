//! A decided request on its way: called, recorded meanwhile, decided anew where another model answers.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use pointsman_relay::{Ask, Pool, Relayed, Reply, relay};
use pointsman_types::ModelName;
use pointsman_wire::{self as wire, Conversation, Envelope};
use uuid::Uuid;

use super::account::{Account, Order};
use super::caching::{Keeping, Place};
use super::choose::{Chosen, instead};
use super::explained::{Explained, FIELD};
use super::fleet::Fleet;
use super::notes::Notes;
use super::refused::Refused;
use super::savings::Alternatives;
use super::sessions::Thread;
use super::telemetry::{CallSpan, Calls, Trace};
use crate::App;
use crate::route::{Decided, new_id};

/// A decided request, to be sent on.
pub(super) struct Call<'c> {
    pub(super) app: &'c Arc<App>,
    pub(super) fleet: &'c Arc<Fleet>,
    pub(super) body: &'c wire::Body<'c>,
    pub(super) said: &'c Conversation<'c>,
    pub(super) trace: &'c Trace,
    pub(super) headers: &'c HeaderMap,
    /// Tokens in, estimated.
    pub(super) input: u64,
    pub(super) thread: Option<Thread>,
    /// How long it took to read and decide.
    pub(super) read_in: Duration,
}

/// What a decision leaves once it is on its way into the store.
pub(super) struct Ticket {
    pub(super) id: String,
    ts_ms: i64,
    key: Option<String>,
    pub(super) decided: Decided,
    ranking: Vec<usize>,
}

/// A call that an answer came of.
pub(super) struct Sent {
    pub(super) reply: Reply,
    pub(super) ticket: Ticket,
    pub(super) account: Account,
    pub(super) notes: Notes,
}

impl Sent {
    /// The answer is to be given again.
    pub(super) fn keeping(&self, place: Place) -> Keeping {
        let Ticket { id, decided, .. } = &self.ticket;
        Keeping::new(place, id, decided.decision.model.as_str())
    }

    pub(super) fn explained(&self) -> Explained {
        Explained::new(&self.ticket.id, &self.ticket.decided.decision)
    }

    /// The span of the call ends with its account.
    fn watched(&mut self, mut call: CallSpan) {
        call.decided(&self.ticket.id, &self.ticket.decided.decision);
        self.account.watched(call);
    }
}

impl Call<'_> {
    /// Sends it on; `gather` keeps a streamed answer together.
    pub(super) async fn send(&self, chosen: Chosen, gather: bool) -> Result<Sent, Refused> {
        let Chosen {
            decided,
            ranking,
            beside,
        } = chosen;
        let ticket = Ticket {
            id: decided.id.clone(),
            ts_ms: decided.ts_ms,
            key: decided.key_id.clone(),
            decided: decided.clone(),
            ranking,
        };
        let account = self.account(&ticket, ticket.ranking[0]);
        let calls = self.trace.calls(&ticket.id, &ticket.decided.decision);
        // The record is written while the back end works.
        let (relayed, kept) = tokio::join!(self.relay(&ticket, &calls, gather), async {
            self.app.store.room().await;
            self.app.recorded(decided)
        });
        if let Some(beside) = beside.filter(|_| kept) {
            beside.after_the_answer(self.app);
        }
        let mut sent = self.conclude(ticket, account, relayed, kept)?;
        if let Some(call) = calls.answered() {
            sent.watched(call);
        }
        Ok(sent)
    }

    fn account(&self, ticket: &Ticket, member: usize) -> Account {
        let order = Order {
            member,
            decision_id: ticket.id.clone(),
            key: ticket.key.clone(),
            input: self.input,
            session: self.thread.as_ref().map(|thread| thread.key),
            alternatives: Alternatives::of(&ticket.decided.decision),
        };
        Account::open(self.app, self.fleet, order)
    }

    async fn relay(&self, ticket: &Ticket, calls: &Calls, gather: bool) -> Relayed {
        let pools: Vec<&Pool> = ticket
            .ranking
            .iter()
            .map(|at| &self.fleet.members[*at].pool)
            .collect();
        let ask = Ask {
            body: self.body,
            said: self.said,
            headers: self.headers,
            without: &[FIELD],
            note: FIELD,
            envelope: envelope(ticket),
            gather,
            seed: seed(&ticket.id),
            watcher: calls.watcher(),
        };
        relay(&ask, &pools, &self.fleet.persistence).await
    }

    /// The answer, and whose it is; or why there is none.
    fn conclude(
        &self,
        ticket: Ticket,
        account: Account,
        relayed: Relayed,
        is_kept: bool,
    ) -> Result<Sent, Refused> {
        let mut notes = Notes::default();
        notes.decision(&ticket.id, &ticket.decided.decision, is_kept);
        notes.attempts(&relayed.attempts);
        notes.overhead(self.read_in);
        self.app.metrics.gateway().attempted(&relayed.attempts);
        self.app.metrics.gateway().overhead(self.read_in);
        let (place, reply) = match relayed.result {
            Ok(answered) => answered,
            Err(failure) => {
                account.fail(&failure.message);
                let headers = Box::new(notes.0);
                return Err(Refused { failure, headers });
            }
        };
        notes.lost(&reply.lost);
        let (ticket, account) = match place {
            0 => (ticket, account),
            place => self.fallen_back(ticket, account, place, &mut notes),
        };
        if let Some(thread) = &self.thread {
            notes.session(thread.became(&ticket.decided.decision.model));
        }
        Ok(Sent {
            reply,
            ticket,
            account,
            notes,
        })
    }

    /// Another model than the chosen one answers: that is a decision of its own, since feedback on the
    /// answer must not be counted for the model that failed.
    fn fallen_back(
        &self,
        mut ticket: Ticket,
        account: Account,
        place: usize,
        notes: &mut Notes,
    ) -> (Ticket, Account) {
        let name = |at: &usize| self.fleet.members[*at].card.name.clone();
        let failed: Vec<ModelName> = ticket.ranking[..place].iter().map(name).collect();
        let answered = name(&ticket.ranking[place]);
        let decision = instead(&ticket.decided.decision, &failed, &answered);
        let (id, ts_ms) = new_id();
        if let Some(pacing) = &self.app.pacing {
            pacing.fallen_back([&ticket.id, &id], decision.chosen());
        }
        account.fail("no answer; another model answered");
        (ticket.id, ticket.ts_ms) = (id, ts_ms);
        ticket.decided = Decided {
            id: ticket.id.clone(),
            ts_ms: ticket.ts_ms,
            decision,
            shadow: None,
            arm: None,
            ..ticket.decided
        };
        let account = self.account(&ticket, ticket.ranking[place]);
        let is_kept = self.app.recorded(ticket.decided.clone());
        notes.decision(&ticket.id, &ticket.decided.decision, is_kept);
        (ticket, account)
    }
}

pub(super) fn envelope(ticket: &Ticket) -> Envelope {
    Envelope {
        id: ticket.id.clone(),
        model: ticket.decided.decision.model.to_string(),
        created: (ticket.ts_ms / 1000).unsigned_abs(),
    }
}

/// The random bits of an id.
fn seed(id: &str) -> u64 {
    Uuid::try_parse(id).map_or(0, |id| id.as_u128() as u64)
}

impl App {
    /// Keeps a decision on traffic. Traffic does not stop where that fails: the caller gets an answer,
    /// and feedback on it is refused.
    fn recorded(&self, decided: Decided) -> bool {
        let counter = self.metrics.decision(&decided.decision);
        let kept = self.keep(decided);
        match &kept {
            Ok(()) => {
                counter.inc();
                self.heard();
            }
            Err(problem) => {
                self.metrics.gateway().unrecorded();
                tracing::warn!(code = problem.code, "a decision was not kept");
            }
        }
        kept.is_ok()
    }
}
