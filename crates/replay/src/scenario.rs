//! What happens half-way, and how soon the router in service answers it.

use pointsman_router::{Encoding, Router};
use pointsman_train::add_model;
use pointsman_types::{Catalog, LogTable};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::course::{Course, POISON, Stream, mean};
use crate::error::ReplayError;
use crate::online::Online;
use crate::plan::{Plan, Scenario};
use crate::seed::TRACE_EVERY;
use crate::world::{World, trained};

/// Shares are looked at over so many requests.
const WINDOW: usize = 200;
/// By how much a model's mean score falls.
const FALL: f64 = 0.3;
/// By how much a price rises.
const RISE: f64 = 5.0;
/// A model that serves less is none whose change could be noticed.
const LEAST_SHARE: f64 = 0.1;
/// Of the share that a new model would have.
const REACHED: f64 = 0.8;
/// Keeps these draws apart from others with the same seed.
const DRAWS: u64 = 0x5e71_1a70_0003;

/// One split with something happening.
pub(crate) struct Setting<'a> {
    pub(crate) world: &'a World,
    pub(crate) offline: &'a LogTable,
    pub(crate) online: &'a LogTable,
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) seed: u64,
}

/// What happened in one split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Happened {
    /// Not observable: the model serves too little.
    Nothing,
    Moved(Moved),
    Arrived(Arrived),
    Poisoned(Poisoned),
}

/// Requests so far, and each model's level with its standard error.
pub(crate) type Beliefs = Vec<(usize, Vec<(f64, f64)>)>;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moved {
    share_before: f64,
    /// The model's own decisions until its share has halved.
    decisions: Option<usize>,
    online: f64,
    frozen: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Arrived {
    ideal: f64,
    reached_after: Option<usize>,
    share_at_end: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Poisoned {
    clean: f64,
    poisoned: f64,
    learnt: u64,
    is_set_aside: bool,
    wrongly_set_aside: u64,
}

impl Setting<'_> {
    /// What happened, and where a model changed what was believed meanwhile.
    pub(crate) fn happened(&self, which: Scenario) -> Result<(Happened, Beliefs), ReplayError> {
        let untraced = |happened| (happened, Beliefs::new());
        match which {
            Scenario::Drop => self.changed(|world, model| self.fallen(world, model)),
            Scenario::Price => self.changed(|mut world, model| {
                (0..world.len()).for_each(|at| world.cost[(at, model)] *= RISE);
                world
            }),
            Scenario::NewModel => self.arrived().map(untraced),
            Scenario::Poison => self.poisoned().map(untraced),
        }
    }

    fn stream(&self) -> Stream {
        Stream::new(self.world.len(), self.plan, self.seed, 0)
    }

    /// Good scores become 0 by chance, so that the mean falls by as much as was asked for.
    fn fallen(&self, mut world: World, model: usize) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(DRAWS ^ self.seed);
        let level: Vec<f64> = world.score.column(model).collect();
        let lost = FALL / mean(&level).max(FALL);
        for at in 0..world.len() {
            if rng.random::<f64>() < lost {
                world.score[(at, model)] = 0.0;
            }
        }
        world
    }

    /// The model that served most so far changes half-way.
    fn changed(
        &self,
        change: impl Fn(World, usize) -> World,
    ) -> Result<(Happened, Beliefs), ReplayError> {
        let (stream, half) = (self.stream(), self.world.len() / 2);
        let mut online = Online::new(self.world, self.plan)?;
        let mut course = Course::new();
        let mut beliefs = believed(&mut course, self.world, &stream, &mut online, half);
        let recent = half.saturating_sub(500)..half;
        let shares: Vec<f64> = (0..self.world.models())
            .map(|model| course.share(model, recent.clone()))
            .collect();
        let model = crate::world::largest(&shares);
        if shares[model] < LEAST_SHARE {
            return Ok((Happened::Nothing, Beliefs::new()));
        }
        let world = change(self.world.clone(), model);
        let end = stream.len();
        beliefs.extend(believed(&mut course, &world, &stream, &mut online, end));
        let frozen = crate::course::fixed(&world, &stream, |at| world.frozen(at));
        let halved = first_window(half, stream.len(), |steps| {
            course.share(model, steps) < shares[model] / 2.0
        });
        let own = |end: usize| course.chosen[half..end].iter().filter(|one| **one == model);
        let moved = Moved {
            share_before: shares[model],
            decisions: halved.map(|end| own(end).count()),
            online: mean(&course.utility[half..]),
            frozen: mean(&frozen[half..]),
        };
        Ok((Happened::Moved(moved), beliefs))
    }

    /// A router that lacks the best model gets it half-way.
    fn arrived(&self) -> Result<Happened, ReplayError> {
        let (stream, half) = (self.stream(), self.world.len() / 2);
        let new = self.world.best_single();
        let order: Vec<usize> = (0..self.world.models())
            .filter(|model| *model != new)
            .chain([new])
            .collect();
        let others = &order[..order.len() - 1];
        let artifact = trained(
            self.offline.with_models(others),
            self.catalog,
            self.plan,
            self.seed,
        )?;
        let rows: Vec<usize> = (0..self.plan.new_labels.min(self.offline.prompts.len())).collect();
        let labels = self.offline.select(&rows);
        let name = &self.world.router.models()[new];
        let encoding = Encoding::default();
        let added = add_model(
            artifact.clone(),
            &encoding,
            labels,
            self.catalog,
            Some(name),
        )?;
        let lambda = self.plan.lambda;
        let without = World::new(
            Router::new(artifact)?,
            &self.online.with_models(others),
            lambda,
        );
        let with = Router::new(added.artifact)?;
        let with = World::new(with, &self.online.with_models(&order), lambda);
        let mut online = Online::new(&without, self.plan)?;
        let mut course = Course::new();
        course.run(&without, &stream, &mut online, half);
        let mut online = online.with_model_of(&with, self.plan)?;
        course.run(&with, &stream, &mut online, stream.len());
        let place = order.len() - 1;
        let ideal = self.share_if_known(&stream, new, half)?;
        Ok(Happened::Arrived(Arrived {
            ideal,
            reached_after: first_window(half, stream.len(), |steps| {
                course.share(place, steps) >= REACHED * ideal
            })
            .map(|end| end - half),
            share_at_end: course.share(place, stream.len().saturating_sub(500)..stream.len()),
        }))
    }

    /// The share of a model in the second half, by a router that was trained with it.
    fn share_if_known(
        &self,
        stream: &Stream,
        model: usize,
        half: usize,
    ) -> Result<f64, ReplayError> {
        let mut knows = Online::new(self.world, self.plan)?;
        let mut course = Course::new();
        course.run(self.world, stream, &mut knows, stream.len());
        Ok(course.share(model, half..stream.len()))
    }

    fn poisoned(&self) -> Result<Happened, ReplayError> {
        let keyed = self.stream().with_keys(self.seed);
        let run = |stream: Stream| {
            let mut online = Online::new(self.world, self.plan)?;
            let mut course = Course::new();
            course.run(self.world, &stream, &mut online, stream.len());
            Ok::<_, ReplayError>((course.mean(), online))
        };
        let (clean, _) = run(keyed.clone())?;
        let (poisoned, online) = run(keyed.poisoned())?;
        let keys = online.learner.snapshot().keys;
        let poison = keys.iter().find(|key| key.key == Some(POISON));
        let wrongly = keys.iter().filter(|key| key.key != Some(POISON));
        Ok(Happened::Poisoned(Poisoned {
            clean,
            poisoned,
            learnt: poison.map_or(0, |key| key.lessons - key.set_aside),
            is_set_aside: poison.is_some_and(|key| key.is_quarantined),
            wrongly_set_aside: wrongly.map(|key| key.set_aside).sum(),
        }))
    }
}

/// Goes on to step `end`, and tells what is believed every few steps.
fn believed(
    course: &mut Course,
    world: &World,
    stream: &Stream,
    online: &mut Online,
    end: usize,
) -> Beliefs {
    let mut beliefs = Beliefs::new();
    while course.chosen.len() < end {
        let step = (course.chosen.len() + TRACE_EVERY).min(end);
        course.run(world, stream, online, step);
        beliefs.push((step, online.learner.posterior().levels()));
    }
    beliefs
}

/// The end of the first window after `from` of which something holds.
fn first_window(
    from: usize,
    end: usize,
    holds: impl Fn(std::ops::Range<usize>) -> bool,
) -> Option<usize> {
    (from + WINDOW..=end).find(|end| holds(end - WINDOW..*end))
}

/// What happened, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "scenario", rename_all = "snake_case")]
pub enum ScenarioReport {
    /// A model's quality fell.
    Drop(DropReport),
    /// A model's price rose.
    Price(PriceReport),
    /// A model was added.
    NewModel(NewModelReport),
    /// A key sent the opposite.
    Poison(PoisonReport),
}

/// How soon traffic left a model that got worse.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DropReport {
    /// Seeds in which the model served enough to tell.
    pub seeds: usize,
    /// Its mean share before.
    pub share_before: f64,
    /// Its own decisions until its share over 200 requests had halved: the median.
    pub decisions_median: Option<usize>,
    /// The same for nine of ten seeds.
    pub decisions_p90: Option<usize>,
    /// Seeds in which it never halved.
    pub never: usize,
    /// Mean utility afterwards, learning.
    pub online: f64,
    /// Mean utility afterwards, not learning.
    pub frozen: f64,
}

/// How soon traffic left a model that got dearer, where only its bills say so.
pub type PriceReport = DropReport;

/// How soon a new model served its share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewModelReport {
    /// Seeds in which it would serve enough to tell.
    pub seeds: usize,
    /// Its mean share by a router that was trained with it.
    pub ideal_share: f64,
    /// Requests until it served 80 % of that, over 200 requests: the median.
    pub requests_median: Option<usize>,
    /// Seeds in which that took at most 1,000 requests.
    pub within_1000: usize,
    /// Seeds in which it never came.
    pub never: usize,
    /// Its mean share in the last 500 requests.
    pub share_at_end: f64,
}

/// What one poisoned key did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PoisonReport {
    /// Mean utility where its feedback is honest.
    pub clean: f64,
    /// Mean utility where it is inverted.
    pub poisoned: f64,
    /// What it cost, as a share of the utility.
    pub lost_share: f64,
    /// The same in the worst seed.
    pub worst_lost_share: f64,
    /// Of its judgements, how many were learnt: the median.
    pub learnt_median: Option<usize>,
    /// Seeds in which it was set aside at the end.
    pub set_aside: usize,
    /// Judgements of honest keys that were set aside, over all seeds.
    pub wrongly_set_aside: u64,
}

/// The report of a scenario; without one, nothing.
pub(crate) fn report(which: Scenario, happened: &[Happened]) -> ScenarioReport {
    match which {
        Scenario::Drop => ScenarioReport::Drop(moved(happened)),
        Scenario::Price => ScenarioReport::Price(moved(happened)),
        Scenario::NewModel => ScenarioReport::NewModel(arrived(happened)),
        Scenario::Poison => ScenarioReport::Poison(poisoned(happened)),
    }
}

fn moved(happened: &[Happened]) -> DropReport {
    let seen: Vec<Moved> = happened
        .iter()
        .filter_map(|one| match one {
            Happened::Moved(moved) => Some(*moved),
            _ => None,
        })
        .collect();
    let decisions: Vec<Option<usize>> = seen.iter().map(|one| one.decisions).collect();
    DropReport {
        seeds: seen.len(),
        share_before: mean_by(&seen, |one| one.share_before),
        decisions_median: quantile(&decisions, 0.5),
        decisions_p90: quantile(&decisions, 0.9),
        never: decisions.iter().filter(|one| one.is_none()).count(),
        online: mean_by(&seen, |one| one.online),
        frozen: mean_by(&seen, |one| one.frozen),
    }
}

fn arrived(happened: &[Happened]) -> NewModelReport {
    let seen: Vec<Arrived> = happened
        .iter()
        .filter_map(|one| match one {
            Happened::Arrived(arrived) if arrived.ideal >= LEAST_SHARE => Some(*arrived),
            _ => None,
        })
        .collect();
    let requests: Vec<Option<usize>> = seen.iter().map(|one| one.reached_after).collect();
    let soon = |one: &&Option<usize>| one.is_some_and(|one| one <= 1000);
    NewModelReport {
        seeds: seen.len(),
        ideal_share: mean_by(&seen, |one| one.ideal),
        requests_median: quantile(&requests, 0.5),
        within_1000: requests.iter().filter(soon).count(),
        never: requests.iter().filter(|one| one.is_none()).count(),
        share_at_end: mean_by(&seen, |one| one.share_at_end),
    }
}

fn poisoned(happened: &[Happened]) -> PoisonReport {
    let seen: Vec<Poisoned> = happened
        .iter()
        .filter_map(|one| match one {
            Happened::Poisoned(poisoned) => Some(*poisoned),
            _ => None,
        })
        .collect();
    let lost = |one: &Poisoned| (one.clean - one.poisoned) / one.clean;
    let learnt: Vec<Option<usize>> = seen.iter().map(|one| Some(one.learnt as usize)).collect();
    PoisonReport {
        clean: mean_by(&seen, |one| one.clean),
        poisoned: mean_by(&seen, |one| one.poisoned),
        lost_share: mean_by(&seen, lost),
        worst_lost_share: seen.iter().map(lost).fold(f64::NEG_INFINITY, f64::max),
        learnt_median: quantile(&learnt, 0.5),
        set_aside: seen.iter().filter(|one| one.is_set_aside).count(),
        wrongly_set_aside: seen.iter().map(|one| one.wrongly_set_aside).sum(),
    }
}

fn mean_by<T>(all: &[T], value: impl Fn(&T) -> f64) -> f64 {
    mean(&all.iter().map(value).collect::<Vec<f64>>())
}

/// Of numbers of which those that never came are the largest; `None` where it is one of them.
fn quantile(numbers: &[Option<usize>], share: f64) -> Option<usize> {
    let mut sorted: Vec<usize> = numbers
        .iter()
        .map(|one| one.unwrap_or(usize::MAX))
        .collect();
    sorted.sort_unstable();
    let at = (share * sorted.len() as f64) as usize;
    let found = sorted.get(at.min(sorted.len().saturating_sub(1)));
    found.copied().filter(|one| *one < usize::MAX)
}
