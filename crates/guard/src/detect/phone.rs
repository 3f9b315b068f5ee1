//! Telephone numbers: `+` or `00` and up to fifteen digits (E.164), North America's 3-3-4, numbers
//! with a trunk `0`, and area codes in brackets. A run of digits without separators is a telephone
//! number only behind `+`; dates, versions and other numbers in groups are none.

use crate::detect::{Detector, number};
use crate::view::{Next, Stop, Tried, View};

/// The most digits that are read: fifteen, and `00` before them.
const DIGITS: usize = 17;
const GROUPS: usize = 8;

pub(crate) struct Phones;

impl Detector for Phones {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        number::next(view, at, lead, phone)
    }
}

/// A `+` or `(` before the digits.
fn lead(view: View<'_>, digits: usize) -> usize {
    let start = digits - usize::from(view.before(digits) == b'(');
    start - usize::from(view.before(start) == b'+')
}

/// Digits, and how they are grouped.
#[derive(Default)]
struct Shape {
    is_international: bool,
    digits: [u8; DIGITS],
    count: usize,
    groups: [Group; GROUPS],
    len: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Group {
    /// What stands before it; NUL where nothing does.
    separator: u8,
    is_bracketed: bool,
    digits: usize,
    /// Digits up to its end.
    total: usize,
    /// Where it ends in the text.
    end: usize,
}

impl Shape {
    fn groups(&self) -> &[Group] {
        &self.groups[..self.len]
    }

    /// The digits of each group.
    fn is_grouped(&self, from: usize, digits: &[usize]) -> bool {
        let groups = self.groups().iter().skip(from);
        digits.len() + from <= self.len
            && groups
                .zip(digits)
                .all(|(group, digits)| group.digits == *digits)
    }

    /// The last group at which the digits so far are that many, if any.
    fn last_with(&self, totals: std::ops::RangeInclusive<usize>) -> Option<usize> {
        self.groups()
            .iter()
            .rposition(|group| totals.contains(&group.total))
    }
}

fn phone(view: View<'_>, start: usize) -> Tried {
    if view.is_joined(start) {
        return Err(Stop::No);
    }
    if !may_start(view, start)? {
        return Err(Stop::No);
    }
    let shape = read(view, start)?;
    let last = match shape.is_international {
        true => international(&shape, 0),
        false if is_part(view, start) => None,
        false if is_group(view, start) => north_american(&shape).or_else(|| with_area(&shape)),
        false => international_00(&shape)
            .or_else(|| with_trunk(&shape))
            .or_else(|| north_american(&shape))
            .or_else(|| with_area(&shape)),
    };
    let end = shape.groups()[last.ok_or(Stop::No)?].end;
    match view.goes_on(end)? {
        true => Err(Stop::No),
        false => Ok(end),
    }
}

/// Whether a group that starts so may be the first: most numbers in texts are settled by this.
fn may_start(view: View<'_>, start: usize) -> Result<bool, Stop> {
    let first = view.byte(start)?;
    if !matches!(first, b'1'..=b'9') {
        return Ok(true);
    }
    let mut end = start + 1;
    while end < start + 4 && view.byte(end)?.is_ascii_digit() {
        end += 1;
    }
    Ok(match first {
        b'1' => end == start + 1,
        _ => end == start + 3,
    })
}

/// Whether this is the middle of something longer: `1-`, `a/`, `0.`.
fn is_part(view: View<'_>, start: usize) -> bool {
    let is_linked = start > 1 && view.before(start - 1).is_ascii_alphanumeric();
    (matches!(view.before(start), b'-' | b'/') && is_linked) || view.is_fraction(start)
}

/// Whether digits and a space stand right before, so that a leading 0 is nothing special.
fn is_group(view: View<'_>, start: usize) -> bool {
    view.before(start) == b' ' && start > 1 && view.before(start - 1).is_ascii_digit()
}

/// Reads groups as long as they follow each other.
fn read(view: View<'_>, start: usize) -> Result<Shape, Stop> {
    let mut shape = Shape {
        is_international: view.byte(start)? == b'+',
        ..Shape::default()
    };
    let mut at = start + usize::from(shape.is_international);
    let mut separator = 0;
    while shape.len < GROUPS {
        let Some(group) = group(view, at, &mut shape)? else {
            break;
        };
        shape.groups[shape.len] = Group { separator, ..group };
        shape.len += 1;
        let Some((byte, next)) = link(view, group)? else {
            break;
        };
        (separator, at) = (byte, next);
    }
    Ok(shape)
}

/// The group that starts here, with its brackets.
fn group(view: View<'_>, start: usize, shape: &mut Shape) -> Result<Option<Group>, Stop> {
    let is_bracketed = view.byte(start)? == b'(';
    let first = start + usize::from(is_bracketed);
    let (mut at, mut total) = (first, shape.count);
    while view.byte(at)?.is_ascii_digit() {
        let Some(digit) = shape.digits.get_mut(total) else {
            return Ok(None);
        };
        *digit = view.byte(at)? - b'0';
        (at, total) = (at + 1, total + 1);
    }
    // `(+49) 30`: the bracket that stands before the plus is closed here.
    let closes = is_bracketed || (shape.is_international && shape.len == 0);
    let end = at + usize::from(closes && view.byte(at)? == b')');
    if at == first || (is_bracketed && end == at) {
        return Ok(None);
    }
    shape.count = total;
    Ok(Some(Group {
        separator: 0,
        is_bracketed: end > at,
        digits: at - first,
        total,
        end,
    }))
}

/// What leads from a group to the next, and where that starts.
fn link(view: View<'_>, group: Group) -> Result<Option<(u8, usize)>, Stop> {
    let (byte, length) = match (view.separator(group.end)?, view.byte(group.end)?) {
        (Some(found), _) => found,
        (None, byte @ (b'.' | b'/')) => (byte, 1),
        (None, _) => (0, 0),
    };
    let next = group.end + length;
    let is_digit = view.byte(next)?.is_ascii_digit() && (length > 0 || group.is_bracketed);
    let is_bracket = view.byte(next)? == b'(' && view.byte(next + 1)?.is_ascii_digit();
    Ok((is_digit || is_bracket).then_some((byte, next)))
}

/// A country's code and what follows, eight to fifteen digits; of North America always eleven.
fn international(shape: &Shape, skipped: usize) -> Option<usize> {
    let totals = match shape.digits.get(skipped..shape.count)? {
        [1, 2..=9, ..] => 11..=11,
        [2..=9, ..] => 8..=15,
        _ => return None,
    };
    shape.last_with(totals.start() + skipped..=totals.end() + skipped)
}

/// The same behind `00`, in several groups.
fn international_00(shape: &Shape) -> Option<usize> {
    let is_prefixed = shape.digits.starts_with(&[0, 0]);
    let last = is_prefixed.then(|| international(shape, 2))??;
    (last > 0).then_some(last)
}

/// `(415) 555-2671`, `1-415-555-2671`: neither area nor exchange starts with 0 or 1.
fn north_american(shape: &Shape) -> Option<usize> {
    let from = usize::from(shape.is_grouped(0, &[1]) && shape.digits[0] == 1);
    let last = from + 2;
    let digits = &shape.digits[from..];
    let is_number = shape.is_grouped(from, &[3, 3, 4]) && digits[0] > 1 && digits[3] > 1;
    let has_slash = shape
        .groups()
        .iter()
        .take(last + 1)
        .any(|group| group.separator == b'/');
    let goes_on = shape
        .groups()
        .get(last + 1)
        .is_some_and(|group| group.separator == shape.groups[last].separator);
    (is_number && !has_slash && !goes_on).then_some(last)
}

/// `030 1234567`, `(0171) 123 45 67`, `01 42 68 53 00`: nine to twelve digits.
fn with_trunk(shape: &Shape) -> Option<usize> {
    let is_trunk = shape.digits[0] == 0 && shape.digits[1] > 0 && shape.groups[0].digits > 1;
    let is_date = shape.is_grouped(0, &[2, 2, 4]);
    let last = (is_trunk && !is_date).then(|| shape.last_with(9..=12))??;
    let groups = &shape.groups[..=last];
    let is_pairs = groups.iter().all(|group| group.digits == 2);
    let is_usual = match is_pairs {
        true => groups.len() == 5,
        false => {
            let is_plain = |group: &Group| matches!(group.separator, 0 | b' ' | b'-');
            let is_first = |group: &Group| is_plain(group) || group.separator == b'/';
            groups[1..].iter().take(1).all(is_first)
                && groups.iter().skip(2).all(is_plain)
                && groups.iter().all(|group| group.digits > 1)
        }
    };
    let goes_on = shape
        .groups()
        .get(last + 1)
        .is_some_and(|group| group.separator == b'-');
    (last > 0 && is_usual && !goes_on).then_some(last)
}

/// `(11) 91234-5678`: an area in brackets, four or five digits and four.
fn with_area(shape: &Shape) -> Option<usize> {
    let has_area = shape.groups[0].is_bracketed && shape.digits[0] > 0;
    let is_number = [2, 3]
        .iter()
        .any(|area| shape.is_grouped(0, &[*area, 4, 4]) || shape.is_grouped(0, &[*area, 5, 4]));
    (has_area && is_number).then_some(2)
}
