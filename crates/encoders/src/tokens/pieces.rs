//! Where a text may be cut so that its pieces, each tokenized for itself, give the ids of the
//! whole.

use serde_json::{Value, json};

/// What stands for a space in tokens of the SentencePiece family.
const MARK: char = '\u{2581}';

/// How texts fall into pieces, by what the tokenizer's settings prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pieces {
    /// Nothing is proven.
    Whole,
    /// BERT's normalizer and splitter: no token reaches over white space.
    Words,
    /// Byte pairs over a text whose spaces became marks, where no merge joins a mark to what
    /// stands before it (Llama 2): a piece is a run of spaces and the word after it.
    Marked,
}

impl Pieces {
    /// What the settings in a `tokenizer.json` prove.
    pub(crate) fn of(settings: &Value) -> Self {
        let plain = settings["added_tokens"].as_array();
        if !plain.is_none_or(|tokens| tokens.iter().all(is_plain)) {
            return Self::Whole;
        }
        let splitter = &settings["pre_tokenizer"];
        if settings["normalizer"]["type"] == "BertNormalizer"
            && splitter["type"] == "BertPreTokenizer"
        {
            Self::Words
        } else if marks_spaces(&settings["normalizer"])
            && splitter.is_null()
            && never_joins_words(&settings["model"])
        {
            Self::Marked
        } else {
            Self::Whole
        }
    }

    /// The pieces of a text, or `None` where it must stay whole.
    pub(crate) fn split(self, text: &str) -> Option<impl Iterator<Item = &str>> {
        let step = match self {
            Self::Whole => return None,
            Self::Words => word,
            Self::Marked => marked,
        };
        let mut rest = text;
        Some(std::iter::from_fn(move || {
            let (piece, after) = step(rest)?;
            rest = after;
            Some(piece)
        }))
    }
}

/// The first word, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
    let start = text.bytes().position(|byte| !blank(&byte))?;
    let text = &text[start..];
    let len = text.bytes().position(|byte| blank(&byte));
    Some(text.split_at(len.unwrap_or(text.len())))
}

/// The spaces at the start and the word after them. The space that separates it from what follows
/// is dropped, since the normalizer puts a mark before every text but the empty one.
fn marked(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    let space = |char| char == ' ' || char == MARK;
    let word = text.trim_start_matches(space);
    let end = word.find(space).unwrap_or(word.len());
    let (piece, after) = text.split_at(text.len() - word.len() + end);
    let mut after_separator = after.chars();
    after_separator.next();
    match after_separator.as_str() {
        "" => Some((text, "")),
        rest => Some((piece, rest)),
    }
}

/// Whether an added token is found by its text alone, and within one piece.
fn is_plain(token: &Value) -> bool {
    let flags = ["single_word", "lstrip", "rstrip", "normalized"];
    let content = token["content"].as_str().unwrap_or_default();
    flags.iter().all(|flag| token[flag] == false)
        && !content.contains(|char: char| char.is_whitespace() || char == MARK)
}

fn marks_spaces(normalizer: &Value) -> bool {
    *normalizer
        == json!({"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": MARK},
            {"type": "Replace", "pattern": {"String": " "}, "content": MARK},
        ]})
}

fn never_joins_words(model: &Value) -> bool {
    let absent = |setting: &str| model[setting].is_null() || model[setting] == false;
    let merges = model["merges"].as_array();
    model["type"] == "BPE"
        && absent("ignore_merges")
        && absent("continuing_subword_prefix")
        && absent("end_of_word_suffix")
        && !model["vocab"][MARK.to_string()].is_null()
        && merges.is_some_and(|merges| !merges.iter().any(joins_words))
}

/// Whether a merge puts a mark behind something that does not end in one.
fn joins_words(merge: &Value) -> bool {
    let pair = match merge {
        Value::String(pair) => pair.split_once(' '),
        pair => pair[0].as_str().zip(pair[1].as_str()),
    };
    pair.is_none_or(|(left, right)| !left.ends_with(MARK) && right.starts_with(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: Pieces, text: &str, expected: &[&str]) {
        let found: Vec<&str> = pieces.split(text).unwrap().collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn words_are_what_stands_between_white_space() {
        check(Pieces::Words, "", &[]);
        check(Pieces::Words, " \n", &[]);
        check(Pieces::Words, "one,two\t three\r\n", &["one,two", "three"]);
    }

    #[test]
    fn marked_pieces_keep_all_spaces_but_the_separating_one() {
        check(Pieces::Marked, "", &[]);
        check(Pieces::Marked, "one two", &["one", "two"]);
        check(Pieces::Marked, " one   two", &[" one", "  two"]);
        check(Pieces::Marked, "one two ", &["one", "two "]);
        check(Pieces::Marked, "  ", &["  "]);
        check(Pieces::Marked, "a\nb c", &["a\nb", "c"]);
        check(Pieces::Marked, "a\u{2581} b", &["a", " b"]);
    }

    fn llama(merges: Value) -> Value {
        json!({
            "added_tokens": [{"content": "<s>", "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false}],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ]},
            "pre_tokenizer": null,
            "model": {"type": "BPE", "vocab": {"▁": 0}, "merges": merges},
        })
    }

    #[test]
    fn merges_within_words_allow_marked_pieces() {
        assert_eq!(Pieces::of(&llama(json!(["▁ t", "▁t he"]))), Pieces::Marked);
        assert_eq!(Pieces::of(&llama(json!([["▁", "▁"]]))), Pieces::Marked);
    }

    #[test]
    fn a_merge_across_words_forbids_pieces() {
        assert_eq!(Pieces::of(&llama(json!([["of", "▁the"]]))), Pieces::Whole);
        assert_eq!(Pieces::of(&llama(json!(["e ▁"]))), Pieces::Whole);
    }

    #[test]
    fn an_added_token_that_eats_spaces_forbids_pieces() {
        let mut settings = llama(json!([]));
        settings["added_tokens"][0]["lstrip"] = json!(true);
        assert_eq!(Pieces::of(&settings), Pieces::Whole);
    }

    #[test]
    fn an_unknown_tokenizer_reads_whole_texts() {
        assert_eq!(Pieces::of(&json!({"model": {}})), Pieces::Whole);
        assert!(Pieces::Whole.split("one two").is_none());
    }
}
