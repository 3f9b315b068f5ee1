//! Names beside points, none over another.
//!
//! Greedy: the most crowded point goes first and takes the free place that is nearest to it and
//! hides least of the lines; then each moves again while the others stay, a few times. A name that finds no place is left out; the page lists it.

use std::f64::consts::TAU;

use super::frame::{Rect, text_width};

/// A point that wants its name shown.
pub(crate) struct Anchor {
    pub(crate) at: (f64, f64),
    pub(crate) text: String,
}

/// Where a name goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) room: Rect,
    /// The end of the line that leads from the point to its name, where that is far.
    pub(crate) leader: Option<(f64, f64)>,
}

const RADIUS: f64 = 6.0;
const RINGS: [f64; 12] = [
    8.0, 13.0, 19.0, 26.0, 36.0, 48.0, 62.0, 80.0, 100.0, 125.0, 155.0, 190.0,
];
const ANGLES: usize = 32;
const NEEDS_LEADER: f64 = 10.0;
const ROUNDS: usize = 3;
const ATTEMPTS: usize = 6;
/// Points closer than this crowd each other.
const CROWDED: f64 = 70.0;

/// Finds a place for each name, in the order of the anchors; `lines` are points on lines that are
/// better not hidden.
pub(crate) fn place(
    anchors: &[Anchor],
    lines: &[(f64, f64)],
    inside: &Rect,
    size: f64,
) -> Vec<Option<Label>> {
    let mut order = most_crowded_first(anchors);
    for _ in 0..ATTEMPTS {
        let labels = place_in(&order, anchors, lines, (inside, size));
        if labels.iter().all(Option::is_some) {
            return labels;
        }
        // those that found no place choose first the next time
        order.sort_by_key(|at| labels[*at].is_some());
    }
    place_in(&order, anchors, lines, (inside, size))
}

fn place_in(
    order: &[usize],
    anchors: &[Anchor],
    lines: &[(f64, f64)],
    (inside, size): (&Rect, f64),
) -> Vec<Option<Label>> {
    let mut labels: Vec<Option<Label>> = anchors.iter().map(|_| None).collect();
    for at in order.iter().cycle().take(ROUNDS * order.len()).copied() {
        labels[at] = None;
        let best = candidates(&anchors[at], size)
            .filter(|label| inside.holds(&label.room) && is_free(at, label, anchors, &labels))
            .map(|label| (harm(&label, at, anchors, lines), label))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        labels[at] = best.map(|(_, label)| label);
    }
    labels
}

fn most_crowded_first(anchors: &[Anchor]) -> Vec<usize> {
    let crowd = |at: usize| {
        anchors
            .iter()
            .filter(|other| distance(other.at, anchors[at].at) < CROWDED)
            .count()
    };
    let mut order: Vec<usize> = (0..anchors.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(crowd(*at)));
    order
}

fn candidates(anchor: &Anchor, size: f64) -> impl Iterator<Item = Label> {
    let (x, y) = anchor.at;
    let (width, height) = (text_width(&anchor.text, size), size * 1.15);
    RINGS.into_iter().flat_map(move |ring| {
        (0..ANGLES).map(move |step| {
            let (sin, cos) = (step as f64 / ANGLES as f64 * TAU).sin_cos();
            let touch = (x + ring * cos, y + ring * sin);
            let left = touch.0 - width * side(cos);
            let top = touch.1 - height * side(sin);
            Label {
                room: Rect {
                    left,
                    top,
                    right: left + width,
                    bottom: top + height,
                },
                leader: (ring > NEEDS_LEADER).then_some(touch),
            }
        })
    })
}

/// Which share of the text lies before the point where it is held: none to the right of or below
/// its anchor, all of it to the left or above, half straight over it.
fn side(direction: f64) -> f64 {
    match direction {
        d if d > 0.2 => 0.0,
        d if d < -0.2 => 1.0,
        _ => 0.5,
    }
}

fn is_free(own: usize, label: &Label, anchors: &[Anchor], labels: &[Option<Label>]) -> bool {
    let room = label.room.grown(1.5);
    let from = anchors[own].at;
    let leader: Vec<(f64, f64)> = label.leader.map(|to| along(from, to)).unwrap_or_default();
    // near its own point, a line cannot avoid a point that lies on top of it
    let away: Vec<(f64, f64)> = leader
        .iter()
        .copied()
        .filter(|point| distance(*point, from) > 2.0 * RADIUS)
        .collect();
    let clear_of_points = anchors.iter().enumerate().all(|(at, anchor)| {
        let disc = disc(anchor.at);
        let crossed = at != own && away.iter().any(|point| disc.contains(*point));
        !room.overlaps(&disc) && !crossed
    });
    clear_of_points
        && labels
            .iter()
            .zip(anchors)
            .all(|(other, anchor)| match other {
                None => true,
                Some(other) => {
                    let taken = other.room.grown(1.5);
                    let other_leader = other.leader.map(|to| along(anchor.at, to));
                    !room.overlaps(&taken)
                        && !leader.iter().any(|point| taken.contains(*point))
                        && !other_leader
                            .unwrap_or_default()
                            .iter()
                            .any(|point| room.contains(*point))
                }
            })
}

fn disc((x, y): (f64, f64)) -> Rect {
    Rect {
        left: x,
        top: y,
        right: x,
        bottom: y,
    }
    .grown(RADIUS)
}

/// Points on the line, close enough that nothing slips between.
fn along(from: (f64, f64), to: (f64, f64)) -> Vec<(f64, f64)> {
    let steps = (distance(from, to) / 3.0).ceil().max(1.0);
    (0..=steps as usize)
        .map(|step| {
            let share = step as f64 / steps;
            (
                from.0 + (to.0 - from.0) * share,
                from.1 + (to.1 - from.1) * share,
            )
        })
        .collect()
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

fn harm(label: &Label, own: usize, anchors: &[Anchor], lines: &[(f64, f64)]) -> f64 {
    let room = label.room.grown(2.0);
    let hidden = lines.iter().filter(|point| room.contains(**point)).count();
    let anchor = anchors[own].at;
    let away = label.leader.map_or(0.0, |to| distance(anchor, to));
    // a name beside another point would be taken for its name
    let near = label.room.grown(NEEDS_LEADER);
    let misleading = anchors
        .iter()
        .enumerate()
        .filter(|(at, other)| *at != own && near.contains(other.at))
        .count();
    away + 6.0 * hidden as f64 + 12.0 * misleading as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLOT: Rect = Rect {
        left: 0.0,
        top: 0.0,
        right: 700.0,
        bottom: 400.0,
    };

    fn anchors(points: &[(f64, f64)]) -> Vec<Anchor> {
        points
            .iter()
            .map(|at| Anchor {
                at: *at,
                text: "some-model-7b".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_lone_point_has_its_name_beside_it() {
        let labels = place(&anchors(&[(300.0, 200.0)]), &[], &PLOT, 12.0);
        let label = labels[0].as_ref().unwrap();
        assert_eq!(label.leader, None);
        assert!(label.room.grown(20.0).contains((300.0, 200.0)));
    }

    #[test]
    fn points_on_top_of_each_other_all_have_names() {
        let heap = [
            (300.0, 200.0),
            (301.0, 202.0),
            (303.0, 201.0),
            (302.0, 204.0),
        ];
        let labels = place(&anchors(&heap), &[], &PLOT, 12.0);
        assert!(labels.iter().all(Option::is_some));
    }

    #[test]
    fn a_name_in_a_corner_stays_inside() {
        for corner in [(2.0, 2.0), (698.0, 398.0)] {
            let labels = place(&anchors(&[corner]), &[], &PLOT, 12.0);
            assert!(PLOT.holds(&labels[0].as_ref().unwrap().room));
        }
    }

    #[test]
    fn a_line_is_not_hidden_where_there_is_room_beside_it() {
        let line: Vec<(f64, f64)> = (0..200).map(|x| (300.0 + f64::from(x), 200.0)).collect();
        let labels = place(&anchors(&[(300.0, 200.0)]), &line, &PLOT, 12.0);
        let room = labels[0].as_ref().unwrap().room;
        assert!(line.iter().all(|point| !room.contains(*point)));
    }

    proptest! {
        #[test]
        fn no_name_overlaps_another_or_a_point(
            points in prop::collection::vec((10.0..690.0_f64, 10.0..390.0_f64), 1..30)
        ) {
            let anchors = anchors(&points);
            let labels = place(&anchors, &[], &PLOT, 12.0);
            let rooms: Vec<Rect> = labels.iter().flatten().map(|label| label.room).collect();
            for (at, room) in rooms.iter().enumerate() {
                prop_assert!(PLOT.holds(room));
                prop_assert!(rooms[..at].iter().all(|other| !room.overlaps(other)));
                prop_assert!(points.iter().all(|point| !room.contains(*point)));
            }
        }
    }
}
