//! Keys of known APIs, by the prefixes that their makers gave them for this purpose. A key is known
//! by its beginning; all that belongs to it follows, however long.

use aho_corasick::{AhoCorasick, Input};

use crate::detect::Detector;
use crate::view::{Next, Stop, Tried, View};

/// What must follow a prefix.
enum Body {
    /// At least so many letters and digits.
    Plain(usize),
    /// At least so many letters, digits, `_` and `-`.
    Url(usize),
    /// Exactly so many capitals and digits.
    Capitals(usize),
    /// Letters, digits, `_` and `-` that look drawn by chance: the prefix is a word as well.
    Drawn,
    /// Base 32 in two groups, as our own keys have it.
    Own,
}

const FORMS: [(&str, Body); 24] = [
    ("sk-", Body::Drawn),
    ("ghp_", Body::Plain(36)),
    ("gho_", Body::Plain(36)),
    ("ghu_", Body::Plain(36)),
    ("ghs_", Body::Plain(36)),
    ("ghr_", Body::Plain(36)),
    ("github_pat_", Body::Url(22)),
    ("AKIA", Body::Capitals(16)),
    ("ASIA", Body::Capitals(16)),
    ("xoxa-", Body::Url(20)),
    ("xoxb-", Body::Url(20)),
    ("xoxp-", Body::Url(20)),
    ("xoxr-", Body::Url(20)),
    ("xoxs-", Body::Url(20)),
    ("AIza", Body::Url(35)),
    ("glpat-", Body::Url(20)),
    ("hf_", Body::Plain(30)),
    ("gsk_", Body::Plain(40)),
    ("npm_", Body::Plain(36)),
    ("sk_live_", Body::Plain(16)),
    ("sk_test_", Body::Plain(16)),
    ("rk_live_", Body::Plain(16)),
    ("rk_test_", Body::Plain(16)),
    ("pm-", Body::Own),
];

/// How much of a body is looked at before it is none.
const DRAWN: usize = 128;

pub(crate) struct Keys {
    prefixes: AhoCorasick,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let prefixes = FORMS.iter().map(|(prefix, _)| prefix);
        Self {
            prefixes: AhoCorasick::new(prefixes).expect("a few short words make an automaton"),
        }
    }
}

impl Detector for Keys {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        let mut from = at;
        while let Some(hit) = self.prefixes.find(Input::new(view.text).range(from..)) {
            let (start, form) = (hit.start(), &FORMS[hit.pattern().as_usize()].1);
            let recognised = match view.is_joined(start) {
                true => Err(Stop::No),
                false => form.recognised(view, hit.end()),
            };
            match recognised {
                Ok(known) => {
                    return match self.end(view, known) {
                        Ok(end) => Next::Found(start..end),
                        Err(resume) => Next::Endless { start, resume },
                    };
                }
                Err(Stop::More) => return Next::Open(start),
                Err(Stop::No) => from = start + 1,
            }
        }
        view.open_prefix(at, &FORMS.map(|(prefix, _)| prefix.as_bytes()))
    }

    fn end(&self, view: View<'_>, at: usize) -> Result<usize, usize> {
        view.swallowed(at, is_url)
    }
}

pub(crate) fn is_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

impl Body {
    /// The place at which it is plain that this is a key.
    fn recognised(&self, view: View<'_>, start: usize) -> Tried {
        match self {
            Self::Plain(least) => all(view, start, *least, |byte| byte.is_ascii_alphanumeric()),
            Self::Url(least) => all(view, start, *least, is_url),
            Self::Capitals(exactly) => capitals(view, start, *exactly),
            Self::Drawn => drawn(view, start),
            Self::Own => own(view, start),
        }
    }
}

/// So many bytes of a class.
fn all(view: View<'_>, start: usize, count: usize, class: impl Fn(u8) -> bool) -> Tried {
    for at in start..start + count {
        if !class(view.byte(at)?) {
            return Err(Stop::No);
        }
    }
    Ok(start + count)
}

fn capitals(view: View<'_>, start: usize, count: usize) -> Tried {
    let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let end = all(view, start, count, is_capital)?;
    match view.goes_on(end)? {
        true => Err(Stop::No),
        false => Ok(end),
    }
}

/// `sk-` begins words too (class names, `sk-learn`), which have no digits among capitals, nor long
/// runs without a hyphen.
fn drawn(view: View<'_>, start: usize) -> Tried {
    let (mut digits, mut capitals, mut run) = (0, 0, 0);
    for at in start..start + DRAWN {
        let byte = view.byte(at)?;
        if !is_url(byte) {
            return Err(Stop::No);
        }
        digits += usize::from(byte.is_ascii_digit());
        capitals += usize::from(byte.is_ascii_uppercase());
        run = if byte.is_ascii_alphanumeric() {
            run + 1
        } else {
            0
        };
        let is_mixed = digits >= 3 && (capitals >= 3 || run >= 16);
        if at + 1 - start >= 20 && is_mixed {
            return Ok(at + 1);
        }
    }
    Err(Stop::No)
}

/// `pm-<8 characters>-<32 characters>`.
fn own(view: View<'_>, start: usize) -> Tried {
    let is_base32 = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'2'..=b'7');
    let end = all(view, start, 8, is_base32)?;
    let end = all(view, end, 1, |byte| byte == b'-')?;
    all(view, end, 32, is_base32)
}
