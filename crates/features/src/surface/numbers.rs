//! Numbers of several digits, a decimal point included.

/// From so many characters on a number is long.
const LONG: u32 = 3;

/// Counts long numbers, word by word: `3.5` is one number in two words, `x100` is a word with one.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) long: u32,
    /// Characters of the number that is open; 0 where none is.
    length: u32,
    has_point: bool,
}

impl Numbers {
    /// Takes in a word that has a digit, and what stands before it.
    pub(super) fn word(&mut self, gap: &str, word: &str) {
        let goes_on = gap == "." && self.length > 0 && !self.has_point;
        if goes_on && word.starts_with(|first: char| first.is_ascii_digit()) {
            self.length += 1;
            self.has_point = true;
        } else {
            self.end();
        }
        for byte in word.bytes() {
            match byte.is_ascii_digit() {
                true => self.length += 1,
                false => self.end(),
            }
        }
    }

    /// Nothing that follows belongs to the number before.
    pub(super) fn end(&mut self) {
        self.long += u32::from(self.length >= LONG);
        self.length = 0;
        self.has_point = false;
    }
}
