//! Text in blocks of whole lines, so that several cores can parse the lines of one.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::LONGEST_ROW;
use super::lines::{BYTE_ORDER_MARK, skip_line};
use crate::LogError;
use crate::source::{Packing, open_text};

/// Bytes of a block, up to the end of its last line: thousands of rows, so that cores rarely wait
/// for each other.
const BLOCK_BYTES: u64 = 4 << 20;

/// A text file being read block by block.
pub(crate) struct Blocks {
    input: BufReader<Box<dyn Read>>,
    is_first: bool,
}

impl Blocks {
    /// Opens a file and unpacks it while it is read.
    pub(crate) fn open(file: &Path, packing: Packing) -> Result<Self, LogError> {
        Ok(Self {
            input: BufReader::with_capacity(1 << 16, open_text(file, packing)?),
            is_first: true,
        })
    }

    /// Fills `block` with the next lines; `false` at the end. A line longer than a row may be is
    /// stepped over.
    pub(crate) fn next(&mut self, block: &mut Vec<u8>) -> io::Result<bool> {
        block.clear();
        if fill(&mut self.input, block, BLOCK_BYTES, LONGEST_ROW)? == 0 {
            return Ok(false);
        }
        if std::mem::take(&mut self.is_first) && block.starts_with(BYTE_ORDER_MARK) {
            block.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(true)
    }
}

/// Reads `bytes` and then to the end of the line, which may take `longest` more. Returns how many
/// bytes were read.
fn fill(
    input: &mut impl BufRead,
    block: &mut Vec<u8>,
    bytes: u64,
    longest: u64,
) -> io::Result<usize> {
    let mut read = input.take(bytes).read_to_end(block)?;
    if read as u64 == bytes && !block.ends_with(b"\n") {
        let rest = input.take(longest).read_until(b'\n', block)?;
        read += rest;
        if rest as u64 == longest && !block.ends_with(b"\n") {
            let line = block.iter().rposition(|byte| *byte == b'\n');
            block.truncate(line.map_or(0, |end| end + 1));
            skip_line(input)?;
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(mut input: &[u8], bytes: u64, longest: u64) -> Vec<String> {
        let (mut block, mut all) = (Vec::new(), Vec::new());
        while fill(&mut input, &mut block, bytes, longest).unwrap() > 0 {
            all.push(String::from_utf8(std::mem::take(&mut block)).unwrap());
        }
        all
    }

    proptest! {
        #[test]
        fn blocks_end_where_lines_end_and_lose_nothing(text in "[a-c\n]{0,60}", bytes in 1..9_u64) {
            let blocks = blocks(text.as_bytes(), bytes, 100);
            prop_assert_eq!(blocks.concat(), text);
            let whole = blocks.iter().rev().skip(1).all(|block| block.ends_with('\n'));
            prop_assert!(whole, "{:?}", blocks);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_stepped_over() {
        assert_eq!(blocks(b"ab\ncdefghijk\nl\n", 5, 4), ["ab\n", "l\n"]);
    }
}
