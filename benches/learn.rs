//! How long does it take to learn from one judgement, with 28 models, 22 coordinates and 4 factors?
//!
//! Two hundred keys take turns, so that shares and suspicions are looked after as well.
//!
//!     cargo bench --workspace --bench learn

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pointsman_learn::learner::{Learner, LearnerSettings, Lesson};
use pointsman_models::{Coordinates, Prior};
use pointsman_types::{Grid, Probability};

const MODELS: usize = 28;
const KEYS: u64 = 200;

fn prior() -> Prior {
    let mut likeness = Grid::filled(MODELS, MODELS, 0.5);
    (0..MODELS).for_each(|model| likeness[(model, model)] = 1.0);
    let load = |at: usize| 0.5 / (1 + at % Prior::FACTORS) as f32;
    let loadings = (0..MODELS * Prior::FACTORS).map(load).collect();
    let sampling = Grid::filled(MODELS, MODELS, 0.0);
    let loadings = Grid::from_values(Prior::FACTORS, loadings);
    Prior::new(&likeness, &sampling, loadings, 1.0)
}

fn lesson(number: u64) -> Lesson {
    let value = |at: usize| ((number as f32 + 1.0) * (at as f32 + 0.7)).sin() * 0.3;
    let values = (0..Coordinates::LEN).map(value).collect();
    Lesson {
        coordinates: Coordinates::kept(values).expect("sines are finite"),
        model: number as usize % MODELS,
        predicted: 0.7,
        score: (number % 3).min(1) as f64,
        weight: 1.0,
        key: Some(number * 7 % KEYS),
        metric: "score".into(),
        propensity: Probability::ONE,
        ts_ms: 0,
        decided_ms: 0,
    }
}

fn learn(criterion: &mut Criterion) {
    let mut learner = Learner::new(prior(), LearnerSettings::default());
    let lessons: Vec<Lesson> = (0..1000).map(lesson).collect();
    let mut next = lessons.iter().cycle();
    criterion.bench_function("learn from one judgement, 28 models", |bench| {
        bench.iter(|| black_box(learner.learn(next.next().expect("it never ends"))));
    });
    criterion.bench_function("a learner's state as bytes, 28 models", |bench| {
        bench.iter(|| black_box(learner.to_bytes()));
    });
}

criterion_group!(benches, learn);
criterion_main!(benches);
