//! Where the lines of a chunk end.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The index of the first carriage return or line feed from `from` on.
pub(super) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(word) = bytes.get(at..at + 8) {
        let found = breaks(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    let found = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    found.map(|found| at + found)
}

/// The high bit of the first line break of a word is set, and none below it.
fn breaks(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    zero(word ^ (ONES * u64::from(b'\r'))) | zero(word ^ (ONES * u64::from(b'\n')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_word_loop_equals_the_byte_loop(bytes in prop::collection::vec(8u8..16, 0..40), from in 0usize..40) {
            let simple = bytes.iter().enumerate().skip(from).find(|(_, byte)| matches!(byte, b'\r' | b'\n'));
            prop_assert_eq!(end(&bytes, from), simple.map(|(at, _)| at));
        }
    }
}
