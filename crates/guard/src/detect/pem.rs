//! Blocks of private keys (RFC 7468), from their header to their footer, whatever stands between; a
//! block without a footer never ends.

use memchr::memmem::{Finder, find};

use crate::detect::Detector;
use crate::view::{Next, Stop, Tried, View};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &[u8] = b"-----";
/// The most bytes of a label, as in `ENCRYPTED PRIVATE KEY`.
const LABEL: usize = 40;
/// The most bytes of a header or footer.
const LINE: usize = BEGIN.len() + LABEL + DASHES.len();

pub(crate) struct Pem {
    begin: Finder<'static>,
    end: Finder<'static>,
}

impl Pem {
    pub(crate) fn new() -> Self {
        Self {
            begin: Finder::new(BEGIN),
            end: Finder::new(END),
        }
    }
}

impl Detector for Pem {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        let mut from = at;
        while let Some(begin) = self.begin.find(&view.bytes()[from..]) {
            let start = from + begin;
            match line_end(view, start + BEGIN.len(), is_private) {
                Err(Stop::No) => from = start + 1,
                Err(Stop::More) => return Next::Open(start),
                Ok(resume) => {
                    return match self.end(view, resume) {
                        Ok(end) => Next::Found(start..end),
                        Err(resume) => Next::Endless { start, resume },
                    };
                }
            }
        }
        view.open_prefix(at, &[BEGIN.as_bytes()])
    }

    fn end(&self, view: View<'_>, at: usize) -> Result<usize, usize> {
        let mut from = at;
        while let Some(end) = self.end.find(&view.bytes()[from..]) {
            let start = from + end;
            match line_end(view, start + END.len(), is_private) {
                Ok(end) => return Ok(end),
                Err(Stop::More) => return Err(start),
                Err(Stop::No) => from = start + 1,
            }
        }
        match view.is_whole {
            true => Ok(view.len()),
            false => Err(view
                .text
                .floor_char_boundary(view.len().saturating_sub(LINE).max(at))),
        }
    }
}

fn is_private(label: &[u8]) -> bool {
    find(label, b"PRIVATE KEY").is_some()
}

/// The end of a line's label and dashes.
fn line_end(view: View<'_>, start: usize, is_right: impl Fn(&[u8]) -> bool) -> Tried {
    let is_label = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
    let mut at = start;
    while is_label(view.byte(at)?) {
        at += 1;
        if at - start > LABEL {
            return Err(Stop::No);
        }
    }
    for dash in at..at + DASHES.len() {
        if view.byte(dash)? != b'-' {
            return Err(Stop::No);
        }
    }
    let is_right = is_right(&view.bytes()[start..at]);
    is_right.then_some(at + DASHES.len()).ok_or(Stop::No)
}
