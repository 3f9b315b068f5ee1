//! Guard rails for texts: personal data and secrets are found and replaced, whole texts, JSON or
//! streams alike, and texts that match a denied pattern are refused.
//!
//! Pure: no I/O, no clock. Not where texts come from, nor which of them are guarded: that is the
//! server's affair. Everything takes time linear in the text.
//!
//! ```
//! use pointsman_guard::Config;
//!
//! let config: Config = toml::from_str(r#"redact = ["email", "card"]"#).unwrap();
//! let guard = config.check().unwrap();
//! assert_eq!(guard.redact("ask ann@example.com").text, "ask [EMAIL]");
//!
//! let mut stream = guard.stream();
//! assert_eq!(stream.push("ask an"), "ask ");
//! assert_eq!(stream.push("n@example.com, "), "[EMAIL], ");
//! assert_eq!(stream.finish(), "");
//! ```
//!
//! # What counts as a finding
//! Every kind finds on its own, from left to right. Findings that overlap become one, which covers
//! all of them, so that no part of any stays; it is called after the one that starts first and,
//! where several start together, after the one that [`Kind`] lists first.
//!
//! # What a stream holds back
//! [`Stream::push`] returns what can no longer become part of a finding. Held back are, of what
//! came last: for `email` the current word (at most 64 bytes before an `@`, 253 after it), for
//! `card`, `phone`, `iban` and `ip` what reads like the beginning of one (at most 64 bytes), for
//! `key` the beginning of a known prefix, and from it on at most 128 bytes (512 of a JSON web
//! token) until it is plain whether it is a key, for own patterns always as much as the longest can
//! match and four bytes. Keys and private key blocks that are longer are swallowed as they come; a
//! block without an end to the end of the text.

mod config;
mod detect;
mod guard;
mod json;
mod kind;
mod merge;
mod stream;
#[cfg(test)]
mod tests;
mod view;

pub use config::{Config, ConfigError, DenyConfig, MAX_PATTERN_BYTES, MAX_PATTERNS, PatternConfig};
pub use guard::{Denied, Finding, Guard, Redacted};
pub use json::{BadJson, MAX_DEPTH};
pub use kind::{BuiltIn, Counts, Kind};
pub use stream::Stream;
