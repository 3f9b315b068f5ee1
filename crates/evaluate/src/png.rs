//! A chart as pixels. The font comes along, since a server need not have any.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Options, Tree, fontdb};

use crate::EvaluateError;

/// Basic Latin and a few signs of DejaVu Sans; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../assets/DejaVuSans-subset.ttf");
const FAMILY: &str = "DejaVu Sans";

/// Pixels for each unit of the chart, so that print and dense screens stay sharp.
const SCALE: f32 = 2.0;

/// Renders an SVG document.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, EvaluateError> {
    let failed = |reason: String| EvaluateError::Render {
        what: "the picture of the chart",
        reason,
    };
    let tree = Tree::from_str(svg, &options()).map_err(|error| failed(error.to_string()))?;
    let size = tree.size();
    let pixels = |length: f32| (length * SCALE).ceil() as u32;
    let mut pixmap = Pixmap::new(pixels(size.width()), pixels(size.height()))
        .ok_or_else(|| failed("the chart has no area".to_owned()))?;
    let scale = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, scale, &mut pixmap.as_mut());
    pixmap
        .encode_png()
        .map_err(|error| failed(error.to_string()))
}

fn options() -> Options<'static> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inked(text: &str) -> bool {
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="80" height="30" viewBox="0 0 80 30"><text x="5" y="20" font-family="system-ui, sans-serif" font-size="14">{text}</text></svg>"#
        );
        let bytes = png(&svg).unwrap();
        let pixmap = Pixmap::decode_png(&bytes).unwrap();
        pixmap.pixels().iter().any(|pixel| pixel.alpha() > 128)
    }

    #[test]
    fn text_is_drawn_without_any_system_font() {
        assert!(inked("cost λ ≥ 5 %"));
        assert!(!inked(" "));
    }

    #[test]
    fn what_is_no_svg_is_an_error() {
        assert!(matches!(png("no"), Err(EvaluateError::Render { .. })));
    }
}
