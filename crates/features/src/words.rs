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

/// Calls `visit` with the hash of each word, in order.
pub(crate) fn for_each_word(text: &str, mut visit: impl FnMut(u64)) {
    let mut hash = FNV_OFFSET;
    let mut open = false;
    for_each_character(text, |character| match character {
        Character::Ascii(byte) => match ASCII_IN_WORD[usize::from(byte)] {
            0 => close(&mut open, &mut hash, &mut visit),
            lower => {
                hash = absorb_byte(hash, lower);
                open = true;
            }
        },
        Character::Other(character) if !character.is_alphanumeric() => {
            close(&mut open, &mut hash, &mut visit);
        }
        Character::Other(character) if is_word_by_itself(character) => {
            close(&mut open, &mut hash, &mut visit);
            visit(finish(absorb(FNV_OFFSET, character)));
        }
        Character::Other(character) => {
            hash = absorb(hash, character);
            open = true;
        }
    });
    close(&mut open, &mut hash, &mut visit);
}

/// A character, told apart by its first byte.
#[derive(Clone, Copy)]
pub(crate) enum Character {
    /// Below 128.
    Ascii(u8),
    /// Everything else.
    Other(char),
}

/// Calls `visit` with each character, in order; ASCII is not decoded.
pub(crate) fn for_each_character(text: &str, mut visit: impl FnMut(Character)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii() {
            visit(Character::Ascii(*byte));
            at += 1;
        } else if let Some(character) = text[at..].chars().next() {
            visit(Character::Other(character));
            at += character.len_utf8();
        }
    }
}

fn close(open: &mut bool, hash: &mut u64, visit: &mut impl FnMut(u64)) {
    if std::mem::take(open) {
        visit(finish(std::mem::replace(hash, FNV_OFFSET)));
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

fn absorb_byte(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
}

/// Han, kana, Thai, Lao, Khmer, Burmese.
pub(crate) fn is_word_by_itself(character: char) -> bool {
    matches!(u32::from(character),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x2_FA1F)
}

/// The hash of two words in their order.
pub(crate) fn pair(first: u64, second: u64) -> u64 {
    finish(first.rotate_left(23) ^ second)
}

/// Spreads the entropy over all bits (the finaliser of `MurmurHash3`, 64 bits).
fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<u64> {
        let mut hashes = Vec::new();
        for_each_word(text, |hash| hashes.push(hash));
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
    fn order_matters_in_a_pair() {
        let hashes = words("dog bites");
        assert_ne!(pair(hashes[0], hashes[1]), pair(hashes[1], hashes[0]));
    }

    #[test]
    fn hashes_are_the_same_on_every_platform() {
        assert_eq!(words("route")[0], 3_645_697_970_271_963_525);
    }
}
