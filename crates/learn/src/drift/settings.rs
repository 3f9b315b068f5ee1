//! What a monitor tolerates, how often it may err, and the thresholds that follow from that.

use serde::{Deserialize, Serialize};

use super::error::DriftError;
use super::watch::{Bounds, Plan};

/// How the false alarms that are allowed are dealt out. The parts add up to 1.
const QUALITY_PART: f64 = 0.5;
const GROUP_PART: f64 = 0.2;
const COST_PART: f64 = 0.1;
const CHOICE_PART: f64 = 0.1;
const INPUT_PART: f64 = 0.1;

/// Tokens and cost.
const SERIES_PER_ANSWER: f64 = 2.0;
/// Difficulty, uncertainty, clusters and the kernel distance.
const TESTS_PER_WINDOW: f64 = 4.0;

/// What counts as drift, and how often the whole monitor may be wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftSettings {
    /// At most one false alarm is expected in so many requests, over all models, groups and inputs
    /// together.
    pub requests_per_false_alarm: f64,
    /// The share of the requests that get feedback; where more do, alarms of quality may be false
    /// in proportion more often.
    pub feedback_share: f64,
    /// False warnings that are expected for every false alarm.
    pub warnings_per_alarm: f64,
    /// By how much a model's scores may miss its predictions on average, in points of quality.
    pub tolerance: f64,
    /// The same within a group. Predictions do not know groups, so their bias is greater there.
    pub group_tolerance: f64,
    /// By which factor the median of actual over predicted tokens, or cost, may move.
    pub cost_tolerance: f64,
    /// Judged answers from which a new level is learnt after an alarm.
    pub learn: u32,
    /// Judged answers that must be in control at the new level before an alarm ends.
    pub prove: u32,
    /// Requests after which a warning or alarm lapses of whose model nothing was heard meanwhile.
    pub lapse: u32,
    /// Answers from which the usual ratio of actual to predicted tokens, or cost, is learnt.
    pub answers: u32,
    /// Requests of a reference that is learnt in service.
    pub reference: u32,
    /// Requests whose inputs are compared with the reference at a time.
    pub window: u32,
    /// The least population stability index that matters, however significant it is.
    pub least_psi: f64,
    /// The least squared kernel distance that matters, as a share of the inputs' own spread.
    pub least_distance: f64,
    /// Windows in control after which inputs are as they should be again.
    pub calm_windows: u32,
    /// Groups that are watched at most; those that turn up later are not.
    pub most_groups: usize,
    /// Seed of the random frequencies and of the first cluster centres.
    pub seed: u64,
}

impl Default for DriftSettings {
    fn default() -> Self {
        Self {
            requests_per_false_alarm: 20_000.0,
            feedback_share: 0.3,
            warnings_per_alarm: 10.0,
            tolerance: 0.05,
            group_tolerance: 0.1,
            cost_tolerance: 1.2,
            learn: 60,
            prove: 100,
            lapse: 2_000,
            answers: 200,
            reference: 1_000,
            window: 300,
            least_psi: 0.1,
            least_distance: 0.01,
            calm_windows: 2,
            most_groups: 64,
            seed: 0,
        }
    }
}

impl DriftSettings {
    /// # Errors
    /// Naming the first setting that is out of range.
    pub fn check(&self) -> Result<(), DriftError> {
        let within = |name, value: f64, low: f64, high: f64| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(DriftError::Setting {
                name,
                value,
                low,
                high,
            }),
        };
        let many = |name, value: u32, low: f64| within(name, f64::from(value), low, 1e5);
        within(
            "requests_per_false_alarm",
            self.requests_per_false_alarm,
            1e2,
            1e9,
        )?;
        within("feedback_share", self.feedback_share, 1e-3, 1.0)?;
        within("warnings_per_alarm", self.warnings_per_alarm, 1.0, 100.0)?;
        within("tolerance", self.tolerance, 0.001, 0.5)?;
        within("group_tolerance", self.group_tolerance, 0.001, 0.5)?;
        within("cost_tolerance", self.cost_tolerance, 1.0, 10.0)?;
        within("least_psi", self.least_psi, 0.0, 10.0)?;
        within("least_distance", self.least_distance, 0.0, 1.0)?;
        many("learn", self.learn, 10.0)?;
        many("prove", self.prove, 1.0)?;
        many("lapse", self.lapse, 10.0)?;
        many("answers", self.answers, 20.0)?;
        many("reference", self.reference, 100.0)?;
        many("window", self.window, 100.0)?;
        many("calm_windows", self.calm_windows, 1.0)
    }

    pub(crate) fn quality(&self) -> Plan {
        self.plan(QUALITY_PART / self.feedback_share)
    }

    pub(crate) fn group(&self) -> Plan {
        self.plan(GROUP_PART / self.feedback_share)
    }

    pub(crate) fn cost(&self) -> Plan {
        Plan {
            learn: self.answers,
            ..self.plan(COST_PART / SERIES_PER_ANSWER)
        }
    }

    pub(crate) fn choices(&self, models: usize) -> Plan {
        self.plan(CHOICE_PART / models as f64)
    }

    /// `n` observations raise at most `n / alarm` false alarms: see [`super::bets`]. `part` is the
    /// part of the whole that is allowed here, over the observations that one request brings.
    fn plan(&self, part: f64) -> Plan {
        let alarm = self.requests_per_false_alarm / part;
        Plan {
            bounds: Bounds {
                warn: (alarm / self.warnings_per_alarm).max(1.0),
                alarm,
            },
            learn: self.learn,
            prove: self.prove,
        }
    }

    /// The probability with which one test of one window may be significant by chance.
    pub(crate) fn input_alarm(&self) -> f64 {
        let per_window = INPUT_PART * f64::from(self.window) / self.requests_per_false_alarm;
        (per_window / TESTS_PER_WINDOW).min(0.05)
    }

    pub(crate) fn input_warning(&self) -> f64 {
        (self.input_alarm() * self.warnings_per_alarm).min(0.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(change: fn(&mut DriftSettings), name: &str) {
        let mut settings = DriftSettings::default();
        change(&mut settings);
        let message = settings.check().unwrap_err().to_string();
        assert!(message.starts_with(&format!("`{name}` ")), "{message}");
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        assert_eq!(DriftSettings::default().check(), Ok(()));
        check_refused(|settings| settings.tolerance = f64::NAN, "tolerance");
        check_refused(|settings| settings.feedback_share = 0.0, "feedback_share");
        check_refused(|settings| settings.window = 10, "window");
    }

    #[test]
    fn the_parts_are_a_whole() {
        let parts = QUALITY_PART + GROUP_PART + COST_PART + CHOICE_PART + INPUT_PART;
        assert!((parts - 1.0).abs() < 1e-12);
    }
}
