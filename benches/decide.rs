//! How long does one decision take, on one thread, with ten models? And by what was learnt while
//! serving, with exploration?
//!
//! The router is trained on the synthetic log with every model doubled to make ten, and is forced
//! to use all three quality heads' inputs by what it chose itself; prompts of about 2 kB rotate, so
//! that no cache is warmer than in service. `POINTSMAN_ROUTER=DIR` measures a router of one's own
//! besides, such as one with a sentence encoder.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use pointsman_logs::{Budget, TableBuilder};
use pointsman_models::Posterior;
use pointsman_policy::Exploration;
use pointsman_router::{Learned, Router};
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{Options, train};
use pointsman_types::{Catalog, Draw, LogRow, ModelCard, ModelName, Prompt, Request};

fn twin(name: &ModelName) -> ModelName {
    format!("{name}-twin").into()
}

fn ten_models(simulation: &Simulation) -> Router {
    let mut builder = TableBuilder::new(Budget::default());
    for row in &simulation.rows {
        builder.push(row.clone());
        builder.push(LogRow {
            model: twin(&row.model),
            ..row.clone()
        });
    }
    let cards = simulation.catalog.cards();
    let cards = cards
        .flat_map(|card| {
            [
                card.clone(),
                ModelCard {
                    name: twin(&card.name),
                    ..card.clone()
                },
            ]
        })
        .collect();
    let (table, _) = builder.finish().expect("the simulated log makes a table");
    let catalog = Catalog::new(cards).expect("twins have names of their own");
    let trained = train(table, catalog, &Options::default(), |_| {})
        .expect("the simulated log can be trained on");
    Router::new(trained.artifact).expect("what was trained can decide")
}

/// Requests with prompts of `bytes` bytes, made of different prompts of the log.
fn requests(simulation: &Simulation, bytes: usize) -> Vec<Request> {
    let texts: Vec<&str> = simulation
        .prompts
        .iter()
        .map(|prompt| prompt.text.text())
        .collect();
    let long = |start: usize| {
        let mut text = String::new();
        let mut next = start;
        while text.len() < bytes {
            text.push_str(texts[next % texts.len()]);
            text.push('\n');
            next += 1;
        }
        text.truncate(text.floor_char_boundary(bytes));
        Request::new(Prompt::from(text))
    };
    (0..512).map(|number| long(number * 7)).collect()
}

fn decide(criterion: &mut Criterion) {
    let simulation = simulate(&Settings::default());
    let router = ten_models(&simulation);
    for bytes in [200, 2000, 20_000] {
        let requests = requests(&simulation, bytes);
        time(
            criterion,
            &format!("{bytes} bytes, 10 models"),
            &router,
            &requests,
        );
    }
}

fn time(criterion: &mut Criterion, what: &str, router: &Router, requests: &[Request]) {
    let mut next = 0;
    criterion.bench_function(&format!("decide/{what}"), |bencher| {
        bencher.iter(|| {
            next = (next + 1) % requests.len();
            black_box(router.decide(&requests[next]))
        });
    });
}

fn decide_by_a_saved_router(criterion: &mut Criterion) {
    let Some(dir) = std::env::var_os("POINTSMAN_ROUTER") else {
        return;
    };
    let router = Router::open(Path::new(&dir)).expect("the directory holds a router");
    let requests = requests(&simulate(&Settings::default()), 2000);
    time(
        criterion,
        "2000 bytes, the saved router",
        &router,
        &requests,
    );
}

/// The same router once it has learnt from 200 judgements, and with draws for exploration by odds.
fn decide_by_what_was_learnt(criterion: &mut Criterion) {
    let simulation = simulate(&Settings::default());
    let (router, requests) = (ten_models(&simulation), requests(&simulation, 2000));
    let mut posterior = Posterior::new(router.model().prior.clone());
    for (number, request) in requests.iter().take(200).enumerate() {
        let at = router.coordinates(&request.prompt);
        posterior.learn(&at, number % 10, 0.1, 0.2);
    }
    let odds = Exploration::Odds {
        doubt: 0.2,
        share: 1.0,
    };
    let learned = Arc::new(Learned::nothing(posterior));
    let router = router
        .with_exploration(odds)
        .and_then(|router| router.with_learned(learned));
    let router = router.expect("what was learnt is of the same models");
    for (what, draw) in [("learnt", None), ("learnt, exploring", Draw::new(0.5).ok())] {
        let asked = requests.iter().map(|request| Request {
            draw,
            ..request.clone()
        });
        let what = format!("2000 bytes, 10 models, {what}");
        time(criterion, &what, &router, &asked.collect::<Vec<_>>());
    }
}

criterion_group!(
    benches,
    decide,
    decide_by_what_was_learnt,
    decide_by_a_saved_router
);
criterion_main!(benches);
