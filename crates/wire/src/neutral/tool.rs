//! Tools: what a model may call, what it called, what came of it.

use super::{Block, Text};

/// A function that the caller offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// What it does.
    pub description: Option<Text<'a>>,
    /// The JSON schema of its arguments, as the caller wrote it.
    pub parameters: Option<Text<'a>>,
    /// Whether arguments must follow the schema exactly.
    pub is_strict: bool,
}

/// Whether and which tool must be called.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// The model decides.
    Auto,
    /// None may be called.
    None,
    /// One must be called.
    Required,
    /// This one must be called.
    Tool(Text<'a>),
}

/// The model calls a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall<'a> {
    /// What the result refers to.
    pub id: Text<'a>,
    /// The tool.
    pub name: Text<'a>,
    /// Its arguments, as the model wrote them: usually a JSON object.
    pub arguments: Text<'a>,
}

impl ToolCall<'_> {
    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> ToolCall<'static> {
        ToolCall {
            id: self.id.into_owned().into(),
            name: self.name.into_owned().into(),
            arguments: self.arguments.into_owned().into(),
        }
    }

    /// The arguments as an object; `{}` for none at all.
    pub(crate) fn as_object(&self) -> Option<&str> {
        let arguments = self.arguments.trim();
        if arguments.is_empty() {
            return Some("{}");
        }
        let is_object = arguments.starts_with('{')
            && crate::json::Document::parse(arguments.as_bytes()).is_ok();
        is_object.then_some(arguments)
    }
}

/// What a called tool gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult<'a> {
    /// The call it answers.
    pub call_id: Text<'a>,
    /// Texts and images.
    pub content: Vec<Block<'a>>,
    /// Whether the tool failed.
    pub is_error: bool,
}

impl ToolResult<'_> {
    /// Its texts, one after the other.
    #[must_use]
    pub fn text(&self) -> Text<'_> {
        super::routing::joined(&self.content)
    }

    /// Whether it has an image.
    #[must_use]
    pub fn has_image(&self) -> bool {
        self.content
            .iter()
            .any(|block| matches!(block, Block::Image(_)))
    }
}
