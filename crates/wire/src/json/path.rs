//! The way from the root to a byte: `messages[2].content[0].type`. Found only when somebody is
//! told of it, so that reading well-formed bodies pays nothing for it.

use super::Json;

/// The path of the innermost value that begins at or before `at` and holds it; empty for the root.
pub(super) fn to(root: Json<'_>, at: usize) -> String {
    let mut path = String::new();
    let mut here = root;
    while let Some(next) = step(here, at, &mut path) {
        here = next;
    }
    path
}

/// One step down towards `at`.
fn step<'a>(here: Json<'a>, at: usize, path: &mut String) -> Option<Json<'a>> {
    let holds = |value: &Json<'a>| value.start() <= at && at < value.end();
    if here.start() == at {
        return None;
    }
    if let Ok(mut entries) = here.entries() {
        let entry = entries.find(|entry| holds(&entry.value))?;
        push_name(path, &entry.name);
        return Some(entry.value);
    }
    let (index, item) = here
        .items()
        .ok()?
        .enumerate()
        .find(|(_, item)| holds(item))?;
    path.push_str(&format!("[{index}]"));
    Some(item)
}

/// Appends a field's name.
pub(super) fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.extend(name.chars().take(64));
}
