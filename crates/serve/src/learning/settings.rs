//! The settings of learning, as a file states them.

use pointsman_learn::drift::DriftSettings;
use pointsman_learn::learner::LearnerSettings;
use pointsman_learn::pacing::PacingSettings;
use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// What becomes of what is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It corrects decisions.
    #[default]
    Apply,
    /// It is learnt and shown, and decisions stay as training left them.
    Observe,
    /// Nothing is learnt, watched or paced.
    Bypass,
}

/// The table `[learning]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearningConfig {
    /// What becomes of what is learnt.
    pub mode: Mode,
    /// The name of this server among those that share a store. One of them learns, the others follow
    /// its snapshots.
    pub replica: String,
    /// How long the learning server keeps its turn after it was last heard of, in milliseconds.
    pub lease_ms: u64,
    /// How often what was learnt is kept, in milliseconds. Feedback that is newer is learnt again
    /// after a crash, so nothing is lost.
    pub snapshot_ms: u64,
    /// The share of the requests that try a model which is new, until enough is known of it.
    pub new_model_share: f64,
    /// So many judgements of it are enough.
    pub new_model_judgements: u32,
    /// How much judgements count.
    pub feedback: LearnerSettings,
    /// What counts as drift.
    pub drift: DriftSettings,
    /// What spending must meet, if anything.
    pub pacing: Option<PacingSettings>,
}

impl Default for LearningConfig {
    fn default() -> Self {
        Self {
            mode: Mode::Apply,
            replica: "main".to_owned(),
            lease_ms: 10_000,
            snapshot_ms: 5_000,
            new_model_share: 0.05,
            new_model_judgements: 100,
            feedback: LearnerSettings::default(),
            drift: DriftSettings::default(),
            pacing: None,
        }
    }
}

const DAY_MS: u64 = 24 * 3600 * 1000;

impl LearningConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first setting out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let time = |value: u64| (10..=DAY_MS).contains(&value);
        let share = |value: f64| (0.0..=0.5).contains(&value);
        let (lease, kept, new) = (self.lease_ms, self.snapshot_ms, self.new_model_share);
        let day = "between 10 and one day";
        right("replica", &self.replica, !self.replica.is_empty(), "a name")?;
        right("lease_ms", lease, time(lease), day)?;
        right("snapshot_ms", kept, time(kept), day)?;
        right("new_model_share", new, share(new), "from 0 to 0.5")?;
        check_feedback(&self.feedback)?;
        self.drift.check().map_err(|error| inner("drift", &error))?;
        let pacing = self.pacing.as_ref().map_or(Ok(()), PacingSettings::check);
        pacing.map_err(|error| inner("pacing", &error))
    }
}

fn check_feedback(feedback: &LearnerSettings) -> Result<(), ConfigError> {
    let LearnerSettings {
        horizon_ms,
        signal_weight,
        key_share,
        outlier,
        ..
    } = *feedback;
    let positive = |value: f64| value.is_finite() && value > 0.0;
    let weight = |value: f64| (0.0..=1000.0).contains(&value);
    right(
        "feedback.horizon_ms",
        horizon_ms,
        horizon_ms >= 0,
        "at least 0",
    )?;
    for (metric, value) in &feedback.metrics {
        let said = format!("{value} for `{metric}`");
        right("feedback.metrics", said, weight(*value), "from 0 to 1000")?;
    }
    right(
        "feedback.signal_weight",
        signal_weight,
        weight(signal_weight),
        "from 0 to 1000",
    )?;
    let is_share = positive(key_share) && key_share <= 1.0;
    right(
        "feedback.key_share",
        key_share,
        is_share,
        "above 0, at most 1",
    )?;
    right("feedback.outlier", outlier, positive(outlier), "above 0")
}

fn right(
    setting: &'static str,
    value: impl ToString,
    is_right: bool,
    range: &'static str,
) -> Result<(), ConfigError> {
    match is_right {
        true => Ok(()),
        false => Err(ConfigError {
            table: "learning",
            setting,
            value: value.to_string(),
            range: range.to_owned(),
        }),
    }
}

/// A table that checks itself: its message says what is wrong and what would be right.
fn inner(setting: &'static str, error: &dyn std::error::Error) -> ConfigError {
    ConfigError {
        table: "learning",
        setting,
        value: "out of range".to_owned(),
        range: format!("as its own error says: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use pointsman_learn::pacing::{Goal, PacingSettings};
    use pointsman_types::Usd;

    use super::*;

    fn check_refused(change: impl FnOnce(&mut LearningConfig), says: &str) {
        let mut config = LearningConfig::default();
        change(&mut config);
        let said = config.check().unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        assert_eq!(LearningConfig::default().check(), Ok(()));
        check_refused(|config| config.lease_ms = 1, "learning.lease_ms is 1");
        check_refused(|config| config.replica.clear(), "replica");
        check_refused(
            |config| config.new_model_share = f64::NAN,
            "new_model_share",
        );
        check_refused(|config| config.feedback.horizon_ms = -1, "horizon_ms");
        check_refused(|config| config.feedback.key_share = 0.0, "key_share");
        let mad = |config: &mut LearningConfig| {
            config.feedback.metrics.insert("tone".into(), -1.0);
        };
        check_refused(mad, "`tone`");
        check_refused(|config| config.drift.window = 1, "`window`");
        let nothing = PacingSettings {
            goal: Goal::MeanCost(Usd::ZERO),
            cap: None,
            near: 0.02,
        };
        check_refused(|config| config.pacing = Some(nothing), "above $0");
    }
}
