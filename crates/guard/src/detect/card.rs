//! Numbers of payment cards: 13 to 19 digits, in one run or in groups of at least three, of a known
//! issuer (ISO/IEC 7812-1) and with the right check digit (its annex B, the algorithm of Luhn).

use crate::detect::{Detector, number};
use crate::view::{Next, Stop, Tried, View};

const LEAST: usize = 13;
const MOST: usize = 19;
/// The fewest digits of a group that another one follows.
const GROUP: usize = 3;

pub(crate) struct Cards;

impl Detector for Cards {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        number::next(view, at, |_, digits| digits, card)
    }
}

/// The digits read so far, as numbers.
#[derive(Default)]
struct Digits {
    digits: [u8; MOST],
    count: usize,
    separator: Option<u8>,
}

impl Digits {
    fn known(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    /// Reads a run of digits; there are too many where it does not fit.
    fn read(&mut self, view: View<'_>, start: usize) -> Tried {
        let mut at = start;
        loop {
            let byte = view.byte(at)?;
            if !byte.is_ascii_digit() {
                return Ok(at);
            }
            *self.digits.get_mut(self.count).ok_or(Stop::No)? = byte - b'0';
            (self.count, at) = (self.count + 1, at + 1);
        }
    }

    /// Where the next group starts, if one follows in the way that they did before.
    fn next_group(&mut self, view: View<'_>, end: usize) -> Result<Option<usize>, Stop> {
        let Some((separator, length)) = view.separator(end)? else {
            return Ok(None);
        };
        let is_same = *self.separator.get_or_insert(separator) == separator;
        let follows = is_same && view.byte(end + length)?.is_ascii_digit();
        Ok(follows.then_some(end + length))
    }
}

/// The longest card number that starts here.
fn card(view: View<'_>, start: usize) -> Tried {
    if view.is_joined(start) || view.is_fraction(start) {
        return Err(Stop::No);
    }
    let (mut digits, mut best, mut at) = (Digits::default(), Err(Stop::No), start);
    loop {
        let end = match digits.read(view, at) {
            Err(Stop::No) => return best,
            read => read?,
        };
        if digits.count >= 4 && lengths(digits.known()).is_empty() {
            return Err(Stop::No);
        }
        if is_card(digits.known()) && !view.goes_on(end)? && !view.has_fraction(end)? {
            best = Ok(end);
        }
        match digits.next_group(view, end)? {
            Some(next) if end - at >= GROUP => at = next,
            _ => return best,
        }
    }
}

fn is_card(digits: &[u8]) -> bool {
    digits.len() >= LEAST && lengths(digits).contains(&digits.len()) && has_check_digit(digits)
}

/// Every second digit from the right doubled, the digits of all added up: a multiple of ten.
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) => 2 * digit / 10 + 2 * digit % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The lengths of the numbers that a network issues which start with these four digits.
fn lengths(digits: &[u8]) -> &'static [usize] {
    let four = digits[..4]
        .iter()
        .fold(0_u16, |number, digit| number * 10 + u16::from(*digit));
    match four {
        // Visa.
        4000..=4999 => &[13, 16, 19],
        // Mastercard.
        5100..=5599 | 2221..=2720 => &[16],
        // American Express.
        3400..=3499 | 3700..=3799 => &[15],
        // Diners Club.
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => &[14, 15, 16, 17, 18, 19],
        // JCB; Mir.
        3528..=3589 | 2200..=2204 => &[16, 17, 18, 19],
        // Maestro.
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => &[13, 14, 15, 16, 17, 18, 19],
        // Discover; UnionPay; RuPay.
        6011 | 6440..=6599 | 6200..=6299 | 6000..=6010 | 8100..=8299 => &[16, 17, 18, 19],
        _ => &[],
    }
}
