//! Prompts that say little, much, or something in another script: in logs and in requests.

use pointsman_router::Router;
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{Options, train};
use pointsman_types::{LogRow, ModelName, Prompt, Quality, Refusal, Request};

use crate::program::table;

fn simulation(prompts: usize) -> Simulation {
    simulate(&Settings {
        prompts,
        seed: 41,
        ..Settings::default()
    })
}

fn router(rows: Vec<LogRow>, log: &Simulation) -> Router {
    let trained = train(
        table(rows),
        log.catalog.clone(),
        &Options::default(),
        |_| {},
    );
    Router::new(trained.unwrap().artifact).unwrap()
}

fn odd() -> Vec<String> {
    let mut odd: Vec<String> = [
        "",
        " \n\t",
        "the of and to a in is it",
        "?!... -- ;;",
        "\u{0}\u{1e}\u{1f}\u{feff}\u{200b}",
        "写一首关于秋天的短诗，不要超过四行。",
        "اكتب قصيدة قصيرة عن الخريف من أربعة أسطر",
        "शरद ऋतु पर चार पंक्तियों की एक छोटी कविता लिखिए",
        "Напиши короткое стихотворение об осени",
        "🍂🍁👩‍👩‍👧‍👦🇺🇳",
        "e\u{301}\u{301}\u{301}\u{301}",
    ]
    .map(str::to_owned)
    .into();
    odd.push("word ".repeat(100_000));
    odd.extend([(0..100_000).map(|number| format!("w{number} ")).collect()]);
    odd.push("x".repeat(1_000_000));
    odd
}

/// What fits no window is refused for that; anything else is decided.
fn check(router: &Router, text: &str) {
    let shown: String = text.chars().take(20).collect();
    let request = Request::new(Prompt::from(text));
    let candidates = router.candidates(&request);
    assert_eq!(candidates.len(), router.models().len(), "{shown:?}");
    for candidate in &candidates {
        let numbers = [
            f64::from(candidate.quality.get()),
            f64::from(candidate.quality_lower.get()),
            candidate.cost.as_f64(),
        ];
        assert!(
            numbers
                .iter()
                .all(|number| number.is_finite() && *number >= 0.0),
            "{shown:?}: {candidate:?}"
        );
    }
    match router.decide(&request) {
        Ok(decision) => assert!((0.0..=1.0).contains(&decision.familiarity), "{shown:?}"),
        Err(refused) => {
            let is_for_length = |refusal| matches!(refusal, Some(Refusal::ContextWindow { .. }));
            let mut refusals = refused.candidates.iter().map(|one| one.refusal);
            assert!(
                text.len() > 100_000 && refusals.all(is_for_length),
                "{shown:?}"
            );
        }
    }
}

#[test]
fn odd_prompts_are_decided() {
    let log = simulation(300);
    let router = router(log.rows.clone(), &log);
    odd().iter().for_each(|text| check(&router, text));
}

#[test]
fn odd_prompts_may_stand_in_the_log() {
    let log = simulation(100);
    let models = router(log.rows.clone(), &log).models().to_vec();
    let score = |at: usize| Quality::new([0.0, 0.5, 1.0][at % 3]).ok();
    let rows = odd()
        .into_iter()
        .filter(|text| !text.is_empty())
        .flat_map(|text| {
            let answered = |(at, model): (usize, &ModelName)| LogRow {
                score: score(at),
                ..LogRow::new(text.as_str().into(), model.clone())
            };
            models.iter().enumerate().map(answered).collect::<Vec<_>>()
        });
    let learnt = router(log.rows.iter().cloned().chain(rows).collect(), &log);
    odd().iter().for_each(|text| check(&learnt, text));
    log.rows
        .iter()
        .for_each(|row| check(&learnt, row.prompt.text()));
}
