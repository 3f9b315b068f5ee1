//! A JSON string with escapes as text.

use super::run;

/// The text between the quotes of a checked string.
pub(super) fn unescaped(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    loop {
        let end = run::plain(rest.as_bytes(), 0);
        text.push_str(&rest[..end]);
        match rest[end..].strip_prefix('\\') {
            Some(escape) => rest = push_escape(escape, &mut text),
            None => return text,
        }
    }
}

/// Appends the character that an escape (without its backslash) begins with; the rest after it.
fn push_escape<'a>(escape: &'a str, text: &mut String) -> &'a str {
    let plain = match escape.as_bytes()[0] {
        b'u' => return push_unicode(escape, text),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        other => char::from(other),
    };
    text.push(plain);
    &escape[1..]
}

fn push_unicode<'a>(escape: &'a str, text: &mut String) -> &'a str {
    let high = unit(&escape[1..5]);
    let (point, rest) = match high {
        0xd800..=0xdbff => {
            let low = unit(&escape[7..11]);
            (
                0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00),
                &escape[11..],
            )
        }
        _ => (high, &escape[5..]),
    };
    text.push(char::from_u32(point).expect("a checked string has no lone surrogates"));
    rest
}

fn unit(digits: &str) -> u32 {
    u32::from_str_radix(digits, 16).expect("a checked escape has four hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_escape_is_read() {
        let all = r#"a\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00z"#;
        assert_eq!(unescaped(all), "a\"\\/\u{8}\u{c}\n\r\téé😀z");
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read(text in ".*") {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(unescaped(&written[1..written.len() - 1]), text);
        }
    }
}
