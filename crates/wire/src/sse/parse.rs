//! Reading events from chunks that may be cut anywhere: inside a line, a line break, a character.

use super::lines;
use crate::Error;

/// How much one line and one event may hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most a line may have.
    pub line: usize,
    /// The most an event's data may have.
    pub event: usize,
}

impl Default for Bounds {
    /// 8 MiB each: an answer's whole text stands in the last event of the responses dialect.
    fn default() -> Self {
        Self {
            line: 8 << 20,
            event: 8 << 20,
        }
    }
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'m> {
    /// Its name; `message` where it has none.
    pub name: &'m str,
    /// Its data, lines joined by a line feed.
    pub data: &'m str,
    /// The last id that was said, as clients send it when they come back.
    pub last_id: &'m str,
}

/// What stands between two blank lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'m> {
    /// The event; `None` where there were only comments or nothing.
    pub message: Option<Message<'m>>,
    /// The byte of the chunk after the line break that ended it.
    pub end: usize,
}

/// Reads events from chunks.
#[derive(Debug, Clone)]
pub struct Parser {
    bounds: Bounds,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    last_id: String,
    /// The last chunk ended with a carriage return: a line feed belongs to it.
    after_return: bool,
    has_begun: bool,
}

impl Parser {
    /// A parser with bounds.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            line: Vec::new(),
            name: String::new(),
            data: String::new(),
            has_data: false,
            last_id: String::new(),
            after_return: false,
            has_begun: false,
        }
    }

    /// Reads a chunk; `each` gets every frame that ends in it.
    ///
    /// # Errors
    /// A line or an event is too large, a line is not UTF-8, or `each` fails. The parser is of no
    /// use then.
    pub fn push(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut at = 0;
        if self.after_return && !chunk.is_empty() {
            at += usize::from(chunk[0] == b'\n');
            self.after_return = false;
        }
        while let Some(end) = lines::end(chunk, at) {
            let next = self.after_break(chunk, end);
            self.whole_line(&chunk[at..end], next, &mut each)?;
            at = next;
        }
        self.keep(&chunk[at..])
    }

    /// The byte after a line break; that of two bytes may be cut.
    fn after_break(&mut self, chunk: &[u8], end: usize) -> usize {
        if chunk[end] == b'\n' {
            return end + 1;
        }
        self.after_return = end + 1 == chunk.len();
        end + 1 + usize::from(chunk.get(end + 1) == Some(&b'\n'))
    }

    fn keep(&mut self, rest: &[u8]) -> Result<(), Error> {
        self.line.extend_from_slice(rest);
        match self.line.len() > self.bounds.line {
            true => Err(self.long_line()),
            false => Ok(()),
        }
    }

    const fn long_line(&self) -> Error {
        Error::LongLine {
            bound: self.bounds.line,
        }
    }

    fn whole_line(
        &mut self,
        rest: &[u8],
        end: usize,
        each: &mut impl FnMut(Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.line.len() + rest.len() > self.bounds.line {
            return Err(self.long_line());
        }
        if self.line.is_empty() {
            return self.line(rest, end, each);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(rest);
        let read = self.line(&line, end, each);
        line.clear();
        self.line = line;
        read
    }

    fn line(
        &mut self,
        line: &[u8],
        end: usize,
        each: &mut impl FnMut(Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut line = std::str::from_utf8(line).map_err(|_| Error::NotUtf8)?;
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(end, each);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value))
    }

    fn field(&mut self, field: &str, value: &str) -> Result<(), Error> {
        match field {
            "data" => return self.add(value),
            "event" => value.clone_into(&mut self.name),
            "id" if !value.contains('\0') => value.clone_into(&mut self.last_id),
            // A comment has no name; others are not known.
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, value: &str) -> Result<(), Error> {
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push('\n');
        }
        if self.data.len() + value.len() > self.bounds.event {
            return Err(Error::LargeEvent {
                bound: self.bounds.event,
            });
        }
        self.data.push_str(value);
        Ok(())
    }

    fn dispatch(
        &mut self,
        end: usize,
        each: &mut impl FnMut(Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let read = each(Frame {
            message: self.message(),
            end,
        });
        self.data.clear();
        self.name.clear();
        self.has_data = false;
        read
    }

    fn message(&self) -> Option<Message<'_>> {
        self.has_data.then(|| Message {
            name: if self.name.is_empty() {
                "message"
            } else {
                &self.name
            },
            data: &self.data,
            last_id: &self.last_id,
        })
    }

    /// The stream is over. An event whose blank line never came is read all the same: whether it is
    /// whole shows in its data.
    ///
    /// # Errors
    /// As [`Parser::push`].
    pub fn finish(
        &mut self,
        mut each: impl FnMut(Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.whole_line(b"", 0, &mut each)?;
        match self.has_data {
            true => self.dispatch(0, &mut each),
            false => Ok(()),
        }
    }
}
