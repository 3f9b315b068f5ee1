//! Texts made to take long.

use std::time::{Duration, Instant};

use super::guard_with_own;

const BYTES: usize = 1 << 20;
const STREAMED: usize = 1 << 15;

/// A text of a megabyte takes no more than seconds, in a test's build on a busy machine; what is
/// quadratic takes hours. In pieces little is held back, and the same comes out.
fn check(part: &str) {
    let guard = guard_with_own();
    let text = part.repeat(BYTES / part.len());
    let start = Instant::now();
    drop(guard.redact(&text));
    let taken = start.elapsed();
    assert!(taken < Duration::from_secs(5), "{part:?}: {taken:?}");
    let text = &text[..text.floor_char_boundary(STREAMED)];
    let mut stream = guard.stream();
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(997.min(rest.len())));
        out += &stream.push(piece);
        assert!(stream.held_bytes() <= 600, "{part:?}");
        rest = after;
    }
    out += &stream.finish();
    assert!(out == guard.redact(text).text, "{part:?}");
}

#[test]
fn one_character_over_and_over() {
    for part in [
        "@", "1", ".", "-", ":", "+", "(", " ", "a", "A", "_", "é", "e", "\\", "0", "\u{a0}", "谢",
    ] {
        check(part);
    }
}

#[test]
fn beginnings_over_and_over() {
    for part in [
        "a@",
        "a@a.",
        "1.",
        "1.1.1.",
        "1 ",
        "1-",
        "4111 ",
        "+1",
        "+1 ",
        "(1)",
        "(0",
        "DE8",
        "DE89 ",
        "fe80:",
        "::1",
        "1:",
        "sk-",
        "sk-a1B",
        "ghp_",
        "eyJ",
        "eyJ.",
        "-----BEGIN ",
        "-----",
        "-----BEGIN A-----",
        "EMP-",
        "EMP-1",
        "tür",
        "0123 ",
        "00 ",
        "xoxb-",
        "pm-abcdefgh-",
    ] {
        check(part);
    }
}

#[test]
fn findings_over_and_over() {
    for part in [
        "a@b.co ",
        "a@b.co,",
        "4111111111111111 ",
        "4111 1111 1111 1111 ",
        "+49 30 1234567 ",
        "10.1.2.3 ",
        "DE89370400440532013000 ",
        "-----BEGIN PRIVATE KEY-----",
        "ghp_0123456789abcdefghij0123456789ABCDEF ",
    ] {
        check(part);
    }
}
