//! How many tokens a request has, where nobody has counted them: an estimate from its bytes.

use pointsman_wire::{Block, Conversation, Tool};

/// Bytes of a token: about what tokenizers make of English.
pub(super) const BYTES_PER_TOKEN: u64 = 4;
/// Tokens of an image: between the tile counts of small and large ones.
const IMAGE_TOKENS: u64 = 1000;

/// A token for four bytes of texts, schemas and arguments, and a thousand for an image.
pub(super) fn input_tokens(said: &Conversation<'_>) -> u64 {
    let blocks = said.turns.iter().flat_map(|turn| &turn.blocks);
    let said: Weight = blocks
        .map(weight)
        .chain(said.tools.iter().map(schema))
        .sum();
    said.bytes.div_ceil(BYTES_PER_TOKEN) + said.images * IMAGE_TOKENS
}

#[derive(Clone, Copy, Default)]
struct Weight {
    bytes: u64,
    images: u64,
}

impl std::iter::Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            bytes: sum.bytes + one.bytes,
            images: sum.images + one.images,
        })
    }
}

fn bytes(bytes: usize) -> Weight {
    Weight {
        bytes: bytes as u64,
        images: 0,
    }
}

fn weight(block: &Block<'_>) -> Weight {
    match block {
        Block::Text(text) | Block::Refusal(text) => bytes(text.len()),
        Block::ToolCall(call) => bytes(call.name.len() + call.arguments.len()),
        Block::Reasoning(thought) => bytes(thought.text.len()),
        Block::Image(_) => Weight {
            bytes: 0,
            images: 1,
        },
        Block::ToolResult(result) => result.content.iter().map(weight).sum(),
    }
}

fn schema(tool: &Tool<'_>) -> Weight {
    let described = tool.description.as_ref().map_or(0, |text| text.len());
    let parameters = tool.parameters.as_ref().map_or(0, |text| text.len());
    bytes(tool.name.len() + described + parameters)
}
