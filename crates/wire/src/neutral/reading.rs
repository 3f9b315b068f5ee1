//! What every dialect's reader of requests does alike.

use super::{Text, unread};
use crate::Error;
use crate::json::{Fault, Fields, Json};

/// Reads with the path of what is wrong in the error.
pub(crate) fn read_at<'a, T>(
    root: Json<'a>,
    read: impl FnOnce(Json<'a>) -> Result<T, Fault>,
) -> Result<T, Error> {
    unread::told(root, read(root))
}

/// One stop sequence or a list of them.
pub(crate) fn stops<'a>(json: Option<Json<'a>>) -> Result<Vec<Text<'a>>, Fault> {
    let Some(json) = json else {
        return Ok(Vec::new());
    };
    match json.as_text() {
        Some(one) => Ok(vec![one]),
        None => json.items()?.map(Json::text).collect(),
    }
}

/// A map of texts.
pub(crate) fn metadata<'a>(fields: Option<Fields<'a>>) -> Result<Vec<(Text<'a>, Text<'a>)>, Fault> {
    let entries = fields.into_iter().flat_map(Fields::rest);
    entries
        .map(|entry| Ok((entry.name, entry.value.text()?)))
        .collect()
}
