//! A request's way: read, decided, called, told, accounted for.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use pointsman_relay::Answered;
use pointsman_wire::{self as wire, Conversation, Dialect, Failure, FailureKind};

use super::asked::Asked;
use super::auth::Guest;
use super::cache::Found;
use super::caching::{self, Place, Terms};
use super::calling::Call;
use super::choose::choose;
use super::ending::Ending;
use super::fleet::Fleet;
use super::notes::{CACHE, Notes};
use super::pipelines::Request;
use super::piping::Piping;
use super::refused::Refused;
use super::reply::reply;
use super::semantic::{Near, Question};
use super::sending;
use super::telemetry::Trace;
use super::wanted::Wanted;
use super::wishes::Wishes;
use crate::App;

pub(crate) async fn chat(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    placed(|| told(app, Dialect::Chat, headers, body)).await
}

pub(crate) async fn messages(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    placed(|| told(app, Dialect::Messages, headers, body)).await
}

pub(crate) async fn responses(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    placed(|| told(app, Dialect::Responses, headers, body)).await
}

/// A future in a box, made there: `Box::pin` would make it elsewhere and then move all of it.
fn placed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::into_pin(Box::write(Box::new_uninit(), make()))
}

/// Boxed by its callers: what it holds takes many kilobytes, and the layers around a handler would move
/// all of it, each once.
async fn told(app: Arc<App>, dialect: Dialect, headers: HeaderMap, body: Body) -> Response {
    let fleet = app.gateway.fleet.load_full();
    let trace = Trace::begin(app.gateway.telemetry.as_ref(), dialect, &headers);
    let answered = answer(
        &app,
        &fleet,
        &trace,
        Arrived {
            dialect,
            headers: &headers,
            body,
        },
    )
    .await;
    let response = answered.unwrap_or_else(|refused| refused.response(dialect));
    trace.answered(&response);
    fleet.rails.answer(response, dialect).await
}

/// A request that was not read yet.
struct Arrived<'a> {
    dialect: Dialect,
    headers: &'a HeaderMap,
    body: Body,
}

async fn answer(
    app: &Arc<App>,
    fleet: &Arc<Fleet>,
    trace: &Trace,
    Arrived {
        dialect,
        headers,
        body,
    }: Arrived<'_>,
) -> Result<Response, Refused> {
    let since = Instant::now();
    callable(fleet)?;
    let guest = fleet.door.admit(headers)?;
    let held = app.intake.read(headers, body).await?;
    let bytes = fleet.rails.request(held.bytes.clone())?;
    let body = wire::Body::parse(&bytes)?;
    let said = dialect.read_request(&body)?;
    fleet.rails.admit(&said)?;
    let wishes = Wishes::read(&body)?;
    let wanted = Wanted::read(&said, fleet, &guest, &wishes.others)?;
    let asked = caching::Asked {
        guest: &guest,
        body: &body,
        said: &said,
        wishes: &wishes.others,
    };
    let terms = Terms::of(&fleet.answers, &wishes.cache, headers, &asked);
    let flight = match found(app, fleet, terms.as_ref()).await {
        Found::Hit(kept) => return caching::again(&kept, "hit", &said),
        Found::Merged(kept) => return caching::again(&kept, "merged", &said),
        Found::Miss(flight) => Some(flight),
        Found::Alone => None,
    };
    let question = question(fleet, terms.as_ref(), &asked, headers).await;
    if let Some(near) = near(question.as_ref(), terms.as_ref()) {
        app.metrics.gateway().similar();
        return caching::similar(&near, &said);
    }
    let place = flight.zip(terms).map(|(flight, terms)| Place {
        flight,
        ttl: terms.ttl,
        question,
    });
    let came = Came {
        app,
        fleet,
        trace,
        headers,
        body: &body,
        said: &said,
        guest: &guest,
        wishes: &wishes.others,
        is_cached: terms.is_some(),
        since,
    };
    match wanted.asked {
        Asked::Pipeline(at) => placed(|| came.pipe(at, wanted.explain, place)).await,
        Asked::Routed { .. } | Asked::Pinned(_) => placed(|| came.call(wanted, place)).await,
    }
}

/// A request that came and was read.
struct Came<'c> {
    app: &'c Arc<App>,
    fleet: &'c Arc<Fleet>,
    trace: &'c Trace,
    headers: &'c HeaderMap,
    body: &'c wire::Body<'c>,
    said: &'c Conversation<'c>,
    guest: &'c Guest,
    /// The wishes but for those on the cache, as JSON.
    wishes: &'c str,
    /// Whether its answer could have been kept, and the caller is told that it was not.
    is_cached: bool,
    since: Instant,
}

impl Came<'_> {
    async fn pipe(
        &self,
        at: usize,
        explains: bool,
        place: Option<Place>,
    ) -> Result<Response, Refused> {
        let piping = Piping {
            app: self.app,
            fleet: self.fleet,
            guest: self.guest,
            trace: self.trace,
            headers: self.headers,
            request: Request {
                body: self.body,
                said: self.said,
                wishes: self.wishes,
            },
            explains,
        };
        piping.run(&self.fleet.pipelines[at], place).await
    }

    async fn call(&self, wanted: Wanted, place: Option<Place>) -> Result<Response, Refused> {
        let Self {
            app, fleet, said, ..
        } = *self;
        let (caller, session) = (wanted.key_id.as_deref(), wanted.session_id.as_deref());
        let thread = fleet.sessions.thread(caller, session, said);
        let (explains, input) = (wanted.explain, wanted.input);
        let snapshot = app.live.snapshot();
        let chosen = choose(app, &snapshot, fleet, wanted, thread.as_ref()).await?;
        let call = Call {
            app,
            fleet,
            body: self.body,
            said,
            trace: self.trace,
            headers: self.headers,
            input,
            thread,
            read_in: self.since.elapsed(),
        };
        let mut sent = call.send(chosen, place.is_some()).await?;
        if self.is_cached {
            sent.notes.put(CACHE, "miss");
        }
        let keeping = place.map(|place| sent.keeping(place));
        let explained = explains.then(|| sent.explained());
        let ending = Ending {
            account: sent.account,
            explained,
            keeping,
            fleet: Arc::clone(fleet),
            dialect: said.said_in,
        };
        Ok(respond(sent.reply.answered, ending, sent.notes))
    }
}

fn callable(fleet: &Fleet) -> Result<(), Refused> {
    if !fleet.is_empty() {
        return Ok(());
    }
    let why = "no models are set up: the settings list none with deployments";
    Err(Failure::new(FailureKind::NotFound, why).into())
}

/// What is kept for these terms. Who wants it fresh takes nothing and puts the answer there.
async fn found(app: &App, fleet: &Fleet, terms: Option<&Terms>) -> Found {
    let Some(terms) = terms else {
        return Found::Alone;
    };
    let found = match terms.is_fresh {
        true => fleet.answers.refresh(terms.key),
        false => fleet.answers.find(terms.key).await,
    };
    let found = match found {
        Found::Hit(kept) if !terms.allow(&kept) => fleet.answers.refresh(terms.key),
        found => found,
    };
    app.metrics.gateway().cached(&found);
    found
}

/// The request as a question that may share its answer with similar ones.
async fn question(
    fleet: &Fleet,
    terms: Option<&Terms>,
    asked: &caching::Asked<'_>,
    headers: &HeaderMap,
) -> Option<Question> {
    terms?;
    fleet.semantic.as_ref()?.question(asked, headers).await
}

/// The answer to a similar question. Who wants it fresh takes none.
fn near(question: Option<&Question>, terms: Option<&Terms>) -> Option<Near> {
    let terms = terms.filter(|terms| !terms.is_fresh)?;
    question?.near().filter(|near| terms.allow(&near.kept))
}

fn respond(answered: Answered, ending: Ending, mut notes: Notes) -> Response {
    match answered {
        Answered::Whole(whole) => {
            let is_stream = whole.is_stream;
            let body = ending.whole(*whole, &mut notes);
            reply(body.into(), is_stream, notes)
        }
        Answered::Stream(stream) => reply(sending::body(stream, ending), true, notes),
    }
}
