//! What is kept of a key: its SHA-256 (FIPS 180-4).
//!
//! A slow hash (Argon2, scrypt) is for passwords, which people choose among few. Here the secret is
//! 160 random bits: whoever has read the hashes must still try 2^159 keys on average, which no cost
//! per trial makes any less hopeless, while a slow hash would cost every request milliseconds and
//! callers without a key a way to keep the server busy. For the same reason there is no salt: no
//! table of that many keys can be made, and no two keys are alike.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

const PREFIX: &str = "sha256:";
const BYTES: usize = 32;

/// The SHA-256 of a whole key, written `sha256:` and 64 hexadecimal digits.
///
/// Comparing takes the same time wherever two hashes differ.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash([u8; BYTES]);

/// A text that is no hash of a key. It is not repeated, since it may be the key itself in the wrong
/// place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the hash of a key must be `sha256:` and 64 hexadecimal digits, as `pointsman key new` prints it"
)]
pub struct BadHash;

impl KeyHash {
    /// A hash that no key is known to have, to compare with where there is nothing to compare with.
    pub(crate) const NOBODY: Self = Self([0; BYTES]);

    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl ConstantTimeEq for KeyHash {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for KeyHash {}

impl FromStr for KeyHash {
    type Err = BadHash;
    fn from_str(text: &str) -> Result<Self, BadHash> {
        let digits = text.strip_prefix(PREFIX).ok_or(BadHash)?.as_bytes();
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != BYTES || !rest.is_empty() {
            return Err(BadHash);
        }
        let mut bytes = [0; BYTES];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

fn digit(character: u8) -> Result<u8, BadHash> {
    let value = char::from(character).to_digit(16).ok_or(BadHash)?;
    Ok(value as u8)
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

impl TryFrom<String> for KeyHash {
    type Error = BadHash;
    fn try_from(text: String) -> Result<Self, BadHash> {
        text.parse()
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// FIPS 180-4's example for `abc`.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn it_is_sha_256() {
        assert_eq!(KeyHash::of("abc").to_string(), ABC);
        assert_eq!(ABC.parse(), Ok(KeyHash::of("abc")));
        assert_eq!(ABC.replace("ba", "BA").parse(), Ok(KeyHash::of("abc")));
    }

    #[test]
    fn what_is_no_hash_is_refused_and_not_repeated() {
        let wrong = [
            String::new(),
            ABC.replace("sha256:", ""),
            ABC.replace("sha256", "md5"),
            ABC[..ABC.len() - 1].to_owned(),
            ABC[..ABC.len() - 2].to_owned(),
            format!("{ABC}00"),
            ABC.replace("ba", "bg"),
            ABC.replace("ba", "+a"),
            ABC.replace("ba", "é"),
        ];
        for text in wrong {
            assert_eq!(text.parse::<KeyHash>(), Err(BadHash), "{text}");
        }
        assert!(!BadHash.to_string().contains("ba78"));
    }

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", KeyHash::of("abc")), "KeyHash(..)");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text: String) {
            let hash = KeyHash::of(&text);
            prop_assert_eq!(hash.to_string().parse(), Ok(hash));
            prop_assert!(hash != KeyHash::NOBODY);
        }
    }
}
