//! Findings of all kinds become one sequence. The same code reads a whole text and a stream, so
//! that chunks cannot change what is found.

use std::ops::Range;

use crate::detect::Detector;
use crate::kind::Kind;
use crate::view::{Next, View};

/// A kind and how it is found.
pub(crate) struct Rule {
    pub(crate) kind: Kind,
    pub(crate) label: String,
    pub(crate) detector: Box<dyn Detector>,
}

impl Rule {
    pub(crate) fn new(kind: Kind, detector: Box<dyn Detector>) -> Self {
        let label = kind.label();
        Self {
            kind,
            label,
            detector,
        }
    }
}

/// A finding: which rule, and where.
pub(crate) type Found = (usize, Range<usize>);

/// What one reading says.
pub(crate) struct Reading {
    /// Up to here all is known.
    pub(crate) known: usize,
    /// The end of the findings of earlier readings.
    pub(crate) before: usize,
    /// The findings that begin here, in their order, apart from each other.
    pub(crate) found: Vec<Found>,
}

/// How far one rule has come.
#[derive(Clone)]
struct Lane {
    /// It looks from here on.
    at: usize,
    /// It is within a finding whose end it has not seen.
    is_inside: bool,
}

/// How far all rules have come in a text.
pub(crate) struct Merge {
    lanes: Vec<Lane>,
    /// The end of the findings so far.
    covered: usize,
}

impl Merge {
    pub(crate) fn new(rules: usize) -> Self {
        let lane = Lane {
            at: 0,
            is_inside: false,
        };
        Self {
            lanes: vec![lane; rules],
            covered: 0,
        }
    }

    /// Reads on. A finding that is overlapped by an earlier one prolongs that one.
    pub(crate) fn read(&mut self, rules: &[Rule], view: View<'_>) -> Reading {
        let mut nexts: Vec<Next> = (0..rules.len())
            .map(|index| self.resume(rules, index, view))
            .collect();
        let mut reading = Reading {
            known: view.len(),
            before: self.covered,
            found: Vec::new(),
        };
        while let Some(index) = first(&nexts) {
            let Some(range) = self.taken(index, &nexts[index], view) else {
                reading.known = nexts[index].start();
                break;
            };
            self.cover(index, range, &mut reading);
            nexts[index] = match self.lanes[index].is_inside {
                true => Next::Open(self.lanes[index].at),
                false => rules[index].detector.next(view, self.lanes[index].at),
            };
        }
        reading
    }

    /// What a rule says first: of the finding that it is within, then of what follows.
    fn resume(&mut self, rules: &[Rule], index: usize, view: View<'_>) -> Next {
        let (lane, detector) = (&mut self.lanes[index], &rules[index].detector);
        if !lane.is_inside {
            return detector.next(view, lane.at);
        }
        match detector.end(view, lane.at) {
            Ok(end) => {
                self.covered = self.covered.max(end);
                (lane.at, lane.is_inside) = (end, false);
                detector.next(view, end)
            }
            Err(resume) => {
                self.covered = view.len();
                lane.at = resume;
                Next::Open(resume)
            }
        }
    }

    /// Where the finding is, if it is one; the rule goes on behind it.
    fn taken(&mut self, index: usize, next: &Next, view: View<'_>) -> Option<Range<usize>> {
        let lane = &mut self.lanes[index];
        match next {
            Next::Open(_) => None,
            Next::Found(range) => {
                lane.at = range.end;
                Some(range.clone())
            }
            Next::Endless { start, resume } => {
                (lane.at, lane.is_inside) = (*resume, true);
                Some(*start..view.len())
            }
        }
    }

    fn cover(&mut self, index: usize, range: Range<usize>, reading: &mut Reading) {
        let is_overlapped = range.start < self.covered;
        self.covered = self.covered.max(range.end);
        match reading.found.last_mut() {
            Some((_, last)) if is_overlapped => last.end = self.covered,
            None if is_overlapped => reading.before = self.covered,
            _ => reading.found.push((index, range)),
        }
    }

    /// Forgets the first bytes of the text. Up to `known` all is known.
    pub(crate) fn cut(&mut self, bytes: usize, known: usize) {
        self.covered = self.covered.max(known) - bytes;
        for lane in &mut self.lanes {
            lane.at = lane.at.max(known) - bytes;
        }
    }
}

/// The rule that speaks of the earliest place; of several the one that comes first. Whether one
/// behind it starts there too changes nothing: it would prolong the finding.
fn first(nexts: &[Next]) -> Option<usize> {
    (0..nexts.len()).min_by_key(|index| (nexts[*index].start(), *index))
}
