//! Base 32 in lower case (the alphabet of RFC 4648, section 6, without padding): five random bytes
//! are exactly eight characters, none of which needs quoting anywhere, and a double click selects
//! all of them.

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The characters of whole groups of five bytes.
pub(crate) fn encoded(bytes: &[u8]) -> impl Iterator<Item = char> + '_ {
    let (groups, _) = bytes.as_chunks::<5>();
    groups.iter().flat_map(|group| {
        let bits = group
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).map(move |at| char::from(ALPHABET[(bits >> (35 - 5 * at)) as usize & 31]))
    })
}

/// Whether a text has characters of the alphabet alone.
pub(crate) fn is_base32(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], text: &str) {
        assert_eq!(encoded(bytes).collect::<String>(), text);
    }

    #[test]
    fn groups_are_those_of_the_rfc() {
        check(b"", "");
        check(b"fooba", "mzxw6ytb");
        check(&[0; 5], "aaaaaaaa");
        check(&[255; 10], "7777777777777777");
    }

    proptest! {
        #[test]
        fn other_bytes_are_another_text(one: [u8; 10], other: [u8; 10]) {
            let (a, b): (String, String) = (encoded(&one).collect(), encoded(&other).collect());
            prop_assert_eq!(a == b, one == other);
            prop_assert!(a.len() == 16 && is_base32(&a));
        }
    }
}
