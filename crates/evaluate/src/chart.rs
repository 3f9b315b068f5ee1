//! Charts as SVG: the cost–quality curve, the traffic along it, reliability per model, the learning curve,
//! off-policy estimates and their weights, what a server has learnt of its models.
//!
//! A chart carries classes, not colours: on the page they follow the reader's light or dark
//! setting, in a file of its own they are light on white. Each is drawn for a wide and for a narrow
//! screen, since scaled-down text cannot be read.

mod curve;
mod document;
mod frame;
mod labels;
mod learning;
mod legend;
mod off_policy;
mod reliability;
mod scale;
mod svg;
mod taught;
mod theme;
mod traffic;
mod whiskers;

pub(crate) use curve::{curve_chart, curve_svg, is_numbered};
pub(crate) use frame::Width;
pub(crate) use learning::{learning_chart, learning_svg};
pub(crate) use off_policy::{estimates_chart, off_policy_svg, weights_chart};
pub(crate) use reliability::reliability_chart;
pub(crate) use svg::escape;
pub(crate) use taught::{levels_chart, levels_svg};
pub(crate) use theme::page_css;
pub(crate) use traffic::traffic_chart;
