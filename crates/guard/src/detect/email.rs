//! E-mail addresses, as people write them: a word, `@`, a domain with a top level of letters. Quoted
//! local parts and addresses without a dot are none here. Letters of alphabets that put spaces
//! between words may stand in both parts (RFC 6531); of others they may not, since an address stands
//! right behind a word there.

use memchr::memchr;

use crate::detect::Detector;
use crate::view::{Next, Stop, Tried, View};

/// The most bytes before the `@`, and behind it (RFC 5321, section 4.5.3.1).
const LOCAL: usize = 64;
const DOMAIN: usize = 253;

pub(crate) struct Emails;

impl Detector for Emails {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        let mut from = at;
        while let Some(sign) = memchr(b'@', &view.bytes()[from..]) {
            let sign = from + sign;
            let start = local_start(view.text, at, sign);
            let trimmed = view.text[start..sign].trim_start_matches(['.', '\'', '-']);
            if !trimmed.is_empty() {
                match domain_end(view, sign + 1) {
                    Ok(end) => return Next::Found(sign - trimmed.len()..end),
                    Err(Stop::More) => return Next::Open(start),
                    Err(Stop::No) => {}
                }
            }
            from = sign + 1;
        }
        match view.is_whole {
            true => Next::Open(view.len()),
            false => Next::Open(local_start(view.text, at, view.len())),
        }
    }
}

/// Letters up to U+07FF: Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic ...
fn is_letter(character: char) -> bool {
    character.len_utf8() <= 2 && character.is_alphanumeric()
}

fn local_start(text: &str, least: usize, end: usize) -> usize {
    let least = least.max(end.saturating_sub(LOCAL));
    let mut start = end;
    for character in text[..end].chars().rev() {
        let next = start - character.len_utf8();
        let is_local = is_letter(character) || "._%+-'".contains(character);
        if next < least || !is_local {
            break;
        }
        start = next;
    }
    start
}

/// The end of the longest domain that starts here.
fn domain_end(view: View<'_>, start: usize) -> Tried {
    let most = view.text.floor_char_boundary(start + DOMAIN);
    let domain = &view.text[start..most];
    let length = domain
        .char_indices()
        .find(|(at, character)| !is_domain(*character) || domain[*at..].starts_with(".."))
        .map_or(domain.len(), |(at, _)| at);
    if length == domain.len() && most == view.len() && !view.is_whole && length < DOMAIN {
        return Err(Stop::More);
    }
    let found = longest_domain(&domain[..length]).ok_or(Stop::No)?;
    Ok(start + found.len())
}

fn is_domain(character: char) -> bool {
    is_letter(character) || matches!(character, '.' | '-')
}

/// Cuts off labels until the last one is a top level.
fn longest_domain(run: &str) -> Option<&str> {
    let mut domain = run.trim_end_matches(['.', '-']);
    if domain.starts_with(['.', '-']) {
        return None;
    }
    while let Some((rest, top)) = domain.rsplit_once('.') {
        if is_top(top) && !is_scale(rest) {
            return Some(domain);
        }
        domain = rest.trim_end_matches('-');
    }
    None
}

/// At least two letters, or the encoded form of letters (RFC 5890).
fn is_top(label: &str) -> bool {
    let is_letters = label.chars().all(char::is_alphabetic) && label.chars().nth(1).is_some();
    is_letters || (label.len() > 4 && label.starts_with("xn--"))
}

/// `icon@2x.png` is a file.
fn is_scale(domain: &str) -> bool {
    matches!(domain.as_bytes(), [b'1'..=b'4', b'x'])
}
