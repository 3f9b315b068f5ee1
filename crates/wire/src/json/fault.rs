//! What is wrong with a value, by its place; the place becomes a path when somebody is told.

use super::{Json, path};
use crate::Error;

/// A value that is not what it should be.
#[derive(Debug)]
pub(crate) struct Fault {
    at: usize,
    field: Option<&'static str>,
    pub(crate) wrong: String,
}

impl Fault {
    pub(crate) fn at(json: Json<'_>, wrong: impl Into<String>) -> Self {
        Self {
            at: json.start(),
            field: None,
            wrong: wrong.into(),
        }
    }

    /// A field that must be there and is not.
    pub(crate) fn missing(object: Json<'_>, field: &'static str) -> Self {
        Self {
            at: object.start(),
            field: Some(field),
            wrong: "is missing".into(),
        }
    }

    /// A value that is none of those that are known.
    pub(crate) fn unknown(json: Json<'_>, known: &str) -> Self {
        let shown: String = json.raw().chars().take(40).collect();
        Self::at(json, format!("is {shown}, must be {known}"))
    }

    /// The error that names the path from the root.
    pub(crate) fn within(self, root: Json<'_>) -> Error {
        let mut path = path::to(root, self.at);
        if let Some(field) = self.field {
            path::push_name(&mut path, field);
        }
        if path.is_empty() {
            path.push_str("body");
        }
        Error::Field {
            path,
            wrong: self.wrong,
        }
    }
}

/// The path of the value that begins at `at`.
pub(crate) fn path_to(root: Json<'_>, at: usize) -> String {
    path::to(root, at)
}
