//! A small hand-made router of two models: `big` is better on every prompt, `small` is cheaper.

use std::sync::Arc;

use pointsman_features::{FeatureSpec, SURFACE_FEATURES, SURFACE_NAMES};
use pointsman_models::{
    Calibration, Calibrator, CommonCurve, Familiarity, InputTokens, Lexicon, LogRegression,
    LowerCurve, Model, Posterior, Prior, QualityHead, RARITY_FEATURES, Rarity, Representation,
};
use pointsman_policy::{CurvePoint, Exploration, Guarantee, OperatingCurve, PolicySpec};
use pointsman_types::{
    Catalog, Draw, Grid, Limits, ModelCard, Probability, Prompt, Quality, Reason, Refusal, Request,
    Tokens, Usd, UsdPerMillion, text_hash,
};

mod cascade;

use crate::{Artifact, Encoding, Example, Learned, PromptFilter, Router, RouterError, TrainedOn};

/// Always `tokens` tokens or dollars.
fn always(amounts: [f32; 2]) -> LogRegression {
    let mut weights = Grid::filled(1 + Representation::LATENT, 2, 0.0);
    weights.row_mut(0).copy_from_slice(&amounts.map(f32::ln));
    LogRegression {
        weights,
        smearing: vec![1.0; 2],
        residuals: vec![(0.0, 0.5); 2],
        range: vec![(-30.0, 30.0); 2],
    }
}

fn model() -> Model {
    let calibrator = Calibrator {
        intercept: 0.0,
        slope: 1.0,
        is_common: true,
        lower: LowerCurve(vec![(0.5, 0.4), (0.9, 0.8)]),
    };
    Model {
        names: vec!["big".into(), "small".into()],
        features: FeatureSpec::default(),
        encoder: None,
        familiarity: Familiarity::UNBOUNDED,
        examples: Grid::from_values(1, vec![1.0, -1.0]),
        representation: Representation {
            lexicon: Lexicon::new(FeatureSpec::default().buckets(), Vec::new(), Vec::new()),
            surface_mean: vec![0.0; SURFACE_FEATURES],
            surface_scale: vec![0.0; SURFACE_FEATURES],
            rarity: Rarity {
                unknown: 0.0,
                mean: [0.0; RARITY_FEATURES],
                scale: [0.0; RARITY_FEATURES],
            },
            projection: Grid::filled(0, 1, 0.0),
            embedding: None,
        },
        quality: QualityHead {
            mean: vec![0.9, 0.6],
            ..QualityHead::default()
        },
        prior: Prior::independent(2),
        calibration: Calibration {
            lower_estimate: "test".into(),
            prompts: 9,
            common: CommonCurve::default(),
            models: vec![calibrator; 2],
        },
        input_tokens: vec![
            InputTokens {
                base: 0.0,
                per_char: 1.0
            };
            2
        ],
        output_tokens: Some(always([100.0, 50.0])),
        logged_cost: Some(always([0.01, 0.001])),
    }
}

fn artifact() -> Artifact {
    let point = |lambda, mean_cost_usd, mean_quality| CurvePoint {
        lambda,
        mean_cost_usd,
        mean_quality,
    };
    Artifact {
        cascade: None,
        model: model(),
        catalog: Catalog::default(),
        policy: PolicySpec::Utility { lambda: 10.0 },
        guarantee: None,
        curve: OperatingCurve(vec![point(100.0, 0.001, 0.6), point(0.0, 0.01, 0.9)]),
        trained_on: TrainedOn::from_iter([text_hash("seen")]),
        examples: vec![
            Example {
                id: "one".into(),
                text: None,
            },
            Example {
                id: "two".into(),
                text: Some("the second".into()),
            },
        ],
        seed: 0,
        data_fingerprint: "0123".into(),
        report: serde_json::Value::Null,
    }
}

fn router() -> Router {
    Router::new(artifact()).unwrap()
}

/// One million tokens in either direction cost this many dollars; `big` costs ten times that.
fn catalog(price: f64) -> Catalog {
    let card = |name: &str, price: f64| {
        let price = Some(UsdPerMillion::new(price).unwrap());
        ModelCard {
            input_usd_per_million: price,
            output_usd_per_million: price,
            context_window: Some(Tokens(1000)),
            ..ModelCard::unknown(name.into())
        }
    };
    Catalog::new(vec![card("big", 10.0 * price), card("small", price)]).unwrap()
}

fn ask(text: &str, limits: Limits) -> Request {
    Request {
        limits,
        ..Request::new(Prompt::from(text))
    }
}

fn decided(router: &Router, limits: Limits) -> (String, Reason) {
    let decision = router.decide(&ask("hello", limits)).unwrap();
    (decision.model.to_string(), decision.reason)
}

#[test]
fn logged_costs_stand_in_where_there_are_no_prices() {
    let costs: Vec<Usd> = router()
        .predict(&Prompt::from("hello"), None)
        .iter()
        .map(|seen| seen.cost)
        .collect();
    let close = |cost: Usd, expected: f64| (cost.as_f64() - expected).abs() < 1e-6;
    assert!(close(costs[0], 0.01) && close(costs[1], 0.001), "{costs:?}");
}

#[test]
fn prices_times_tokens_are_the_cost() {
    let priced = router().with_catalog(catalog(1.0)).unwrap();
    let costs = priced.predict(&Prompt::from("hello"), None);
    // Five characters are five tokens in; 100 and 50 tokens out.
    assert!(
        (costs[0].cost.as_f64() - 105.0 * 10e-6).abs() < 1e-8,
        "{costs:?}"
    );
    assert!(
        (costs[1].cost.as_f64() - 55.0 * 1e-6).abs() < 1e-8,
        "{costs:?}"
    );
}

#[test]
fn counted_tokens_replace_estimated_ones() {
    let priced = router().with_catalog(catalog(1.0)).unwrap();
    let cost = priced.predict(&Prompt::from("hello"), Some(Tokens(950)))[1].cost;
    assert!((cost.as_f64() - 1000.0 * 1e-6).abs() < 1e-8, "{cost}");
}

#[test]
fn a_model_without_any_cost_makes_no_router() {
    let mut artifact = artifact();
    artifact.model.logged_cost = Some(always([0.01, f32::NAN]));
    artifact.model.logged_cost.as_mut().unwrap().smearing[1] = f32::NAN;
    assert!(
        matches!(Router::new(artifact), Err(RouterError::NoCost(name)) if name.as_str() == "small")
    );
}

#[test]
fn the_policy_decides() {
    assert_eq!(
        decided(&router(), Limits::default()),
        ("big".into(), Reason::BestUtility)
    );
    let frugal = router()
        .with_policy(PolicySpec::Utility { lambda: 100.0 })
        .unwrap();
    assert_eq!(
        decided(&frugal, Limits::default()),
        ("small".into(), Reason::BestUtility)
    );
    let budget = router()
        .with_policy(PolicySpec::Budget {
            mean_cost: Usd::saturating(0.002),
        })
        .unwrap();
    assert_eq!(
        decided(&budget, Limits::default()),
        ("small".into(), Reason::WithinBudget)
    );
}

#[test]
fn a_request_with_a_least_quality_gets_the_cheapest_adequate_model() {
    let at_least = |quality| Limits {
        min_quality: Some(Quality::clamped(quality)),
        ..Limits::default()
    };
    assert_eq!(
        decided(&router(), at_least(0.45)),
        ("small".into(), Reason::CheapestAdequate)
    );
    assert_eq!(
        decided(&router(), at_least(0.7)),
        ("big".into(), Reason::CheapestAdequate)
    );
    assert_eq!(
        decided(&router(), at_least(0.95)),
        ("big".into(), Reason::NoneAdequate)
    );
}

#[test]
fn limits_that_nobody_meets_are_an_error_with_every_reason() {
    let limits = Limits {
        max_cost: Some(Usd::saturating(1e-6)),
        ..Limits::default()
    };
    let refused = router().decide(&ask("hello", limits)).unwrap_err();
    assert!(
        refused
            .candidates
            .iter()
            .all(|one| one.refusal == Some(Refusal::MaxCost))
    );
}

#[test]
fn a_prompt_too_long_for_every_window_is_refused() {
    let priced = router().with_catalog(catalog(1.0)).unwrap();
    let refused = priced
        .decide(&ask(&"x".repeat(1200), Limits::default()))
        .unwrap_err();
    assert!(matches!(
        refused.candidates[0].refusal,
        Some(Refusal::ContextWindow { .. })
    ));
}

#[test]
fn the_version_names_artifact_catalogue_and_policy() {
    let versions = [
        router(),
        router().with_catalog(catalog(1.0)).unwrap(),
        router().with_catalog(catalog(2.0)).unwrap(),
        router()
            .with_policy(PolicySpec::Utility { lambda: 11.0 })
            .unwrap(),
    ]
    .map(|router| router.policy_version().to_owned());
    let distinct: std::collections::BTreeSet<_> = versions.iter().collect();
    assert_eq!(distinct.len(), versions.len(), "{versions:?}");
    assert_eq!(router().policy_version(), versions[0]);
}

#[test]
fn a_saved_router_decides_as_before() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("router");
    artifact().save(&dir).unwrap();
    let opened = Router::open(&dir).unwrap();
    let request = ask("hello", Limits::default());
    assert_eq!(
        opened.decide(&request).unwrap().candidates,
        router().decide(&request).unwrap().candidates
    );
    assert!(
        opened.was_trained_on(&Prompt::from("seen"))
            && !opened.was_trained_on(&Prompt::from("new"))
    );
}

#[test]
fn a_saved_router_remembers_the_prompts_that_were_streamed() {
    let home = tempfile::tempdir().unwrap();
    let mut streamed = PromptFilter::for_prompts(1);
    streamed.insert(text_hash("streamed"));
    let mut artifact = artifact();
    artifact.trained_on = artifact.trained_on.with_streamed(streamed);
    artifact.save(&home.path().join("router")).unwrap();
    let opened = Router::open(&home.path().join("router")).unwrap();
    for (prompt, was_seen) in [("seen", true), ("streamed", true), ("new", false)] {
        assert_eq!(
            opened.was_trained_on(&Prompt::from(prompt)),
            was_seen,
            "{prompt}"
        );
    }
}

#[test]
fn a_budget_below_the_curve_is_refused() {
    let refused = router().with_policy(PolicySpec::Budget {
        mean_cost: Usd::saturating(0.0001),
    });
    assert!(matches!(refused, Err(RouterError::Policy(_))));
}

/// The same router, trained on prompts that all had known words.
fn particular() -> Router {
    let mut artifact = artifact();
    artifact.model.familiarity.least_known = 0.5;
    artifact.model.quality.context = Some(Grid::filled(1 + Representation::LATENT, 2, 0.05));
    Router::new(artifact).unwrap()
}

#[test]
fn an_unfamiliar_prompt_is_decided_by_the_means() {
    let decision = particular()
        .decide(&ask("unheard of", Limits::default()))
        .unwrap();
    assert_eq!(decision.reason, Reason::Unfamiliar);
    assert!(decision.familiarity.abs() < 1e-9);
    for (candidate, mean) in decision.candidates.iter().zip([0.9, 0.6]) {
        assert!(
            (candidate.quality.get() - mean).abs() < 1e-3,
            "{candidate:?}"
        );
        assert!(
            candidate.quality_lower.get().abs() < 1e-9,
            "it promises nothing"
        );
    }
}

#[test]
fn an_encoder_is_refused_by_a_router_without_one() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("router");
    artifact().save(&dir).unwrap();
    let encoding = Encoding {
        spec: Some("minilm:nowhere".parse().unwrap()),
        ..Encoding::default()
    };
    assert!(matches!(
        Router::open_with(&dir, &encoding),
        Err(RouterError::NoEncoder)
    ));
}

fn guaranteed() -> Artifact {
    let reference = "big".into();
    let policy = PolicySpec::Reference {
        model: "big".into(),
        lambda: 10.0,
    };
    Artifact {
        guarantee: Some(Guarantee {
            alpha: 0.05,
            delta: 0.1,
            risk: Guarantee::risk_against(&reference),
            reference,
            policy: policy.clone(),
            prompts: 500,
            prompts_at_worst: 3,
            measured: 0.03,
            bound: 0.045,
            method: "test".into(),
            saving: 0.25,
            categories: Vec::new(),
            assumption: Guarantee::ASSUMPTION.into(),
        }),
        policy,
        ..artifact()
    }
}

#[test]
fn a_guarantee_is_kept_with_the_router() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("router");
    guaranteed().save(&dir).unwrap();
    let opened = Router::open(&dir).unwrap();
    assert_eq!(opened.guarantee(), guaranteed().guarantee.as_ref());
    assert_eq!(opened.policy(), &guaranteed().policy);
}

#[test]
fn a_guarantee_ends_with_the_policy_and_the_prices_it_was_made_for() {
    let router = || Router::new(guaranteed()).unwrap();
    let same = router().with_policy(guaranteed().policy).unwrap();
    assert!(same.guarantee().is_some());
    let other = PolicySpec::Utility { lambda: 10.0 };
    assert_eq!(router().with_policy(other).unwrap().guarantee(), None);
    assert_eq!(
        router().with_catalog(catalog(1.0)).unwrap().guarantee(),
        None
    );
}

#[test]
fn a_reference_that_the_router_does_not_know_is_refused() {
    let unknown = PolicySpec::Reference {
        model: "huge".into(),
        lambda: 1.0,
    };
    assert!(matches!(
        router().with_policy(unknown),
        Err(RouterError::Policy(_))
    ));
}

fn taught(router: Router, model: usize, residual: f64) -> Router {
    let mut posterior = Posterior::new(router.model().prior.clone());
    let at = router.coordinates(&Prompt::from("hello"));
    for _ in 0..200 {
        posterior.learn(&at, model, residual, 0.2);
    }
    router
        .with_learned(Arc::new(Learned::nothing(posterior)))
        .unwrap()
}

#[test]
fn feedback_moves_qualities_and_the_version() {
    let before = router();
    let version = before.policy_version().to_owned();
    let quality = |router: &Router| {
        router.predict(&Prompt::from("hello"), None)[0]
            .quality
            .get()
    };
    let was = quality(&before);
    let after = taught(before, 0, -0.5);
    assert!(
        quality(&after) < was - 0.1,
        "{} from {was}",
        quality(&after)
    );
    assert_ne!(after.policy_version(), version);
    let decision = after.decide(&ask("hello", Limits::default())).unwrap();
    let learned = decision
        .candidates
        .iter()
        .find(|one| one.model.as_str() == "big")
        .unwrap()
        .learned;
    let predicted = learned.unwrap().predicted.get();
    assert!(
        (predicted - was).abs() < 1e-6,
        "what training predicted is kept"
    );
}

#[test]
fn what_was_learnt_of_other_models_is_refused() {
    let posterior = Posterior::new(Prior::independent(3));
    let error = router()
        .with_learned(Arc::new(Learned::nothing(posterior)))
        .unwrap_err();
    assert!(matches!(
        error,
        RouterError::OtherLearned {
            found: 3,
            expected: 2
        }
    ));
}

#[test]
fn only_requests_with_a_draw_explore() {
    let exploration = Exploration::Epsilon { share: 1.0 };
    let router = router().with_exploration(exploration).unwrap();
    let mut request = ask("hello", Limits::default());
    let best = router.decide(&request).unwrap();
    assert_eq!(best.propensity, Probability::ONE);
    request.draw = Some(Draw::new(0.5).unwrap());
    let explored = router.decide(&request).unwrap();
    assert_ne!(explored.model, best.model);
    assert_eq!(explored.reason, Reason::Explored);
}

/// What is said to move a prompt without known words, where one entry of the context counts.
fn influences_of(entry: usize) -> Vec<String> {
    let mut artifact = artifact();
    let seen = &mut artifact.model.representation;
    seen.surface_scale = vec![1.0; SURFACE_FEATURES];
    seen.rarity.scale = [1.0; RARITY_FEATURES];
    let mut weights = Grid::filled(1 + Representation::LATENT, 2, 0.0);
    weights.row_mut(entry)[0] = 0.05;
    artifact.model.quality.context = Some(weights);
    let router = Router::new(artifact).unwrap();
    let explanation = router.explain(&ask("Is it not so", Limits::default()));
    let influences = explanation.unwrap().influences.into_iter();
    influences.map(|influence| influence.feature).collect()
}

#[test]
fn dense_features_are_named_in_explanations() {
    let negation = SURFACE_NAMES
        .iter()
        .position(|name| *name == "negation_share");
    assert_eq!(influences_of(1 + negation.unwrap()), ["negation_share"]);
    let unknown = Representation::RARITY + 2;
    assert_eq!(influences_of(unknown), ["unknown_share"]);
}
