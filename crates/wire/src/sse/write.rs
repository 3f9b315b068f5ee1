//! Writing events.

/// Appends an event. Its data may have several lines.
pub(crate) fn write(out: &mut String, name: Option<&str>, data: &str) {
    if let Some(name) = name {
        out.push_str("event: ");
        out.push_str(name);
        out.push('\n');
    }
    for line in data.split('\n') {
        out.push_str("data: ");
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
}

/// Appends a comment, which keeps a silent connection alive and says nothing to any client.
pub fn comment(out: &mut String, text: &str) {
    out.push_str(": ");
    out.extend(text.chars().filter(|letter| !matches!(letter, '\r' | '\n')));
    out.push_str("\n\n");
}
