//! A stream says what the whole text says, whatever the pieces, and never more than that.

use proptest::prelude::*;

use super::{guard, guard_with_own, made, streamed};

/// Pieces of what is found and of what looks like it.
const PARTS: &[&str] = &[
    "ann@example.com",
    "ann@",
    "@",
    "x.y+z@müller.de",
    "@ex.co.",
    ".",
    "..",
    "-",
    "_",
    "'",
    " ",
    " ",
    "\n",
    "a",
    "A",
    "é",
    "谢",
    "word ",
    "jürgen",
    "DE",
    "DE89",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "3704 0044",
    "4111 1111 1111 1111",
    "4111111111111111",
    "4111-1111-",
    "378282246310005",
    "1111",
    "12",
    "7",
    "0",
    "+",
    "(",
    ")",
    "/",
    "+49 30 1234567",
    "(415) 555-2671",
    "415-555-2671",
    "030 1234567",
    "01 42 68 53 00",
    "0049 30 1234567",
    "\u{a0}",
    "\u{2011}",
    "10.1.2.3",
    "192.168.0.1",
    "1.2.3.4.5",
    "fe80::1",
    "2001:db8::ff00:42:8329",
    "::",
    ":",
    "12:30",
    "::ffff:10.1.2.3",
    "sk-",
    "sk-abcDEFghi123456789012345",
    "ghp_",
    "0123456789abcdefghij0123456789ABCDEF",
    "AKIA",
    "AKIAIOSFODNN7EXAMPLE",
    "xoxb-",
    "pm-",
    "abcdefgh-",
    "234567abcdefghijklmnopqrstuvwxyz",
    "eyJ",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    "-----BEGIN ",
    "RSA PRIVATE KEY",
    "-----",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----END ",
    "EMP-",
    "EMP-1234",
    "1234",
    "tür",
    "TÜRen",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
];

fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        8 => prop::sample::select(PARTS).prop_map(str::to_owned),
        1 => "[a-z0-9@. +:-]{1,12}",
        1 => "\\PC{1,4}",
        1 => ("[a1@:é-]", 40..90_usize).prop_map(|(one, times)| one.repeat(times)),
    ];
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_stream_says_what_the_whole_says(text in text(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let guard = guard_with_own();
        let whole = guard.redact(&text);
        prop_assert_eq!(streamed(&guard, &text, &cuts).concat(), whole.text);
    }

    #[test]
    fn what_comes_out_stays(text in text(), cut: usize) {
        let guard = guard_with_own();
        let whole = guard.redact(&text).text;
        let (first, _) = text.split_at(text.floor_char_boundary(cut % (text.len() + 1)));
        let mut stream = guard.stream();
        let out = stream.push(first);
        prop_assert!(whole.starts_with(&out), "{out:?} of {whole:?}");
        // Whatever follows instead.
        prop_assert!(guard.redact(first).text.starts_with(&out));
    }

    #[test]
    fn one_by_one_as_at_once(text in text()) {
        let guard = guard_with_own();
        let mut stream = guard.stream();
        let mut out: String = text.chars().map(|one| stream.push(&one.to_string())).collect();
        out += &stream.finish();
        let whole = guard.redact(&text);
        prop_assert_eq!(out, whole.text);
        prop_assert_eq!(stream.counts(), &whole.counts);
        prop_assert_eq!(stream.held_bytes(), 0);
    }

    #[test]
    fn what_is_held_is_bounded(text in text()) {
        let numbers = made(r#"redact = ["card", "phone", "iban", "ip"]"#);
        for (guard, most) in [(guard(), 64 + 1 + 253), (numbers, 64)] {
            // Only the header of a token is longer.
            let text = text.replace("eyJ", "");
            let mut stream = guard.stream();
            for one in text.chars() {
                drop(stream.push(&one.to_string()));
                prop_assert!(stream.held_bytes() <= most, "{}", stream.held_bytes());
            }
        }
    }

    #[test]
    fn findings_are_in_order_and_apart(text in text()) {
        let found = guard_with_own().find(&text);
        prop_assert!(found.windows(2).all(|two| two[0].range.end <= two[1].range.start));
        for finding in found {
            prop_assert!(!text[finding.range].is_empty());
        }
    }
}

#[test]
fn plain_words_are_held_no_longer_than_the_next_space() {
    let mut stream = guard().stream();
    for word in [
        "The ",
        "quick, ",
        "(brown) ",
        "fox ",
        "jumps\n",
        "\"over\" ",
        "it. ",
    ] {
        assert_eq!(stream.push(word), word);
    }
}

#[test]
fn a_word_comes_out_with_the_space_behind_it() {
    let mut stream = guard().stream();
    assert_eq!(stream.push("Write to an"), "Write to ");
    assert_eq!(stream.push("n"), "");
    assert_eq!(stream.push(" or"), "ann ");
    assert_eq!(stream.finish(), "or");
}

#[test]
fn own_patterns_hold_back_what_they_may_match() {
    let mut stream = guard_with_own().stream();
    let out = stream.push(&"word ".repeat(100));
    assert!((400..500).contains(&out.len()), "{}", out.len());
}

#[test]
fn a_private_key_is_swallowed_as_it_comes() {
    let mut stream = guard().stream();
    assert_eq!(stream.push("key:\n-----BEGIN RSA PRI"), "key:\n");
    assert_eq!(stream.push("VATE KEY-----\nMIIE"), "[KEY]");
    for _ in 0..1000 {
        assert_eq!(stream.push("ann@example.com 4111 1111 1111 1111\n"), "");
        assert!(stream.held_bytes() < 100);
    }
    assert_eq!(stream.push("-----END RSA PRIVATE"), "");
    assert_eq!(
        stream.push(" KEY-----\nand ann@example.com "),
        "\nand [EMAIL] "
    );
}

#[test]
fn a_private_key_without_an_end_never_ends() {
    let guard = guard();
    let text = "a -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PUBLIC KEY-----\nrest";
    assert_eq!(guard.redact(text).text, "a [KEY]");
    assert_eq!(streamed(&guard, text, &[40, 60]).concat(), "a [KEY]");
}

#[test]
fn a_long_key_is_swallowed_as_it_comes() {
    let mut stream = guard().stream();
    let mut out = stream.push("ghp_0123456789abcdefghij0123456789ABCDEF");
    for _ in 0..1000 {
        out += &stream.push("0123456789");
        assert_eq!(stream.held_bytes(), 0);
    }
    assert_eq!(out + &stream.push(". Next "), "[KEY]. Next ");
}
