//! Lines and sentences, seen in what stands between words.

use super::lengths::Lengths;

/// Lines, sentences and gaps to fill.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Lengths of the lines that have ended, in characters.
    pub(super) lines: Lengths,
    pub(super) sentences: u32,
    pub(super) has_gap_to_fill: bool,
    /// Characters of the line that is open.
    line: u32,
    /// Words, and other characters but white space, of the sentence that is open.
    marks: u32,
}

impl Layout {
    /// Takes in a word of so many characters and what stands before it.
    pub(super) fn word(&mut self, gap: &str, chars: u32) {
        match gap {
            " " => self.line += 1,
            _ => self.gap(gap),
        }
        self.line += chars;
        self.marks += 1;
    }

    /// Takes in what stands after the last word. A text has a last line, which may be empty.
    pub(super) fn end(&mut self, rest: &str) {
        self.gap(rest);
        self.lines.add(std::mem::take(&mut self.line));
        self.close_sentence(0);
    }

    /// A sentence ends in one of `.?!` before white space; both stand between the same two words.
    fn gap(&mut self, gap: &str) {
        let mut before = ' ';
        for character in gap.chars() {
            match character.is_whitespace() {
                true if matches!(before, '.' | '?' | '!') => self.close_sentence(1),
                true => (),
                false => self.marks += 1,
            }
            self.has_gap_to_fill |= before == '_' && character == '_';
            self.step(character);
            before = character;
        }
    }

    fn step(&mut self, character: char) {
        match character {
            '\n' => self.lines.add(std::mem::take(&mut self.line)),
            _ => self.line += 1,
        }
    }

    /// Its end alone is no sentence.
    fn close_sentence(&mut self, marks_of_end: u32) {
        self.sentences += u32::from(self.marks > marks_of_end);
        self.marks = 0;
    }
}
