//! Settings that are right, that change, and that are wrong in every way.

use std::sync::Arc;

use crate::gateway::settings::{GatewayConfig, ModelConfig, RouterConfig};

pub(crate) fn config(models: &str) -> GatewayConfig {
    #[derive(serde::Deserialize)]
    struct File {
        #[serde(default)]
        router: RouterConfig,
        models: Vec<ModelConfig>,
    }
    let file: File = toml::from_str(models).unwrap();
    GatewayConfig {
        router: file.router,
        models: file.models,
        ..GatewayConfig::default()
    }
}

const TWO: &str = r#"
    router = { default_model = "large", path = "models/quickstart" }
    [[models]]
    name = "small"
    deployments = [{ dialect = "openai", base_url = "http://127.0.0.1:4010/v1", api_key_env = "KEY" }]
    [[models]]
    name = "large"
    deployments = [{ dialect = "anthropic", base_url = "https://api.anthropic.com/v1" }]
    [[models]]
    name = "elsewhere"
"#;

fn environment(name: &str) -> Option<String> {
    (name == "KEY").then(|| "sk-1".to_owned())
}

#[test]
fn the_default_model_stands_first_and_others_are_not_called() {
    use crate::Decide;
    let fleet = config(TWO).fleet(&environment, None).ok().unwrap();
    let names: Vec<&str> = fleet
        .unrouted
        .models()
        .iter()
        .map(|name| name.as_str())
        .collect();
    assert_eq!(names, ["large", "small"]);
    assert_eq!(
        (fleet.place("large"), fleet.place("elsewhere")),
        (Some(1), None)
    );
    assert_eq!(fleet.router_name, "quickstart");
}

#[test]
fn back_ends_that_did_not_change_are_kept() {
    let before = config(TWO).fleet(&environment, None).ok().unwrap();
    let changed = TWO.replace("4010", "4011");
    let after = config(&changed)
        .fleet(&environment, Some(&before))
        .ok()
        .unwrap();
    let is_kept = |model: usize| {
        let [one, other] =
            [&before, &after].map(|fleet| fleet.members[model].pool.backends()[0].clone());
        Arc::ptr_eq(&one, &other)
    };
    assert!(!is_kept(0) && is_kept(1));
}

#[test]
fn where_the_default_model_cannot_be_called_the_first_answers() {
    let warnings = |text: &str| config(text).warnings();
    assert!(warnings(TWO).is_empty());
    let other = TWO.replacen("large", "elsewhere", 1);
    let told = "router.default_model: `elsewhere` has no deployments; `small` answers instead";
    assert_eq!(warnings(&other), [told]);
    assert!(config(&other).problems(&environment).is_empty());
    let nobody = "models = []\nrouter = { default_model = \"large\" }";
    let told = "router.default_model: `large` has no deployments; nor has any other model";
    assert_eq!(warnings(nobody), [told]);
}

#[test]
fn every_problem_is_told_at_once() {
    let problems = config(
        r#"
        router = { default_model = "tiny", limit_ms = 0 }
        [[models]]
        name = "auto"
        deployments = [
            { dialect = "smoke", base_url = "http://example.com/v1", api_key_env = "NONE", weight = 0.0, connect_ms = 0 },
            { dialect = "openai", base_url = "nonsense", headers = { "a b" = "c" }, breaker = { rate = 2.0, consecutive = 0 } },
        ]
        [[models]]
        name = "half"
        input_usd_per_million = 1.0
        "#,
    )
    .problems(&environment);
    let all = problems.join("\n");
    for says in [
        "price for one direction only",
        "auto: is a name that callers use",
        "auto/0: dialect `smoke` is unknown",
        "auto/0: `http://example.com/v1` would be called in the clear",
        "auto/0: the environment has no variable NONE",
        "auto/0: weight is 0",
        "auto/0: connect_ms: is 0",
        "auto/1: `nonsense` is no URL",
        "auto/1: headers.a b",
        "auto/1: breaker.rate: is 2",
        "auto/1: breaker.consecutive: is 0",
        "router.limit_ms: is 0",
    ] {
        assert!(all.contains(says), "{says} is not in\n{all}");
    }
}
