//! Whether the requests are still those of a reference, window by window.
//!
//! The reference comes from the training, or from the first requests. A window is in control where
//! every test is below its threshold: the quantile of the statistic's distribution where nothing has
//! changed, at the sizes of reference and window, and never less than what matters. After an alarm a
//! new reference is learnt from what comes since, while the old one is still tested: whichever holds
//! first ends the alarm.

use serde::{Deserialize, Serialize};

use super::bins::{Bins, Tenths};
use super::error::{DriftError, finite};
use super::event::{Evidence, InputSeries, State};
use super::settings::DriftSettings;
use super::space::{Clusters, Fourier, Scale};

const SERIES: usize = InputSeries::ALL.len();
/// Requests below which no reference is learnt.
const LEAST: usize = 100;
/// Coordinates of a request at most.
pub(crate) const MOST_COORDINATES: usize = 32;

/// One request as the input tests see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// At most 32 coordinates of the prompt; the same number for every request, possibly none.
    pub coordinates: Vec<f32>,
    /// Mean predicted quality over the models.
    pub difficulty: f32,
    /// How uncertain the predictions are, in any unit.
    pub uncertainty: f32,
}

impl Input {
    /// # Errors
    /// When a number is not finite, or there are more than 32 coordinates.
    pub fn check(&self) -> Result<(), DriftError> {
        let got = self.coordinates.len();
        if got > MOST_COORDINATES {
            return Err(DriftError::Coordinates {
                got,
                most: MOST_COORDINATES,
            });
        }
        finite("the mean predicted quality", f64::from(self.difficulty))?;
        finite("the uncertainty", f64::from(self.uncertainty))?;
        let mut coordinates = self.coordinates.iter().map(|value| f64::from(*value));
        coordinates.try_for_each(|value| finite("a coordinate", value).map(|_| ()))
    }
}

/// What requests looked like at some time: tenths of difficulty and uncertainty, clusters and the
/// distribution of the coordinates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    dimensions: usize,
    difficulty: (Tenths, Bins),
    uncertainty: (Tenths, Bins),
    scale: Scale,
    clusters: (Clusters, Bins),
    fourier: Fourier,
    window: u32,
}

impl Reference {
    /// Learns what requests look like. The more there are the sharper the tests; a few thousand
    /// training prompts with held-out predictions are ideal.
    ///
    /// # Errors
    /// When there are fewer than 100, a number is not finite, or they differ in their number of
    /// coordinates.
    pub fn learn(requests: &[Input], seed: u64) -> Result<Self, DriftError> {
        if requests.len() < LEAST {
            return Err(DriftError::ReferenceTooSmall {
                needed: LEAST,
                got: requests.len(),
            });
        }
        let dimensions = requests[0].coordinates.len();
        for request in requests {
            request.check()?;
            same_length(dimensions, request)?;
        }
        Ok(Self::of(requests, seed))
    }

    fn of(requests: &[Input], seed: u64) -> Self {
        let raw: Vec<Vec<f32>> = requests.iter().map(|one| one.coordinates.clone()).collect();
        let scale = Scale::of(&raw);
        let points: Vec<Vec<f32>> = raw.iter().map(|point| scale.apply(point)).collect();
        let clusters = Clusters::of(&points, seed);
        let places = points.iter().map(|point| clusters.nearest(point));
        let members = Bins::new(clusters.count(), places);
        Self {
            dimensions: raw[0].len(),
            difficulty: tenths(requests.iter().map(|one| one.difficulty).collect()),
            uncertainty: tenths(requests.iter().map(|one| one.uncertainty).collect()),
            fourier: Fourier::of(&points, seed),
            clusters: (clusters, members),
            scale,
            window: 0,
        }
    }

    fn add(&mut self, request: &Input) {
        let point = self.scale.apply(&request.coordinates);
        let (tenths, bins) = &mut self.difficulty;
        bins.add(tenths.bin(request.difficulty));
        let (tenths, bins) = &mut self.uncertainty;
        bins.add(tenths.bin(request.uncertainty));
        let (clusters, bins) = &mut self.clusters;
        bins.add(clusters.nearest(&point));
        self.fourier.add(&point);
        self.window += 1;
    }

    fn clear(&mut self) {
        self.difficulty.1.clear();
        self.uncertainty.1.clear();
        self.clusters.1.clear();
        self.fourier.clear();
        self.window = 0;
    }

    /// The statistic of a series, and what it exceeds with this probability by chance.
    fn test(&self, series: InputSeries, probability: f64) -> (f64, f64) {
        let bins = match series {
            InputSeries::Difficulty => &self.difficulty.1,
            InputSeries::Uncertainty => &self.uncertainty.1,
            InputSeries::Clusters => &self.clusters.1,
            InputSeries::Distance => {
                return (self.fourier.distance(), self.fourier.threshold(probability));
            }
        };
        (bins.index(), bins.threshold(probability))
    }
}

fn tenths(values: Vec<f32>) -> (Tenths, Bins) {
    let tenths = Tenths::of(values.clone());
    let bins = Bins::new(tenths.bins(), values.iter().map(|value| tenths.bin(*value)));
    (tenths, bins)
}

fn same_length(needed: usize, request: &Input) -> Result<(), DriftError> {
    let got = request.coordinates.len();
    match got == needed {
        true => Ok(()),
        false => Err(DriftError::Length {
            what: "the coordinates",
            got,
            needed,
        }),
    }
}

/// A series that changed its state.
pub(crate) struct InputChange {
    pub(crate) series: InputSeries,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) evidence: Evidence,
}

/// The states of the inputs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct InputWatch {
    reference: Option<Reference>,
    /// What a new reference is being learnt from.
    learning: Option<Vec<Input>>,
    states: [State; SERIES],
    /// Windows in control, one after the other.
    calm: [u32; SERIES],
}

impl InputWatch {
    pub(crate) fn new(reference: Option<Reference>) -> Self {
        Self {
            learning: reference.is_none().then(Vec::new),
            reference,
            ..Self::default()
        }
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = (InputSeries, State)> {
        InputSeries::ALL.into_iter().zip(self.states)
    }

    pub(crate) fn has_reference(&self) -> bool {
        self.reference.is_some()
    }

    /// Refuses what cannot be compared.
    pub(crate) fn check(&self, request: &Input) -> Result<(), DriftError> {
        request.check()?;
        let of_reference = self.reference.as_ref().map(|one| one.dimensions);
        let first = self.learning.as_ref().and_then(|list| list.first());
        match of_reference.or(first.map(|one| one.coordinates.len())) {
            Some(needed) => same_length(needed, request),
            None => Ok(()),
        }
    }

    pub(crate) fn observe(&mut self, request: Input, settings: &DriftSettings) -> Vec<InputChange> {
        let mut changes = Vec::new();
        if let Some(reference) = &mut self.reference {
            reference.add(&request);
            if reference.window >= settings.window {
                changes = self.close_window(settings);
            }
        }
        self.learn(request, settings);
        changes
    }

    fn learn(&mut self, request: Input, settings: &DriftSettings) {
        let Some(learning) = &mut self.learning else {
            return;
        };
        learning.push(request);
        if learning.len() >= settings.reference as usize {
            self.reference = Some(Reference::of(learning, settings.seed));
            self.learning = None;
            self.calm = [0; SERIES];
        }
    }

    fn close_window(&mut self, settings: &DriftSettings) -> Vec<InputChange> {
        let tests = InputSeries::ALL.map(|series| self.test(series, settings));
        let changes = (0..SERIES)
            .filter_map(|at| self.judge(at, &tests[at], settings))
            .collect();
        if let Some(reference) = &mut self.reference {
            reference.clear();
        }
        let is_alarmed = self.states.contains(&State::Alarm);
        self.learning = match self.learning.take() {
            None if is_alarmed => Some(Vec::new()),
            learning if is_alarmed => learning,
            _ => None,
        };
        changes
    }

    fn test(&self, series: InputSeries, settings: &DriftSettings) -> Test {
        let reference = self.reference.as_ref();
        let reference = reference.expect("a window is closed against a reference");
        let least = match series {
            InputSeries::Distance => settings.least_distance,
            _ => settings.least_psi,
        };
        let (statistic, alarm) = reference.test(series, settings.input_alarm());
        let (_, warn) = reference.test(series, settings.input_warning());
        Test {
            statistic,
            warn: warn.max(least),
            alarm: alarm.max(least),
        }
    }

    fn judge(&mut self, at: usize, test: &Test, settings: &DriftSettings) -> Option<InputChange> {
        let found = test.state();
        self.calm[at] = if found == State::Ok {
            self.calm[at] + 1
        } else {
            0
        };
        let from = self.states[at];
        let to = match self.calm[at] >= settings.calm_windows {
            true => State::Ok,
            false => from.max(found),
        };
        self.states[at] = to;
        (to != from).then(|| InputChange {
            series: InputSeries::ALL[at],
            from,
            to,
            evidence: test.evidence(to, settings),
        })
    }
}

struct Test {
    statistic: f64,
    warn: f64,
    alarm: f64,
}

impl Test {
    fn state(&self) -> State {
        match self.statistic {
            far if far > self.alarm => State::Alarm,
            far if far > self.warn => State::Warning,
            _ => State::Ok,
        }
    }

    fn evidence(&self, to: State, settings: &DriftSettings) -> Evidence {
        let (found, window) = (self.statistic, settings.window);
        let threshold = match to {
            State::Warning => self.warn,
            _ => self.alarm,
        };
        let sentence = match to {
            State::Ok => format!(
                "the last {window} requests are like the reference again: {found:.3}, in control below {:.3}",
                self.warn
            ),
            _ => format!(
                "the last {window} requests are unlike the reference: {found:.3}, where chance stays below {threshold:.3}"
            ),
        };
        Evidence {
            observations: u64::from(window),
            statistic: found,
            threshold,
            expected: 0.0,
            found,
            sentence,
        }
    }
}
