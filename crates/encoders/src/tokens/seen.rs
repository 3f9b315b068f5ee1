//! Words and their token ids, looked up by hash and compared in full. Bounded: a full memory is
//! emptied, and the words in use come back first.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use pointsman_types::text_hash;

/// So many words are kept, about 4 MB.
const MOST: usize = 1 << 16;

/// The longest word that is kept, in bytes; longer ones seldom come twice.
const LONGEST: usize = 48;

/// The words seen since the memory was last empty.
#[derive(Default)]
pub(crate) struct SeenWords {
    entries: HashMap<u64, Entry, BuildHasherDefault<AsIs>>,
    text: String,
    ids: Vec<u32>,
}

struct Entry {
    text: Range<u32>,
    ids: Range<u32>,
}

impl SeenWords {
    /// The ids of a word, if it is kept.
    pub(crate) fn get(&self, word: &str) -> Option<&[u32]> {
        let entry = self.entries.get(&text_hash(word))?;
        (self.text[wide(&entry.text)] == *word).then(|| &self.ids[wide(&entry.ids)])
    }

    /// Keeps a word, unless it is long or another has its hash.
    pub(crate) fn insert(&mut self, word: &str, ids: &[u32]) {
        if word.len() > LONGEST {
            return;
        }
        if self.entries.len() == MOST {
            *self = Self::default();
        }
        let hash = text_hash(word);
        if self.entries.contains_key(&hash) {
            return;
        }
        let text = append(self.text.len(), word.len());
        self.text.push_str(word);
        let at = append(self.ids.len(), ids.len());
        self.ids.extend(ids);
        self.entries.insert(hash, Entry { text, ids: at });
    }
}

/// Where so many more things come to stand.
fn append(len: usize, more: usize) -> Range<u32> {
    let bound = |at: usize| u32::try_from(at).expect("65,536 words of 48 bytes fit 32 bits");
    bound(len)..bound(len + more)
}

fn wide(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// The keys are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u64")
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_with_its_ids() {
        let mut seen = SeenWords::default();
        seen.insert("one", &[1, 2]);
        seen.insert("", &[]);
        seen.insert("two", &[3]);
        assert_eq!(seen.get("one"), Some(&[1, 2][..]));
        assert_eq!(seen.get("two"), Some(&[3][..]));
        assert_eq!(seen.get(""), Some(&[][..]));
        assert_eq!(seen.get("three"), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut seen = SeenWords::default();
        for number in 0..3 * MOST {
            seen.insert(&format!("word {number}"), &[7]);
        }
        seen.insert(&"long ".repeat(20), &[7]);
        assert!(seen.entries.len() <= MOST);
        assert!(seen.text.len() <= MOST * LONGEST);
        assert_eq!(seen.get(&"long ".repeat(20)), None);
    }
}
