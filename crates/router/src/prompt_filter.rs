//! An approximate set of prompts in bounded memory, for logs that are too large to keep the hash of
//! every prompt (Bloom 1970). The bits of one prompt lie within 64 bytes, so that one access finds
//! them (Putze, Sanders and Singler 2007).

/// Bits of a block; a power of two.
const BLOCK_BITS: u64 = 512;
const WORDS: usize = (BLOCK_BITS / 64) as usize;
/// Bits set per prompt.
const PROBES: u32 = 5;
/// Bits per prompt: of other prompts about one in 100 is taken for one of the set.
const BITS_PER_PROMPT: u64 = 12;
/// 64 MiB. Beyond 45 million prompts the filter errs more often.
const MOST_BLOCKS: u64 = (64 << 23) / BLOCK_BITS;

/// Says "certainly not" or "probably" of a prompt, by the hash of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptFilter(Vec<[u64; WORDS]>);

impl PromptFilter {
    /// An empty filter with room for about so many prompts.
    #[must_use]
    pub fn for_prompts(prompts: u64) -> Self {
        let blocks = prompts.saturating_mul(BITS_PER_PROMPT) / BLOCK_BITS + 1;
        Self(vec![[0; WORDS]; blocks.min(MOST_BLOCKS) as usize])
    }

    /// Adds the prompt whose text has this hash.
    pub fn insert(&mut self, text_hash: u64) {
        let block = self.block(text_hash);
        for bit in bits(text_hash) {
            self.0[block][bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether a prompt with this hash was probably added; never `false` for one that was.
    #[must_use]
    pub fn contains(&self, text_hash: u64) -> bool {
        let block = &self.0[self.block(text_hash)];
        bits(text_hash).all(|bit| block[bit / 64] >> (bit % 64) & 1 == 1)
    }

    fn block(&self, text_hash: u64) -> usize {
        let spread = spread(text_hash, 0x9e37_79b9_7f4a_7c15);
        (((spread >> 32) * self.0.len() as u64) >> 32) as usize
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let words = self.0.as_flattened().iter();
        words.flat_map(|word| word.to_le_bytes()).collect()
    }

    /// `None` when these bytes are not whole blocks.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        match words.as_chunks::<WORDS>() {
            ([], _) => None,
            (blocks, []) => Some(Self(blocks.to_vec())),
            _ => None,
        }
    }
}

/// The prompt's bits within its block.
fn bits(text_hash: u64) -> impl Iterator<Item = usize> {
    let spread = spread(text_hash, 0xbf58_476d_1ce4_e5b9);
    (1..=PROBES).map(move |probe| (spread >> (64 - 9 * probe) & (BLOCK_BITS - 1)) as usize)
}

/// Another hash for each odd factor. The prompts of a filter may all have hashes above a bound, so
/// the high bits of theirs do not spread.
fn spread(text_hash: u64, odd: u64) -> u64 {
    (text_hash ^ text_hash >> 32).wrapping_mul(odd)
}

#[cfg(test)]
mod tests {
    use pointsman_types::text_hash;

    use super::*;

    fn hash(number: usize) -> u64 {
        text_hash(&format!("prompt {number}"))
    }

    fn filled(prompts: usize) -> PromptFilter {
        let mut filter = PromptFilter::for_prompts(prompts as u64);
        (0..prompts).for_each(|number| filter.insert(hash(number)));
        filter
    }

    #[test]
    fn what_was_added_is_found_and_hardly_anything_else() {
        let filter = filled(20_000);
        assert!((0..20_000).all(|number| filter.contains(hash(number))));
        let mistaken = (20_000..120_000).filter(|number| filter.contains(hash(*number)));
        let mistaken = mistaken.count();
        assert!(mistaken < 2_000, "{mistaken} of 100,000");
    }

    #[test]
    fn hashes_above_a_bound_spread_as_well() {
        let mut filter = PromptFilter::for_prompts(20_000);
        let above = |number: usize| hash(number) >> 5 | 0xf8 << 56;
        (0..20_000).for_each(|number| filter.insert(above(number)));
        let mistaken = (20_000..120_000).filter(|number| filter.contains(above(*number)));
        let mistaken = mistaken.count();
        assert!(mistaken < 2_000, "{mistaken} of 100,000");
    }

    #[test]
    fn a_filter_survives_its_bytes() {
        let filter = filled(500);
        assert_eq!(PromptFilter::from_bytes(&filter.to_bytes()), Some(filter));
        assert_eq!(PromptFilter::from_bytes(&[0; 63]), None);
        assert_eq!(PromptFilter::from_bytes(&[]), None);
    }
}
