//! OpenAI chat completions. Also spoken by vLLM, Ollama, llama.cpp, Groq, Together, Azure and many
//! others, with more fields (`reasoning_content`, `top_k`) and fewer.

pub(crate) mod answer_in;
pub(crate) mod answer_out;
pub(crate) mod failure;
mod finish;
pub(crate) mod request_in;
pub(crate) mod request_out;
pub(crate) mod stream_in;
pub(crate) mod stream_out;
mod usage;
