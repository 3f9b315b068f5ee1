//! OpenAI responses, without the server's memory: every request brings its whole conversation.

pub(crate) mod answer_in;
pub(crate) mod answer_out;
pub(crate) mod failure;
mod item_out;
pub(crate) mod request_in;
pub(crate) mod request_out;
mod status;
pub(crate) mod stream_in;
pub(crate) mod stream_out;
mod usage;
