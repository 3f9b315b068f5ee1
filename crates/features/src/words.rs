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
    /// The last four bytes of its lower case, the last one lowest; 0 for those that are not there or
    /// stand before a character that is not ASCII.
    pub(crate) ending: u32,
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

/// The words of a text, in order.
pub(crate) struct Words<'a> {
    text: &'a str,
    /// Where the last word ended.
    at: usize,
}

impl<'a> Words<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What stands after the last word that was taken.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    #[inline]
    fn next(&mut self) -> Option<Word<'a>> {
        let start = start_of_word(self.text, self.at)?;
        let read = read_word(self.text, start);
        let word = Word {
            hash: finish(read.hash),
            text: &self.text[start..read.end],
            gap: &self.text[self.at..start],
            ending: read.ending,
            kinds: read.kinds,
        };
        self.at = read.end;
        Some(word)
    }
}

/// Where the first word from there on begins.
#[inline]
fn start_of_word(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match character(text, at)? {
            Character::Ascii(byte) if ASCII_IN_WORD[usize::from(byte)] == 0 => at += 1,
            Character::Other(other) if !other.is_alphanumeric() => at += other.len_utf8(),
            _ => return Some(at),
        }
    }
}

/// What is known of a word after its characters were read.
struct Read {
    end: usize,
    hash: u64,
    kinds: u8,
    ending: u32,
}

impl Read {
    #[inline]
    fn take(&mut self, lower: u8, kinds: u8) {
        self.hash = absorb_byte(self.hash, lower);
        self.ending = self.ending << 8 | u32::from(lower);
        self.kinds |= kinds;
        self.end += 1;
    }

    #[cold]
    fn take_other(&mut self, character: char) {
        self.hash = absorb(self.hash, character);
        self.ending = 0;
        self.kinds |= kinds(character);
        self.end += character.len_utf8();
    }
}

/// Reads the word that starts there.
#[inline]
fn read_word(text: &str, start: usize) -> Read {
    let mut read = Read {
        end: start,
        hash: FNV_OFFSET,
        kinds: 0,
        ending: 0,
    };
    while let Some(next) = character(text, read.end) {
        match next {
            Character::Ascii(byte) => match ASCII_IN_WORD[usize::from(byte)] {
                0 => break,
                lower => read.take(lower, ASCII_KINDS[usize::from(byte)]),
            },
            Character::Other(other) if !other.is_alphanumeric() => break,
            Character::Other(other) if is_word_by_itself(other) => {
                if read.end == start {
                    read.take_other(other);
                }
                break;
            }
            Character::Other(other) => read.take_other(other),
        }
    }
    read
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

/// The character that begins there; ASCII is not decoded.
#[inline]
fn character(text: &str, at: usize) -> Option<Character> {
    let byte = *text.as_bytes().get(at)?;
    match byte.is_ascii() {
        true => Some(Character::Ascii(byte)),
        false => text[at..].chars().next().map(Character::Other),
    }
}

/// Calls `visit` with each character, in order.
///
/// Runs of ASCII go through as bytes, without a look at where the next character begins.
#[inline]
pub(crate) fn for_each_character(text: &str, mut visit: impl FnMut(Character)) {
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().take_while(u8::is_ascii).count();
        let (run, other) = rest.split_at(ascii);
        run.bytes().for_each(|byte| visit(Character::Ascii(byte)));
        let mut others = other.chars();
        others
            .next()
            .into_iter()
            .for_each(|other| visit(Character::Other(other)));
        rest = others.as_str();
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
        Words::of(text).map(|word| word.hash).collect()
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
        let mut cut = Words::of("“Set, (GPT天2)…");
        let found: Vec<_> = cut.by_ref().map(|word| (word.gap, word.text)).collect();
        assert_eq!(found, [("“", "Set"), (", (", "GPT"), ("", "天"), ("", "2")]);
        assert_eq!(cut.rest(), ")…");
    }

    #[test]
    fn a_word_knows_its_kinds() {
        let check = |text: &str, chars: usize, is_capitals: bool, is_number: bool| {
            let word = Words::of(text).next().unwrap();
            assert_eq!(word.chars(), chars, "{text}");
            assert_eq!(word.has(UPPER) && !word.has(LOWER), is_capitals, "{text}");
            assert_eq!(word.is_all(DIGIT), is_number, "{text}");
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
