//! SVG as text: shapes with a class and nothing else.

use std::fmt::Write;

/// A drawing under way; lengths are in pixels of a screen of ordinary density.
#[derive(Debug, Default)]
pub(crate) struct Svg {
    body: String,
}

/// Where a text is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Hold {
    Start,
    Middle,
    End,
}

impl Hold {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

// Writing to a string cannot fail, so results of `write!` are dropped.
impl Svg {
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = write!(
            self.body,
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        );
    }

    pub(crate) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        let points = list(points);
        let _ = write!(
            self.body,
            r#"<polyline class="{class}" points="{points}"/>"#
        );
    }

    pub(crate) fn polygon(&mut self, class: &str, points: &[(f64, f64)], tip: &str) {
        let (points, tip) = (list(points), escape(tip));
        let _ = write!(
            self.body,
            r#"<polygon class="{class}" points="{points}"><title>{tip}</title></polygon>"#
        );
    }

    pub(crate) fn rect(&mut self, class: &str, x: f64, y: f64, (width, height): (f64, f64)) {
        let _ = write!(
            self.body,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#
        );
    }

    pub(crate) fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64, tip: &str) {
        let tip = escape(tip);
        let _ = write!(
            self.body,
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}"><title>{tip}</title></circle>"#
        );
    }

    pub(crate) fn text(&mut self, style: (&str, Hold, f64), (x, y): (f64, f64), text: &str) {
        let (class, hold, size) = style;
        let (hold, text) = (hold.as_str(), escape(text));
        let _ = write!(
            self.body,
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{hold}" font-size="{size}">{text}</text>"#
        );
    }

    /// A text that runs upwards.
    pub(crate) fn upright(&mut self, class: &str, (x, y): (f64, f64), size: f64, text: &str) {
        let text = escape(text);
        let _ = write!(
            self.body,
            r#"<text class="{class}" transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle" font-size="{size}">{text}</text>"#
        );
    }

    /// Puts another drawing below.
    pub(crate) fn shifted(&mut self, down: f64, other: &Self) {
        let body = &other.body;
        let _ = write!(
            self.body,
            r#"<g transform="translate(0 {down:.1})">{body}</g>"#
        );
    }

    /// An element for a page that has the classes; it takes the width that it is given.
    pub(crate) fn inline(&self, (width, height): (f64, f64), class: &str, label: &str) -> String {
        let (label, body) = (escape(label), &self.body);
        format!(
            r#"<svg class="{class}" role="img" aria-label="{label}" viewBox="0 0 {width:.0} {height:.0}">{body}</svg>"#
        )
    }

    /// A document of its own, with its style.
    pub(crate) fn document(&self, (width, height): (f64, f64), css: &str) -> String {
        let body = &self.body;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}"><style>{css}</style>{body}</svg>"#
        )
    }
}

fn list(points: &[(f64, f64)]) -> String {
    let mut text = String::with_capacity(points.len() * 12);
    for (x, y) in points {
        let _ = write!(text, "{x:.1},{y:.1} ");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Text that cannot be taken for markup, nor for the end of an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML has no way to write them, not even escaped
            control if control.is_control() && !control.is_whitespace() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(
            escape("<b a=\"x\" b='y'>&\u{0}"),
            "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\u{fffd}"
        );
    }

    #[test]
    fn points_are_listed_to_a_tenth_of_a_pixel() {
        assert_eq!(list(&[(1.04, 2.0), (3.96, 4.5)]), "1.0,2.0 4.0,4.5");
    }
}
