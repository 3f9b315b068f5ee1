//! A WordPiece tokenizer from a bare list of tokens, `vocab.txt`, as old BERT directories have it.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Tokens;
use crate::EncoderError;

/// How the words of a `vocab.txt` were written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Casing {
    /// Text is lower-cased.
    pub(crate) lower: bool,
    /// Accents are stripped; by default where text is lower-cased.
    pub(crate) strip_accents: Option<bool>,
    /// Chinese characters are words.
    pub(crate) chinese: bool,
}

/// The tokenizer of a `vocab.txt`, one token a line, its id the number of the line from 0.
pub(crate) fn word_piece(
    file: &Path,
    bytes: &[u8],
    casing: Casing,
    most: usize,
) -> Result<Tokens, EncoderError> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().enumerate();
    let vocabulary: Map<String, Value> = lines
        .map(|(id, token)| (token.trim_end().to_owned(), json!(id)))
        .collect();
    let special = |token: &'static str| match vocabulary.get(token) {
        Some(id) => Ok((token, id.clone())),
        None => Err(EncoderError::Setting {
            file: file.to_owned(),
            setting: "the vocabulary",
            found: format!("without {token}"),
            supported: "one with [UNK], [CLS] and [SEP]".into(),
        }),
    };
    let specials = [special("[UNK]")?, special("[CLS]")?, special("[SEP]")?];
    let settings = settings(&vocabulary, &specials, casing);
    Tokens::parse(file, settings.to_string().as_bytes(), most)
}

/// What the `tokenizer.json` of such a model holds.
fn settings(vocabulary: &Map<String, Value>, specials: &[(&str, Value)], casing: Casing) -> Value {
    let added: Vec<Value> = specials
        .iter()
        .map(|(token, id)| {
            json!({"id": id, "content": token, "special": true, "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false})
        })
        .collect();
    let place = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let frame: Map<String, Value> = specials[1..]
        .iter()
        .map(|(token, id)| {
            let content = json!({"id": token, "ids": [id], "tokens": [token]});
            ((*token).to_owned(), content)
        })
        .collect();
    json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "lowercase": casing.lower,
            "handle_chinese_chars": casing.chinese, "strip_accents": casing.strip_accents},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [place("[CLS]"), text, place("[SEP]")], "pair": [], "special_tokens": frame},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "max_input_chars_per_word": 100,
            "continuing_subword_prefix": "##", "vocab": vocabulary},
    })
}
