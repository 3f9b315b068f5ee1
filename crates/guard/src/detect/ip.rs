//! Addresses of the internet protocol, as the standard library reads them. Unspecified and loopback
//! addresses are nobody's and stay. An address 4 is told from a version by having exactly four
//! parts, an address 6 from slices and ratios by three colons or a first group of four digits.

use std::net::{Ipv4Addr, Ipv6Addr};

use memchr::memchr;

use crate::detect::{Detector, number};
use crate::view::{Next, Stop, Tried, View};

pub(crate) struct V4;

impl Detector for V4 {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        number::next(view, at, |_, digits| digits, v4)
    }
}

fn v4(view: View<'_>, start: usize) -> Tried {
    if view.is_joined(start) || view.is_fraction(start) {
        return Err(Stop::No);
    }
    let mut at = start;
    for part in 0..4 {
        if part > 0 {
            at = (view.byte(at)? == b'.').then_some(at + 1).ok_or(Stop::No)?;
        }
        at = part_end(view, at)?;
    }
    let is_longer = view.goes_on(at)? || view.has_fraction(at)?;
    // 1.2.3.4-beta
    let is_version = view.byte(at)? == b'-' && view.byte(at + 1)?.is_ascii_alphabetic();
    let address: Option<Ipv4Addr> = view.text[start..at].parse().ok();
    let is_somebodys = address.is_some_and(|ip| !ip.is_loopback() && !ip.is_unspecified());
    match is_somebodys && !is_longer && !is_version {
        true => Ok(at),
        false => Err(Stop::No),
    }
}

/// The end of one to three digits.
fn part_end(view: View<'_>, start: usize) -> Tried {
    let mut at = start;
    while at < start + 3 && view.byte(at)?.is_ascii_digit() {
        at += 1;
    }
    (at > start).then_some(at).ok_or(Stop::No)
}

/// The most bytes of an address 6, and of a full stop and a colon behind it.
const MOST: usize = 47;

pub(crate) struct V6;

impl Detector for V6 {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        let mut from = at;
        while let Some(colon) = memchr(b':', &view.bytes()[from..]) {
            let start = view.run_back(from + colon, MOST, is_part);
            let end = view.run(from + colon, is_part);
            let is_possible = start >= at && end - start <= MOST && !view.is_joined(start);
            match if is_possible {
                v6(view, start, end)
            } else {
                Err(Stop::No)
            } {
                Ok(end) => return Next::Found(start..end),
                Err(Stop::More) => return Next::Open(start),
                Err(Stop::No) => from = end,
            }
        }
        Next::Open(tail(view).max(at))
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
}

/// An address within a run of its characters.
fn v6(view: View<'_>, start: usize, end: usize) -> Tried {
    if view.goes_on(end)? {
        return Err(Stop::No);
    }
    let text = view.text[start..end].trim_end_matches('.');
    let text = match text.strip_suffix(':') {
        Some(shorter) if !shorter.ends_with(':') => shorter,
        _ => text,
    };
    let is_long = text.matches(':').nth(2).is_some() || text.find(':') == Some(4);
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let address: Option<Ipv6Addr> = text.parse().ok();
    let is_somebodys = address.is_some_and(|ip| !ip.is_loopback() && !ip.is_unspecified());
    match is_long && has_digit && is_somebodys {
        true => Ok(start + text.len()),
        false => Err(Stop::No),
    }
}

/// Where an address may have begun at the end of what is known.
fn tail(view: View<'_>) -> usize {
    let start = view.run_back(view.len(), MOST + 1, is_part);
    match view.is_whole || view.len() - start > MOST {
        true => view.len(),
        false => start,
    }
}
