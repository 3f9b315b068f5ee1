//! The keys that stand in the settings.
//!
//! Timing. A presented key of the right form is hashed, its id is compared with that of every key
//! there is, and its hash with exactly one hash: that of the key with this id, or of nobody. So
//! what a refusal costs depends neither on how much of a secret was right nor on whether the id
//! exists. The scan takes some 5 ns per key, little for as many keys as people write by hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use pointsman_types::ModelName;
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::{
    Caller, Entry, Expiry, Key, KeyHash, Keys, Left, Malformed, PublicId, Reason, Refused,
};

/// The keys that stand in the settings.
#[derive(Debug, Clone)]
pub struct Keyring(Vec<Arc<Entry>>);

/// Keys that cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Two keys have the same id.
    #[error("auth.keys has the id `{0}` twice; every key has its own")]
    Twice(PublicId),
}

impl Keyring {
    /// A ring of these keys.
    ///
    /// # Errors
    /// Two have the same id.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Result<Self, KeyringError> {
        let mut ids = BTreeSet::new();
        let keys = entries.into_iter().map(|entry| match ids.insert(entry.id) {
            true => Ok(Arc::new(entry)),
            false => Err(KeyringError::Twice(entry.id)),
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The models that keys name, to be looked up in the catalogue.
    pub fn models(&self) -> impl Iterator<Item = (PublicId, &ModelName)> {
        self.0.iter().flat_map(|entry| {
            let models = entry.models.iter().flatten();
            models.map(|model| (entry.id, model))
        })
    }

    /// The entry of the key, once its hash was found right.
    fn verified(&self, key: &Key) -> Result<&Arc<Entry>, Refused> {
        let found = self.0.get(self.position(key.id()));
        let kept = found.map_or(KeyHash::NOBODY, |entry| entry.hash);
        let is_right = bool::from(kept.ct_eq(&key.hash()));
        let entry = found.ok_or(Refused::because(Reason::Unknown))?;
        is_right
            .then_some(entry)
            .ok_or(Refused::because(Reason::WrongSecret))
    }

    /// Where the key with this id stands; past the end where there is none. Looks at every key.
    fn position(&self, id: PublicId) -> usize {
        let mut position = u64::MAX;
        for (at, entry) in (0..).zip(&self.0) {
            position.conditional_assign(&at, entry.id.ct_eq(&id));
        }
        usize::try_from(position).unwrap_or(usize::MAX)
    }
}

impl Keys for Keyring {
    fn caller(&self, presented: &str, now_ms: i64) -> Result<Caller, Refused> {
        let key = Key::parse(presented).map_err(|Malformed| Refused::because(Reason::Malformed))?;
        // Whether it is blocked or expired is nobody's affair who does not have the secret.
        let entry = self.verified(&key)?;
        if entry.blocked {
            return Err(Refused::because(Reason::Blocked));
        }
        if entry
            .expires
            .as_ref()
            .is_some_and(|at| at.at_ms() <= now_ms)
        {
            return Err(Refused::because(Reason::Expired));
        }
        Ok(Caller::new(Arc::clone(entry)))
    }

    fn may_use(&self, caller: &Caller, model: &str) -> bool {
        let models = caller.entry().models.as_ref();
        models.is_none_or(|models| models.contains(model))
    }

    fn left(&self, caller: &Caller, now_ms: i64) -> Left {
        let expires = caller.entry().expires.as_ref().map(Expiry::at_ms);
        Left {
            time_ms: expires.map(|at_ms| at_ms.saturating_sub(now_ms).max(0)),
            money: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2027-01-31T00:00:00Z.
    const END_MS: i64 = 1_801_353_600_000;

    fn key(seed: u8) -> Key {
        Key::draw([seed; Key::ENTROPY_BYTES])
    }

    /// A ring of one key, changed.
    fn ring(change: impl FnOnce(&mut Entry)) -> Keyring {
        let mut entry = Entry::of(&key(1));
        change(&mut entry);
        Keyring::new([Entry::of(&key(0)), entry]).unwrap()
    }

    fn refusal(ring: &Keyring, presented: &str, now_ms: i64) -> Option<Reason> {
        ring.caller(presented, now_ms).err().map(Refused::reason)
    }

    #[test]
    fn the_bearer_of_a_key_is_known() {
        let ring = ring(|entry| entry.name = Some("CI".into()));
        let caller = ring.caller(key(1).reveal(), 0).unwrap();
        assert_eq!(caller.id(), key(1).id());
        assert_eq!(caller.entry().name.as_deref(), Some("CI"));
    }

    #[test]
    fn nobody_else_is() {
        let ring = ring(|_| ());
        let (mine, other) = (key(1), key(2));
        assert_eq!(refusal(&ring, other.reveal(), 0), Some(Reason::Unknown));
        let secret = other.reveal().rsplit_once('-').unwrap().1;
        let forged = format!("pm-{}-{secret}", mine.id());
        assert_eq!(refusal(&ring, &forged, 0), Some(Reason::WrongSecret));
        for text in ["", "pm-", "Bearer x", mine.id().as_str()] {
            assert_eq!(refusal(&ring, text, 0), Some(Reason::Malformed), "{text}");
        }
    }

    #[test]
    fn nobody_has_a_key_of_an_empty_ring() {
        let ring = Keyring::new([]).unwrap();
        assert!(ring.is_empty());
        assert_eq!(refusal(&ring, key(1).reveal(), 0), Some(Reason::Unknown));
    }

    #[test]
    fn a_hash_under_another_id_opens_nothing() {
        let ring = ring(|entry| entry.hash = key(0).hash());
        assert_eq!(
            refusal(&ring, key(1).reveal(), 0),
            Some(Reason::WrongSecret)
        );
    }

    #[test]
    fn a_key_ends_when_it_says() {
        let ring = ring(|entry| entry.expires = Some("2027-01-31T00:00:00Z".parse().unwrap()));
        let key = key(1);
        assert_eq!(refusal(&ring, key.reveal(), END_MS - 1), None);
        assert_eq!(refusal(&ring, key.reveal(), END_MS), Some(Reason::Expired));
        let caller = ring.caller(key.reveal(), 0).unwrap();
        let time = |now_ms| ring.left(&caller, now_ms).time_ms;
        assert_eq!(time(END_MS - 5), Some(5));
        assert_eq!(
            (time(END_MS + 5), time(i64::MIN)),
            (Some(0), Some(i64::MAX))
        );
    }

    #[test]
    fn only_the_bearer_learns_that_a_key_is_blocked() {
        let ring = ring(|entry| entry.blocked = true);
        let mine = key(1);
        assert_eq!(refusal(&ring, mine.reveal(), 0), Some(Reason::Blocked));
        let forged = mine.reveal().replace(&mine.reveal()[12..], &"a".repeat(32));
        assert_eq!(refusal(&ring, &forged, 0), Some(Reason::WrongSecret));
    }

    #[test]
    fn a_key_sees_its_models_only() {
        let check = |models: Option<&[&str]>, model: &str, may: bool| {
            let models =
                models.map(|names| names.iter().map(|name| ModelName::from(*name)).collect());
            let ring = ring(|entry| entry.models = models);
            let caller = ring.caller(key(1).reveal(), 0).unwrap();
            assert_eq!(ring.may_use(&caller, model), may, "{model}");
            assert_eq!(ring.left(&caller, 0), Left::default());
        };
        check(None, "small", true);
        check(Some(&[]), "small", false);
        check(Some(&["small"]), "small", true);
        check(Some(&["small"]), "Small", false);
        check(Some(&["small"]), "large", false);
    }

    #[test]
    fn an_id_stands_once() {
        let twice = Keyring::new([Entry::of(&key(1)), Entry::of(&key(1))]).unwrap_err();
        assert_eq!(twice, KeyringError::Twice(key(1).id()));
        assert!(twice.to_string().contains(key(1).id().as_str()));
    }

    #[test]
    fn models_are_told_with_the_key_that_names_them() {
        let ring = ring(|entry| entry.models = Some(["small".into()].into()));
        let named: Vec<_> = ring.models().collect();
        assert_eq!(named, [(key(1).id(), &ModelName::from("small"))]);
    }

    proptest! {
        #[test]
        fn every_key_of_a_ring_is_found_and_no_other(
            draws in prop::collection::btree_set(any::<[u8; Key::ENTROPY_BYTES]>(), 1..20),
            other: [u8; Key::ENTROPY_BYTES],
        ) {
            prop_assume!(!draws.contains(&other));
            let keys: Vec<Key> = draws.into_iter().map(Key::draw).collect();
            let ring = Keyring::new(keys.iter().map(Entry::of)).unwrap();
            for key in &keys {
                let caller = ring.caller(key.reveal(), 0);
                prop_assert_eq!(caller.map(|caller| caller.id()), Ok(key.id()));
            }
            prop_assert!(ring.caller(Key::draw(other).reveal(), 0).is_err());
        }

        #[test]
        fn any_text_is_refused(text: String) {
            prop_assert_eq!(refusal(&ring(|_| ()), &text, 0), Some(Reason::Malformed));
        }
    }
}
