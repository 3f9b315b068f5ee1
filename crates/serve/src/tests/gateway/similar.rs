//! Answers that are given to similar questions, and those that are not.

use std::collections::BTreeMap;
use std::fs;

use pointsman_encoders::{EncoderKind, EncoderSpec};
use pointsman_keys::{Entry, Key};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

use super::*;
use crate::{AuthConfig, SemanticConfig};

/// Words and their vectors: the first two mean nearly the same.
const WORDS: [(&str, [f32; 3]); 4] = [
    ("[UNK]", [0.0, 0.0, 0.1]),
    ("purchase", [1.0, 0.05, 0.0]),
    ("buy", [1.0, 0.0, 0.0]),
    ("sell", [0.0, 1.0, 0.0]),
];

/// A directory of an encoder that knows these words.
fn encoder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = WORDS
        .iter()
        .flat_map(|(_, vector)| vector)
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let table = TensorView::new(Dtype::F32, vec![WORDS.len(), 3], &bytes).unwrap();
    let tensors = safetensors::serialize([("embeddings", table)], None).unwrap();
    fs::write(dir.path().join("model.safetensors"), tensors).unwrap();
    let vocabulary: BTreeMap<&str, usize> = WORDS.iter().map(|(word, _)| *word).zip(0..).collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [], "post_processor": null, "decoder": null,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "lowercase": true,
            "handle_chinese_chars": true, "strip_accents": null},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "max_input_chars_per_word": 100,
            "continuing_subword_prefix": "##", "vocab": vocabulary},
    });
    fs::write(dir.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let config = json!({"normalize": true}).to_string();
    fs::write(dir.path().join("config.json"), config).unwrap();
    dir
}

fn semantic(dir: &TempDir) -> SemanticConfig {
    SemanticConfig {
        models: vec!["auto".into()],
        encoder: Some(EncoderSpec {
            kind: EncoderKind::Static,
            dir: dir.path().to_owned(),
        }),
        threshold: 0.98,
        ..SemanticConfig::default()
    }
}

async fn site(change: impl FnOnce(&mut GatewayConfig)) -> Site {
    let dir = encoder();
    let says = [Act::Say("Yes."), Act::Say("No."), Act::Say("Perhaps.")];
    Site::changed(&says, &says, |gateway| {
        gateway.cache.ttl_s = 60;
        gateway.cache.semantic = semantic(&dir);
        change(gateway);
    })
    .await
}

fn question(text: &str) -> Value {
    json!({"model": "auto", "temperature": 0, "messages": [{"role": "user", "content": text}]})
}

/// What was said of the cache, and what was answered.
async fn told(site: &Site, body: &Value) -> (String, String) {
    let response = site.post("/v1/chat/completions", body).await;
    let cache = header(&response, "cache");
    (cache, response.text().await.unwrap())
}

/// Asks to buy, then this; how often the provider was called.
async fn check(site: &Site, first: &Value, second: &Value, calls: usize) {
    told(site, first).await;
    told(site, second).await;
    assert_eq!(site.small.heard().len(), calls, "{second}");
}

#[tokio::test]
async fn a_similar_question_gets_the_answer_that_is_there() {
    let site = site(|_| {}).await;
    let (cache, first) = told(&site, &question("Buy?")).await;
    assert_eq!(cache, "miss");
    let response = site
        .post("/v1/chat/completions", &question("Purchase?"))
        .await;
    assert_eq!(header(&response, "cache"), "semantic");
    assert_eq!(header(&response, "cost-usd"), "0");
    let similarity: f64 = header(&response, "cache-similarity").parse().unwrap();
    assert!((0.98..1.0).contains(&similarity), "{similarity}");
    assert!(response.headers().contains_key("age"));
    assert_eq!(response.text().await.unwrap(), first);
    assert_eq!(told(&site, &question("Sell?")).await.0, "miss");
    assert_eq!(told(&site, &question("Buy?")).await.0, "hit");
    assert_eq!(site.small.heard().len(), 2);
    let page = site.running.metrics().await;
    let line = "pointsman_cache_total{result=\"semantic\"} 1";
    assert!(page.contains(line), "{page}");
}

#[tokio::test]
async fn a_stream_gets_it_as_a_stream() {
    let site = site(|_| {}).await;
    told(&site, &question("Buy?")).await;
    let mut asked = question("Purchase?");
    asked["stream"] = json!(true);
    let (cache, text) = told(&site, &asked).await;
    assert_eq!(cache, "semantic");
    assert!(
        text.contains("Yes.") && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
}

#[tokio::test]
async fn all_but_the_last_text_must_be_equal() {
    let with = |field: &str, value: Value| {
        let mut asked = question("Purchase?");
        asked[field] = value;
        asked
    };
    let turn = |role: &str, text: &str| json!({"role": role, "content": text});
    for other in [
        with("max_tokens", json!(7)),
        with("user", json!("somebody else")),
        with("seed", json!(1)),
        with("model", json!("small")),
        with(
            "messages",
            json!([turn("system", "Briefly."), turn("user", "Purchase?")]),
        ),
        with(
            "messages",
            json!([
                turn("user", "Sell?"),
                turn("assistant", "No."),
                turn("user", "Purchase?")
            ]),
        ),
    ] {
        let site = site(|_| {}).await;
        check(&site, &question("Buy?"), &other, 2).await;
    }
}

#[tokio::test]
async fn what_may_not_be_shared_is_not() {
    let tools =
        json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let with = |text: &str, field: &str, value: Value| {
        let mut asked = question(text);
        asked[field] = value;
        asked
    };
    for (first, second) in [
        (
            with("Buy?", "tools", tools.clone()),
            with("Purchase?", "tools", tools),
        ),
        (
            with("Buy?", "temperature", json!(0.7)),
            with("Purchase?", "temperature", json!(0.7)),
        ),
        (
            with("Buy?", "temperature", Value::Null),
            with("Purchase?", "temperature", Value::Null),
        ),
        (
            question("Buy for ann@example.com?"),
            question("Purchase for bob@example.com?"),
        ),
    ] {
        let site = site(|_| {}).await;
        check(&site, &first, &second, 2).await;
    }
    let warm = site(|gateway| gateway.cache.semantic.any_temperature = true).await;
    let warmly = |text| with(text, "temperature", json!(0.7));
    check(&warm, &warmly("Buy?"), &warmly("Purchase?"), 1).await;
}

#[tokio::test]
async fn callers_say_what_they_want_of_it() {
    for cache in [json!({"no_cache": true}), json!({"no_store": true})] {
        let site = site(|_| {}).await;
        let mut second = question("Purchase?");
        second["pointsman"] = json!({"cache": cache});
        check(&site, &question("Buy?"), &second, 2).await;
    }
    let site = site(|_| {}).await;
    let mut first = question("Buy?");
    first["pointsman"] = json!({"cache": {"no_store": true}});
    check(&site, &first, &question("Purchase?"), 2).await;
}

#[tokio::test]
async fn keys_share_nothing() {
    let keys = [1, 2].map(|seed| Key::draw([seed; Key::ENTROPY_BYTES]));
    let auth = AuthConfig {
        required: None,
        keys: keys.iter().map(Entry::of).collect(),
    };
    let site = site(|gateway| gateway.auth = auth).await;
    for (key, text, calls) in [(0, "Buy?", 1), (1, "Purchase?", 2), (0, "Purchase?", 2)] {
        let asked = site
            .running
            .post("/v1/chat/completions", question(text).to_string());
        let response = asked.bearer_auth(keys[key].reveal()).send().await.unwrap();
        response.bytes().await.unwrap();
        assert_eq!(site.small.heard().len(), calls, "{text}");
    }
}

#[test]
fn settings_that_cannot_work_are_named() {
    let problems = |change: fn(&mut GatewayConfig)| {
        let dir = encoder();
        let mut config = GatewayConfig::default();
        config.cache.ttl_s = 60;
        config.cache.semantic = semantic(&dir);
        change(&mut config);
        config.problems(&|_| None).join("\n")
    };
    assert_eq!(problems(|_| {}), "");
    assert!(problems(|config| config.cache.ttl_s = 0).contains("cache.semantic: answers are kept"));
    let threshold = problems(|config| config.cache.semantic.threshold = 0.0);
    assert!(
        threshold.contains("cache.semantic.threshold: is 0"),
        "{threshold}"
    );
    let encoder = problems(|config| config.cache.semantic.encoder = None);
    assert!(
        encoder.contains("cache.semantic.encoder: is needed"),
        "{encoder}"
    );
}
