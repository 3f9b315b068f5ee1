//! What a call took: counted once, however it ends, also where the caller goes away first.

use std::sync::Arc;
use std::time::Instant;

use pointsman_store::OutcomeRecord;
use pointsman_types::{Billed, Tokens, Usage, Usd};
use pointsman_wire::{self as wire, FailureKind};

use super::fleet::Fleet;
use super::metrics::word;
use super::savings::Alternatives;
use super::sessions::SessionKey;
use super::signs::Signs;
use super::telemetry::{CANCELLED, CallSpan, Spent};
use super::tokens::BYTES_PER_TOKEN;
use crate::App;
use crate::route::new_id;

/// A call whose cost is not known yet. Dropped unsettled, it counts as cancelled.
pub(crate) struct Account {
    app: Arc<App>,
    fleet: Arc<Fleet>,
    order: Order,
    since: Instant,
    /// What was seen so far.
    seen: Seen,
    /// The span of the call that is answered, where there is a collector.
    call: Option<CallSpan>,
    /// The closed word for how the answer broke off, if it did.
    broke: Option<&'static str>,
    is_settled: bool,
}

/// What a call was made for.
pub(crate) struct Order {
    /// Who was asked.
    pub(super) member: usize,
    pub(super) decision_id: String,
    pub(super) key: Option<String>,
    /// Tokens in, as far as can be told before.
    pub(super) input: u64,
    /// The conversation that the answer belongs to.
    pub(super) session: Option<SessionKey>,
    /// Who else could have answered.
    pub(super) alternatives: Alternatives,
}

/// What is known of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// As the provider counted.
    pub(crate) usage: Option<wire::Usage>,
    /// Bytes of text that were said.
    pub(crate) bytes: u64,
    /// What it shows of itself.
    pub(crate) signs: Signs,
}

/// What a call cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bill {
    /// `None` where the model has no price.
    pub(crate) cost: Option<Usd>,
    /// The provider said nothing of tokens.
    pub(crate) is_estimated: bool,
}

impl Account {
    pub(crate) fn open(app: &Arc<App>, fleet: &Arc<Fleet>, order: Order) -> Self {
        Self {
            app: Arc::clone(app),
            fleet: Arc::clone(fleet),
            order,
            since: Instant::now(),
            seen: Seen::default(),
            call: None,
            broke: None,
            is_settled: false,
        }
    }

    /// Notes what has come so far, in case nothing more does.
    pub(crate) fn see(&mut self, seen: Seen) {
        self.seen = seen;
    }

    /// The span of the call ends with this.
    pub(crate) fn watched(&mut self, call: CallSpan) {
        self.call = Some(call);
    }

    /// The model that the back end says answered.
    pub(crate) fn answered_by(&mut self, model: Option<&str>) {
        if let (Some(call), Some(model)) = (&mut self.call, model.filter(|name| !name.is_empty())) {
            call.answers(model);
        }
    }

    /// The answer broke off in this way.
    pub(crate) fn broke(&mut self, kind: FailureKind) {
        self.broke = Some(word(kind));
    }

    /// The call is over. `error` is why there was no whole answer.
    pub(crate) fn settle(mut self, seen: Seen, error: Option<&str>) -> Bill {
        self.seen = seen;
        self.close(error)
    }

    /// There was no answer, so there is nothing to pay.
    pub(crate) fn fail(self, why: &str) -> Bill {
        let seen = Seen {
            usage: Some(wire::Usage::default()),
            ..Seen::default()
        };
        self.settle(seen, Some(why))
    }

    fn close(&mut self, error: Option<&str>) -> Bill {
        self.is_settled = true;
        let tokens = self.tokens();
        let bill = Bill {
            cost: self.fleet.members[self.order.member].card.bill(&tokens),
            is_estimated: self.seen.usage.is_none(),
        };
        let card = &self.fleet.members[self.order.member].card;
        self.app
            .metrics
            .gateway()
            .billed(&card.name, &tokens, &bill);
        if let (Some(pacing), Some(cost)) = (&self.app.pacing, bill.cost) {
            pacing.settle(&self.order.decision_id, cost);
        }
        self.record(&tokens, &bill, error);
        self.end_call(&bill, error.is_some());
        if error.is_none() {
            self.remember(&tokens);
            self.app
                .gateway
                .savings
                .count(&self.order.alternatives, &bill);
        }
        bill
    }

    fn end_call(&mut self, bill: &Bill, is_error: bool) {
        let Some(call) = self.call.take() else {
            return;
        };
        let spent = Spent {
            usage: self.seen.usage,
            cost: bill.cost,
            is_estimated: bill.is_estimated,
        };
        let error = self.broke.or(is_error.then_some(CANCELLED));
        call.end(&spent, error);
    }

    /// The conversation has this model now, and its provider this prompt, if it keeps prompts at all.
    fn remember(&self, tokens: &Billed) {
        let Some(session) = self.order.session else {
            return;
        };
        let card = &self.fleet.members[self.order.member].card;
        let keeps = card.cached_input_usd_per_million.is_some();
        let cached = if keeps {
            tokens.input + tokens.output
        } else {
            0
        };
        self.fleet.sessions.keep(session, card.name.clone(), cached);
    }

    fn tokens(&self) -> Billed {
        match self.seen.usage {
            Some(usage) => Billed {
                input: usage.input,
                cached: usage.cached,
                cache_write: usage.cache_write,
                output: usage.output,
            },
            None => Billed {
                input: self.order.input,
                output: self.seen.bytes.div_ceil(BYTES_PER_TOKEN),
                ..Billed::default()
            },
        }
    }

    /// Hands the outcome over to be kept. Half an answer shows nothing of the whole one.
    fn record(&self, tokens: &Billed, bill: &Bill, error: Option<&str>) {
        let (outcome_id, ts_ms) = new_id();
        let signs = match error {
            None => self.seen.signs,
            Some(_) => Signs::default(),
        };
        let record = OutcomeRecord {
            outcome_id,
            ts_ms,
            decision_id: self.order.decision_id.clone(),
            key_id: self.order.key.clone(),
            usage: Usage {
                input_tokens: Some(Tokens(tokens.input)),
                output_tokens: Some(Tokens(tokens.output)),
                cached_tokens: Some(Tokens(tokens.cached)),
                cost: bill.cost,
                is_estimated: Some(bill.is_estimated),
                latency_ms: Some(self.since.elapsed().as_secs_f64() * 1e3),
                answer_logprob: signs.logprob,
                answer_chars: signs.chars,
                error: error.map(str::to_owned),
            },
        };
        if let Err(error) = self.app.store.note(record) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what a call took was not kept");
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.is_settled {
            self.close(Some(CANCELLED));
        }
    }
}
