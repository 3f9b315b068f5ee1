//! One way to write every value: what means the same has the same bytes.

use super::view::Json;
use super::write::quoted;

/// Appends a value without white space, its fields by name, its texts escaped in one way. Digits stay
/// as they are, so numbers are the same only where they are written the same.
pub(crate) fn canonical(value: Json<'_>, out: &mut String) {
    if let Ok(entries) = value.entries() {
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        let fields = entries
            .iter()
            .map(|entry| (Some(&*entry.name), entry.value));
        return enclosed('{', fields, '}', out);
    }
    if let Ok(items) = value.items() {
        return enclosed('[', items.map(|item| (None, item)), ']', out);
    }
    match value.as_text() {
        Some(text) => quoted(out, &text),
        None => out.push_str(value.raw()),
    }
}

fn enclosed<'v>(
    open: char,
    parts: impl Iterator<Item = (Option<&'v str>, Json<'v>)>,
    close: char,
    out: &mut String,
) {
    out.push(open);
    for (at, (name, value)) in parts.enumerate() {
        if at > 0 {
            out.push(',');
        }
        if let Some(name) = name {
            quoted(out, name);
            out.push(':');
        }
        canonical(value, out);
    }
    out.push(close);
}
