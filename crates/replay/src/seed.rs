//! Everything that one split gives.

use pointsman_router::Router;
use pointsman_types::{Catalog, LogTable};

use crate::baseline::{Baseline, Rule};
use crate::course::{Course, Stream, fixed, mean};
use crate::error::ReplayError;
use crate::hindsight::fitted;
use crate::online::Online;
use crate::plan::Plan;
use crate::report::Utilities;
use crate::scenario::{self, Beliefs, Happened};
use crate::split::Split;
use crate::world::{World, trained};

/// The running means leave the first so many requests out.
const WARM_UP: usize = 500;
/// Of a course so many steps are one row of the trace.
pub(crate) const TRACE_EVERY: usize = 25;

/// One split, its streams averaged.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) utilities: Utilities,
    pub(crate) online_prompts: usize,
    /// Share of the decisions that were drawn though another looked better.
    pub(crate) explored: f64,
    /// Running mean of online minus frozen from [`WARM_UP`] on.
    pub(crate) lead: Vec<f64>,
    pub(crate) trace: SeedTrace,
    pub(crate) happened: Option<Happened>,
}

/// Courses for plots, every [`TRACE_EVERY`] steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeedTrace {
    pub(crate) steps: Vec<usize>,
    /// Name of the policy; utility that it missed so far against `fitted`.
    pub(crate) regret: Vec<(&'static str, Vec<f64>)>,
    /// Model; level and its standard error.
    pub(crate) levels: Vec<(String, Vec<(f64, f64)>)>,
    /// The same where something happened.
    pub(crate) beliefs: Beliefs,
}

pub(crate) fn outcome(
    table: &LogTable,
    catalog: &Catalog,
    plan: &Plan,
    seed: u64,
) -> Result<Outcome, ReplayError> {
    let least = if plan.scenario.is_some() { 3 } else { 2 };
    if table.models.len() < least {
        return Err(ReplayError::FewModels(table.models.len(), least));
    }
    let split = Split::new(table, plan, seed)?;
    let (offline, online) = (table.select(&split.offline), table.select(&split.online));
    let router = Router::new(trained(offline.clone(), catalog, plan, seed)?)?;
    let world = World::new(router, &online, plan.lambda);
    let passes = (0..plan.streams as u64)
        .map(|number| {
            let stream = Stream::new(world.len(), plan, seed, number);
            pass(&world, &stream, plan, seed)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut outcome = Outcome::mean_of(passes);
    outcome.happened = match plan.scenario {
        Some(which) => {
            let setting = scenario::Setting {
                world: &world,
                offline: &offline,
                online: &online,
                catalog,
                plan,
                seed,
            };
            let (happened, beliefs) = setting.happened(which)?;
            outcome.trace.beliefs = beliefs;
            Some(happened)
        }
        None => None,
    };
    Ok(outcome)
}

fn pass(world: &World, stream: &Stream, plan: &Plan, seed: u64) -> Result<Outcome, ReplayError> {
    let mut online = Online::new(world, plan)?;
    let mut course = Course::new();
    let mut levels = Vec::new();
    let steps: Vec<usize> = (TRACE_EVERY..=stream.len()).step_by(TRACE_EVERY).collect();
    for step in &steps {
        course.run(world, stream, &mut online, *step);
        levels.push(online.learner.posterior().levels());
    }
    course.run(world, stream, &mut online, stream.len());
    let baselines = Rule::ALL.map(|rule| {
        let prior = world.router.model().prior.clone();
        let mut course = Course::new();
        let mut baseline = Baseline::new(rule, prior, seed);
        course.run(world, stream, &mut baseline, stream.len());
        course
    });
    let best = world.best_single();
    let hindsight = fitted(world);
    let frozen = fixed(world, stream, |at| world.frozen(at));
    let fitted = fixed(world, stream, |at| hindsight[at]);
    let [greedy, linucb, thompson, epsilon_greedy, squarecb] = baselines;
    let utilities = Utilities {
        frozen: mean(&frozen),
        best_single: world.singles()[best],
        online: course.mean(),
        greedy: greedy.mean(),
        linucb: linucb.mean(),
        thompson: thompson.mean(),
        epsilon_greedy: epsilon_greedy.mean(),
        squarecb: squarecb.mean(),
        fitted: mean(&fitted),
    };
    let single = fixed(world, stream, |_| best);
    let courses: [(&'static str, &[f64]); 8] = [
        ("frozen", &frozen),
        ("best_single", &single),
        ("online", &course.utility),
        ("greedy", &greedy.utility),
        ("linucb", &linucb.utility),
        ("thompson", &thompson.utility),
        ("epsilon_greedy", &epsilon_greedy.utility),
        ("squarecb", &squarecb.utility),
    ];
    let regret = courses.map(|(name, utility)| (name, missed(utility, &fitted, &steps)));
    Ok(Outcome {
        utilities,
        online_prompts: world.len(),
        explored: online.explored as f64 / world.len() as f64,
        lead: lead(&course.utility, &frozen),
        trace: SeedTrace {
            regret: regret.into(),
            levels: by_model(world, &levels),
            steps,
            beliefs: Beliefs::new(),
        },
        happened: None,
    })
}

/// What a course had missed at each step.
fn missed(utility: &[f64], fitted: &[f64], steps: &[usize]) -> Vec<f64> {
    let mut sum = 0.0;
    let sums: Vec<f64> = fitted
        .iter()
        .zip(utility)
        .map(|(fitted, utility)| {
            sum += fitted - utility;
            sum
        })
        .collect();
    steps.iter().map(|step| sums[step - 1]).collect()
}

/// Running means of `utility - frozen`, after the first ones.
fn lead(utility: &[f64], frozen: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let running = utility.iter().zip(frozen).enumerate();
    let running = running.map(|(step, (utility, frozen))| {
        sum += utility - frozen;
        sum / (step + 1) as f64
    });
    let all: Vec<f64> = running.collect();
    all[all.len().min(WARM_UP)..].to_vec()
}

fn by_model(world: &World, levels: &[Vec<(f64, f64)>]) -> Vec<(String, Vec<(f64, f64)>)> {
    let names = world.router.models().iter().enumerate();
    names
        .map(|(at, name)| {
            (
                name.to_string(),
                levels.iter().map(|levels| levels[at]).collect(),
            )
        })
        .collect()
}

impl Outcome {
    /// Of several streams over one split; the trace is that of the first.
    fn mean_of(mut passes: Vec<Self>) -> Self {
        let utilities: Vec<Utilities> = passes.iter().map(|pass| pass.utilities).collect();
        let leads: Vec<&[f64]> = passes.iter().map(|pass| pass.lead.as_slice()).collect();
        let lead = mean_course(&leads);
        let explored: Vec<f64> = passes.iter().map(|pass| pass.explored).collect();
        let first = passes.swap_remove(0);
        Self {
            utilities: Utilities::mean_of(&utilities),
            explored: mean(&explored),
            lead,
            ..first
        }
    }
}

/// Step by step, as far as the shortest goes.
pub(crate) fn mean_course(courses: &[&[f64]]) -> Vec<f64> {
    let length = courses.iter().map(|course| course.len()).min().unwrap_or(0);
    let at = |step: usize| courses.iter().map(|course| course[step]).sum::<f64>();
    (0..length)
        .map(|step| at(step) / courses.len() as f64)
        .collect()
}
