//! Anthropic messages.

pub(crate) mod answer_in;
pub(crate) mod answer_out;
pub(crate) mod failure;
pub(crate) mod request_in;
pub(crate) mod request_out;
mod stop;
pub(crate) mod stream_in;
pub(crate) mod stream_out;
pub(crate) mod thinking;
mod usage;
