//! JSON as it stands in a body: checked once, then read through views that copy nothing and know
//! where they stand. Not a tree: a body that is passed on unchanged is never built up in memory,
//! numbers keep their digits and schemas their order.

mod canonical;
mod check;
mod document;
mod fault;
mod fields;
mod path;
mod run;
mod text;
mod view;
mod write;

pub(crate) use canonical::canonical;
pub(crate) use document::Document;
pub(crate) use fault::{Fault, path_to};
pub(crate) use fields::Fields;
pub(crate) use view::{Entry, Json};
pub(crate) use write::{List, Object, object, quoted};

/// Levels of nesting that a body may have; also what most back ends' own parsers allow.
pub const MAX_DEPTH: usize = 128;
/// Fields that an object which is read may have; schemas and arguments are not read.
pub const MAX_FIELDS: usize = 128;
