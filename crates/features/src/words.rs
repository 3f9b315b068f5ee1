//! Words and their hashes.
//!
//! A word is a run of letters and digits, in lower case. Scripts written without spaces count
//! every character as a word, since a run there is a whole sentence.

/// FNV-1a, 64 bits: a few cycles a byte on short words, and the same on every platform.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// For each ASCII byte, the byte that a word takes in: lower case, or 0 where no word goes on.
/// Nearly all text is ASCII, and a table is several times faster than the Unicode rules.
const ASCII_IN_WORD: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

/// Kinds of characters that occur in a word.
pub(crate) const LOWER: u8 = 1;
pub(crate) const UPPER: u8 = 2;
pub(crate) const DIGIT: u8 = 4;
/// Letters that have no case, and number signs that are no digits.
const CASELESS: u8 = 8;
const NON_ASCII: u8 = 16;

/// The kinds of each ASCII byte.
const ASCII_KINDS: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            _ => 0,
        };
        byte += 1;
    }
    table
};

fn kinds(character: char) -> u8 {
    let kind = match character {
        _ if character.is_lowercase() => LOWER,
        _ if character.is_uppercase() => UPPER,
        _ if character.is_numeric() => DIGIT,
        _ => CASELESS,
    };
    kind | NON_ASCII
}

/// A word where it stands in a text.
#[derive(Clone, Copy)]
pub(crate) struct Word<'a> {
    /// Of its lower case.
    pub(crate) hash: u64,
    /// As written.
    pub(crate) text: &'a str,
    /// What stands between the word before, or the beginning, and this one.
    pub(crate) gap: &'a str,
    kinds: u8,
}

impl Word<'_> {
    /// Whether a character of one of these kinds occurs.
    pub(crate) fn has(&self, kinds: u8) -> bool {
        self.kinds & kinds != 0
    }

    /// Whether no character is of another kind.
    pub(crate) fn is_all(&self, kind: u8) -> bool {
        self.kinds & !NON_ASCII == kind
    }

    /// Length in characters.
    pub(crate) fn chars(&self) -> usize {
        match self.has(NON_ASCII) {
            true => self.text.chars().count(),
            false => self.text.len(),
        }
    }
}

/// Calls `visit` with each word, in order. Returns what stands after the last one.
pub(crate) fn for_each_word<'a>(text: &'a str, visit: impl FnMut(Word<'a>)) -> &'a str {
    let mut cutter = Cutter {
        text,
        visit,
        hash: FNV_OFFSET,
        kinds: 0,
        start: 0,
        end_of_last: 0,
    };
    for_each_character(text, |at, character| match character {
        Character::Ascii(byte) => match ASCII_IN_WORD[usize::from(byte)] {
            0 => cutter.close(at),
            lower => {
                cutter.open(at, ASCII_KINDS[usize::from(byte)]);
                cutter.hash = absorb_byte(cutter.hash, lower);
            }
        },
        Character::Other(character) if !character.is_alphanumeric() => cutter.close(at),
        Character::Other(character) if is_word_by_itself(character) => {
            cutter.close(at);
            cutter.take(at, character);
            cutter.close(at + character.len_utf8());
        }
        Character::Other(character) => cutter.take(at, character),
    });
    cutter.close(text.len());
    &text[cutter.end_of_last..]
}

/// Cuts a text into words, character by character.
struct Cutter<'a, V> {
    text: &'a str,
    visit: V,
    hash: u64,
    /// Of the word that is open; 0 where none is.
    kinds: u8,
    start: usize,
    end_of_last: usize,
}

impl<'a, V: FnMut(Word<'a>)> Cutter<'a, V> {
    fn open(&mut self, at: usize, kinds: u8) {
        if self.kinds == 0 {
            self.start = at;
        }
        self.kinds |= kinds;
    }

    fn take(&mut self, at: usize, character: char) {
        self.open(at, kinds(character));
        self.hash = absorb(self.hash, character);
    }

    fn close(&mut self, at: usize) {
        if self.kinds == 0 {
            return;
        }
        (self.visit)(Word {
            hash: finish(std::mem::replace(&mut self.hash, FNV_OFFSET)),
            text: &self.text[self.start..at],
            gap: &self.text[self.end_of_last..self.start],
            kinds: std::mem::take(&mut self.kinds),
        });
        self.end_of_last = at;
    }
}

/// The hash of a word in lower-case ASCII.
pub(crate) const fn hash(word: &str) -> u64 {
    let bytes = word.as_bytes();
    let (mut hash, mut at) = (FNV_OFFSET, 0);
    while at < bytes.len() {
        hash = absorb_byte(hash, bytes[at]);
        at += 1;
    }
    finish(hash)
}

/// A character, told apart by its first byte.
#[derive(Clone, Copy)]
pub(crate) enum Character {
    /// Below 128.
    Ascii(u8),
    /// Everything else.
    Other(char),
}

/// Calls `visit` with each character, in order, and where it begins; ASCII is not decoded.
pub(crate) fn for_each_character(text: &str, mut visit: impl FnMut(usize, Character)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii() {
            visit(at, Character::Ascii(*byte));
            at += 1;
        } else if let Some(character) = text[at..].chars().next() {
            visit(at, Character::Other(character));
            at += character.len_utf8();
        }
    }
}

fn absorb(hash: u64, character: char) -> u64 {
    character.to_lowercase().fold(hash, |hash, lower| {
        let mut bytes = [0; 4];
        lower
            .encode_utf8(&mut bytes)
            .bytes()
            .fold(hash, absorb_byte)
    })
}

const fn absorb_byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(FNV_PRIME)
}

/// Han, kana, Thai, Lao, Khmer, Burmese.
fn is_word_by_itself(character: char) -> bool {
    matches!(u32::from(character),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x2_FA1F)
}

/// The hash of two words in their order.
pub(crate) fn pair(first: u64, second: u64) -> u64 {
    finish(first.rotate_left(23) ^ second)
}

/// Spreads the entropy over all bits (the finaliser of `MurmurHash3`, 64 bits).
const fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<u64> {
        let mut hashes = Vec::new();
        for_each_word(text, |word| hashes.push(word.hash));
        hashes
    }

    fn check_same(left: &str, right: &str) {
        assert_eq!(words(left), words(right), "{left:?} and {right:?}");
    }

    #[test]
    fn case_and_punctuation_do_not_matter() {
        check_same("What is 2+2?", "what IS 2 2");
    }

    #[test]
    fn case_does_not_matter_beyond_ascii() {
        check_same("ÄRGER Ñandú", "ärger ñandú");
    }

    #[test]
    fn han_characters_are_words() {
        assert_eq!(words("天气预报").len(), 4);
    }

    #[test]
    fn a_word_ends_where_a_han_character_begins() {
        check_same("GPT天气", "gpt 天 气");
    }

    #[test]
    fn no_text_has_no_words() {
        assert!(words(" \n\t…!").is_empty());
    }

    #[test]
    fn a_word_knows_what_stands_before_it() {
        let mut found = Vec::new();
        let rest = for_each_word("“Set, (GPT天2)…", |word| {
            found.push((word.gap, word.text))
        });
        assert_eq!(found, [("“", "Set"), (", (", "GPT"), ("", "天"), ("", "2")]);
        assert_eq!(rest, ")…");
    }

    #[test]
    fn a_word_knows_its_kinds() {
        let check = |text: &str, chars: usize, is_capitals: bool, is_number: bool| {
            for_each_word(text, |word| {
                assert_eq!(word.chars(), chars, "{text}");
                assert_eq!(word.has(UPPER) && !word.has(LOWER), is_capitals, "{text}");
                assert_eq!(word.is_all(DIGIT), is_number, "{text}");
            });
        };
        check("ÄRGER", 5, true, false);
        check("B2", 2, true, false);
        check("Ärger", 5, false, false);
        check("2026", 4, false, true);
        check("天", 1, false, false);
    }

    #[test]
    fn a_constant_hash_is_that_of_the_word() {
        assert_eq!(words("Which")[0], hash("which"));
    }

    #[test]
    fn order_matters_in_a_pair() {
        let hashes = words("dog bites");
        assert_ne!(pair(hashes[0], hashes[1]), pair(hashes[1], hashes[0]));
    }

    #[test]
    fn hashes_are_the_same_on_every_platform() {
        assert_eq!(words("route")[0], 3_645_697_970_271_963_525);
    }
}
