//! How a back end wants to be spoken to, where servers of one dialect differ.

/// The back end that a request is written for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'t> {
    /// The model's name there.
    pub model: &'t str,
    /// The most tokens of an answer, where the dialect demands a number and the caller gives none.
    pub default_max_tokens: u64,
    /// Whether it knows only the older words of the chat dialect (`max_tokens`, the role `system`
    /// for developers), as most compatible servers do and OpenAI's reasoning models do not.
    pub older_chat: bool,
    /// Whether it thinks by a budget of tokens only, as Anthropic's models before 4.6 do.
    pub thinks_by_budget: bool,
    /// Whether it takes `temperature`, `top_p` and `top_k`, as Anthropic's newest models do no more.
    pub takes_sampling: bool,
}

impl<'t> Target<'t> {
    /// A back end as its dialect's own provider has it today.
    #[must_use]
    pub const fn new(model: &'t str) -> Self {
        Self {
            model,
            default_max_tokens: 4096,
            older_chat: false,
            thinks_by_budget: false,
            takes_sampling: true,
        }
    }
}
