//! The keys of clients: what they look like, what is kept of them, who a caller is and what that
//! caller may use.
//!
//! Pure: randomness and the time are arguments, nothing is read or written. The command line makes
//! keys with [`Key::draw`]; a server asks its [`Keys`], of which the [`Keyring`] in the settings is
//! one, who is calling. Not how a key travels in a request, nor what an answer to a refused one
//! looks like.
//!
//! ```
//! use pointsman_keys::{Entry, Key, Keyring, Keys};
//!
//! let key = Key::draw([7; Key::ENTROPY_BYTES]); // the caller's random bytes
//! let ring = Keyring::new([Entry::of(&key)])?;
//! let caller = ring.caller(key.reveal(), 0).map_err(|refused| refused.reason());
//! assert!(ring.may_use(&caller.unwrap(), "small"));
//! assert!(ring.caller("pm-guess", 0).is_err());
//! # Ok::<(), pointsman_keys::KeyringError>(())
//! ```

mod base32;
mod entry;
mod expiry;
mod hash;
mod key;
mod keyring;
mod keys;

pub use entry::{Config, Entry};
pub use expiry::{BadExpiry, Expiry};
pub use hash::{BadHash, KeyHash};
pub use key::{BadPublicId, Key, Malformed, PublicId};
pub use keyring::{Keyring, KeyringError};
pub use keys::{Caller, Keys, Left, Reason, Refused};
