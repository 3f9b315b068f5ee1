//! What happens once an answer is complete: it is paid, kept where it may be given again, and explained
//! where that is wished.

use std::sync::Arc;

use axum::body::Bytes;
use pointsman_relay::Whole;
use pointsman_wire::{Answer, Dialect, Slots};
use serde_json::json;

use super::account::{Account, Bill, Seen};
use super::caching::Keeping;
use super::explained::{Explained, FIELD};
use super::fleet::Fleet;
use super::notes::Notes;
use super::signs::Signs;

/// What ends a stream of the chat dialect; nobody reads on after it.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// All that is left to do for an answer.
pub(super) struct Ending {
    pub(super) account: Account,
    pub(super) explained: Option<Explained>,
    pub(super) keeping: Option<Keeping>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) dialect: Dialect,
}

impl Ending {
    /// A whole answer as it goes out: with its cost, and with what is said of the decision.
    pub(super) fn whole(mut self, whole: Whole, notes: &mut Notes) -> Bytes {
        let answer = whole.answer.as_ref();
        self.account
            .answered_by(answer.map(|answer| answer.model.as_str()));
        let said = answer.map_or(whole.body.len(), |answer| answer.text().len());
        let seen = Seen {
            usage: answer.and_then(|answer| answer.usage),
            bytes: said as u64,
            signs: answer.map(Signs::of).unwrap_or_default(),
        };
        let bill = self.account.settle(seen, None);
        notes.bill(&bill);
        let (explained, dialect) = (self.explained, self.dialect);
        let body = match (whole.is_stream, &whole.slots) {
            (true, _) => told_in_stream(&whole.body, dialect, explained, &bill),
            (false, Some(slots)) => told_in_fields(&whole.body, slots, explained, &bill),
            (false, None) => whole.body,
        };
        let kept = (!whole.is_stream).then(|| body.clone());
        if let (Some(keeping), Some(answer)) = (self.keeping, whole.answer) {
            keeping.land(&self.fleet.answers, answer, kept);
        }
        body
    }

    /// A stream is over: what is said last. `answer` is all of it, where it was gathered.
    pub(super) fn streamed(
        self,
        seen: Seen,
        error: Option<&str>,
        answer: Option<Answer>,
    ) -> Vec<u8> {
        let bill = self.account.settle(seen, error);
        if let (Some(keeping), Some(answer)) = (self.keeping, answer) {
            keeping.land(&self.fleet.answers, answer, None);
        }
        event(self.explained, self.dialect, &bill)
    }
}

fn told_in_fields(body: &[u8], slots: &Slots, explained: Option<Explained>, bill: &Bill) -> Bytes {
    let note = explained.map(|explained| explained.json(bill));
    let cost = bill.cost.map(|cost| cost.as_f64().to_string());
    let told = slots.filled(body, cost.as_deref(), note.as_deref());
    told.into()
}

fn told_in_stream(
    stream: &[u8],
    dialect: Dialect,
    explained: Option<Explained>,
    bill: &Bill,
) -> Bytes {
    let (said, done) = before_done(stream, dialect);
    [said, &event(explained, dialect, bill), done]
        .concat()
        .into()
}

/// The explanation as an event of the stream.
fn event(explained: Option<Explained>, dialect: Dialect, bill: &Bill) -> Vec<u8> {
    let event = explained.map(|explained| {
        let (id, model) = (explained.decision_id.clone(), explained.model.clone());
        wrapped(dialect, &id, model.as_str(), &explained.json(bill))
    });
    event.unwrap_or_default().into_bytes()
}

/// What is told of a decision as an event of a stream that readers of the dialect can pass over.
pub(super) fn wrapped(dialect: Dialect, id: &str, model: &str, told: &str) -> String {
    match dialect {
        Dialect::Chat => {
            let head = json!({
                "id": format!("chatcmpl-{id}"), "object": "chat.completion.chunk", "created": 0,
                "model": model, "choices": [],
            });
            let head = head.to_string();
            format!("data: {},\"{FIELD}\":{told}}}\n\n", &head[..head.len() - 1])
        }
        Dialect::Messages | Dialect::Responses => {
            format!("event: {FIELD}\ndata: {{\"type\":\"{FIELD}\",\"{FIELD}\":{told}}}\n\n")
        }
    }
}

/// A stream, or its last bytes, up to where something may still be said, and the rest.
pub(super) fn before_done(bytes: &[u8], dialect: Dialect) -> (&[u8], &[u8]) {
    match bytes.strip_suffix(DONE) {
        Some(said) if dialect == Dialect::Chat => (said, DONE),
        _ => (bytes, b""),
    }
}
