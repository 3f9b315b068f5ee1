//! The table: its cells, its notes, and that neither the order of rows nor a budget changes them.

use pointsman_types::{
    Choice, Comparison, LogTable, Probability, Quality, Rating, Tokens, Usd, Winner, text_hash,
};
use proptest::prelude::*;

use super::*;
use crate::{Budget, TableBuilder, TableNotes};

fn table(budget: Budget, rows: &[LogRow]) -> (LogTable, TableNotes) {
    let mut builder = TableBuilder::new(budget);
    for row in rows {
        builder.push(row.clone());
    }
    builder.finish().unwrap()
}

fn scored(prompt: &str, model: &str, score: f64) -> LogRow {
    LogRow {
        score: Some(Quality::new(score).unwrap()),
        ..row(prompt, model)
    }
}

/// Equal where a missing number equals a missing number.
fn same(a: &LogTable, b: &LogTable) -> bool {
    let bits = |grid: &pointsman_types::Grid<f32>| -> Vec<u32> {
        grid.values().iter().map(|value| value.to_bits()).collect()
    };
    let answers = |table: &LogTable| {
        let answers = table.answers.as_ref();
        answers.map(|answers| (bits(&answers.logprob), bits(&answers.chars)))
    };
    let costs = |table: &LogTable| -> Vec<u64> {
        let values = table.cost_usd.values();
        values.iter().map(|value| value.to_bits()).collect()
    };
    a.models == b.models
        && a.prompts == b.prompts
        && bits(&a.score) == bits(&b.score)
        && bits(&a.weight) == bits(&b.weight)
        && bits(&a.input_tokens) == bits(&b.input_tokens)
        && bits(&a.output_tokens) == bits(&b.output_tokens)
        && answers(a) == answers(b)
        && costs(a) == costs(b)
        && a.comparisons == b.comparisons
        && a.judges == b.judges
        && a.ratings == b.ratings
        && a.choices == b.choices
}

fn any_comparison() -> impl Strategy<Value = LogRow> {
    let winners = prop_oneof![Just(Winner::A), Just(Winner::B), Just(Winner::Tie)];
    (0..12_u8, 0..4_u8, 1..4_u8, winners, 0.1..9.0).prop_map(|(text, a, step, winner, weight)| {
        let [a, b] = [a, (a + step) % 4].map(|model| format!("model{model}"));
        LogRow {
            prompt_id: "id0".into(),
            weight,
            ..compared(&format!("prompt {text}"), &a, &b, winner)
        }
    })
}

fn any_row() -> impl Strategy<Value = LogRow> {
    prop_oneof![3 => any_answer(), 1 => any_comparison()]
}

fn any_answer() -> impl Strategy<Value = LogRow> {
    let names = (0..12_u8, 0..3_u8, 0..4_u8);
    let values = (
        proptest::option::of(0.0..=1.0),
        proptest::option::of(0.0..0.01),
        proptest::option::of(0..5_000_u64),
        0.1..9.0,
        proptest::option::of(0..3_u8),
        proptest::option::of(0..3_u8),
        proptest::option::of(0.01..=1.0),
    );
    (names, values).prop_map(
        |((text, id, model), (score, cost, tokens, weight, category, judge, propensity))| LogRow {
            prompt_id: format!("id{id}"),
            score: score.map(|score| Quality::new(score).unwrap()),
            cost_usd: cost.map(Usd::saturating),
            output_tokens: tokens.map(Tokens),
            answer_chars: tokens.filter(|tokens| tokens % 3 == 0),
            answer_logprob: cost.map(|cost| -1e3 * cost),
            category: category.map(|category| format!("category{category}")),
            judge: judge.map(|judge| format!("judge{judge}")),
            propensity: propensity.map(|propensity| Probability::new(propensity).unwrap()),
            weight,
            ..row(&format!("prompt {text}"), &format!("model{model}"))
        },
    )
}

fn rows_twice_ordered() -> impl Strategy<Value = (Vec<LogRow>, Vec<LogRow>)> {
    proptest::collection::vec(any_row(), 1..80).prop_flat_map(|mut rows| {
        rows.push(scored("always", "model0", 0.5));
        (Just(rows.clone()), Just(rows).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter((rows, shuffled) in rows_twice_ordered()) {
        let (a, notes_a) = table(Budget::default(), &rows);
        let (b, notes_b) = table(Budget::default(), &shuffled);
        prop_assert!(same(&a, &b));
        prop_assert_eq!(notes_a, notes_b);
    }

    #[test]
    fn nor_does_it_within_a_budget(
        (rows, shuffled) in rows_twice_ordered(),
        max_prompts in 1..20_usize,
        max_text_bytes in 20..300_u64,
    ) {
        let budget = Budget { max_prompts, max_text_bytes };
        let (a, notes_a) = table(budget, &rows);
        let (b, notes_b) = table(budget, &shuffled);
        prop_assert!(same(&a, &b));
        prop_assert!(a.prompts.len() <= max_prompts);
        let bytes: usize = a.prompts.iter().map(|prompt| prompt.text.len() + prompt.id.len()).sum();
        prop_assert!(bytes as u64 <= max_text_bytes);
        prop_assert_eq!(notes_a, notes_b);
    }

    #[test]
    fn a_budget_keeps_a_part_of_the_whole_table(
        (rows, _) in rows_twice_ordered(),
        max_prompts in 1..20_usize,
    ) {
        let (whole, _) = table(Budget::default(), &rows);
        let (part, _) = table(Budget { max_prompts, ..Budget::default() }, &rows);
        let hashes = |table: &LogTable| -> Vec<u64> {
            table.prompts.iter().map(|prompt| text_hash(&prompt.text)).collect()
        };
        prop_assert_eq!(hashes(&part), &hashes(&whole)[..max_prompts.min(whole.prompts.len())]);
        for (index, prompt) in part.prompts.iter().enumerate() {
            let there = whole.prompts.iter().position(|other| other == prompt);
            let there = there.expect("a prompt kept is a prompt of the whole");
            for (column, model) in part.models.iter().enumerate() {
                let other = whole.models.iter().position(|name| name == model).unwrap();
                prop_assert_eq!(
                    part.score[(index, column)].to_bits(),
                    whole.score[(there, other)].to_bits()
                );
            }
        }
    }
}

#[test]
fn models_are_columns_and_what_is_not_logged_is_nan() {
    let cheap = LogRow {
        cost_usd: Some(Usd::new(0.5).unwrap()),
        input_tokens: Some(Tokens(7)),
        ..row("Why?", "beta")
    };
    let (table, notes) = table(
        Budget::default(),
        &[
            scored("Why?", "alpha", 0.25),
            cheap,
            scored("How?", "beta", 1.0),
        ],
    );
    assert_eq!(table.models, ["alpha".into(), "beta".into()]);
    let why = table
        .prompts
        .iter()
        .position(|p| &*p.text == "Why?")
        .unwrap();
    assert_eq!(table.score.row(why)[0].to_bits(), 0.25_f32.to_bits());
    assert!(table.score.row(why)[1].is_nan() && table.weight.row(why)[1].is_nan());
    assert_eq!(table.cost_usd.row(why)[1].to_bits(), 0.5_f64.to_bits());
    assert!(table.score.row(1 - why)[0].is_nan());
    assert_eq!(notes.duplicates, 0);
    assert_eq!(
        (notes.prompts_seen, notes.prompts_seen_estimated),
        (2, false)
    );
}

#[test]
fn scores_survive_to_the_bit() {
    for score in [0.1, 0.3, 1e-4, 0.999_999_9, 0.0, 1.0] {
        let (table, _) = table(Budget::default(), &[scored("Why?", "m", score)]);
        assert_eq!(table.score[(0, 0)].to_bits(), (score as f32).to_bits());
    }
}

#[test]
fn duplicates_are_averaged_by_weight() {
    let vote = |score, weight, cost: f64, tokens| LogRow {
        weight,
        cost_usd: Some(Usd::new(cost).unwrap()),
        output_tokens: Some(Tokens(tokens)),
        ..scored("Why?", "m", score)
    };
    let unscored = LogRow {
        score: None,
        ..vote(0.0, 100.0, 0.3, 30)
    };
    let rows = [vote(1.0, 3.0, 0.1, 10), vote(0.0, 1.0, 0.2, 20), unscored];
    let (table, notes) = table(Budget::default(), &rows);
    assert!((table.score[(0, 0)] - 0.75).abs() < 1e-6);
    assert!((table.weight[(0, 0)] - 4.0).abs() < 1e-6);
    assert!((table.cost_usd[(0, 0)] - 0.2).abs() < 1e-12);
    assert!((table.output_tokens[(0, 0)] - 20.0).abs() < 1e-6);
    assert_eq!(notes.duplicates, 2);
}

#[test]
fn what_is_known_of_answers_is_kept_where_any_is() {
    let known = |logprob, chars| LogRow {
        answer_logprob: logprob,
        answer_chars: chars,
        ..scored("Why?", "m", 1.0)
    };
    let rows = [
        known(Some(-0.25), Some(10)),
        known(Some(-0.75), None),
        scored("How?", "n", 0.0),
    ];
    let (table, _) = table(Budget::default(), &rows);
    let why = usize::from(&*table.prompts[0].text != "Why?");
    let answers = table.answers.unwrap();
    assert!((answers.logprob[(why, 0)] + 0.5).abs() < 1e-6);
    assert!((answers.chars[(why, 0)] - 10.0).abs() < 1e-6);
    assert!(answers.logprob.row(1 - why).iter().all(|one| one.is_nan()));
}

#[test]
fn of_answers_of_which_nothing_is_known_nothing_is_kept() {
    let (table, _) = table(Budget::default(), &[scored("Why?", "m", 1.0)]);
    assert_eq!(table.answers, None);
}

#[test]
fn an_id_and_a_text_make_a_prompt() {
    let with_id = |id: &str, text: &str| LogRow {
        prompt_id: id.into(),
        ..scored(text, "m", 1.0)
    };
    let rows = [
        with_id("1", "Why?"),
        with_id("2", "Why?"),
        with_id("2", "How?"),
    ];
    let (table, notes) = table(Budget::default(), &rows);
    assert_eq!(table.prompts.len(), 3);
    assert_eq!(notes.ids_with_several_texts, 1);
    assert_eq!(notes.texts_with_several_ids, 1);
    let texts: Vec<_> = table
        .prompts
        .iter()
        .filter(|p| &*p.text == "Why?")
        .collect();
    assert!(std::sync::Arc::ptr_eq(&texts[0].text, &texts[1].text));
    assert_eq!((texts[0].id.as_str(), texts[1].id.as_str()), ("1", "2"));
}

#[test]
fn what_was_left_out_is_estimated() {
    let rows: Vec<LogRow> = (0..20_000)
        .map(|number| scored(&format!("prompt {number}"), "m", 0.5))
        .collect();
    let budget = Budget {
        max_prompts: 2_000,
        ..Budget::default()
    };
    let (table, notes) = table(budget, &rows);
    assert_eq!(table.prompts.len(), 2_000);
    assert_eq!((notes.prompts_kept, notes.rows_left_out), (2_000, 18_000));
    assert!(notes.prompts_seen_estimated);
    // The estimate is off by one part in the root of the prompts kept, give or take.
    assert!((18_000..22_000).contains(&notes.prompts_seen), "{notes:?}");
}

#[test]
fn what_is_left_out_lies_above_a_hash() {
    let rows: Vec<LogRow> = (0..100)
        .flat_map(|number| {
            let prompt = format!("prompt {number}");
            [scored(&prompt, "m", 0.5), row(&prompt, "n")]
        })
        .collect();
    let budget = Budget {
        max_prompts: 30,
        ..Budget::default()
    };
    let (table, notes) = table(budget, &rows);
    let above = notes.left_out_above.unwrap();
    assert_eq!(above, text_hash(&table.prompts[29].text));
    let left_out = rows
        .iter()
        .filter(|row| text_hash(row.prompt.text()) > above);
    assert_eq!(notes.rows_left_out, left_out.clone().count() as u64);
    let scores = left_out.filter(|row| row.score.is_some());
    assert_eq!(notes.scores_left_out, scores.count() as u64);
}

#[test]
fn nothing_is_left_out_within_the_budget() {
    let notes = table(Budget::default(), &[scored("Why?", "m", 0.5)]).1;
    assert_eq!((notes.left_out_above, notes.scores_left_out), (None, 0));
}

#[test]
fn a_model_without_a_prompt_in_the_table_has_no_column() {
    let rows: Vec<LogRow> = (0..50)
        .map(|number| scored(&format!("prompt {number}"), &format!("m{number}"), 0.5))
        .collect();
    let budget = Budget {
        max_prompts: 5,
        ..Budget::default()
    };
    assert_eq!(table(budget, &rows).0.models.len(), 5);
}

#[test]
fn comparisons_of_one_order_are_averaged_and_make_columns() {
    let rows = [
        compared("Why?", "y", "x", Winner::A),
        compared("Why?", "y", "x", Winner::Tie),
        compared("Why?", "x", "y", Winner::B),
        scored("How?", "z", 0.5),
    ];
    let (table, notes) = table(Budget::default(), &rows);
    assert_eq!(table.models, ["x", "y", "z"].map(Into::into));
    let prompt = table.prompts.iter().position(|one| &*one.text == "Why?");
    let comparison = |models, share_of_first, weight| Comparison {
        prompt: prompt.unwrap(),
        models,
        share_of_first,
        weight,
    };
    let expected = [comparison([0, 1], 0.0, 1.0), comparison([1, 0], 0.75, 2.0)];
    assert_eq!(table.comparisons, expected);
    assert!(
        table
            .score
            .row(prompt.unwrap())
            .iter()
            .all(|score| score.is_nan())
    );
    assert_eq!(
        (notes.rows, notes.duplicates, notes.rows_left_out),
        (4, 1, 0)
    );
}

#[test]
fn scores_are_kept_judge_by_judge_where_judges_are_named() {
    let judged = |model: &str, judge: Option<&str>, score: f64| LogRow {
        judge: judge.map(str::to_owned),
        ..scored("Why?", model, score)
    };
    let rows = [
        judged("x", Some("strict"), 0.25),
        judged("x", Some("kind"), 0.75),
        judged("x", Some("kind"), 1.0),
        judged("y", None, 0.5),
    ];
    let (table, _) = table(Budget::default(), &rows);
    assert_eq!(table.judges, ["kind", "strict", ""]);
    let rating = |model, judge, score, weight| Rating {
        prompt: 0,
        model,
        judge,
        score,
        weight,
    };
    let expected = [
        rating(0, 0, 0.875, 2.0),
        rating(0, 1, 0.25, 1.0),
        rating(1, 2, 0.5, 1.0),
    ];
    assert_eq!(table.ratings, expected);
    assert!((table.score[(0, 0)] - 2.0 / 3.0).abs() < 1e-6);
}

#[test]
fn without_named_judges_there_are_no_ratings() {
    let (table, _) = table(Budget::default(), &[scored("Why?", "x", 0.5)]);
    assert!(table.judges.is_empty() && table.ratings.is_empty());
}

#[test]
fn scored_choices_of_a_policy_are_kept() {
    let chosen = |model: &str, score: Option<f64>, propensity: f64| LogRow {
        score: score.map(|score| Quality::new(score).unwrap()),
        propensity: Some(Probability::new(propensity).unwrap()),
        ..row("Why?", model)
    };
    let rows = [
        chosen("x", Some(1.0), 0.25),
        chosen("x", Some(1.0), 0.75),
        chosen("y", None, 0.5),
    ];
    let (table, _) = table(Budget::default(), &rows);
    let expected = [Choice {
        prompt: 0,
        model: 0,
        propensity: 0.5,
    }];
    assert_eq!(table.choices, expected);
}
