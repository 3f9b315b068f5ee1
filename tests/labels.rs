//! Labels as they come: what is learnt from comparisons, against a truth that is known.

use pointsman_router::Router;
use pointsman_train::{Options, TrainError, train};
use pointsman_types::{
    Catalog, LogRow, Message, ModelCard, ModelName, Probability, Prompt, Quality, Rival,
    UsdPerMillion, Winner, fold_of,
};

use crate::program::table;

const MODELS: [&str; 4] = ["m0", "m1", "m2", "m3"];
const TOPICS: [&str; 2] = ["code", "verse"];
/// Logits by topic; the models are ordered by their means.
const STRENGTH: [[f64; 2]; 4] = [[-1.0, -2.0], [-1.4, 0.2], [1.0, -0.2], [0.8, 2.0]];

fn catalog() -> Catalog {
    let price = Some(UsdPerMillion::new(1.0).unwrap());
    let card = |name: &str| ModelCard {
        input_usd_per_million: price,
        output_usd_per_million: price,
        ..ModelCard::unknown(name.into())
    };
    Catalog::new(MODELS.map(card).into()).unwrap()
}

/// Evenly spread over `[0, 1)`, the same on every machine.
fn chance(what: &str, number: usize) -> f64 {
    const PARTS: u64 = 1 << 40;
    fold_of(what, number as u64, PARTS) as f64 / PARTS as f64
}

fn pick(what: &str, number: usize, count: usize) -> usize {
    (chance(what, number) * count as f64) as usize
}

fn prompt(number: usize) -> (usize, String) {
    let topic = pick("topic", number, TOPICS.len());
    let about = ["tea", "rain", "trains", "cats", "numbers"][pick("about", number, 5)];
    let text = match topic {
        0 => format!("write a function in python that sorts {about}, test {number}"),
        _ => format!("write a poem with rhymes for my friend on {about}, verse {number}"),
    };
    (topic, text)
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Neighbours meet far more often than strangers, so that shares of wins say little of strength.
fn opponents(number: usize) -> [usize; 2] {
    let first = pick("first", number, 4);
    let other = match chance("far", number) < 0.15 {
        true => (first + 1 + pick("other", number, 3)) % 4,
        false => first ^ 1,
    };
    match chance("order", number) < 0.5 {
        true => [first, other],
        false => [other, first],
    }
}

/// The share of the games that end in a tie.
const TIES: f64 = 0.15;

fn comparison(number: usize) -> LogRow {
    let (topic, text) = prompt(number);
    let [a, b] = opponents(number);
    let first_wins = sigmoid(STRENGTH[a][topic] - STRENGTH[b][topic]);
    let winner = match (
        chance("tie", number) < TIES,
        chance("win", number) < first_wins,
    ) {
        (true, _) => Winner::Tie,
        (false, true) => Winner::A,
        (false, false) => Winner::B,
    };
    LogRow {
        rival: Some(Rival {
            model: MODELS[b].into(),
            winner,
        }),
        ..LogRow::new(text.into(), MODELS[a].into())
    }
}

/// The same game as two scores: 1, 0 or a half.
fn as_scores(row: LogRow) -> [LogRow; 2] {
    let rival = row.rival.clone().unwrap();
    let share = rival.winner.share_of_first();
    let scored = |model: &ModelName, share: f64| LogRow {
        rival: None,
        score: Some(Quality::new(share).unwrap()),
        model: model.clone(),
        ..row.clone()
    };
    [scored(&row.model, share), scored(&rival.model, 1.0 - share)]
}

fn router(rows: impl IntoIterator<Item = LogRow>) -> Router {
    let trained = train(table(rows), catalog(), &Options::default(), |_| {}).unwrap();
    Router::new(trained.artifact).unwrap()
}

fn logits(router: &Router, number: usize) -> Vec<f64> {
    let predicted = router.predict(&prompt(number).1.into(), None);
    let quality = predicted.iter().map(|one| f64::from(one.quality.get()));
    quality
        .map(|quality| (quality / (1.0 - quality)).ln())
        .collect()
}

/// The mean absolute error of the shares of the win, a tie being half of one, over unseen prompts and all pairs of models.
fn error(router: &Router) -> f64 {
    let of_prompt = |number: usize| {
        let (topic, logits) = (prompt(number).0, logits(router, number));
        let pairs = (0..4).flat_map(|a| (0..a).map(move |b| (a, b)));
        let error = |(a, b): (usize, usize)| {
            let wins = sigmoid(STRENGTH[a][topic] - STRENGTH[b][topic]);
            let truth = (1.0 - TIES) * wins + TIES / 2.0;
            (sigmoid(logits[a] - logits[b]) - truth).abs()
        };
        pairs.map(error).sum::<f64>() / 6.0
    };
    (50_000..50_200).map(of_prompt).sum::<f64>() / 200.0
}

#[test]
fn comparisons_teach_more_than_their_reading_as_scores() {
    let games = || (0..3000).map(comparison);
    let (compared, scored) = (router(games()), router(games().flat_map(as_scores)));
    let (by_comparison, by_score) = (error(&compared), error(&scored));
    assert!(
        by_comparison < 0.05 && by_comparison < 0.6 * by_score,
        "the shares of the win are off by {by_comparison}, read as scores by {by_score}"
    );
}

#[test]
fn the_order_of_the_models_is_found_by_topic() {
    let compared = router((0..3000).map(comparison));
    for number in 50_000..50_020 {
        let topic = prompt(number).0;
        let mut order = [0, 1, 2, 3];
        let logits = logits(&compared, number);
        order.sort_by(|a: &usize, b| logits[*a].total_cmp(&logits[*b]));
        let mut truth = [0, 1, 2, 3];
        truth.sort_by(|a: &usize, b| STRENGTH[*a][topic].total_cmp(&STRENGTH[*b][topic]));
        assert_eq!(order, truth, "{}: {logits:?}", TOPICS[topic]);
    }
}

#[test]
fn scores_and_comparisons_may_stand_in_one_log() {
    let scored = |number: usize| {
        let (topic, text) = prompt(number);
        let model = pick("scored", number, 4);
        let score = f64::from(u8::from(
            chance("right", number) < sigmoid(STRENGTH[model][topic]),
        ));
        LogRow {
            score: Some(Quality::new(score).unwrap()),
            ..LogRow::new(text.into(), MODELS[model].into())
        }
    };
    let both = router((0..3000).map(comparison).chain((3000..5000).map(scored)));
    assert!(error(&both) < 0.06, "{}", error(&both));
    // Scores set the level: the third model answers code right three times in four.
    let code = (50_000..).find(|number| prompt(*number).0 == 0).unwrap();
    let quality = sigmoid(logits(&both, code)[2]);
    assert!((quality - sigmoid(1.0)).abs() < 0.1, "{quality}");
}

#[test]
fn contradictions_alone_tell_nothing_apart() {
    let contradicted = (0..60).flat_map(|number| {
        [Winner::A, Winner::B].map(|winner| LogRow {
            rival: Some(Rival {
                model: "m1".into(),
                winner,
            }),
            ..LogRow::new(prompt(number).1.into(), "m0".into())
        })
    });
    let refused = train(table(contradicted), catalog(), &Options::default(), |_| {});
    assert!(matches!(refused, Err(TrainError::EqualScores(0.5))));
}

#[test]
fn models_that_never_met_and_one_that_always_won_are_routed() {
    let game = |number: usize| {
        let [a, b] = [["m0", "m1"], ["m2", "m3"]][number % 2];
        LogRow {
            rival: Some(Rival {
                model: b.into(),
                winner: Winner::A,
            }),
            ..LogRow::new(prompt(number).1.into(), a.into())
        }
    };
    let router = router((0..200).map(game));
    let logits = logits(&router, 50_000);
    assert!(logits.iter().all(|logit| logit.is_finite()), "{logits:?}");
    assert!(logits[0] > logits[1] && logits[2] > logits[3], "{logits:?}");
}

/// What a policy that prefers the first model for code leaves of two models whose scores are known.
fn chosen(number: usize) -> LogRow {
    let (topic, text) = prompt(number);
    let prefers = [0.9, 0.15][topic];
    let model = usize::from(chance("chosen", number) >= prefers);
    let right = [[0.9, 0.3], [0.5, 0.7]][model][topic];
    let score = f64::from(u8::from(chance("right", number) < right));
    let propensity = [prefers, 1.0 - prefers][model];
    LogRow {
        score: Some(Quality::new(score).unwrap()),
        propensity: Some(Probability::new(propensity).unwrap()),
        ..LogRow::new(text.into(), MODELS[model].into())
    }
}

#[test]
fn what_a_policy_chose_is_reweighted_to_all_prompts() {
    let fit = |rows: Vec<LogRow>| {
        let trained = train(table(rows), catalog(), &Options::default(), |_| {}).unwrap();
        (trained.artifact.model.quality.mean, trained.report.notes)
    };
    let rows: Vec<LogRow> = (0..3000).map(chosen).collect();
    let unweighted = rows.iter().map(|row| LogRow {
        propensity: None,
        ..row.clone()
    });
    let (biased, _) = fit(unweighted.collect());
    let (mean, notes) = fit(rows);
    for (model, truth) in [0.6, 0.6].into_iter().enumerate() {
        assert!((mean[model] - truth).abs() < 0.05, "{mean:?}");
    }
    assert!((biased[0] - 0.6).abs() > 0.15, "{biased:?}");
    assert!(
        notes
            .iter()
            .any(|note| note.contains("effective sample size: `m0`")),
        "{notes:?}"
    );
}

/// The same words of the user, under two system texts; `m0` is good at one, `m1` at the other.
fn conversation(number: usize) -> (usize, Prompt) {
    let topic = pick("system", number, 2);
    let turn = |role: &str, content: String| Message {
        role: role.into(),
        content,
    };
    let system = ["You help programmers.", "You write letters."][topic];
    let wish = ["Go on", "Try again", "Shorter", "Say more"][pick("wish", number, 4)];
    let messages = [
        turn("system", system.into()),
        turn("user", format!("{wish}, please, number {number}.")),
    ];
    (topic, Prompt::from_messages(&messages))
}

#[test]
fn the_rest_of_a_conversation_counts() {
    let answers = |number: usize| {
        let (topic, prompt) = conversation(number);
        [0, 1].map(|model| {
            let right = if model == topic { 0.9 } else { 0.2 };
            let score = f64::from(u8::from(chance(MODELS[model], number) < right));
            LogRow {
                score: Some(Quality::new(score).unwrap()),
                ..LogRow::new(prompt.clone(), MODELS[model].into())
            }
        })
    };
    let router = router((0..400).flat_map(answers));
    let is_right = |number: &usize| {
        let (topic, prompt) = conversation(*number);
        let predicted = router.predict(&prompt, None);
        let quality = |model: usize| predicted[model].quality.get();
        quality(topic) > quality(1 - topic)
    };
    let right = (50_000..50_100).filter(is_right).count();
    assert!(right > 95, "{right} of 100");
}
