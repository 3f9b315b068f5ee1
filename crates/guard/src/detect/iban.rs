//! International bank account numbers (ISO 13616-1): two letters of a country, two check digits, and
//! as many letters and digits as accounts have there; in one run or in groups of four. The whole,
//! read as a number, is 1 modulo 97 (ISO/IEC 7064).

use crate::detect::{Detector, number};
use crate::view::{Next, Stop, Tried, View};

pub(crate) struct Ibans;

impl Detector for Ibans {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        number::next(view, at, lead, iban)
    }
}

/// The letters before the check digits, where they are no longer word.
fn lead(view: View<'_>, digits: usize) -> usize {
    let start = view.run_back(digits, 3, |byte| byte.is_ascii_alphabetic());
    match digits - start {
        3 => digits,
        _ => start,
    }
}

fn iban(view: View<'_>, start: usize) -> Tried {
    let country = [view.byte(start)?, view.byte(start + 1)?].map(|byte| byte.to_ascii_uppercase());
    let length = length(country).ok_or(Stop::No)?;
    if view.is_joined(start) {
        return Err(Stop::No);
    }
    let (mut rest, mut at, mut separator) = (Remainder::default(), start, None);
    for count in 0..length {
        if count > 0 && count % 4 == 0 {
            at = next_group(view, at, count == 4, &mut separator)?;
        }
        rest.add(count, view.byte(at)?).ok_or(Stop::No)?;
        at += 1;
    }
    match view.goes_on(at)? {
        false if rest.is_valid() => Ok(at),
        _ => Err(Stop::No),
    }
}

/// Over what stands between two groups: the same between all, or nothing.
fn next_group(view: View<'_>, at: usize, is_first: bool, kept: &mut Option<u8>) -> Tried {
    let found = view.separator(at)?;
    let (separator, length) = found.map_or((None, 0), |(byte, length)| (Some(byte), length));
    if is_first {
        *kept = separator;
    }
    (*kept == separator).then_some(at + length).ok_or(Stop::No)
}

/// The remainder modulo 97 of the account, then of the whole: the first four characters count last.
#[derive(Default)]
struct Remainder {
    front: u32,
    /// Ten to the number of digits of `front`.
    scale: u32,
    account: u32,
}

impl Remainder {
    /// Takes the next character; `None` where it may not stand there.
    fn add(&mut self, place: usize, byte: u8) -> Option<()> {
        let is_allowed = match place {
            0 | 1 => byte.is_ascii_alphabetic(),
            2 | 3 => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric(),
        };
        let value = char::from(byte).to_digit(36).filter(|_| is_allowed)?;
        let power = if value < 10 { 10 } else { 100 };
        let sum = if place < 4 {
            &mut self.front
        } else {
            &mut self.account
        };
        *sum = (*sum * power + value) % 97;
        if place < 4 {
            self.scale = self.scale.max(1) * power % 97;
        }
        Some(())
    }

    fn is_valid(&self) -> bool {
        (self.account * self.scale + self.front) % 97 == 1
    }
}

/// The length of an account's number in a country, by the registry of ISO 13616.
fn length(country: [u8; 2]) -> Option<usize> {
    let length = match &country {
        b"NO" => 15,
        b"BE" => 16,
        b"DK" | b"FI" | b"FK" | b"FO" | b"GL" | b"NL" | b"SD" => 18,
        b"MK" | b"SI" => 19,
        b"AT" | b"BA" | b"EE" | b"KZ" | b"LT" | b"LU" | b"MN" | b"XK" => 20,
        b"CH" | b"HR" | b"LI" | b"LV" => 21,
        b"BG" | b"BH" | b"CR" | b"DE" | b"GB" | b"GE" | b"IE" | b"ME" | b"RS" | b"VA" => 22,
        b"AE" | b"GI" | b"IL" | b"IQ" | b"OM" | b"SO" | b"TL" => 23,
        b"AD" | b"CZ" | b"ES" | b"MD" | b"PK" | b"RO" | b"SA" | b"SE" | b"SK" | b"TN" | b"VG" => 24,
        b"LY" | b"PT" | b"ST" => 25,
        b"IS" | b"TR" => 26,
        b"BI" | b"DJ" | b"FR" | b"GR" | b"IT" | b"MC" | b"MR" | b"SM" => 27,
        b"AL" | b"AZ" | b"BY" | b"CY" | b"DO" | b"GT" | b"HN" | b"HU" | b"LB" | b"NI" | b"PL"
        | b"SV" => 28,
        b"BR" | b"EG" | b"PS" | b"QA" | b"UA" => 29,
        b"JO" | b"KW" | b"MU" | b"YE" => 30,
        b"MT" | b"SC" => 31,
        b"LC" => 32,
        b"RU" => 33,
        _ => return None,
    };
    Some(length)
}
