//! A text as token ids: the tokenizer of a model, and a memory of the words it has split before.
//!
//! Splitting a word takes a tokenizer microseconds, and most words of a prompt were in the prompts
//! before it. Where the tokenizer provably splits each word for itself (see [`Pieces`]), a word
//! that was seen is looked up instead; the ids are the same either way.

mod pieces;
mod seen;
mod vocabulary;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::EncoderError;
use pieces::Pieces;
use seen::SeenWords;

pub(crate) use vocabulary::{Casing, word_piece};

/// How much of a text is read, in bytes, so that no text costs more than this.
const READ: usize = 32 * 1024;

/// A tokenizer and what it needs to read a text.
pub(crate) struct Tokens {
    file: PathBuf,
    tokenizer: Tokenizer,
    pieces: Pieces,
    added: Vec<String>,
    seen: RwLock<SeenWords>,
    unknown: Option<u32>,
    before: Vec<u32>,
    after: Vec<u32>,
    most: usize,
}

impl Tokens {
    /// The tokenizer in the bytes of a `tokenizer.json`. Of a text it gives at most `most` ids.
    pub(crate) fn parse(file: &Path, bytes: &[u8], most: usize) -> Result<Self, EncoderError> {
        let settings: Value =
            serde_json::from_slice(bytes).map_err(|source| EncoderError::Json {
                file: file.to_owned(),
                source,
            })?;
        check_repeatable(file, &settings)?;
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|source| failed(file, source))?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|source| failed(file, source))?;
        let added = tokenizer.get_added_tokens_decoder().into_values();
        Ok(Self {
            file: file.to_owned(),
            pieces: Pieces::of(&settings),
            added: added.map(|token| token.content).collect(),
            seen: RwLock::default(),
            unknown: unknown(&tokenizer, &settings["model"]),
            before: Vec::new(),
            after: Vec::new(),
            most,
            tokenizer,
        })
    }

    /// From now on with the tokens that the model expects around a text, `[CLS]` and `[SEP]`.
    pub(crate) fn framed(mut self) -> Result<Self, EncoderError> {
        let framed = self.encode("a", true)?;
        let bare = self.encode("a", false)?;
        let start = (0..framed.len()).find(|start| framed[*start..].starts_with(&bare));
        let Some(start) = start else {
            return Err(EncoderError::Setting {
                file: self.file,
                setting: "post_processor",
                found: format!("one that makes {framed:?} of {bare:?}"),
                supported: "tokens before and after those of the text".into(),
            });
        };
        self.before = framed[..start].to_vec();
        self.after = framed[start + bare.len()..].to_vec();
        Ok(self)
    }

    /// The ids of the beginning of a text.
    pub(crate) fn read(&self, text: &str) -> Result<Vec<u32>, EncoderError> {
        let text = &text[..text.floor_char_boundary(READ)];
        let room = self.most.saturating_sub(self.after.len());
        let mut ids = self.before.clone();
        if !self.read_pieces(text, room, &mut ids)? {
            ids.truncate(self.before.len());
            ids.extend(self.encode(text, false)?);
        }
        ids.truncate(room);
        ids.extend(&self.after);
        Ok(ids)
    }

    /// Appends the ids of each piece, at least `room` in all if there are so many; false where the
    /// text must be read as a whole.
    fn read_pieces(
        &self,
        text: &str,
        room: usize,
        ids: &mut Vec<u32>,
    ) -> Result<bool, EncoderError> {
        let Some(pieces) = self.pieces.split(text) else {
            return Ok(false);
        };
        let mut learned = Vec::new();
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        for piece in pieces {
            if ids.len() >= room {
                break;
            }
            if let Some(known) = seen.get(piece) {
                ids.extend(known);
                continue;
            }
            if self.added.iter().any(|token| piece.contains(token)) {
                return Ok(false);
            }
            let start = ids.len();
            ids.extend(self.encode(piece, false)?);
            learned.push((piece, start..ids.len()));
        }
        drop(seen);
        self.remember(&learned, ids);
        Ok(true)
    }

    /// Keeps words for the next text, unless another thread is at it.
    fn remember(&self, words: &[(&str, Range<usize>)], ids: &[u32]) {
        if words.is_empty() {
            return;
        }
        if let Ok(mut seen) = self.seen.try_write() {
            for (word, at) in words {
                seen.insert(word, &ids[at.clone()]);
            }
        }
    }

    fn encode(&self, text: &str, framed: bool) -> Result<Vec<u32>, EncoderError> {
        let encoding = self.tokenizer.encode_fast(text, framed);
        encoding
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|source| failed(&self.file, source))
    }

    /// The id that stands for what the tokenizer does not know.
    pub(crate) fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    /// That each id is below `rows`, the rows of `tensor`.
    pub(crate) fn check_rows(&self, tensor: &str, rows: usize) -> Result<(), EncoderError> {
        let largest = self.tokenizer.get_vocab(true).into_values().max();
        match largest.filter(|token| *token as usize >= rows) {
            None => Ok(()),
            Some(token) => Err(EncoderError::Vocabulary {
                file: self.file.clone(),
                token,
                tensor: tensor.to_owned(),
                rows,
            }),
        }
    }

    /// The median length of a token, in characters, rounded down.
    pub(crate) fn median_length(&self) -> usize {
        let vocabulary = self.tokenizer.get_vocab(true).into_keys();
        let mut lengths: Vec<usize> = vocabulary.map(|token| token.chars().count()).collect();
        lengths.sort_unstable();
        let middle = |offset: usize| lengths.get(lengths.len().saturating_sub(offset) / 2);
        (middle(0).unwrap_or(&0) + middle(1).unwrap_or(&0)) / 2
    }
}

fn unknown(tokenizer: &Tokenizer, model: &Value) -> Option<u32> {
    match model["unk_token"].as_str() {
        Some(token) => tokenizer.token_to_id(token),
        None => model["unk_id"].as_u64().and_then(|id| id.try_into().ok()),
    }
}

/// Dropout makes a tokenizer give other ids each time.
fn check_repeatable(file: &Path, settings: &Value) -> Result<(), EncoderError> {
    match settings["model"]["dropout"].as_f64() {
        Some(dropout) if dropout > 0.0 => Err(EncoderError::Setting {
            file: file.to_owned(),
            setting: "model.dropout",
            found: dropout.to_string(),
            supported: "null".into(),
        }),
        _ => Ok(()),
    }
}

fn failed(file: &Path, source: tokenizers::Error) -> EncoderError {
    EncoderError::Tokenizer {
        file: file.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn special(id: usize, content: &str) -> Value {
        json!({"id": id, "content": content, "special": true, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false})
    }

    fn tokens(settings: &Value, most: usize) -> Tokens {
        let file = Path::new("tokenizer.json");
        Tokens::parse(file, settings.to_string().as_bytes(), most).unwrap()
    }

    /// As Llama 2 has it: byte pairs over a text whose spaces are marks.
    fn marked() -> Value {
        let tokens = [
            "<unk>",
            "<s>",
            "▁",
            "a",
            "b",
            "c",
            "ab",
            "▁a",
            "▁▁",
            "▁▁▁▁",
            "▁ab",
            "bc",
        ];
        let vocabulary: serde_json::Map<_, _> = tokens
            .iter()
            .enumerate()
            .map(|(id, token)| ((*token).to_owned(), json!(id)))
            .collect();
        json!({
            "version": "1.0",
            "added_tokens": [special(0, "<unk>"), special(1, "<s>")],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ]},
            "pre_tokenizer": null,
            "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true,
                "vocab": vocabulary,
                "merges": ["▁ a", "a b", "b c", "▁ ▁", "▁▁ ▁▁", "▁a b"]},
        })
    }

    fn words() -> Value {
        json!({
            "version": "1.0",
            "added_tokens": [special(0, "[UNK]"), special(1, "<s>")],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "lowercase": true,
                "handle_chinese_chars": true, "strip_accents": null},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "max_input_chars_per_word": 9,
                "continuing_subword_prefix": "##",
                "vocab": {"[UNK]": 0, "<s>": 1, "a": 2, "b": 3, "##b": 4, "##c": 5, "ab": 6,
                    ",": 7, "漢": 8, "e": 9}},
        })
    }

    /// Twice, so that the second reading finds the words of the first.
    fn check(settings: &Value, text: &str) {
        let tokens = tokens(settings, usize::MAX);
        assert_ne!(tokens.pieces, Pieces::Whole);
        let whole = tokens.encode(text, false).unwrap();
        assert_eq!(tokens.read(text).unwrap(), whole, "{text:?}");
        assert_eq!(tokens.read(text).unwrap(), whole, "{text:?}, again");
    }

    proptest! {
        #[test]
        fn pieces_give_the_ids_of_the_whole(
            text in "([abc]{1,3}| {1,5}|\n|\t|▁|<s>|,|é|É|e\u{301}|漢|\u{a0}|[a-c]{12}|x){0,12}",
        ) {
            check(&marked(), &text);
            check(&words(), &text);
        }
    }

    #[test]
    fn spaces_at_either_end_count() {
        for text in [
            "", " ", "  ", "a", "a ", " a", "a  ", "  a  b  ", "<s> a", "a <s> b",
        ] {
            check(&marked(), text);
            check(&words(), text);
        }
    }

    #[test]
    fn reading_stops_at_the_most_ids() {
        let tokens = tokens(&marked(), 3);
        assert_eq!(tokens.read("ab c ab c ab").unwrap().len(), 3);
        assert_eq!(tokens.read("<s>ab c ab c").unwrap().len(), 3);
        assert_eq!(tokens.read("a").unwrap().len(), 1);
    }

    #[test]
    fn a_text_is_framed_within_the_most_ids() {
        let mut settings = words();
        let place = json!({"SpecialToken": {"id": "<s>", "type_id": 0}});
        settings["post_processor"] = json!({"type": "TemplateProcessing",
            "single": [place, {"Sequence": {"id": "A", "type_id": 0}}, place], "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}});
        let tokens = tokens(&settings, 4).framed().unwrap();
        assert_eq!(tokens.read("").unwrap(), [1, 1]);
        assert_eq!(tokens.read("a b").unwrap(), [1, 2, 3, 1]);
        assert_eq!(tokens.read("a b a <s>").unwrap(), [1, 2, 3, 1]);
    }

    #[test]
    fn the_median_length_counts_characters() {
        assert_eq!(tokens(&marked(), 1).median_length(), 2);
    }
}
