//! Who gets the traffic as the router spends more: shares stacked over mean cost.

use super::frame::{BELOW, Frame, Width, cost_tick};
use super::legend::{Entry, Swatch, legend};
use super::scale::Scale;
use super::svg::Svg;
use super::theme::{MODEL_COLOURS, model_class};
use crate::report::{Report, TrafficPoint};

/// A model that never gets more than this is counted among the others.
const WORTH_SHOWING: f64 = 0.01;

/// The chart for a page.
pub(crate) fn traffic_chart(report: &Report, width: Width) -> String {
    let layers = layers(report);
    let mut svg = Svg::default();
    let entries: Vec<Entry> = layers.iter().map(Layer::entry).collect();
    let top = legend(&mut svg, width, 0.0, &entries);
    let points = spread(&report.traffic.points);
    let height = 260.0;
    let scales = (
        Scale::of_costs(points.iter().map(|point| point.cost_usd)),
        Scale::Linear {
            low: 0.0,
            high: 1.0,
        },
    );
    let frame = Frame::new(width, top, height, scales);
    let titles = (frame.cost_title(), "share of requests");
    let share = |share: f64| format!("{:.0} %", 100.0 * share);
    frame.axes(&mut svg, width, titles, (cost_tick, share));
    stack(&mut svg, &frame, &points, &layers);
    let size = (width.pixels(), top + height + BELOW);
    svg.inline(
        size,
        width.class(),
        "Share of requests per model over mean cost",
    )
}

/// Models that share a colour.
struct Layer {
    class: String,
    name: String,
    models: Vec<usize>,
}

impl Layer {
    fn share(&self, point: &TrafficPoint) -> f64 {
        self.models.iter().map(|model| point.shares[*model]).sum()
    }

    fn entry(&self) -> Entry {
        Entry {
            swatch: Swatch::Area,
            class: self.class.clone(),
            text: self.name.clone(),
        }
    }
}

/// The models that matter, the cheapest first, then all others as one.
fn layers(report: &Report) -> Vec<Layer> {
    let most = |model: usize| {
        let shares = report.traffic.points.iter();
        shares
            .map(|point| point.shares[model])
            .fold(0.0_f64, f64::max)
    };
    let mut by_size: Vec<usize> = (0..report.models.len()).collect();
    by_size.sort_by(|a, b| most(*b).total_cmp(&most(*a)));
    let shown = by_size
        .iter()
        .take(MODEL_COLOURS)
        .take_while(|model| most(**model) > WORTH_SHOWING)
        .count();
    let others = by_size.split_off(shown);
    let cost: Vec<f64> = report.singles().map(|(_, point)| point.cost).collect();
    by_size.sort_by(|a, b| cost[*a].total_cmp(&cost[*b]));
    let own = by_size.iter().enumerate().map(|(place, model)| Layer {
        class: model_class(place),
        name: report.models[*model].to_string(),
        models: vec![*model],
    });
    let mut layers: Vec<Layer> = own.collect();
    if others.iter().any(|model| most(*model) > 0.0) {
        layers.push(Layer {
            class: "other".to_owned(),
            name: "other models".to_owned(),
            models: others,
        });
    }
    layers
}

/// A router that never switches has one point; it is drawn as a band.
fn spread(points: &[TrafficPoint]) -> Vec<TrafficPoint> {
    let mut points = points.to_vec();
    if let [only] = points.as_slice() {
        let dearer = TrafficPoint {
            cost_usd: only.cost_usd * 1.1 + 1e-9,
            ..only.clone()
        };
        points.push(dearer);
    }
    points
}

fn stack(svg: &mut Svg, frame: &Frame, points: &[TrafficPoint], layers: &[Layer]) {
    let mut floor = vec![0.0; points.len()];
    for layer in layers {
        let ceiling: Vec<f64> = points
            .iter()
            .zip(&floor)
            .map(|(point, floor)| floor + layer.share(point))
            .collect();
        let edge = |heights: &[f64]| -> Vec<(f64, f64)> {
            let ends = points.iter().zip(heights);
            ends.map(|(point, height)| frame.at(point.cost_usd, *height))
                .collect()
        };
        let mut outline = edge(&ceiling);
        outline.extend(edge(&floor).into_iter().rev());
        svg.polygon(&format!("key {}", layer.class), &outline, &layer.name);
        floor = ceiling;
    }
}
