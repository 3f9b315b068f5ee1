//! The call as a caller sees it: one model after the other until somebody answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pointsman_wire::{Failure, FailureKind};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::ask::Ask;
use crate::backend::Backend;
use crate::backoff::Backoff;
use crate::call::{Deadline, call};
use crate::outcome::{Next, Outcome, Trouble};
use crate::pool::Pool;
use crate::reply::{Heard, Reply};

/// How much is tried for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Persistence {
    /// At one model.
    pub backoff: Backoff,
    /// A second back end of the same model is asked, where there is one, if the first has not answered
    /// for so long; the first answer counts.
    pub hedge: Option<Duration>,
}

/// A call of one back end.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The place of the model in the list.
    pub model: usize,
    /// The back end's name.
    pub deployment: String,
    /// Why it gave no answer; `None` where it answers.
    pub failure: Option<Failure>,
    /// Until the answer began, or failed.
    pub took: Duration,
}

/// What came of a call.
pub struct Relayed {
    /// Every call of a back end, in order.
    pub attempts: Vec<Attempt>,
    /// The model's place in the list and its answer, or what the caller is told.
    pub result: Result<(usize, Reply), Failure>,
}

/// Asks the models in this order until one answers.
pub async fn relay(ask: &Ask<'_>, models: &[&Pool], persistence: &Persistence) -> Relayed {
    let mut work = Work {
        ask,
        persistence,
        random: StdRng::seed_from_u64(ask.seed),
        begun: 0,
        attempts: Vec::new(),
    };
    let mut last = Failure::new(FailureKind::NotFound, "no model can answer this request");
    for (model, pool) in models.iter().enumerate() {
        match work.at_model(model, pool).await {
            Ok(reply) => return work.done(Ok((model, reply))),
            Err(trouble) if trouble.next == Next::Nowhere => {
                return work.done(Err(trouble.failure));
            }
            Err(trouble) => last = trouble.failure,
        }
    }
    work.done(Err(last))
}

struct Work<'w, 'a> {
    ask: &'w Ask<'a>,
    persistence: &'w Persistence,
    random: StdRng,
    /// Calls so far.
    begun: usize,
    attempts: Vec<Attempt>,
}

/// Nobody may be called.
fn nobody() -> Trouble {
    let what = "every back end of the model is busy or resting after failures";
    Trouble {
        failure: Failure::new(FailureKind::Overloaded, what),
        outcome: Outcome::Unknown,
        next: Next::OtherPlace,
    }
}

impl Work<'_, '_> {
    fn done(self, result: Result<(usize, Reply), Failure>) -> Relayed {
        Relayed {
            attempts: self.attempts,
            result,
        }
    }

    fn draws(&mut self) -> [f64; 2] {
        [self.random.random(), self.random.random()]
    }

    /// Asks the back ends of one model, again and again where that may help.
    async fn at_model(&mut self, model: usize, pool: &Pool) -> Result<Reply, Trouble> {
        let mut tried: Vec<Arc<Backend>> = Vec::new();
        let mut last = nobody();
        for retry in 0.. {
            let draws = self.draws();
            let Some(backend) = pool.choose(&tried, draws, Instant::now()).cloned() else {
                return Err(last);
            };
            let trouble = match self.hedged(model, pool, &backend).await {
                Ok(reply) => return Ok(reply),
                Err(trouble) => trouble,
            };
            if matches!(trouble.next, Next::OtherModel | Next::Nowhere) {
                return Err(trouble);
            }
            tried.push(backend);
            let has_other = pool.untried(&tried, draws, Instant::now()).is_some();
            let draw = self.random.random();
            let wait = self.persistence.backoff.wait(retry, draw, trouble.asked());
            match wait {
                Some(_) if has_other => {}
                Some(wait) if trouble.next == Next::Again => tokio::time::sleep(wait).await,
                _ => return Err(trouble),
            }
            last = trouble;
        }
        Err(last)
    }

    /// One call; a second one beside it where the first takes long and the settings want that.
    async fn hedged(
        &mut self,
        model: usize,
        pool: &Pool,
        backend: &Arc<Backend>,
    ) -> Result<Reply, Trouble> {
        let draws = self.draws();
        let other = || pool.untried(std::slice::from_ref(backend), draws, Instant::now());
        let first = self.number(model, backend);
        match self.persistence.hedge.filter(|_| other().is_some()) {
            // Boxed, since every call would have the room of three otherwise.
            Some(hedge) => Box::pin(self.raced(first, hedge, other)).await,
            None => {
                let done = attempt(self.ask, first).await;
                self.note(first, done)
            }
        }
    }

    /// A call that `other` joins after so long.
    async fn raced<'b>(
        &mut self,
        first: Numbered<'b>,
        hedge: Duration,
        other: impl Fn() -> Option<&'b Arc<Backend>>,
    ) -> Result<Reply, Trouble> {
        let ask = self.ask;
        let mut early = std::pin::pin!(attempt(ask, first));
        let done = tokio::time::timeout(hedge, &mut early).await.ok();
        let (None, Some(second)) = (&done, other()) else {
            let done = match done {
                Some(done) => done,
                None => early.await,
            };
            return self.note(first, done);
        };
        let second = self.number(first.model, second);
        let mut late = std::pin::pin!(attempt(ask, second));
        // The first answer counts; where one fails, the other is waited for.
        tokio::select! {
            done = &mut early => match self.note(first, done) {
                Err(_) => { let done = late.await; self.note(second, done) }
                answered => answered,
            },
            done = &mut late => match self.note(second, done) {
                Err(_) => { let done = early.await; self.note(first, done) }
                answered => answered,
            },
        }
    }

    fn number<'b>(&mut self, model: usize, backend: &'b Arc<Backend>) -> Numbered<'b> {
        let call = self.begun;
        self.begun += 1;
        Numbered {
            call,
            model,
            backend,
        }
    }

    fn note(
        &mut self,
        numbered: Numbered<'_>,
        (took, result): (Duration, Result<Reply, Trouble>),
    ) -> Result<Reply, Trouble> {
        let failure = result.as_ref().err().map(|trouble| &trouble.failure);
        if let Some(watcher) = self.ask.watcher {
            watcher.ends(numbered.call, failure);
        }
        self.attempts.push(Attempt {
            model: numbered.model,
            deployment: numbered.backend.deployment.name.clone(),
            failure: failure.cloned(),
            took,
        });
        result
    }
}

/// A call of a back end under its number.
#[derive(Clone, Copy)]
struct Numbered<'b> {
    call: usize,
    model: usize,
    backend: &'b Arc<Backend>,
}

/// One call of one back end.
async fn attempt(ask: &Ask<'_>, numbered: Numbered<'_>) -> (Duration, Result<Reply, Trouble>) {
    let start = Instant::now();
    let result = try_once(ask, numbered, start).await;
    (start.elapsed(), result)
}

async fn try_once(
    ask: &Ask<'_>,
    Numbered {
        call: number,
        backend,
        ..
    }: Numbered<'_>,
    start: Instant,
) -> Result<Reply, Trouble> {
    let marks = ask
        .watcher
        .map(|watcher| watcher.begins(number, &backend.deployment));
    let mut sent = ask.to(&backend.deployment).map_err(Trouble::other_model)?;
    sent.request.headers_mut().extend(marks.unwrap_or_default());
    let lost = sent.lost.clone();
    let place = backend.places.take(backend.deployment.patience).await;
    let place = place.map_err(|_| nobody())?;
    let mut watch = Watch::new(backend);
    let deadline = Deadline::after(backend.deployment.limits.total);
    let called = call(backend, sent, deadline).await;
    let now = Instant::now();
    let heard = called.and_then(|begun| {
        let first_byte = now - start;
        backend.measure(first_byte, now);
        let heard = Heard {
            backend: Arc::clone(backend),
            lost,
            first_byte,
            deadline,
            place,
        };
        heard.reply(begun, ask)
    });
    watch.outcome = match &heard {
        // The reply tells the rest itself.
        Ok(_) => None,
        Err(trouble) => Some(trouble.outcome),
    };
    heard
}

/// Tells the back end's standing that the caller went away, unless something else was heard first.
struct Watch<'b> {
    backend: &'b Backend,
    outcome: Option<Outcome>,
}

impl<'b> Watch<'b> {
    fn new(backend: &'b Backend) -> Self {
        backend.begin(Instant::now());
        Self {
            backend,
            outcome: Some(Outcome::Unknown),
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome {
            self.backend.end(outcome, Instant::now());
        }
    }
}
