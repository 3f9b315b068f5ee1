//! A list of texts written as text: in JSON, or as Python prints it, with either quotation mark.
//! RouterBench and Chatbot Arena publish prompts like this.

/// The texts, or `None` when this is not such a list but plain text.
pub(super) fn parse(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('[')?.trim_start();
    let mut texts = Vec::new();
    loop {
        let (item, after) = quoted(rest)?;
        texts.push(item);
        let after = after.trim_start();
        if let Some(end) = after.strip_prefix(']') {
            return end.is_empty().then_some(texts);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

/// A quoted text and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mark = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut out = String::new();
    let mut chars = text[1..].chars();
    loop {
        match chars.next()? {
            '\\' => escape(&mut chars, &mut out)?,
            c if c == mark => return Some((out, chars.as_str())),
            c => out.push(c),
        }
    }
}

fn escape(chars: &mut std::str::Chars<'_>, out: &mut String) -> Option<()> {
    let code = match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'x' => char::from_u32(hex(chars, 2)?)?,
        'u' => utf16(chars)?,
        'U' => char::from_u32(hex(chars, 8)?)?,
        c @ ('\\' | '\'' | '"' | '/') => c,
        // What is no escape stands for itself.
        c => {
            out.push('\\');
            c
        }
    };
    out.push(code);
    Some(())
}

fn hex(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0_u32, |code, _| {
        Some(code << 4 | chars.next()?.to_digit(16)?)
    })
}

/// A character of JSON, which writes those above 16 bits as two. Half of one becomes the
/// replacement character, for the sake of the rest of the text.
fn utf16(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let first = hex(chars, 4)?;
    let mut ahead = chars.clone();
    let is_high = (0xD800..0xDC00).contains(&first);
    if is_high && ahead.next() == Some('\\') && ahead.next() == Some('u') {
        let second = hex(&mut ahead, 4)?;
        if (0xDC00..0xE000).contains(&second) {
            *chars = ahead;
            return char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
        }
    }
    Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(parse(text).unwrap(), expected, "{text}");
    }

    #[test]
    fn json_and_python_lists() {
        check(r#"["one", "two"]"#, &["one", "two"]);
        check(r#"['it is', "it's"]"#, &["it is", "it's"]);
        check(r#"['a\nb\\c\'d\x41\q']"#, &["a\nb\\c'dA\\q"]);
        check(r#"["\u00e9 \ud83d\ude00 \ud83d"]"#, &["é 😀 \u{fffd}"]);
        check("[ 'é' ]", &["é"]);
    }

    #[test]
    fn plain_text_is_no_list() {
        for text in [
            "What is 2 + 2?",
            "[citation needed]",
            "['open",
            "[]",
            "['a'] and more",
            "[1, 2]",
            "['a' 'b']",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
