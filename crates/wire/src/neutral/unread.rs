//! What a body has beyond what the neutral conversation can hold. A back end of the same dialect
//! gets it with the body; for another it is refused or reported.

use super::{How, Lost};
use crate::json::{Entry, Fault, Fields, Json, path_to};

/// How many unread fields are named; the others are counted.
const NAMED: usize = 32;

/// Fields that nobody took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unread<'a> {
    root: Option<Json<'a>>,
    essential: Option<usize>,
    places: Vec<usize>,
    beyond: usize,
}

/// What is said does not depend on what is not understood.
impl PartialEq for Unread<'_> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<'a> Unread<'a> {
    pub(crate) fn of(root: Json<'a>) -> Self {
        Self {
            root: Some(root),
            ..Self::default()
        }
    }

    /// Notes a value whose loss is reported.
    pub(crate) fn note(&mut self, value: Json<'_>) {
        match self.places.len() < NAMED {
            true => self.places.push(value.start()),
            false => self.beyond += 1,
        }
    }

    /// Notes a value without which the request would be another one.
    pub(crate) fn note_essential(&mut self, value: Json<'_>) {
        self.essential = self.essential.or(Some(value.start()));
    }

    /// Notes everything that is left of an object.
    pub(crate) fn rest(&mut self, fields: Fields<'_>) {
        fields.rest().for_each(|entry| self.note(entry.value));
    }

    /// Notes what is left of an object, some of it as essential.
    pub(crate) fn sort(&mut self, fields: Fields<'_>, is_essential: impl Fn(&Entry<'_>) -> bool) {
        for entry in fields.rest() {
            match is_essential(&entry) {
                true => self.note_essential(entry.value),
                false => self.note(entry.value),
            }
        }
    }

    /// The path of the first essential one.
    pub(crate) fn essential(&self) -> Option<String> {
        self.essential.map(|at| self.path(at))
    }

    /// The paths of the others.
    pub(crate) fn paths(&self) -> impl Iterator<Item = String> + '_ {
        self.places.iter().map(|at| self.path(*at))
    }

    /// How many were not named.
    pub(crate) fn beyond(&self) -> usize {
        self.beyond
    }

    /// What of an answer was left out.
    pub(crate) fn lost(&self) -> Vec<Lost> {
        let dropped = |path| Lost {
            path,
            how: How::Dropped,
            why: "only the dialect it was said in knows this".into(),
        };
        self.paths().map(dropped).collect()
    }

    /// The path of a byte of the body; empty where the conversation comes from no body.
    pub(crate) fn path(&self, at: usize) -> String {
        self.root.map_or_else(String::new, |root| path_to(root, at))
    }
}

/// Names the path of what a reader found wrong.
pub(crate) fn told<T>(root: Json<'_>, read: Result<T, Fault>) -> Result<T, crate::Error> {
    read.map_err(|fault| fault.within(root))
}
