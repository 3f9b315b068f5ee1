//! Bodies to values, with the path of the field that is wrong.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::error::Category;

use crate::object::Object;
use crate::problem::Problem;

/// A message this long shows where it begins and how it ends; it may quote the caller's text.
const LONGEST_MESSAGE: usize = 400;

/// Reads a JSON object. The path is looked for only when something is wrong, since tracking it is not free.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    match serde_json::from_slice::<Object<T>>(body) {
        Ok(Object(value)) => Ok(value),
        Err(error) if error.classify() == Category::Data => Err(wrong_field::<T>(body)),
        Err(error) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_json",
            format!("the body is not valid JSON: {error}"),
        )),
    }
}

fn wrong_field<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Problem {
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, Object<T>>(&mut json) {
        Err(error) => named(&error.path().to_string(), &error.inner().to_string()),
        Ok(_) => Problem::internal(),
    }
}

fn named(path: &str, reason: &str) -> Problem {
    let reason = shortened(reason);
    // The path of the whole body is a dot.
    if path == "." {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_value",
            format!("the body: {reason}"),
        );
    }
    let mut problem = Problem::invalid(path, format!("{path}: {reason}"));
    if reason.starts_with("unknown field") {
        problem.code = "unknown_field";
    }
    problem
}

/// Leaves out the middle of a long message.
fn shortened(message: &str) -> String {
    let count = message.chars().count();
    if count <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let half = LONGEST_MESSAGE / 2;
    let head: String = message.chars().take(half).collect();
    let tail: String = message.chars().skip(count - half).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_both_ends() {
        let message = format!("begin {} end", "ü".repeat(10_000));
        let short = shortened(&message);
        assert!(
            short.starts_with("begin") && short.ends_with("end"),
            "{short}"
        );
        assert_eq!(short.chars().count(), LONGEST_MESSAGE + 1);
    }
}
