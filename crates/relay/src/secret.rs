//! A provider's key. It has no `Debug`, no `Display` and no serialisation, so that it cannot get into a
//! log, an error or an answer.

use std::sync::Arc;

use http::HeaderValue;

/// A provider's key.
#[derive(Clone)]
pub struct Secret(Arc<str>);

/// A key that cannot be sent. It does not say what the key was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key must be visible ASCII characters, and not be empty")]
pub struct BadSecret;

impl Secret {
    /// A key; white space around it is no part of it.
    ///
    /// # Errors
    /// It is empty or has characters that no header can carry.
    pub fn new(key: &str) -> Result<Self, BadSecret> {
        let key = key.trim();
        let is_sendable = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        is_sendable.then(|| Self(key.into())).ok_or(BadSecret)
    }

    /// The value of a header: the key after `prefix`, marked so that it is not shown.
    pub(crate) fn header(&self, prefix: &str) -> HeaderValue {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", self.0))
            .expect("visible ASCII is a header's value");
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_hides_the_key() {
        let header = Secret::new(" sk-1 \n").unwrap().header("Bearer ");
        assert_eq!(header.as_bytes(), b"Bearer sk-1");
        assert!(!format!("{header:?}").contains("sk-1"));
    }

    #[test]
    fn what_no_header_carries_is_refused() {
        for key in ["", "  ", "a b", "a\nb", "schlüssel"] {
            assert_eq!(Secret::new(key).err(), Some(BadSecret), "{key:?}");
        }
    }
}
