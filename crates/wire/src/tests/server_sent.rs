//! Server-sent events by the words of the standard.

use proptest::prelude::*;

use super::fixtures::STREAMS;
use crate::Error;
use crate::sse::{Bounds, Parser};

type Read = Vec<(String, String, String)>;

fn read_pieces<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<Read, Error> {
    read_within(Bounds::default(), pieces)
}

fn read_within<'p>(
    bounds: Bounds,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Result<Read, Error> {
    let mut parser = Parser::new(bounds);
    let mut read = Vec::new();
    let mut each = |frame: crate::sse::Frame<'_>| {
        read.extend(frame.message.map(|message| {
            (
                message.name.into(),
                message.data.into(),
                message.last_id.into(),
            )
        }));
        Ok(())
    };
    for piece in pieces {
        parser.push(piece, &mut each)?;
    }
    parser.finish(&mut each)?;
    Ok(read)
}

fn check(stream: &str, wanted: &[(&str, &str, &str)]) {
    let own = |(name, data, id): &(&str, &str, &str)| {
        (name.to_string(), data.to_string(), id.to_string())
    };
    let wanted: Read = wanted.iter().map(own).collect();
    assert_eq!(
        read_pieces([stream.as_bytes()]).unwrap(),
        wanted,
        "{stream:?}"
    );
    let bytes = stream.as_bytes().chunks(1);
    assert_eq!(
        read_pieces(bytes).unwrap(),
        wanted,
        "{stream:?} byte by byte"
    );
}

#[test]
fn events_as_the_standard_has_them() {
    check("data: a\n\n", &[("message", "a", "")]);
    check(
        "data:a\r\rdata: b\r\n\r\n",
        &[("message", "a", ""), ("message", "b", "")],
    );
    check(
        "data: a\r\ndata:  b\ndata\n\n",
        &[("message", "a\n b\n", "")],
    );
    check(
        ": hello\n\nevent: x\n\ndata: a\n\n",
        &[("message", "a", "")],
    );
    check(
        "event: x\nid: 7\ndata: a\n\ndata: b\n\n",
        &[("x", "a", "7"), ("message", "b", "7")],
    );
    check(
        "id: a\0b\nretry: 10\nfoo: bar\ndata\n\n",
        &[("message", "", "")],
    );
    check("\u{feff}data: a\n\n", &[("message", "a", "")]);
    check("data: \u{feff}é😀\n\n", &[("message", "\u{feff}é😀", "")]);
    check("data: half", &[("message", "half", "")]);
    check("data: a\r", &[("message", "a", "")]);
    check("\n\r\n\r", &[]);
}

#[test]
fn what_is_too_large_or_no_text_is_an_error() {
    let bounds = Bounds {
        line: 16,
        event: 24,
    };
    let read = |bytes: &[u8], size: usize| read_within(bounds, bytes.chunks(size)).unwrap_err();
    for size in [1, 5, 100] {
        let long = format!("data: {}", "x".repeat(20));
        assert_eq!(read(long.as_bytes(), size), Error::LongLine { bound: 16 });
        let large = "data: 0123456789\n".repeat(3);
        assert_eq!(
            read(large.as_bytes(), size),
            Error::LargeEvent { bound: 24 }
        );
        assert_eq!(read(b"data: \xff\xfe\n\n", size), Error::NotUtf8);
        assert_eq!(read(b"data: \xf0\x9f\n\n", size), Error::NotUtf8);
    }
    assert!(read_within(bounds, [&b"data: 0123456789\n\ndata: 0123456789\n\n"[..]]).is_ok());
}

/// A stream cut at these places.
pub(super) fn cut<'b>(bytes: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for place in places {
        pieces.push(&bytes[from..place]);
        from = place;
    }
    pieces.push(&bytes[from..]);
    pieces
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        recorded in prop::sample::select(STREAMS.iter().collect::<Vec<_>>()),
        line_break in prop::sample::select(vec!["\n", "\r", "\r\n"]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let text = std::str::from_utf8(recorded.bytes).unwrap().replace('\n', line_break);
        let pieces = cut(text.as_bytes(), &cuts);
        prop_assert_eq!(read_pieces(pieces), read_pieces([recorded.bytes]));
    }

    #[test]
    fn any_soup_gives_the_same_events_however_it_is_split(
        soup in "(data|event|id|:|: | |\r|\n|\r\n|a|é|\u{feff}){0,40}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let pieces = cut(soup.as_bytes(), &cuts);
        prop_assert_eq!(read_pieces(pieces), read_pieces([soup.as_bytes()]));
    }
}
