//! A client's key: `pm-<public id>-<secret>`, as it is drawn, shown once and presented. What is kept
//! of it is its hash, in `hash.rs`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use crate::base32;
use crate::hash::KeyHash;

const PREFIX: &str = "pm-";
const ID_BYTES: usize = 5;
const ID_CHARS: usize = ID_BYTES * 8 / 5;
const SECRET_BYTES: usize = 20;
const SECRET_CHARS: usize = SECRET_BYTES * 8 / 5;

/// A client's key, secret part and all: 44 characters, of which the public id has 40 random bits and
/// the secret 160.
///
/// It has no `Debug`, no `Display`, no serialisation and no copy, so that it cannot get into a log,
/// an error or an answer; its memory is cleared when it goes.
pub struct Key(Zeroizing<String>);

/// What was presented is not of the form of a key. It does not say what it was, nor where it went
/// wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key")]
pub struct Malformed;

impl Key {
    /// The random bytes that a key takes.
    pub const ENTROPY_BYTES: usize = ID_BYTES + SECRET_BYTES;

    /// The key of these random bytes. They must come from the operating system's generator and be
    /// used for nothing else.
    #[must_use]
    pub fn draw(mut entropy: [u8; Self::ENTROPY_BYTES]) -> Self {
        let (id, secret) = entropy.split_at(ID_BYTES);
        let length = PREFIX.len() + ID_CHARS + 1 + SECRET_CHARS;
        // Its final size at once: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(length));
        text.push_str(PREFIX);
        text.extend(base32::encoded(id));
        text.push('-');
        text.extend(base32::encoded(secret));
        entropy.zeroize();
        Self(text)
    }

    /// Reads a key that was presented.
    ///
    /// # Errors
    /// It is not `pm-`, 8 characters, `-` and 32 characters of `a` to `z` and `2` to `7`.
    pub fn parse(presented: &str) -> Result<Self, Malformed> {
        let parts = presented
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'));
        let is_key = parts.is_some_and(|(id, secret)| {
            is_text_of(id, ID_CHARS) && is_text_of(secret, SECRET_CHARS)
        });
        is_key
            .then(|| Self(Zeroizing::new(presented.to_owned())))
            .ok_or(Malformed)
    }

    /// The whole key, for the one time that it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its public part, which may be shown and logged.
    #[must_use]
    pub fn id(&self) -> PublicId {
        let id = &self.0[PREFIX.len()..PREFIX.len() + ID_CHARS];
        id.parse().expect("a key's id was checked when it was made")
    }

    /// What is kept of it. The public part is hashed too, so that a hash fits no other id.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}

fn is_text_of(text: &str, chars: usize) -> bool {
    text.len() == chars && base32::is_base32(text)
}

/// The public part of a key: 8 characters of `a` to `z` and `2` to `7`. Names the key in settings,
/// logs and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicId([u8; ID_CHARS]);

/// A text that is no public id. It is not repeated, since it may be a whole key in the wrong place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the id of a key must be 8 characters of `a` to `z` and `2` to `7`, as `pointsman key new` prints it"
)]
pub struct BadPublicId;

impl PublicId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("base 32 is ASCII")
    }
}

impl FromStr for PublicId {
    type Err = BadPublicId;
    fn from_str(text: &str) -> Result<Self, BadPublicId> {
        let bytes = text.as_bytes().try_into().map_err(|_| BadPublicId)?;
        base32::is_base32(text)
            .then_some(Self(bytes))
            .ok_or(BadPublicId)
    }
}

impl TryFrom<String> for PublicId {
    type Error = BadPublicId;
    fn try_from(text: String) -> Result<Self, BadPublicId> {
        text.parse()
    }
}

impl From<PublicId> for String {
    fn from(id: PublicId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ConstantTimeEq for PublicId {
    fn ct_eq(&self, other: &Self) -> Choice {
        // As one number: byte by byte it takes five times as long.
        u64::from_ne_bytes(self.0).ct_eq(&u64::from_ne_bytes(other.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "pm-abcdefgh-234567abcdefghijklmnopqrstuvwxyz";

    #[test]
    fn a_key_is_read() {
        let key = Key::parse(KEY).ok().unwrap();
        assert_eq!(key.id().as_str(), "abcdefgh");
        assert_eq!(key.reveal(), KEY);
    }

    #[test]
    fn what_is_no_key_is_refused_in_one_way() {
        let wrong = [
            "",
            "pm-",
            "pm--",
            "sk-abcdefgh-234567abcdefghijklmnopqrstuvwxyz",
            "pm-abcdefg-234567abcdefghijklmnopqrstuvwxyz",
            "pm-abcdefgh-234567abcdefghijklmnopqrstuvwxy",
            "pm-abcdefgh-234567abcdefghijklmnopqrstuvwxyza",
            "pm-abcdefgh234567abcdefghijklmnopqrstuvwxyz",
            "pm-ABCDEFGH-234567abcdefghijklmnopqrstuvwxyz",
            "pm-abcdefgh-234567abcdefghijklmnopqrstuvwxy1",
            "pm-abcdefgh-234567abcdefghijklmnopqrstuvwx-z",
            "pm-abcdefgh-234567abcdefghijklmnopqrstuvwxy\u{e9}",
            " pm-abcdefgh-234567abcdefghijklmnopqrstuvwxyz",
            "pm-abcdefgh-234567abcdefghijklmnopqrstuvwxyz\n",
        ];
        for text in wrong {
            assert_eq!(Key::parse(text).err(), Some(Malformed), "{text:?}");
        }
    }

    #[test]
    fn a_wrong_id_is_not_repeated() {
        let error = KEY.parse::<PublicId>().unwrap_err().to_string();
        assert!(!error.contains("abcdefgh"), "{error}");
        for text in ["", "abcdefg", "ABCDEFGH", "abcdefg\u{e9}", "abcdefg1"] {
            assert_eq!(text.parse::<PublicId>(), Err(BadPublicId), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_drawn_is_read(entropy: [u8; Key::ENTROPY_BYTES]) {
            let drawn = Key::draw(entropy);
            let read = Key::parse(drawn.reveal()).ok().unwrap();
            prop_assert_eq!(read.id(), drawn.id());
            prop_assert_eq!(read.hash(), drawn.hash());
        }

        #[test]
        fn every_bit_counts(entropy: [u8; Key::ENTROPY_BYTES], bit in 0..8 * Key::ENTROPY_BYTES) {
            let mut other = entropy;
            other[bit / 8] ^= 1 << (bit % 8);
            let (one, other) = (Key::draw(entropy), Key::draw(other));
            prop_assert_ne!(one.reveal(), other.reveal());
            prop_assert_ne!(one.hash(), other.hash());
            prop_assert_eq!(one.id() == other.id(), bit / 8 >= ID_BYTES);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(pm-)?[a-z2-7]{0,9}-?\\PC{0,40}") {
            if let Ok(key) = Key::parse(&text) {
                prop_assert_eq!(key.reveal(), text);
            }
        }
    }
}
