//! How each kind is found: one file per kind.

mod card;
mod email;
mod iban;
mod ip;
mod key;
mod number;
mod own;
mod pem;
mod phone;
mod token;

pub(crate) use own::{Own, Unusable, compiled};

use crate::kind::BuiltIn;
use crate::view::{Next, View};

/// Finds one kind.
///
/// What it says depends on the text alone, not on how much of it is known: of what is not known it
/// says [`Next::Open`]. Before a finding, it looks at no more than what is settled and kept.
pub(crate) trait Detector: Send + Sync {
    /// The first finding that starts at `at` or later.
    fn next(&self, view: View<'_>, at: usize) -> Next;

    /// Where the finding ends that [`Next::Endless`] spoke of, looked for from `at` on; or from
    /// where to look on when more of the text is known.
    fn end(&self, view: View<'_>, at: usize) -> Result<usize, usize> {
        let _ = view;
        Ok(at)
    }
}

/// Everything that finds a kind that is built in.
pub(crate) fn built_in(kind: BuiltIn) -> Vec<Box<dyn Detector>> {
    match kind {
        BuiltIn::Key => vec![
            Box::new(pem::Pem::new()),
            Box::new(key::Keys::new()),
            Box::new(token::Tokens::new()),
        ],
        BuiltIn::Email => vec![Box::new(email::Emails)],
        BuiltIn::Iban => vec![Box::new(iban::Ibans)],
        BuiltIn::Card => vec![Box::new(card::Cards)],
        BuiltIn::Ip => vec![Box::new(ip::V4), Box::new(ip::V6)],
        BuiltIn::Phone => vec![Box::new(phone::Phones)],
    }
}
