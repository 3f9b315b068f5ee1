//! Who is calling, and what they may use.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use pointsman_keys::{Caller, Entry, Keyring, KeyringError, Keys};
use serde::Deserialize;

use crate::learning::now_ms;
use crate::problem::Problem;

/// The table `auth`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Whether every request needs a key; by default as soon as there are keys.
    pub required: Option<bool>,
    /// The keys that exist.
    pub keys: Vec<Entry>,
}

impl AuthConfig {
    /// Whether every request needs a key.
    pub(crate) fn is_required(&self) -> bool {
        self.required.unwrap_or(!self.keys.is_empty())
    }
}

/// Lets callers in.
pub(crate) struct Door {
    keys: Box<dyn Keys>,
    is_required: bool,
    has_keys: bool,
}

/// Without keys everybody is let in.
impl Default for Door {
    fn default() -> Self {
        Self::new(&AuthConfig::default()).expect("no two of no keys have one id")
    }
}

/// A caller who was let in; without a key where none is needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guest(Option<Caller>);

impl Door {
    pub(crate) fn new(config: &AuthConfig) -> Result<Self, KeyringError> {
        Ok(Self {
            keys: Box::new(Keyring::new(config.keys.iter().cloned())?),
            is_required: config.is_required(),
            has_keys: !config.keys.is_empty(),
        })
    }

    /// Whoever has a good key, and everybody where none is needed. All others are told the same.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<Guest, Problem> {
        // Clients always send a key; it means nothing where there are none.
        let presented = presented(headers).filter(|_| self.has_keys || self.is_required);
        let found = presented.map(|key| self.keys.caller(key, now_ms()));
        match found {
            Some(Ok(caller)) => Ok(Guest(Some(caller))),
            Some(Err(refused)) if self.is_required => {
                tracing::debug!(reason = refused.reason().as_str(), "a key was refused");
                Err(nobody())
            }
            None if self.is_required => Err(nobody()),
            Some(Err(_)) | None => Ok(Guest::default()),
        }
    }

    /// Whether conditions believe the tier that a caller's request names. A request's own word must
    /// not open what the keys leave closed, so that is for keys that say so, and for everybody where
    /// there are none.
    pub(crate) fn believes_tier(&self, guest: &Guest) -> bool {
        match &guest.0 {
            Some(caller) => caller.entry().tier.is_none() && caller.entry().names_tier,
            None => !self.has_keys,
        }
    }

    /// Whether a model is open to a caller.
    pub(crate) fn may_use(&self, guest: &Guest, model: &str) -> bool {
        let caller = guest.0.as_ref();
        caller.is_none_or(|caller| self.keys.may_use(caller, model))
    }
}

impl Guest {
    /// What records name the caller by.
    pub(crate) fn key_id(&self) -> Option<String> {
        Some(self.0.as_ref()?.id().as_str().to_owned())
    }

    /// The caller's own tier, which no request can change.
    pub(crate) fn tier(&self) -> Option<&str> {
        self.0.as_ref()?.entry().tier.as_deref()
    }

    pub(crate) fn no_explore(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|caller| caller.entry().no_explore)
    }
}

/// `Authorization: Bearer KEY`, or `x-api-key: KEY`.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = || {
        headers
            .get(AUTHORIZATION)?
            .to_str()
            .ok()?
            .strip_prefix("Bearer ")
    };
    let own = || headers.get("x-api-key")?.to_str().ok();
    bearer().or_else(own).map(str::trim)
}

fn nobody() -> Problem {
    let message = "a valid key is needed: `Authorization: Bearer KEY` or `x-api-key: KEY`";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
}

#[cfg(test)]
mod tests {
    use pointsman_keys::Key;

    use super::*;

    fn key() -> Key {
        Key::draw([7; Key::ENTROPY_BYTES])
    }

    fn door(required: Option<bool>, keys: Vec<Entry>) -> Door {
        Door::new(&AuthConfig { required, keys }).unwrap()
    }

    fn admitted(door: &Door, name: &'static str, value: &str) -> Option<Option<String>> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        door.admit(&headers).ok().map(|guest| guest.key_id())
    }

    #[test]
    fn a_key_opens_in_either_header() {
        let door = door(None, vec![Entry::of(&key())]);
        let id = Some(Some(key().id().as_str().to_owned()));
        assert_eq!(
            admitted(
                &door,
                "authorization",
                &format!("Bearer {}", key().reveal())
            ),
            id
        );
        assert_eq!(admitted(&door, "x-api-key", key().reveal()), id);
        assert_eq!(admitted(&door, "x-api-key", "sk-other"), None);
        assert_eq!(
            admitted(&door, "authorization", &format!("Basic {}", key().reveal())),
            None
        );
        assert!(door.admit(&HeaderMap::new()).is_err());
    }

    #[test]
    fn without_keys_any_key_means_nothing() {
        assert_eq!(
            admitted(&door(None, Vec::new()), "x-api-key", "sk-any"),
            Some(None)
        );
        let open = door(Some(false), vec![Entry::of(&key())]);
        assert_eq!(admitted(&open, "x-api-key", "sk-any"), Some(None));
        assert!(admitted(&door(Some(true), Vec::new()), "x-api-key", "sk-any").is_none());
    }

    #[test]
    fn a_key_sees_its_models() {
        let entry = Entry {
            models: Some(["small".into()].into()),
            tier: Some("gold".into()),
            ..Entry::of(&key())
        };
        let door = door(None, vec![entry]);
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", key().reveal().parse().unwrap());
        let guest = door.admit(&headers).unwrap();
        assert!(door.may_use(&guest, "small") && !door.may_use(&guest, "large"));
        assert_eq!(guest.tier(), Some("gold"));
        assert!(door.may_use(&Guest::default(), "large"));
    }
}
