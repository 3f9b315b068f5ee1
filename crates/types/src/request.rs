//! What a caller wants routed, and within which limits.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Capability, Draw, ModelName, Prompt, Quality, Tokens, Usd, UsdPerMillion};

/// The most a caller pays per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPrice {
    /// Tokens in.
    pub prompt: Option<UsdPerMillion>,
    /// Tokens out.
    pub completion: Option<UsdPerMillion>,
}

/// Conditions that a candidate meets or is refused by. The default allows everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    /// Only these models, when given.
    pub models: Option<Vec<ModelName>>,
    /// The most per million tokens.
    pub max_price: MaxPrice,
    /// The most for this request, as predicted.
    pub max_cost: Option<Usd>,
    /// The least quality, as the lower estimate; makes the decision `adequate`.
    pub min_quality: Option<Quality>,
    /// The most tokens the answer may take.
    pub max_tokens: Option<Tokens>,
    /// What the model must be able to do.
    pub needs: BTreeSet<Capability>,
    /// Only models that run here, when given.
    pub region: Option<String>,
    /// Only models whose provider keeps nothing.
    pub zero_retention: bool,
}

/// One request to decide on.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What is asked.
    pub prompt: Prompt,
    /// Tokens in, when the caller counted them; otherwise they are estimated.
    pub input_tokens: Option<Tokens>,
    /// What the choice must respect.
    pub limits: Limits,
    /// The chance in the choice, where the policy may explore; without one the best is chosen.
    pub draw: Option<Draw>,
}

impl Request {
    /// A request without limits.
    #[must_use]
    pub fn new(prompt: Prompt) -> Self {
        Self {
            prompt,
            input_tokens: None,
            limits: Limits::default(),
            draw: None,
        }
    }
}
