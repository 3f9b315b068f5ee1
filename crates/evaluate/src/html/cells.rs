//! Tables as markup.

use crate::chart::escape;

/// One row: a name, a remark below it, figures.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) remark: Option<String>,
    pub(super) figures: Vec<String>,
    /// Whether it is the router's own.
    pub(super) ours: bool,
}

impl Row {
    pub(super) fn new(name: impl Into<String>, figures: impl IntoIterator<Item = String>) -> Self {
        Self {
            name: name.into(),
            remark: None,
            figures: figures.into_iter().collect(),
            ours: false,
        }
    }
}

/// A table that scrolls by itself where the screen is too narrow.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Row>) -> String {
    // a single column of figures breaks its lines instead of scrolling
    let class = if header.len() == 2 {
        " class=\"pairs\""
    } else {
        ""
    };
    let header: String = header
        .iter()
        .map(|name| format!("<th scope=\"col\">{}</th>", escape(name)))
        .collect();
    let rows: String = rows.into_iter().map(|each| row(&each)).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table{class}><thead><tr>{header}</tr></thead>\
         <tbody>{rows}</tbody></table></div>\n"
    )
}

fn row(row: &Row) -> String {
    let class = if row.ours { " class=\"ours\"" } else { "" };
    let remark = row.remark.as_deref().map_or_else(String::new, |remark| {
        format!("<span class=\"note\">{}</span>", escape(remark))
    });
    let figures: String = row
        .figures
        .iter()
        .map(|figure| format!("<td>{}</td>", escape(figure)))
        .collect();
    let name = escape(&row.name);
    format!("<tr{class}><th scope=\"row\">{name}{remark}</th>{figures}</tr>\n")
}
