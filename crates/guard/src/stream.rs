//! A text that arrives in pieces.

use crate::Guard;
use crate::guard::Rules;
use crate::kind::Counts;
use crate::merge::Merge;
use crate::view::View;

/// Bytes that are kept of what was settled, since what stands before a finding counts.
const CONTEXT: usize = 16;

/// Redacts a text that arrives in pieces. Whatever the pieces, what comes out is what
/// [`Guard::redact`] makes of the whole, and nothing comes out that would not stay.
///
/// The rest is in [`Stream::finish`]. A stream that is dropped without it has lost text, not leaked
/// any.
pub struct Stream {
    guard: Guard,
    /// Context, and what is not settled.
    held: String,
    /// Up to here all has come out.
    done: usize,
    merge: Merge,
    counts: Counts,
}

impl Stream {
    pub(crate) fn new(guard: Guard) -> Self {
        Self {
            merge: Merge::new(guard.rules().redact.len()),
            guard,
            held: String::new(),
            done: 0,
            counts: Counts::default(),
        }
    }

    /// Takes the next piece and returns what is settled by it, redacted.
    #[must_use]
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        self.read(false)
    }

    /// Ends the text and returns what was held back, redacted.
    #[must_use]
    pub fn finish(&mut self) -> String {
        self.read(true)
    }

    /// What was found so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Bytes that came and have not come out.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.len().saturating_sub(self.done)
    }

    fn read(&mut self, is_whole: bool) -> String {
        let Rules { redact, .. } = self.guard.rules();
        let text = &self.held;
        let reading = self.merge.read(redact, View { text, is_whole });
        let (mut out, mut done) = (String::new(), self.done.max(reading.before));
        for (index, range) in reading.found {
            out.push_str(&text[done..range.start]);
            out.push_str(&redact[index].label);
            self.counts.add(&redact[index].kind);
            done = range.end;
        }
        if reading.known > done {
            out.push_str(&text[done..reading.known]);
            done = reading.known;
        }
        self.done = done;
        self.forget(reading.known);
        out
    }

    /// Lets go of what is known but for the context.
    fn forget(&mut self, known: usize) {
        let cut = self.held.floor_char_boundary(known.saturating_sub(CONTEXT));
        self.held.drain(..cut);
        self.merge.cut(cut, known);
        self.done -= cut;
    }
}
