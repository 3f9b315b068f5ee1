//! Where numbers start: what cards, accounts, telephones and addresses have in common.

use crate::view::{Next, Stop, Tried, View};

/// The first digit from a place on.
fn digit(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    // Sixteen bytes at once, which the compiler makes one comparison of.
    for block in bytes[at..].as_chunks::<16>().0 {
        if block
            .iter()
            .fold(false, |any, byte| any | byte.is_ascii_digit())
        {
            break;
        }
        at += 16;
    }
    let rest = bytes[at..].iter().position(u8::is_ascii_digit)?;
    Some(at + rest)
}

/// Tries a pattern wherever a run of digits starts, from left to right. `lead` says where the
/// pattern would start, which may be a little before the digits.
pub(crate) fn next(
    view: View<'_>,
    at: usize,
    lead: impl Fn(View<'_>, usize) -> usize,
    tried: impl Fn(View<'_>, usize) -> Tried,
) -> Next {
    let mut from = at;
    while let Some(digits) = digit(view.bytes(), from) {
        let start = lead(view, digits);
        let is_start = start >= at && !view.before(digits).is_ascii_digit();
        match if is_start {
            tried(view, start)
        } else {
            Err(Stop::No)
        } {
            Ok(end) => return Next::Found(start..end),
            Err(Stop::More) => return Next::Open(start),
            Err(Stop::No) => from = view.run(digits, |byte| byte.is_ascii_digit()),
        }
    }
    match view.is_whole {
        true => Next::Open(view.len()),
        // Digits may follow.
        false => Next::Open(lead(view, view.len()).max(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digit_is_found_wherever_it_is() {
        for length in 0..70 {
            let text = format!("{}7{}", "x".repeat(length), "8x".repeat(length));
            assert_eq!(digit(text.as_bytes(), 0), Some(length));
            assert_eq!(digit(&text.as_bytes()[..length], 0), None);
        }
    }
}
