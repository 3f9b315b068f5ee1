//! What the router reads of a conversation, and what a model must be able to do to answer it.

use super::{Block, Conversation, Format, Role, Text, Turn};

/// One turn as the router reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utterance<'c> {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: &'static str,
    /// What is said, without images, calls and thoughts.
    pub text: Text<'c>,
}

/// What a request needs beyond text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Tools are offered, called or answered.
    pub tools: bool,
    /// There are images.
    pub images: bool,
    /// The answer must be JSON of any kind.
    pub json: bool,
    /// The answer must follow a JSON schema.
    pub json_schema: bool,
    /// The model shall think.
    pub reasoning: bool,
    /// There are results of tools.
    pub tool_results: bool,
    /// The model waits for the results of its calls, or has just got them: changing the model here
    /// would break a task in the middle.
    pub inside_tool_loop: bool,
}

impl Conversation<'_> {
    /// The turns as the router reads them. Turns without text are left out; results of tools are
    /// turns of their own.
    #[must_use]
    pub fn utterances(&self) -> Vec<Utterance<'_>> {
        let mut utterances = Vec::with_capacity(self.turns.len());
        for turn in &self.turns {
            let results = turn.blocks.iter().filter_map(result_text);
            utterances.extend(results.map(|text| Utterance { role: "tool", text }));
            utterances.push(Utterance {
                role: turn.role.as_str(),
                text: joined(&turn.blocks),
            });
        }
        utterances.retain(|utterance| !utterance.text.is_empty());
        utterances
    }

    /// What a model must be able to do.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let any = |wanted: fn(&Block<'_>) -> bool| {
            let mut blocks = self.turns.iter().flat_map(|turn| &turn.blocks);
            blocks.any(wanted)
        };
        let tool_results = any(|block| matches!(block, Block::ToolResult(_)));
        let calls = any(|block| matches!(block, Block::ToolCall(_)));
        Needs {
            tools: !self.tools.is_empty() || tool_results || calls,
            images: any(has_image),
            json: self.format.is_some(),
            json_schema: matches!(self.format, Some(Format::JsonSchema { .. })),
            reasoning: !matches!(self.thinking, None | Some(super::Thinking::Off)),
            tool_results,
            inside_tool_loop: self.is_inside_tool_loop(),
        }
    }

    /// Whether the last turn is a call of a tool or has the result of one.
    pub(crate) fn is_inside_tool_loop(&self) -> bool {
        let mut spoken = self.turns.iter().filter(|turn| !turn.role.instructs());
        spoken.next_back().is_some_and(is_of_loop)
    }
}

fn is_of_loop(turn: &Turn<'_>) -> bool {
    let is_of = |block: &Block<'_>| match turn.role {
        Role::Assistant => matches!(block, Block::ToolCall(_)),
        _ => matches!(block, Block::ToolResult(_)),
    };
    turn.blocks.iter().any(is_of)
}

fn has_image(block: &Block<'_>) -> bool {
    match block {
        Block::Image(_) => true,
        Block::ToolResult(result) => result.has_image(),
        _ => false,
    }
}

fn result_text<'c>(block: &'c Block<'_>) -> Option<Text<'c>> {
    match block {
        Block::ToolResult(result) => Some(result.text()),
        _ => None,
    }
}

/// The texts of blocks, line by line; borrowed where there is one.
pub(super) fn joined<'c>(blocks: &'c [Block<'_>]) -> Text<'c> {
    let mut texts = blocks.iter().filter_map(|block| match block {
        Block::Text(text) | Block::Refusal(text) => Some(&**text),
        _ => None,
    });
    let first = texts.next().unwrap_or_default();
    let mut joined = Text::Borrowed(first);
    for text in texts {
        let all = joined.to_mut();
        all.push('\n');
        all.push_str(text);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ToolCall, ToolResult};

    fn text(text: &str) -> Block<'_> {
        Block::Text(text.into())
    }

    #[test]
    fn the_router_reads_texts_by_role() {
        let mut conversation = Conversation::new("auto");
        let result = Block::ToolResult(ToolResult {
            call_id: "1".into(),
            content: vec![text("12 degrees")],
            is_error: false,
        });
        let call = Block::ToolCall(ToolCall {
            id: "1".into(),
            name: "weather".into(),
            arguments: "{}".into(),
        });
        conversation.turns = vec![
            Turn::new(Role::Developer, vec![text("Be brief.")]),
            Turn::new(Role::User, vec![text("How warm"), text("is it?")]),
            Turn::new(Role::Assistant, vec![call]),
            Turn::new(Role::User, vec![result, text("And?")]),
        ];
        let read: Vec<(&str, String)> = conversation
            .utterances()
            .into_iter()
            .map(|said| (said.role, said.text.into_owned()))
            .collect();
        let wanted = [
            ("system", "Be brief."),
            ("user", "How warm\nis it?"),
            ("tool", "12 degrees"),
            ("user", "And?"),
        ];
        assert_eq!(read, wanted.map(|(role, text)| (role, text.to_owned())));
        let needs = conversation.needs();
        assert!(needs.tools && needs.tool_results && needs.inside_tool_loop);
        assert!(!needs.images && !needs.json);
        conversation
            .turns
            .push(Turn::new(Role::User, vec![text("Thanks")]));
        assert!(!conversation.needs().inside_tool_loop);
    }
}
