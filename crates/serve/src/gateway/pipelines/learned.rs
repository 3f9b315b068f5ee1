//! The router's learnt cascade: it names who is asked first, reads the answer, and returns it or names
//! who is asked next. Who evaluates takes the same steps.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pointsman_router::{AnswerSeen, CascadeRules, CascadeStopped, Cascading, Next, Unsatisfiable};
use pointsman_types::{ModelName, Quality, Request, Tokens};
use pointsman_wire::{Failure, FailureKind};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{Crew, Done, LearnedConfig, MOST_CALLS, Step, Stopped};
use crate::Decide;
use crate::gateway::check::AUTO;
use crate::gateway::choose::known;
use crate::gateway::signs::Signs;
use crate::gateway::wanted::Wanted;
use crate::learning::Part;
use crate::live::Snapshot;

/// A learnt cascade's settings, checked.
pub(crate) struct Learned(LearnedConfig);

/// Why the router's choice stands and no answer is read.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Idle(&'static str);

const UNKNOWN: Idle = Idle("the router knows none of the models that may be asked");
const REFUSED: Idle = Idle("limits refuse every model that the router knows");
const SPENT: Idle = Idle("the budget is spent");
const FAILED: Idle = Idle("the router failed");
const SLOW: Idle = Idle("the router took longer than `router.limit_ms`");

impl Learned {
    pub(super) fn new(config: &LearnedConfig) -> Result<Self, String> {
        if config.models.as_ref().is_some_and(Vec::is_empty) {
            return Err("lists no models; without `models` all may be asked".to_owned());
        }
        if !(1..=MOST_CALLS).contains(&config.max_calls) {
            return Err(format!(
                "max_calls is {}; it must be between 1 and {MOST_CALLS}",
                config.max_calls
            ));
        }
        match config
            .lambda
            .filter(|one| !(one.is_finite() && *one >= 0.0))
        {
            Some(lambda) => Err(format!("lambda is {lambda}; it must be at least 0")),
            None => Ok(Self(config.clone())),
        }
    }

    /// Why it would ask the router's choice alone, where this router serves.
    pub(super) fn idle(&self, router: &dyn Decide) -> Option<&'static str> {
        self.0.idle(router)
    }

    /// The answer that is expected to be best of those that were worth asking for. Where the router
    /// cannot read answers, that of the model that it chooses.
    pub(super) async fn run(&self, crew: &Crew<'_>) -> Result<Done, Stopped> {
        match self.begin(crew).await? {
            Ok(reading) => reading.run(crew).await,
            Err(Idle(why)) => self.routed(crew, why).await,
        }
    }

    async fn routed(&self, crew: &Crew<'_>, why: &str) -> Result<Done, Stopped> {
        let step = Step {
            among: self.0.models.as_deref(),
            note: Map::from_iter([("without_cascade".to_owned(), why.into())]),
            ..Step::default()
        };
        crew.repeat(&AUTO.into(), step).await
    }

    /// The first look at the request, by the router that is in service as the request begins.
    async fn begin(&self, crew: &Crew<'_>) -> Result<Result<Reading, Idle>, Stopped> {
        let wishes = crew.request.wishes;
        let wanted = Wanted::read(crew.request.said, crew.fleet, crew.guest, wishes)?;
        let request = among(wanted.request, self.0.models.as_deref());
        let longest = request.limits.max_tokens;
        if let Some(why) = self.idle(crew.snapshot.current.router.as_ref()) {
            return Ok(Err(Idle(why)));
        }
        let begun = begun(crew, request).await;
        Ok(begun.and_then(|cascading| self.paced(crew, cascading, longest)))
    }

    /// What a dollar must buy: as the settings of the pipeline say, else the budget, else the router. The
    /// budget counts the request in any case, and refuses what does not fit in it.
    fn paced(
        &self,
        crew: &Crew<'_>,
        mut cascading: Cascading,
        longest: Option<Tokens>,
    ) -> Result<Reading, Idle> {
        let pacing = crew.app.pacing.as_ref();
        let pace = pacing.and_then(|pacing| cascading.narrow(|all| pacing.pace(all, longest)));
        if cascading
            .candidates()
            .iter()
            .all(|one| one.refusal.is_some())
        {
            return Err(SPENT);
        }
        let lambda = self
            .0
            .lambda
            .or(pace)
            .or(crew.snapshot.current.router.lambda());
        Ok(Reading {
            rules: CascadeRules {
                most_calls: self.0.max_calls,
                most_cost: self.0.max_cost_usd,
                ..CascadeRules::at(lambda.unwrap_or_default())
            },
            cascading,
            asked: 0,
            seen: Vec::new(),
            done: Vec::new(),
        })
    }
}

/// The request with only those models that both it and the pipeline allow.
pub(super) fn among(mut request: Request, models: Option<&[ModelName]>) -> Request {
    if let (Some(models), Some(open)) = (models, &mut request.limits.models) {
        open.retain(|one| models.contains(one));
    }
    request
}

/// A router with a transformer looks on threads of its own, within its limit.
async fn begun(crew: &Crew<'_>, request: Request) -> Result<Cascading, Idle> {
    let router = &crew.snapshot.current.router;
    let request = known(&request, router.models())
        .ok_or(UNKNOWN)?
        .into_owned();
    if !router.is_slow() {
        // The router is immutable.
        let looking = catch_unwind(AssertUnwindSafe(|| router.cascade(&request)));
        return looking.map_err(|_| FAILED)?.map_err(Idle::from);
    }
    let snapshot: Arc<Snapshot> = Arc::clone(crew.snapshot);
    let looking = tokio::task::spawn_blocking(move || snapshot.current.router.cascade(&request));
    let looked = timeout(crew.fleet.limit, looking).await.map_err(|_| SLOW)?;
    looked.map_err(|_| FAILED)?.map_err(Idle::from)
}

impl From<CascadeStopped> for Idle {
    fn from(stopped: CascadeStopped) -> Self {
        match stopped {
            CascadeStopped::Unsatisfiable(Unsatisfiable { .. }) => REFUSED,
            _ => FAILED,
        }
    }
}

/// A request whose answers are read.
struct Reading {
    cascading: Cascading,
    rules: CascadeRules,
    /// Models that were asked, those that failed included.
    asked: usize,
    seen: Vec<AnswerSeen>,
    /// In the order of `seen`.
    done: Vec<Done>,
}

impl Reading {
    /// A model that fails is passed over, as in other requests at most so many of them.
    async fn run(mut self, crew: &Crew<'_>) -> Result<Done, Stopped> {
        let mut failures = Vec::new();
        loop {
            match self.cascading.after(&self.seen, &self.rules) {
                Ok(Next::Stop { answer, quality }) => {
                    crew.ledger().ended = self.note(quality);
                    return Ok(self.done.swap_remove(answer));
                }
                Ok(Next::Call { model, quality, .. }) => {
                    let step = Step {
                        is_scored: true,
                        note: self.note(quality),
                        part: Some(Part {
                            lambda: self.rules.lambda,
                            is_first: self.asked == 0,
                        }),
                        ..Step::default()
                    };
                    self.asked += 1;
                    match crew.repeat(&model, step).await {
                        Ok(done) => self.read(done),
                        Err(stopped) => {
                            failures.push(stopped);
                            self.cascading = self.cascading.without(&model);
                        }
                    }
                }
                Err(stopped) => return Err(failures.pop().unwrap_or_else(|| self.why(&stopped))),
            }
            if failures.len() >= crew.fleet.most_models {
                // The next look stops at what is there.
                self.rules.most_calls = self.seen.len();
            }
        }
    }

    fn read(&mut self, done: Done) {
        let signs = Signs::of(&done.answer);
        self.seen.push(AnswerSeen {
            model: done.model.clone(),
            logprob: signs.logprob,
            chars: signs.chars.map(|chars| chars as usize),
            cost: done.cost,
        });
        self.done.push(done);
    }

    /// What is known before a step: answers that were read, what a dollar must buy, and how good the
    /// answer of the model that is asked, or that stands, is expected to be.
    fn note(&self, quality: Quality) -> Map<String, Value> {
        let read = self
            .seen
            .iter()
            .map(|one| json!({"model": one.model, "logprob": one.logprob, "chars": one.chars}));
        let told = [
            ("read", read.collect::<Vec<_>>().into()),
            ("lambda", self.rules.lambda.into()),
            ("expected_quality", json!(quality)),
        ];
        told.map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }

    fn why(&self, stopped: &CascadeStopped) -> Stopped {
        match self.rules.most_cost {
            Some(most) => Stopped::TooDear(most),
            None => Failure::new(FailureKind::Unprocessable, stopped.to_string()).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&mut LearnedConfig)) -> String {
        let mut config = LearnedConfig {
            name: "learned".into(),
            models: None,
            max_calls: 3,
            lambda: None,
            max_cost_usd: None,
        };
        change(&mut config);
        Learned::new(&config).err().unwrap_or_default()
    }

    #[test]
    fn settings_out_of_range_are_named() {
        assert_eq!(wrong(|_| {}), "");
        assert!(wrong(|one| one.max_calls = 0).contains("max_calls is 0"));
        assert!(wrong(|one| one.max_calls = 17).contains("between 1 and 16"));
        assert!(wrong(|one| one.lambda = Some(-1.0)).contains("at least 0"));
        assert!(wrong(|one| one.lambda = Some(f64::NAN)).contains("lambda"));
        assert!(wrong(|one| one.models = Some(Vec::new())).contains("no models"));
    }
}
