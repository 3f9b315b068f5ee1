//! Do the intervals of off-policy evaluation cover the truth, which method of making them does best,
//! and how often does a gate let a router pass that is no better: one look at the lower bound of the
//! difference, and the gate of a promotion with all the looks that it takes?
//!
//! A synthetic environment whose truth is known exactly: 300 prompts, four models, predictions that
//! err by prompt and by model. Logging policies explore by epsilon-greedy or by inverse gaps
//! (SquareCB); rewards are 0 and 1, or fractional; all or about 30 % of the decisions have one, and
//! then one model gets twice as many as another. 1,000 logs for each combination.
//!
//! `cargo bench --workspace --bench off_policy [-- [coverage|gate|looks] [METHOD] [LOGS]]`

use pointsman_learn::promotion::{Arm, Ledger, Observation, Progress, Rails, Step, next_step};
use pointsman_measures::{
    Current, Estimator, IntervalMethod, Logged, OffPolicyPlan, Target, difference, off_policy,
};
use pointsman_types::Stage;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const PROMPTS: usize = 300;
const MODELS: usize = 4;
const LOGS: u64 = 1000;
const REPLICATES: usize = 400;
const CONFIDENCE: f64 = 0.95;
/// How much likelier a decision for each model is to get a reward than the least likely.
const RATES: [f64; MODELS] = [0.2, 0.3, 0.4, 0.3];

type Policy = Vec<[f64; MODELS]>;

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let logs = given.iter().find_map(|arg| arg.parse().ok());
    let logs = logs.unwrap_or(LOGS);
    let parts = ["coverage", "gate", "looks"];
    let is_named = given.iter().any(|arg| parts.contains(&arg.as_str()));
    let wants = |part: &str| !is_named || given.iter().any(|arg| arg == part);
    let world = World::new(17);
    eprintln!("{logs} logs each; {REPLICATES} resamples; intervals are 95 %\n");
    if wants("coverage") {
        let is_asked = |name: &str| given.iter().any(|arg| arg == name);
        let is_any_asked = methods().iter().any(|(name, _)| is_asked(name));
        let methods = methods().into_iter();
        let methods = methods.filter(|(name, _)| !is_any_asked || is_asked(name));
        coverage(&world, methods.collect(), logs);
    }
    if wants("gate") {
        gate(&world, logs);
    }
    if wants("looks") {
        looks(&world, logs);
    }
}

/// What is true, what is predicted, and who logs.
struct World {
    quality: Vec<[f64; MODELS]>,
    predicted: Vec<[f64; MODELS]>,
    /// Other predictions, which the logging policies go by.
    older: Vec<[f64; MODELS]>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let quality: Vec<[f64; MODELS]> = (0..PROMPTS).map(|_| qualities(&mut rng)).collect();
        let mut seen = |error: f64, bias: [f64; MODELS]| -> Vec<[f64; MODELS]> {
            let of_prompt = |row: &[f64; MODELS]| {
                std::array::from_fn(|model| {
                    let off = rng.random_range(-error..error);
                    (row[model] + off + bias[model]).clamp(0.02, 0.98)
                })
            };
            quality.iter().map(of_prompt).collect()
        };
        let predicted = seen(0.2, [0.05, -0.03, 0.04, 0.0]);
        let older = seen(0.35, [0.0, 0.08, 0.0, -0.05]);
        Self {
            quality,
            predicted,
            older,
        }
    }

    fn value(&self, policy: &Policy) -> f64 {
        let of_prompt = |(row, quality): (&[f64; MODELS], &[f64; MODELS])| dot(row, quality);
        policy.iter().zip(&self.quality).map(of_prompt).sum::<f64>() / PROMPTS as f64
    }

    fn logging(&self, explore: Explore) -> Policy {
        self.older.iter().map(|row| explore.around(row)).collect()
    }
}

/// Prompts are hard or easy, models strong or weak, and each pair has a part of its own.
fn qualities(rng: &mut impl Rng) -> [f64; MODELS] {
    let ease = rng.random_range(-1.5..1.5);
    std::array::from_fn(|model| {
        let own: f64 = rng.random_range(-1.2..1.2);
        1.0 / (1.0 + (-(ease + 0.3 * model as f64 + own)).exp())
    })
}

#[derive(Clone, Copy)]
enum Explore {
    /// The best, and with this probability any.
    Epsilon(f64),
    /// `1 / (K + gamma * gap)` for all but the best (SquareCB).
    InverseGap(f64),
}

impl Explore {
    const BOTH: [(&'static str, Self); 2] = [
        ("epsilon-greedy, 0.2", Self::Epsilon(0.2)),
        ("inverse gap, gamma 20", Self::InverseGap(20.0)),
    ];

    fn around(self, row: &[f64; MODELS]) -> [f64; MODELS] {
        let best = best(row);
        let k = MODELS as f64;
        let mut each = row.map(|quality| match self {
            Self::Epsilon(epsilon) => epsilon / k,
            Self::InverseGap(gamma) => 1.0 / (k + gamma * (row[best] - quality)),
        });
        each[best] = 0.0;
        each[best] = 1.0 - each.iter().sum::<f64>();
        each
    }
}

#[derive(Clone, Copy)]
struct Setting {
    decisions: usize,
    is_binary: bool,
    is_all_rated: bool,
}

impl Setting {
    fn all() -> impl Iterator<Item = Self> {
        [500, 3000].into_iter().flat_map(|decisions| {
            [(true, true), (true, false), (false, true), (false, false)].map(
                |(is_binary, is_all_rated)| Self {
                    decisions,
                    is_binary,
                    is_all_rated,
                },
            )
        })
    }

    fn words(self) -> String {
        let rewards = if self.is_binary { "0/1" } else { "fractional" };
        let rated = if self.is_all_rated { "100 %" } else { "30 %" };
        format!("{} | {rewards} | {rated}", self.decisions)
    }

    /// A reward of this mean.
    fn reward(self, quality: f64, rng: &mut impl Rng) -> f64 {
        let draws = if self.is_binary { 1 } else { 4 };
        let ones = (0..draws).filter(|_| rng.random_bool(quality)).count();
        ones as f64 / f64::from(draws)
    }
}

/// Decisions and the prompts that they were made for.
struct Log {
    logged: Vec<Logged>,
    chosen: Vec<(usize, usize)>,
}

impl Log {
    fn draw(world: &World, logging: &Policy, setting: Setting, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut chosen = Vec::new();
        let mut logged = Vec::new();
        for at in 0..setting.decisions {
            let prompt = rng.random_range(0..PROMPTS);
            let model = pick(&logging[prompt], &mut rng);
            let reward = setting.reward(world.quality[prompt][model], &mut rng);
            let is_rated = setting.is_all_rated || rng.random_bool(RATES[model]);
            chosen.push((prompt, model));
            logged.push(Logged {
                propensity: logging[prompt][model],
                reward: is_rated.then_some(reward),
                predicted: world.predicted[prompt][model],
                feedback_rate: 1.0,
                group: at as u64,
            });
        }
        let mut log = Self { logged, chosen };
        log.rate();
        log
    }

    /// The rates of rewards are estimated, since nobody knows them.
    fn rate(&mut self) {
        let rates: [f64; MODELS] = std::array::from_fn(|model| {
            let of_model = || {
                let rows = self.chosen.iter().zip(&self.logged);
                rows.filter(move |((_, chosen), _)| *chosen == model)
            };
            let rated = of_model().filter(|(_, one)| one.reward.is_some()).count();
            (rated as f64 + 1e-9) / (of_model().count() as f64 + 1e-9)
        });
        for ((_, model), one) in self.chosen.iter().zip(&mut self.logged) {
            one.feedback_rate = rates[*model];
        }
    }

    fn targets(&self, world: &World, policy: &Policy) -> Vec<Target> {
        let target = |(prompt, model): &(usize, usize)| Target {
            probability: policy[*prompt][*model],
            value: dot(&policy[*prompt], &world.predicted[*prompt]),
            unsupported: 0.0,
        };
        self.chosen.iter().map(target).collect()
    }
}

fn coverage(world: &World, methods: Vec<(&str, Method)>, logs: u64) {
    eprintln!(
        "| interval | logging | decisions | rewards | rated | refused | IPS | SNIPS | DM | DR | switch-DR | width IPS | width DR |"
    );
    eprintln!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let target = greedy(&world.predicted);
    let truth = world.value(&target);
    for (name, method) in methods {
        for (logger, explore) in Explore::BOTH {
            let logging = world.logging(explore);
            for setting in Setting::all() {
                let tried = (0..logs).into_par_iter().map(|seed| {
                    let log = Log::draw(world, &logging, setting, seed);
                    let plan = plan(method, &logging, seed);
                    off_policy(&log.logged, &log.targets(world, &target), &plan).ok()
                });
                let tried: Vec<_> = tried.collect();
                let found: Vec<_> = tried.iter().flatten().collect();
                let covered = Estimator::ALL.map(|by| {
                    let hits = found.iter().filter(|one| {
                        let estimate = one.by(by);
                        estimate.low <= truth && truth <= estimate.high
                    });
                    percent(hits.count(), found.len())
                });
                let width = |by: Estimator| {
                    let widths = found.iter().map(|one| one.by(by).high - one.by(by).low);
                    widths.sum::<f64>() / found.len() as f64
                };
                eprintln!(
                    "| {name} | {logger} | {} | {} | {} | {:.3} | {:.3} |",
                    setting.words(),
                    percent(tried.len() - found.len(), tried.len()),
                    covered.join(" | "),
                    width(Estimator::Ips),
                    width(Estimator::Dr),
                );
            }
        }
    }
}

fn methods() -> [(&'static str, Method); 4] {
    [
        ("studentised", Method::Studentised),
        ("transformed", Method::Transformed),
        ("percentile", Method::Percentile),
        ("Bernstein", Method::Bernstein),
    ]
}

#[derive(Clone, Copy)]
enum Method {
    Studentised,
    Transformed,
    Percentile,
    Bernstein,
}

fn plan(method: Method, logging: &Policy, seed: u64) -> OffPolicyPlan {
    let least = logging.iter().flatten().copied().fold(1.0, f64::min);
    OffPolicyPlan {
        confidence: CONFIDENCE,
        replicates: REPLICATES,
        seed,
        method: match method {
            Method::Studentised => IntervalMethod::Studentised,
            Method::Transformed => IntervalMethod::Transformed,
            Method::Percentile => IntervalMethod::Percentile,
            Method::Bernstein => IntervalMethod::EmpiricalBernstein {
                largest_weight: 1.0 / least,
                reward_range: 1.0,
            },
        },
        ..OffPolicyPlan::default()
    }
}

/// The gate: promote when the one-sided 95 % lower bound of new - current is above 0.
fn gate(world: &World, logs: u64) {
    eprintln!(
        "\n| current | logging | decisions | rewards | rated | refused when equal | promoted when equal | when worse by 0.01 | when better by 0.03 |"
    );
    eprintln!("|---|---|---|---|---|---|---|---|---|");
    for (logger, explore) in Explore::BOTH {
        let logging = world.logging(explore);
        let greedy = greedy(&world.older);
        for (current, policy) in [
            ("that which logged", None),
            ("its greedy part", Some(&greedy)),
        ] {
            let value = world.value(policy.unwrap_or(&logging));
            for setting in Setting::all() {
                let shares = [0.0, -0.01, 0.03].map(|gain| {
                    let new = of_value(world, value + gain, 5);
                    promoted(world, (&logging, policy), &new, (setting, logs))
                });
                eprintln!(
                    "| {current} | {logger} | {} | {} | {} | {} | {} |",
                    setting.words(),
                    shares[0].1,
                    shares[0].0,
                    shares[1].0,
                    shares[2].0,
                );
            }
        }
    }
}

/// How many logs promote the new policy, and how many refuse an answer.
fn promoted(
    world: &World,
    (logging, current): (&Policy, Option<&Policy>),
    new: &Policy,
    (setting, logs): (Setting, u64),
) -> (String, String) {
    // Whoever proposes a policy predicts too much of it: the winner's curse.
    let world = &world.flattering(new);
    let outcomes: Vec<Option<bool>> = (0..logs)
        .into_par_iter()
        .map(|seed| {
            let log = Log::draw(world, logging, setting, 1_000_000 + seed);
            let new = log.targets(world, new);
            let known = current.map(|policy| log.targets(world, policy));
            let current = known.as_deref().map_or(Current::OnPolicy, Current::Known);
            let plan = plan(Method::Transformed, logging, seed);
            let found = difference(&log.logged, &new, current, &plan).ok()?;
            Some(found.lower(CONFIDENCE) > 0.0)
        })
        .collect();
    let count = |what: Option<bool>| {
        let counted = outcomes.iter().filter(|one| **one == what).count();
        percent(counted, outcomes.len())
    };
    (count(Some(true)), count(None))
}

/// The gate of a promotion as `learn` has it: a look at every doubling of the judged decisions, all
/// of them together wrong in 5 % at most.
fn looks(world: &World, trials: u64) {
    eprintln!(
        "\n| stage | rated | promoted when worse by 0.001 | by 0.01 | when better by 0.03 | rejected when worse by 0.01 | when better by 0.03 |"
    );
    eprintln!("|---|---|---|---|---|---|---|");
    for stage in Trial::each(world) {
        for is_all_rated in [true, false] {
            let value = world.value(&stage.current);
            let ends = [-0.001, -0.01, 0.03].map(|gain| {
                let new = of_value(world, value + gain, 5);
                ends(world, &stage, &new, (is_all_rated, trials))
            });
            eprintln!(
                "| {} | {} | {} | {} | {} | {} | {} |",
                stage.words,
                if is_all_rated { "100 %" } else { "30 %" },
                ends[0].0,
                ends[1].0,
                ends[2].0,
                ends[1].1,
                ends[2].1,
            );
        }
    }
}

/// Judged decisions after which a trial ends without a verdict.
const MOST_JUDGED: u64 = 6400;

/// Where a new version is tried.
struct Trial {
    words: &'static str,
    stage: Stage,
    current: Policy,
    /// How often the new version decides.
    share: f64,
}

impl Trial {
    /// In shadow the current version must explore; a canary is exploration enough.
    fn each(world: &World) -> [Self; 3] {
        [
            Self {
                words: "shadow, epsilon-greedy 0.2",
                stage: Stage::Shadow,
                current: world.logging(Explore::Epsilon(0.2)),
                share: 0.0,
            },
            Self {
                words: "canary of 10 %, greedy",
                stage: Stage::Canary,
                current: greedy(&world.older),
                share: 0.1,
            },
            Self {
                words: "canary of 50 %, greedy",
                stage: Stage::Canary,
                current: greedy(&world.older),
                share: 0.5,
            },
        ]
    }

    /// One request.
    fn request(
        &self,
        world: &World,
        new: &Policy,
        is_all_rated: bool,
        rng: &mut impl Rng,
    ) -> Observation {
        let prompt = rng.random_range(0..PROMPTS);
        let by_new = rng.random_bool(self.share);
        let chosen = pick(
            if by_new {
                &new[prompt]
            } else {
                &self.current[prompt]
            },
            rng,
        );
        let good = rng.random_bool(world.quality[prompt][chosen]);
        let is_rated = is_all_rated || rng.random_bool(RATES[chosen]);
        let arm = |model: usize| Arm {
            logged: (1.0 - self.share) * self.current[prompt][model]
                + self.share * new[prompt][model],
            new: new[prompt][model],
            current: self.current[prompt][model],
            quality: world.predicted[prompt][model],
            cost_usd: 0.0,
        };
        Observation {
            arms: (0..MODELS).map(arm).collect(),
            chosen,
            model: chosen.to_string(),
            lambda: 0.0,
            score: is_rated.then_some(f64::from(u8::from(good))),
            paid_usd: None,
            failed: None,
            latency_ms: None,
            category: None,
            tier: None,
            group: rng.random(),
            by_new,
            beside_failed: false,
        }
    }

    /// How it ends, if it does.
    fn verdict(&self, world: &World, new: &Policy, is_all_rated: bool, seed: u64) -> Option<Step> {
        let mut rng = ChaCha8Rng::seed_from_u64(2_000_000 + seed);
        let (mut ledger, rails) = (Ledger::default(), Rails::default());
        let mut progress = Progress::entered("new", "current", self.stage);
        while ledger.judged() < MOST_JUDGED {
            (0..50).for_each(|_| ledger.put(self.request(world, new, is_all_rated, &mut rng)));
            let evidence = ledger.evidence(progress.looks, &rails, None);
            let step = next_step(&progress, &evidence, &rails);
            if !matches!(step, Step::Wait { .. }) {
                return Some(step);
            }
            progress.looks = progress.looks.after(&evidence);
        }
        None
    }
}

/// In how many trials the new version is promoted, and in how many it is rejected.
fn ends(
    world: &World,
    trial: &Trial,
    new: &Policy,
    (is_all_rated, trials): (bool, u64),
) -> (String, String) {
    let world = &world.flattering(new);
    let ends: Vec<Option<Step>> = (0..trials)
        .into_par_iter()
        .map(|seed| trial.verdict(world, new, is_all_rated, seed))
        .collect();
    let count = |is: fn(&Step) -> bool| {
        let counted = ends.iter().flatten().filter(|step| is(step)).count();
        percent(counted, ends.len())
    };
    (
        count(|step| matches!(step, Step::Advance { .. })),
        count(|step| matches!(step, Step::Reject { .. })),
    )
}

impl World {
    /// The same, with what this policy chooses predicted better than it is.
    fn flattering(&self, policy: &Policy) -> Self {
        let mut predicted = self.predicted.clone();
        for (row, chosen) in predicted.iter_mut().zip(policy) {
            (0..MODELS).for_each(|model| row[model] += 0.05 * chosen[model]);
        }
        Self {
            quality: self.quality.clone(),
            predicted,
            older: self.older.clone(),
        }
    }
}

/// A policy of exactly this value: on some prompts the best by prediction, on the others a random
/// model, on one a mixture.
fn of_value(world: &World, goal: f64, seed: u64) -> Policy {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut policy = greedy(&world.predicted);
    for prompt in 0..PROMPTS {
        let before = world.value(&policy);
        let random = certain(rng.random_range(0..MODELS));
        let kept = std::mem::replace(&mut policy[prompt], random);
        let after = world.value(&policy);
        if after > before {
            policy[prompt] = kept;
        } else if after <= goal {
            let share = (before - goal) / (before - after);
            policy[prompt] =
                std::array::from_fn(|m| share * policy[prompt][m] + (1.0 - share) * kept[m]);
            return policy;
        }
    }
    panic!("no policy of value {goal} found");
}

fn greedy(predicted: &[[f64; MODELS]]) -> Policy {
    predicted.iter().map(|row| certain(best(row))).collect()
}

fn certain(model: usize) -> [f64; MODELS] {
    std::array::from_fn(|other| f64::from(u8::from(other == model)))
}

fn best(row: &[f64; MODELS]) -> usize {
    (1..MODELS).fold(
        0,
        |best, model| if row[model] > row[best] { model } else { best },
    )
}

fn pick(row: &[f64; MODELS], rng: &mut impl Rng) -> usize {
    let mut left: f64 = rng.random_range(0.0..1.0);
    let falls = |share: &f64| {
        left -= share;
        left < 0.0
    };
    row.iter().position(falls).unwrap_or(MODELS - 1)
}

fn dot(left: &[f64; MODELS], right: &[f64; MODELS]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

fn percent(part: usize, of: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / of.max(1) as f64)
}
