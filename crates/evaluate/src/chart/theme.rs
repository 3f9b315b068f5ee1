//! Colours and the classes that carry them.
//!
//! Text and lines have a contrast of at least 4.5 to their background in both themes (WCAG 2 AA).

/// `(name, light, dark)`.
const COLOURS: [(&str, &str, &str); 19] = [
    ("paper", "#ffffff", "#14171b"),
    ("panel", "#f4f6f8", "#1d2228"),
    ("ink", "#1a1f26", "#e8eaed"),
    ("muted", "#525c68", "#a7b0bb"),
    ("rule", "#d9dee4", "#343b44"),
    ("router", "#0b57c2", "#7ab4ff"),
    ("cascade", "#7a2a8c", "#d39ae6"),
    ("mix", "#8a5300", "#e3a84f"),
    ("point", "#b3202c", "#ff8f87"),
    ("c0", "#4477aa", "#6699cc"),
    ("c1", "#ee9944", "#e59a4c"),
    ("c2", "#2f8f5b", "#4fb37d"),
    ("c3", "#aa3377", "#cc6699"),
    ("c4", "#66bbdd", "#5aa9c9"),
    ("c5", "#c8553d", "#dd7a63"),
    ("c6", "#b9a52b", "#c9b84a"),
    ("c7", "#7a5aa6", "#a388cc"),
    ("c8", "#1f7f86", "#3fa3aa"),
    ("c9", "#8c6d51", "#b0917a"),
];

/// `(selector, declarations)`, a colour in braces.
const CLASSES: [(&str, &str); 22] = [
    (
        "text",
        "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif",
    ),
    (".t", "fill:{ink}"),
    (".m", "fill:{muted}"),
    // a rim of background keeps a name legible where it lies over a line
    (
        ".name",
        "fill:{ink};stroke:{paper};stroke-width:3;stroke-linejoin:round;paint-order:stroke",
    ),
    (".warn", "fill:{point}"),
    (".paper", "fill:{paper}"),
    (".grid", "stroke:{rule};stroke-width:1"),
    (".axis", "stroke:{muted};stroke-width:1"),
    (
        ".diagonal",
        "stroke:{muted};stroke-width:1;stroke-dasharray:3 3",
    ),
    (".leader", "stroke:{muted};stroke-width:0.7"),
    (
        ".hull",
        "fill:none;stroke:{router};stroke-width:2.6;stroke-linejoin:round",
    ),
    (
        ".raw",
        "fill:none;stroke:{router};stroke-width:1;stroke-opacity:0.45",
    ),
    (
        ".cascade",
        "fill:none;stroke:{cascade};stroke-width:2.2;stroke-linejoin:round",
    ),
    (".band", "fill:{router};fill-opacity:0.16"),
    (
        ".mix",
        "fill:none;stroke:{mix};stroke-width:1.8;stroke-dasharray:7 4",
    ),
    (
        ".oracle",
        "fill:none;stroke:{muted};stroke-width:1.3;stroke-dasharray:2 3",
    ),
    (".single", "fill:{mix};stroke:{paper};stroke-width:1"),
    (".point", "fill:{point};stroke:{paper};stroke-width:1.5"),
    (".dot", "fill:{router};stroke:{paper};stroke-width:0.8"),
    (".key", "stroke:{paper};stroke-width:0.5"),
    (".other", "fill:{rule}"),
    (
        ".reliability",
        "fill:none;stroke:{router};stroke-width:1.4;stroke-opacity:0.6",
    ),
];

/// How many models have a colour of their own.
pub(crate) const MODEL_COLOURS: usize = 10;

/// The class of the model with this place among those that have a colour.
pub(crate) fn model_class(place: usize) -> String {
    format!("c{place}")
}

/// The style of a chart in a file of its own: light.
pub(crate) fn document_css() -> String {
    css(|name| {
        let colour = COLOURS.iter().find(|colour| colour.0 == name);
        colour.map_or("inherit", |colour| colour.1).to_owned()
    })
}

/// The style of charts on a page: variables that follow the reader's setting.
pub(crate) fn page_css() -> String {
    let variables =
        |pick: fn(&(&str, &str, &str)) -> String| -> String { COLOURS.iter().map(pick).collect() };
    format!(
        ":root{{color-scheme:light dark;{}}}@media (prefers-color-scheme:dark){{:root{{{}}}}}{}",
        variables(|(name, light, _)| format!("--{name}:{light};")),
        variables(|(name, _, dark)| format!("--{name}:{dark};")),
        css(|name| format!("var(--{name})"))
    )
}

fn css(colour: impl Fn(&str) -> String) -> String {
    let mut css = String::new();
    for (selector, declarations) in CLASSES {
        css.push_str(&format!("{selector}{{{}}}", filled(declarations, &colour)));
    }
    for place in 0..MODEL_COLOURS {
        let name = model_class(place);
        css.push_str(&format!(".{name}{{fill:{}}}", colour(&name)));
    }
    css
}

fn filled(declarations: &str, colour: impl Fn(&str) -> String) -> String {
    let mut filled = declarations.to_owned();
    for (name, _, _) in COLOURS {
        let place = format!("{{{name}}}");
        if filled.contains(&place) {
            filled = filled.replace(&place, &colour(name));
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance by WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            match value <= 0.040_45 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn colour(name: &str) -> (&'static str, &'static str) {
        let colour = COLOURS.iter().find(|colour| colour.0 == name).unwrap();
        (colour.1, colour.2)
    }

    #[test]
    fn text_stands_out_in_both_themes() {
        for text in ["ink", "muted", "router", "cascade", "mix", "point"] {
            for ground in ["paper", "panel"] {
                let (text, ground) = (colour(text), colour(ground));
                assert!(contrast(text.0, ground.0) >= 4.5, "{text:?} on {ground:?}");
                assert!(contrast(text.1, ground.1) >= 4.5, "{text:?} on {ground:?}");
            }
        }
    }

    #[test]
    fn every_class_has_its_colours() {
        for css in [document_css(), page_css()] {
            assert!(!css.contains("inherit"), "{css}");
            for (name, _, _) in COLOURS {
                assert!(
                    !css.contains(&format!("{{{name}}}")),
                    "{name} left in braces"
                );
            }
        }
    }
}
