//! How often is a monitor wrong, how soon is it right, and how fast does spending come back to its
//! target after a price has changed?
//!
//! On a synthetic stream, and on real logs where they are there: predictions are those of routers
//! that have not seen the prompt (five folds), requests are drawn with replacement, decisions drawn
//! with probabilities that fall with the distance from the best (`1 / (K + 50 gap)`), and 30 % of
//! them are judged.
//!
//! `cargo bench --workspace --bench drift [-- DIR]`

#![expect(
    clippy::print_stdout,
    reason = "the tables are what the benchmark is for"
)]

#[expect(dead_code, reason = "what was learnt from is not looked at")]
mod out_of_fold;

use pointsman_learn::drift::{
    Amount, Answer, DriftEvent, DriftSettings, Input, Judgement, Monitor, Observation, Reference,
    State, Subject,
};
use pointsman_learn::pacing::{Goal, Offer, Pacer, PacingSettings};
use pointsman_models::Representation;
use pointsman_types::{ModelName, Probability, Prompt, Quality, Usd};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::out_of_fold::{Fold, folds};

const FEEDBACK: f64 = 0.3;
const DROP: f64 = 0.3;
const GREED: f64 = 50.0;
/// Of the coordinates, those that are watched.
const COORDINATES: usize = 32;
const REFERENCE: usize = 3000;
const STEADY_RUNS: u64 = 40;
const STEADY_REQUESTS: usize = 20_000;
/// Requests before something changes.
const BEFORE: usize = 2000;
const DROP_RUNS: u64 = 20;
const SHIFT_RUNS: u64 = 50;
/// Requests after which nothing will be found any more.
const PATIENCE: usize = 40_000;
const PACING_RUNS: u64 = 50;
const PRICE: f64 = 5.0;

fn main() {
    let mut streams = vec![synthetic()];
    for name in ["cascades", "mmlu_pro"] {
        streams.extend(folds(name).map(|folds| real(name, &folds)));
    }
    steady(&streams);
    drops(&streams);
    shifts(&streams);
    paces(&streams);
}

/// What can be asked, with what is predicted of each model and what comes of it.
struct Stream {
    name: String,
    models: Vec<ModelName>,
    rows: Vec<Row>,
}

struct Row {
    coordinates: Vec<f32>,
    category: usize,
    label: String,
    uncertainty: f32,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy)]
struct Cell {
    quality: f64,
    score: f64,
    predicted_cost: f64,
    cost: f64,
    /// Predicted and actual; not above 0 where unknown.
    tokens: [f64; 2],
}

/// Ten models, eight categories that lie apart, scores of 0 and 1, log-normal tokens.
fn synthetic() -> Stream {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let rows = (0..6000).map(|_| synthetic_row(&mut rng)).collect();
    let name = |model: usize| ModelName::from(format!("model-{model}"));
    Stream {
        name: "synthetic".to_owned(),
        models: (0..10).map(name).collect(),
        rows,
    }
}

fn synthetic_row(rng: &mut ChaCha8Rng) -> Row {
    let category = rng.random_range(0..8_usize);
    let centre = |at: usize| if at == category { 1.5 } else { 0.0 };
    let coordinates = (0..16).map(|at| (centre(at) + bell(rng)) as f32).collect();
    let ease = rng.random_range(-0.15..0.15) + 0.02 * category as f64;
    let cells = (0..10).map(|model| {
        let quality: f64 = 0.45 + 0.04 * model as f64 + ease;
        let tokens = 200.0 * (1.0 + 0.1 * model as f64);
        let taken = tokens * (0.6 * bell(rng) - 0.18).exp();
        let price = 1e-6 * 1.6_f64.powi(model);
        Cell {
            quality,
            score: f64::from(u8::from(rng.random_bool(quality.clamp(0.0, 1.0)))),
            predicted_cost: price * tokens,
            cost: price * taken,
            tokens: [tokens, taken],
        }
    });
    Row {
        cells: cells.collect(),
        uncertainty: rng.random_range(0.05..0.25),
        label: format!("category {category}"),
        category,
        coordinates,
    }
}

/// About normal: twelve uniform draws less six.
fn bell(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0
}

/// Coordinates are those of one fold, predictions those of the fold that a prompt is held out of.
fn real(name: &str, folds: &[Fold]) -> Stream {
    let mut rows: Vec<Row> = Vec::new();
    for fold in folds {
        let complete = fold.held_out.complete_rows();
        let of = |row: &usize| real_row(fold, &folds[0], *row);
        rows.extend(complete.iter().map(of));
    }
    let mut labels: Vec<String> = rows.iter().map(|row| row.label.clone()).collect();
    labels.sort();
    labels.dedup();
    for row in &mut rows {
        row.category = labels.partition_point(|label| *label < row.label);
    }
    Stream {
        name: name.to_owned(),
        models: folds[0].router.models().to_vec(),
        rows,
    }
}

fn real_row(fold: &Fold, first: &Fold, row: usize) -> Row {
    let (table, text) = (&fold.held_out, &fold.held_out.prompts[row].text);
    let context = first.router.point(text).context;
    let said = fold.router.predict(&Prompt::from(&**text), None);
    let apart = said
        .iter()
        .map(|one| one.quality.get() - one.quality_lower.get());
    let uncertainty = apart.sum::<f32>() / said.len() as f32;
    let cells = said.iter().enumerate().map(|(model, said)| Cell {
        quality: f64::from(said.quality.get()),
        score: f64::from(table.score[(row, model)]),
        predicted_cost: said.cost.as_f64(),
        cost: table.cost_usd[(row, model)],
        tokens: [
            said.output_tokens.map_or(0.0, f64::from),
            f64::from(table.output_tokens[(row, model)]),
        ],
    });
    let latent = context[Representation::LATENT..].iter().copied();
    Row {
        coordinates: latent.take(COORDINATES).collect(),
        category: 0,
        label: table.prompts[row].category.clone().unwrap_or_default(),
        uncertainty,
        cells: cells.collect(),
    }
}

/// What happens to the stream.
#[derive(Clone, Copy, Default)]
struct Change {
    /// The model whose scores fall.
    drop: Option<usize>,
    /// Only the second half of the categories is asked.
    is_half: bool,
}

/// What one request led to.
struct Outcome {
    events: Vec<DriftEvent>,
    chosen: usize,
    is_judged: bool,
}

struct Run<'a> {
    stream: &'a Stream,
    half: &'a [usize],
    mean: &'a [f64],
    monitor: Monitor,
    rng: ChaCha8Rng,
}

impl<'a> Run<'a> {
    fn new(stream: &'a Stream, facts: &'a Facts, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let drawn = (0..REFERENCE).map(|_| {
            let row = &stream.rows[rng.random_range(0..stream.rows.len())];
            let sum: f64 = row.cells.iter().map(|cell| cell.quality).sum();
            Input {
                coordinates: row.coordinates.clone(),
                difficulty: (sum / row.cells.len() as f64) as f32,
                uncertainty: row.uncertainty,
            }
        });
        let drawn: Vec<Input> = drawn.collect();
        let reference = Reference::learn(&drawn, seed).expect("predictions are finite");
        let settings = DriftSettings::default();
        let monitor = Monitor::new(settings, stream.models.clone(), Some(reference));
        Self {
            monitor: monitor.expect("default settings are in range"),
            half: &facts.half,
            mean: &facts.mean,
            stream,
            rng,
        }
    }

    fn request(&mut self, change: Change) -> Outcome {
        let at = match change.is_half {
            true => self.half[self.rng.random_range(0..self.half.len())],
            false => self.rng.random_range(0..self.stream.rows.len()),
        };
        let row = &self.stream.rows[at];
        let probabilities = probabilities(row);
        let chosen = draw(&probabilities, self.rng.random_range(0.0..1.0));
        let quality: Vec<Quality> = row.cells.iter().map(|cell| clamped(cell.quality)).collect();
        let seen = Observation {
            coordinates: &row.coordinates,
            quality: &quality,
            uncertainty: row.uncertainty,
            probabilities: &probabilities,
            chosen,
        };
        let mut events = self.monitor.decided(&seen).expect("decisions are right");
        events.extend(
            self.monitor
                .answered(&answer(chosen, row.cells[chosen]))
                .expect("amounts are right"),
        );
        let is_judged = self.rng.random_bool(FEEDBACK);
        if is_judged {
            let score = self.score(row.cells[chosen].score, chosen, change);
            let judged = Judgement {
                model: chosen,
                group: Some(&row.label),
                predicted: quality[chosen],
                score: clamped(score),
                weight: 1.0,
            };
            events.extend(self.monitor.judged(&judged).expect("scores are right"));
        }
        Outcome {
            events,
            chosen,
            is_judged,
        }
    }

    /// Answers fail at random, so often that the mean falls by `DROP`.
    fn score(&mut self, score: f64, model: usize, change: Change) -> f64 {
        let fails = change.drop == Some(model) && self.rng.random_bool(DROP / self.mean[model]);
        if fails { 0.0 } else { score }
    }
}

fn clamped(value: f64) -> Quality {
    Quality::clamped(value as f32)
}

fn answer(model: usize, cell: Cell) -> Answer {
    let amount = |predicted: f64, actual: f64| {
        let is_known = predicted > 0.0 && actual > 0.0;
        is_known.then_some(Amount { predicted, actual })
    };
    Answer {
        model,
        tokens: amount(cell.tokens[0], cell.tokens[1]),
        cost: amount(cell.predicted_cost, cell.cost),
    }
}

fn probabilities(row: &Row) -> Vec<Probability> {
    let best = (0..row.cells.len())
        .max_by(|a, b| row.cells[*a].quality.total_cmp(&row.cells[*b].quality))
        .expect("a row has models");
    let share = |cell: &Cell| {
        let gap = row.cells[best].quality - cell.quality;
        1.0 / (row.cells.len() as f64 + GREED * gap)
    };
    let mut shares: Vec<f64> = row.cells.iter().map(share).collect();
    shares[best] += 1.0 - shares.iter().sum::<f64>();
    let probability = |share: &f64| Probability::new(*share).expect("a share is a probability");
    shares.iter().map(probability).collect()
}

fn draw(probabilities: &[Probability], place: f64) -> usize {
    let mut left = place;
    let passes = |one: &Probability| {
        left -= one.get();
        left < 0.0
    };
    let last = probabilities.len() - 1;
    probabilities.iter().position(passes).unwrap_or(last)
}

/// What is true of the whole stream.
struct Facts {
    /// Mean score of each model.
    mean: Vec<f64>,
    /// Rows of the second half of the categories.
    half: Vec<usize>,
}

impl Facts {
    fn of(stream: &Stream) -> Self {
        let rows = stream.rows.len() as f64;
        let total = |model: usize| {
            stream
                .rows
                .iter()
                .map(|row| row.cells[model].score)
                .sum::<f64>()
        };
        let last = stream
            .rows
            .iter()
            .map(|row| row.category)
            .max()
            .unwrap_or(0);
        let is_second = |at: &usize| 2 * stream.rows[*at].category > last;
        Self {
            mean: (0..stream.models.len())
                .map(|model| total(model) / rows)
                .collect(),
            half: (0..stream.rows.len()).filter(is_second).collect(),
        }
    }
}

fn is_new_alarm(event: &DriftEvent) -> bool {
    event.to == State::Alarm && event.from != State::Alarm
}

/// Quality, quality in a group, choices, tokens and cost, inputs.
const KINDS: usize = 5;

fn kind(subject: &Subject) -> usize {
    match subject {
        Subject::Quality { group: None, .. } => 0,
        Subject::Quality { .. } => 1,
        Subject::Choices { .. } => 2,
        Subject::Tokens { .. } | Subject::Cost { .. } => 3,
        Subject::Inputs { .. } => 4,
    }
}

fn steady(streams: &[Stream]) {
    println!(
        "\n| stream | requests | alarms per 20,000 | quality | by group | choices | tokens, cost | inputs | warnings per 20,000 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for stream in streams {
        let facts = Facts::of(stream);
        let runs: Vec<[f64; KINDS + 1]> = (0..STEADY_RUNS)
            .into_par_iter()
            .map(|seed| steady_run(stream, &facts, seed))
            .collect();
        let mean = |at: usize| runs.iter().map(|run| run[at]).sum::<f64>() / runs.len() as f64;
        let by_kind: Vec<String> = (0..KINDS).map(|at| format!("{:.2}", mean(at))).collect();
        println!(
            "| {} | {} | **{:.2}** | {} | {:.1} |",
            stream.name,
            runs.len() * STEADY_REQUESTS,
            (0..KINDS).map(mean).sum::<f64>(),
            by_kind.join(" | "),
            mean(KINDS),
        );
    }
}

/// False alarms by kind, then false warnings.
fn steady_run(stream: &Stream, facts: &Facts, seed: u64) -> [f64; KINDS + 1] {
    let mut run = Run::new(stream, facts, seed);
    let mut found = [0.0; KINDS + 1];
    for _ in 0..STEADY_REQUESTS {
        for event in run.request(Change::default()).events {
            let is_warning = event.to == State::Warning && event.from == State::Ok;
            found[KINDS] += f64::from(u8::from(is_warning));
            found[kind(&event.subject)] += f64::from(u8::from(is_new_alarm(&event)));
        }
    }
    found
}

fn drops(streams: &[Stream]) {
    println!(
        "\n| stream | models | decisions of the model until the alarm, median | 90 % | judged ones, median | 90 % | warning, decisions, median | not found |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for stream in streams {
        let facts = Facts::of(stream);
        let models: Vec<usize> = (0..stream.models.len())
            .filter(|model| facts.mean[*model] > DROP + 0.1)
            .collect();
        let all: Vec<(usize, u64)> = models
            .iter()
            .flat_map(|model| (0..DROP_RUNS).map(|seed| (*model, seed)))
            .collect();
        let found: Vec<Option<[usize; 3]>> = all
            .into_par_iter()
            .map(|(model, seed)| drop_run(stream, &facts, model, seed))
            .collect();
        let of = |at: usize| -> Vec<f64> {
            let found = found.iter().flatten();
            found.map(|delay| delay[at] as f64).collect()
        };
        println!(
            "| {} | {} | **{}** | {} | {} | {} | {} | {} of {} |",
            stream.name,
            models.len(),
            quantile(of(0), 0.5),
            quantile(of(0), 0.9),
            quantile(of(1), 0.5),
            quantile(of(1), 0.9),
            quantile(of(2), 0.5),
            found.iter().filter(|one| one.is_none()).count(),
            found.len(),
        );
    }
}

/// Decisions of the model, judged ones, and decisions until the first warning.
fn drop_run(stream: &Stream, facts: &Facts, model: usize, seed: u64) -> Option<[usize; 3]> {
    let mut run = Run::new(stream, facts, 1000 + seed);
    (0..BEFORE).for_each(|_| drop(run.request(Change::default())));
    let change = Change {
        drop: Some(model),
        ..Change::default()
    };
    let subject = Subject::Quality {
        model: stream.models[model].clone(),
        group: None,
    };
    let (mut decisions, mut judged, mut warned) = (0, 0, None);
    for _ in 0..PATIENCE {
        let outcome = run.request(change);
        decisions += usize::from(outcome.chosen == model);
        judged += usize::from(outcome.chosen == model && outcome.is_judged);
        for event in outcome
            .events
            .iter()
            .filter(|event| event.subject == subject)
        {
            if event.to == State::Warning {
                warned = warned.or(Some(decisions));
            }
            if event.to == State::Alarm {
                return Some([decisions, judged, warned.unwrap_or(decisions)]);
            }
        }
    }
    None
}

fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (share * values.len() as f64) as usize;
    let place = place.min(values.len().saturating_sub(1));
    values.get(place).copied().unwrap_or(f64::NAN)
}

fn shifts(streams: &[Stream]) {
    println!(
        "\n| stream, only half of its categories | requests until an alarm, median | 90 % | first by (runs) | not found |"
    );
    println!("|---|---|---|---|---|");
    for stream in streams {
        let facts = Facts::of(stream);
        let found: Vec<(usize, Vec<String>)> = (0..SHIFT_RUNS)
            .into_par_iter()
            .filter_map(|seed| shift_run(stream, &facts, seed))
            .collect();
        let delays = || found.iter().map(|one| one.0 as f64).collect::<Vec<f64>>();
        let mut first: Vec<&String> = found.iter().flat_map(|one| &one.1).collect();
        first.sort();
        let counts = first.chunk_by(|one, other| one == other);
        let counts: Vec<String> = counts
            .map(|same| format!("{} {}", same[0], same.len()))
            .collect();
        println!(
            "| {} | **{}** | {} | {} | {} of {SHIFT_RUNS} |",
            stream.name,
            quantile(delays(), 0.5),
            quantile(delays(), 0.9),
            counts.join(", "),
            SHIFT_RUNS as usize - found.len(),
        );
    }
}

fn shift_run(stream: &Stream, facts: &Facts, seed: u64) -> Option<(usize, Vec<String>)> {
    let mut run = Run::new(stream, facts, 2000 + seed);
    // the change comes anywhere in a window
    let before = BEFORE + run.rng.random_range(0..300);
    (0..before).for_each(|_| drop(run.request(Change::default())));
    let change = Change {
        is_half: true,
        ..Change::default()
    };
    for requests in 1..PATIENCE {
        let outcome = run.request(change);
        let of_inputs = |event: &&DriftEvent| kind(&event.subject) == 4 && is_new_alarm(event);
        let alarms: Vec<&DriftEvent> = outcome.events.iter().filter(of_inputs).collect();
        if !alarms.is_empty() {
            let name = |event: &&DriftEvent| match event.subject {
                Subject::Inputs { series } => format!("{series:?}").to_lowercase(),
                _ => String::new(),
            };
            return Some((requests, alarms.iter().map(name).collect()));
        }
    }
    None
}

fn paces(streams: &[Stream]) {
    println!(
        "\nThe price of the model that most is spent on, times {PRICE}: spending over target.\n"
    );
    println!(
        "| stream | the pacer knows of the price | requests 1 to 200 after it | 201 to 400 | cumulative at 200 | at 500 | at 1,000, median | 90 % | quality, 1,000 requests |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for stream in streams {
        for (how, kind) in [
            ("from the catalogue", Known::Catalogue),
            ("from the bills alone", Known::Bills),
            ("steps along the dual, from the catalogue", Known::Steps),
        ] {
            let runs: Vec<Paced> = (0..PACING_RUNS)
                .into_par_iter()
                .map(|seed| pace_run(stream, kind, seed))
                .collect();
            let of =
                |value: fn(&Paced) -> f64, share| quantile(runs.iter().map(value).collect(), share);
            println!(
                "| {} | {how} | {:.3} | {:.3} | {:.3} | {:.3} | **{:.3}** | {:.3} | {:.4} |",
                stream.name,
                of(|run| run.first, 0.5),
                of(|run| run.second, 0.5),
                of(|run| run.first, 0.5),
                of(|run| run.at_500, 0.5),
                of(|run| run.at_1000, 0.5),
                of(|run| run.at_1000, 0.9),
                runs.iter().map(|run| run.quality).sum::<f64>() / runs.len() as f64,
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Known {
    Catalogue,
    Bills,
    /// What the feed-forward is measured against: `log lambda += 0.02 (cost / target - 1)`.
    Steps,
}

struct Paced {
    first: f64,
    second: f64,
    at_500: f64,
    at_1000: f64,
    quality: f64,
}

fn pace_run(stream: &Stream, known: Known, seed: u64) -> Paced {
    let mut rng = ChaCha8Rng::seed_from_u64(3000 + seed);
    let target = target(stream);
    let mut payer = Payer::new(stream, target, known);
    let mut spent = vec![0.0; stream.models.len()];
    for _ in 0..BEFORE {
        let (model, cost, _) = payer.request(&mut rng, None);
        spent[model] += cost;
    }
    let dearest = (0..spent.len()).max_by(|a, b| spent[*a].total_cmp(&spent[*b]));
    let dearest = dearest.expect("a stream has models");
    if known == Known::Catalogue {
        let repriced = payer.pacer.repriced(dearest as u16, PRICE);
        repriced.expect("the factor is above 0");
    }
    let after: Vec<(usize, f64, f64)> = (0..1000)
        .map(|_| payer.request(&mut rng, Some(dearest)))
        .collect();
    let ratio = |range: std::ops::Range<usize>| {
        let costs = after[range.clone()].iter().map(|one| one.1);
        costs.sum::<f64>() / range.len() as f64 / target
    };
    Paced {
        first: ratio(0..200),
        second: ratio(200..400),
        at_500: ratio(0..500),
        at_1000: ratio(0..1000),
        quality: after.iter().map(|one| one.2).sum::<f64>() / 1000.0,
    }
}

/// Half of what the best of each prompt would cost.
fn target(stream: &Stream) -> f64 {
    let cost = |row: &Row| {
        let best = row
            .cells
            .iter()
            .max_by(|a, b| a.quality.total_cmp(&b.quality));
        best.expect("a row has models").predicted_cost
    };
    0.5 * stream.rows.iter().map(cost).sum::<f64>() / stream.rows.len() as f64
}

struct Payer<'a> {
    stream: &'a Stream,
    target: f64,
    known: Known,
    pacer: Pacer,
    log_lambda: f64,
}

impl<'a> Payer<'a> {
    fn new(stream: &'a Stream, target: f64, known: Known) -> Self {
        let settings = PacingSettings {
            goal: Goal::MeanCost(Usd::saturating(target)),
            cap: None,
            near: 0.02,
        };
        Self {
            pacer: Pacer::new(settings).expect("the target is above 0"),
            log_lambda: (0.1 / target).ln(),
            stream,
            target,
            known,
        }
    }

    /// The model, what it cost and its score.
    fn request(&mut self, rng: &mut ChaCha8Rng, dear: Option<usize>) -> (usize, f64, f64) {
        let row = &self.stream.rows[rng.random_range(0..self.stream.rows.len())];
        let factor = |model: usize| if dear == Some(model) { PRICE } else { 1.0 };
        let said = |model: usize| match self.known {
            Known::Bills => row.cells[model].predicted_cost,
            _ => factor(model) * row.cells[model].predicted_cost,
        };
        let offers: Vec<Offer> = (0..row.cells.len())
            .map(|model| Offer {
                model: model as u16,
                quality: row.cells[model].quality as f32,
                cost: Usd::saturating(said(model)),
                most: Usd::saturating(10.0 * said(model)),
            })
            .collect();
        let model = self.choose(&offers);
        let cost = factor(model) * row.cells[model].cost;
        if self.known == Known::Steps {
            self.log_lambda += 0.02 * (cost / self.target - 1.0);
        } else {
            let reservation = self.pacer.reserve(&offers[model]);
            let reservation = reservation.expect("there is no cap");
            self.pacer.settle(reservation, Usd::saturating(cost));
        }
        (model, cost, row.cells[model].score)
    }

    fn choose(&mut self, offers: &[Offer]) -> usize {
        if self.known != Known::Steps {
            return self.pacer.ask(0, offers).expect("there is no cap").chosen;
        }
        let lambda = self.log_lambda.exp();
        let worth =
            |at: &usize| f64::from(offers[*at].quality) - lambda * offers[*at].cost.as_f64();
        let best = (0..offers.len()).max_by(|a, b| worth(a).total_cmp(&worth(b)));
        best.expect("there are offers")
    }
}
