//! The fields of one object, taken out by name; what nobody took is known at the end.

use std::borrow::Cow;

use super::{Entry, Fault, Json, MAX_FIELDS};

/// Fields of an object that have not been taken yet.
pub(crate) struct Fields<'a> {
    whole: Json<'a>,
    left: Vec<Entry<'a>>,
}

impl<'a> Fields<'a> {
    /// The fields of what must be an object.
    ///
    /// # Errors
    /// It is none, has too many fields, or has one twice: two parsers could read two requests.
    pub(crate) fn of(whole: Json<'a>) -> Result<Self, Fault> {
        let mut left: Vec<Entry<'a>> = Vec::with_capacity(8);
        for entry in whole.entries()? {
            if left.len() == MAX_FIELDS {
                return Err(Fault::at(
                    whole,
                    format!("has more than {MAX_FIELDS} fields"),
                ));
            }
            if left.iter().any(|other| other.name == entry.name) {
                return Err(Fault::at(entry.value, "stands there twice"));
            }
            left.push(entry);
        }
        Ok(Self { whole, left })
    }

    /// The object itself.
    pub(crate) fn whole(&self) -> Json<'a> {
        self.whole
    }

    /// Takes a field; `None` where it is absent or null.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let at = self.left.iter().position(|entry| entry.name == name)?;
        let value = self.left.remove(at).value;
        (!value.is_null()).then_some(value)
    }

    /// Takes a field where its value is like this.
    pub(crate) fn take_if(&mut self, name: &str, is_wanted: impl Fn(Json<'a>) -> bool) {
        let is_taken = |entry: &Entry<'a>| entry.name == name && is_wanted(entry.value);
        self.left.retain(|entry| !is_taken(entry));
    }

    /// Takes a field that must be there.
    pub(crate) fn need(&mut self, name: &'static str) -> Result<Json<'a>, Fault> {
        let taken = self.take(name);
        taken.ok_or_else(|| Fault::missing(self.whole, name))
    }

    /// Takes a string.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        self.take(name).map(Json::text).transpose()
    }

    /// Takes a string that must be there.
    pub(crate) fn need_text(&mut self, name: &'static str) -> Result<Cow<'a, str>, Fault> {
        self.need(name)?.text()
    }

    /// Takes a whole number.
    pub(crate) fn count(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        self.take(name).map(Json::count).transpose()
    }

    /// Takes `true` or `false`.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        self.take(name).map(Json::flag).transpose()
    }

    /// Takes an object's fields.
    pub(crate) fn nested(&mut self, name: &str) -> Result<Option<Fields<'a>>, Fault> {
        self.take(name).map(Fields::of).transpose()
    }

    /// What nobody took, in the order in which it stands, without nulls.
    pub(crate) fn rest(self) -> impl Iterator<Item = Entry<'a>> {
        let said = |entry: &Entry<'a>| !entry.value.is_null();
        self.left.into_iter().filter(said)
    }
}
