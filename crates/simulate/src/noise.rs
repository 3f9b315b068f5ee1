//! The small disorder of what people type: lower case, a lost full stop, slips of the finger.
//! Never inside code or data: only the first line is touched, up to a backtick or a brace.

use crate::draws::Draws;

/// Disorders some of the texts, and leaves most as they are.
pub(crate) fn roughen(text: &mut String, draws: &mut Draws) {
    let end = prose_end(text);
    let tail = text.split_off(end);
    match draws.below(20) {
        0..=2 => lower(text),
        3..=5 => slips(text, draws),
        6 => {
            lower(text);
            slips(text, draws);
        }
        7 => shorten(text),
        8 if text.len() < 90 && tail.is_empty() => *text = text.to_uppercase(),
        9..=10 if tail.is_empty() => drop_full_stop(text),
        _ => {}
    }
    text.push_str(&tail);
}

fn prose_end(text: &str) -> usize {
    text.find(['`', '\n', '{', '[', '<']).unwrap_or(text.len())
}

fn lower(text: &mut String) {
    *text = text.to_lowercase();
}

fn drop_full_stop(text: &mut String) {
    if text.ends_with('.') || text.ends_with('?') {
        text.pop();
    }
}

fn shorten(text: &mut String) {
    for (long, short) in [
        ("you ", "u "),
        ("lease ", "ls "),
        ("because", "bc"),
        ("Thanks", "thx"),
        (" are ", " r "),
    ] {
        *text = text.replace(long, short);
    }
}

/// One to three slips in words of five letters and more.
fn slips(text: &mut String, draws: &mut Draws) {
    for _ in 0..draws.between(1, 3) {
        let words = long_words(text);
        if words.is_empty() {
            return;
        }
        let (start, len) = *draws.pick(&words);
        slip(text, start + draws.between(1, len - 3), draws.below(5));
    }
}

/// Start and length of each run of ASCII letters of five and more.
fn long_words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = 0;
    for (end, byte) in text.bytes().chain([b' ']).enumerate() {
        if !byte.is_ascii_alphabetic() {
            if end - start >= 5 && is_whole_word(text, start, end) {
                words.push((start, end - start));
            }
            start = end + 1;
        }
    }
    words
}

/// Part of a name such as `user_id` or of an address is left alone.
fn is_whole_word(text: &str, start: usize, end: usize) -> bool {
    let joins = |byte: Option<&u8>| byte.is_some_and(|b| b"_@./-+\\".contains(b) || !b.is_ascii());
    let bytes = text.as_bytes();
    let before = start.checked_sub(1).and_then(|i| bytes.get(i));
    let next_is_space = bytes.get(end + 1).is_none_or(|b| b.is_ascii_whitespace());
    let sentence_end = bytes.get(end) == Some(&b'.') && next_is_space;
    !joins(before) && (sentence_end || !joins(bytes.get(end)))
}

/// Swaps, drops or, less often, doubles the letter at a place.
fn slip(text: &mut String, at: usize, kind: usize) {
    let letter = text[at..=at].to_owned();
    match kind {
        0 | 1 => {
            text.remove(at);
            text.insert_str(at + 1, &letter);
        }
        2 | 3 => {
            text.remove(at);
        }
        _ => text.insert_str(at, &letter),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draws::Purpose;

    fn roughened(text: &str) -> impl Iterator<Item = String> {
        (0..400).map(move |prompt| {
            let mut rough = text.to_owned();
            roughen(&mut rough, &mut Draws::new(1, prompt, Purpose::Text));
            rough
        })
    }

    #[test]
    fn most_texts_stay_and_some_change() {
        let text = "Please summarise the following chapter.";
        let same = roughened(text).filter(|rough| rough == text).count();
        assert!((160..320).contains(&same), "{same} of 400");
    }

    #[test]
    fn code_is_never_touched() {
        for rough in roughened("Explain `SELECT Total FROM Orders` please") {
            assert!(
                rough.ends_with("`SELECT Total FROM Orders` please"),
                "{rough}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_what_follows_a_line_break(text in "\\PC{0,60}", tail in "\\PC{0,20}", prompt: u64) {
            let mut rough = format!("{text}\n{tail}");
            roughen(&mut rough, &mut Draws::new(1, prompt, Purpose::Text));
            let after = ["\n", tail.as_str()].concat();
            prop_assert!(rough.ends_with(&after), "{:?}", rough);
        }
    }

    #[test]
    fn names_in_code_style_are_not_words() {
        assert_eq!(long_words("the user_account works."), [(17, 5)]);
    }
}
