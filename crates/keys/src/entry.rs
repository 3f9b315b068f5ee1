//! What the settings say of a key: `[[auth.keys]]`. Not whether a presented one fits: `keyring.rs`.

use std::collections::BTreeSet;

use pointsman_types::ModelName;
use serde::{Deserialize, Serialize};

use crate::{Expiry, Key, KeyHash, Keyring, KeyringError, PublicId};

/// The table `[auth]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The keys that exist.
    pub keys: Vec<Entry>,
}

impl Config {
    /// The keys, ready to be asked.
    ///
    /// # Errors
    /// Two have the same id.
    pub fn check(&self) -> Result<Keyring, KeyringError> {
        Keyring::new(self.keys.iter().cloned())
    }
}

/// A key as it is kept: its hash, and what its bearer may do.
///
/// A key is rotated by a second entry, and an `expires` of the first one that leaves time to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The public part of the key.
    pub id: PublicId,
    /// The hash of the key.
    pub hash: KeyHash,
    /// Whose it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The models it may use, and no others; all where absent, none where empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<BTreeSet<ModelName>>,
    /// The tier of its requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Where it has no tier, each of its requests may name one that conditions believe: for an
    /// application that knows the tiers of its own users.
    #[serde(default, skip_serializing_if = "is_false")]
    pub names_tier: bool,
    /// Its requests are never used to explore.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_explore: bool,
    /// From when on it is refused; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
    /// It is refused now.
    #[serde(default, skip_serializing_if = "is_false")]
    pub blocked: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Entry {
    /// The entry of a new key, which may use every model and never expires.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        Self {
            id: key.id(),
            hash: key.hash(),
            name: None,
            models: None,
            tier: None,
            names_tier: false,
            no_explore: false,
            expires: None,
            blocked: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn read(lines: &str) -> Result<Config, String> {
        let text = format!("[[keys]]\nid = \"abcdefgh\"\nhash = \"{HASH}\"\n{lines}");
        toml::from_str(&text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn an_entry_says_what_its_bearer_may_do() {
        let lines = "name = \"CI\"\nmodels = [\"small\", \"large\"]\ntier = \"free\"\nno_explore = true\nexpires = \"2027-01-31T00:00:00Z\"\nblocked = true";
        let entry = read(lines).unwrap().keys.remove(0);
        assert_eq!(entry.models.unwrap().len(), 2);
        assert!(entry.blocked && entry.no_explore);
    }

    #[test]
    fn what_an_entry_cannot_say_is_refused() {
        for (lines, says) in [
            ("model = [\"small\"]", "unknown field `model`"),
            ("expires = \"soon\"", "`soon` is not a date and time"),
            ("models = \"small\"", "expected a sequence"),
        ] {
            let error = read(lines).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_key_in_the_place_of_its_hash_is_not_repeated() {
        let key = Key::draw([7; Key::ENTROPY_BYTES]);
        let text = format!(
            "[[keys]]\nid = \"{}\"\nhash = \"{}\"",
            key.id(),
            key.reveal()
        );
        let error = toml::from_str::<Config>(&text).unwrap_err();
        assert!(error.message().contains("sha256:"), "{error}");
        assert!(!error.message().contains(key.reveal()));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut entry = Entry::of(&Key::draw([7; Key::ENTROPY_BYTES]));
        entry.models = Some(["small".into()].into());
        entry.expires = Some("2027-01-31T00:00:00Z".parse().unwrap());
        let config = Config { keys: vec![entry] };
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
        assert!(!text.contains("blocked"), "{text}");
    }
}
