//! As much of HTTP/1.1 as the load and the stand-in need.

use memchr::memmem;

/// A whole request.
#[must_use]
pub fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A whole request without a body.
#[must_use]
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// How many bytes a message takes, once they have all come: by its length, or up to the last chunk.
pub(crate) fn whole(held: &[u8]) -> Option<usize> {
    let head = memmem::find(held, b"\r\n\r\n")? + 4;
    let end = match content_length(&held[..head]) {
        Some(length) => head + length,
        None => held.ends_with(b"0\r\n\r\n").then_some(held.len())?,
    };
    (held.len() >= end).then_some(end)
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.find(|line| {
        let name = line.get(..NAME.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    })?;
    std::str::from_utf8(&line[NAME.len()..])
        .ok()?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_by_its_length_or_its_last_chunk() {
        let told = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc";
        assert_eq!(whole(told), Some(told.len() - 1));
        assert_eq!(whole(&told[..told.len() - 2]), None);
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
        assert_eq!(whole(chunked), Some(chunked.len()));
        assert_eq!(whole(&chunked[..chunked.len() - 5]), None);
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
