//! JSON web tokens (RFC 7519): a header in base64 that is an object, a dot, a payload that is one
//! too, and the rest, however long.

use memchr::memmem::Finder;

use crate::detect::Detector;
use crate::detect::key::is_url;
use crate::view::{Next, Stop, Tried, View};

/// An opening bracket and quote in base64.
const OBJECT: &[u8] = b"eyJ";
/// The most bytes of a header.
const HEADER: usize = 512;

pub(crate) struct Tokens {
    object: Finder<'static>,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let object = Finder::new(OBJECT);
        Self { object }
    }
}

impl Detector for Tokens {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        let mut from = at;
        while let Some(object) = self.object.find(&view.bytes()[from..]) {
            let start = from + object;
            match token(view, start) {
                Err(Stop::No) => from = start + 1,
                Err(Stop::More) => return Next::Open(start),
                Ok(known) => {
                    return match self.end(view, known) {
                        Ok(end) => Next::Found(start..end),
                        Err(resume) => Next::Endless { start, resume },
                    };
                }
            }
        }
        view.open_prefix(at, &[OBJECT])
    }

    fn end(&self, view: View<'_>, at: usize) -> Result<usize, usize> {
        view.swallowed(at, |byte| is_url(byte) || byte == b'.')
    }
}

/// The place at which it is plain that this is a token.
fn token(view: View<'_>, start: usize) -> Tried {
    if view.is_joined(start) {
        return Err(Stop::No);
    }
    let mut at = start;
    while is_url(view.byte(at)?) {
        at += 1;
        if at - start > HEADER {
            return Err(Stop::No);
        }
    }
    for wanted in [b".", OBJECT].concat() {
        if view.byte(at)? != wanted {
            return Err(Stop::No);
        }
        at += 1;
    }
    Ok(at)
}
