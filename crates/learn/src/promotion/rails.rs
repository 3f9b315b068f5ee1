//! What a new version has to prove, and what it must never do.

use serde::{Deserialize, Serialize};

/// The gate and the rails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rails {
    /// The most that a new version may be worse in mean utility.
    pub margin: f64,
    /// The probability with which all looks of one stage together may be wrong.
    pub delta: f64,
    /// Judged decisions before the first look.
    pub least_judged: u64,
    /// Judged decisions after which a version that has proved nothing is rejected.
    pub most_judged: u64,
    /// Requests after which the current version has been watched for long enough, judged or not: the
    /// previous one decides on each of them too, which is not free.
    pub most_watched: u64,
    /// The share of the requests that a canary decides.
    pub canary_share: f64,
    /// The share that the previous version still decides while the current one is watched. 0 leaves
    /// it in shadow.
    pub hold_back: f64,
    /// The most that the new version may cost, in mean expected costs of the current one.
    pub cost_factor: f64,
    /// The most quality that a group of requests may lose.
    pub group_margin: f64,
    /// Judged decisions of a group before it is looked at.
    pub least_group: u64,
    /// Reported calls before errors and latency are looked at.
    pub least_calls: u64,
    /// The most that the share of failed calls may rise.
    pub error_margin: f64,
    /// The most that the mean latency may grow to, in those of the current version.
    pub latency_factor: f64,
    /// The most utility that a watched version may be below what the previous one had while it
    /// decided. Traffic differs between the two times, so this is wider than the margin.
    pub before_after_margin: f64,
    /// The most of a challenger's decisions that may fail or come too late.
    pub failure_share: f64,
}

impl Default for Rails {
    fn default() -> Self {
        Self {
            margin: 0.0,
            delta: 0.05,
            least_judged: 200,
            most_judged: 100_000,
            most_watched: 100_000,
            canary_share: 0.1,
            hold_back: 0.0,
            cost_factor: 1.5,
            group_margin: 0.02,
            least_group: 100,
            least_calls: 100,
            error_margin: 0.01,
            latency_factor: 1.5,
            before_after_margin: 0.05,
            failure_share: 0.01,
        }
    }
}

/// A rail that cannot be kept.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("promotion.{setting} is {value}; it must be {range}")]
pub struct RailError {
    /// Which setting.
    pub setting: &'static str,
    /// What it is.
    pub value: f64,
    /// What it may be.
    pub range: &'static str,
}

impl Rails {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first that is out of its range.
    pub fn check(&self) -> Result<(), RailError> {
        self.check_shares()?;
        self.check_margins()?;
        counted("least_judged", self.least_judged)?;
        counted("least_group", self.least_group)?;
        counted("least_calls", self.least_calls)?;
        counted("most_watched", self.most_watched)?;
        within(
            "most_judged",
            self.most_judged as f64,
            self.most_judged >= self.least_judged,
            "at least least_judged",
        )
    }

    fn check_shares(&self) -> Result<(), RailError> {
        let open = |value: f64| value > 0.0 && value < 1.0;
        let (delta, share) = (self.delta, self.canary_share);
        within("delta", delta, open(delta), "between 0 and 1")?;
        within("canary_share", share, open(share), "between 0 and 1")?;
        let held = self.hold_back;
        let is_held = (0.0..=0.5).contains(&held);
        within("hold_back", held, is_held, "from 0 to 0.5")?;
        let failed = self.failure_share;
        let is_share = (0.0..=1.0).contains(&failed);
        within("failure_share", failed, is_share, "from 0 to 1")
    }

    fn check_margins(&self) -> Result<(), RailError> {
        for (setting, value) in [
            ("margin", self.margin),
            ("group_margin", self.group_margin),
            ("error_margin", self.error_margin),
            ("before_after_margin", self.before_after_margin),
        ] {
            let is_right = value.is_finite() && value >= 0.0;
            within(setting, value, is_right, "finite and not negative")?;
        }
        for (setting, value) in [
            ("cost_factor", self.cost_factor),
            ("latency_factor", self.latency_factor),
        ] {
            let is_right = value.is_finite() && value >= 1.0;
            within(setting, value, is_right, "finite and at least 1")?;
        }
        Ok(())
    }
}

fn counted(setting: &'static str, value: u64) -> Result<(), RailError> {
    let is_enough = value >= 20;
    within(
        setting,
        value as f64,
        is_enough,
        "at least 20, below which no bound can be trusted",
    )
}

fn within(
    setting: &'static str,
    value: f64,
    is_right: bool,
    range: &'static str,
) -> Result<(), RailError> {
    match is_right {
        true => Ok(()),
        false => Err(RailError {
            setting,
            value,
            range,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(change: impl FnOnce(&mut Rails), setting: &str) {
        let mut rails = Rails::default();
        change(&mut rails);
        assert_eq!(rails.check().unwrap_err().setting, setting);
    }

    #[test]
    fn the_defaults_can_be_kept() {
        assert_eq!(Rails::default().check(), Ok(()));
    }

    #[test]
    fn a_rail_out_of_range_is_named() {
        check_refused(|rails| rails.margin = -0.1, "margin");
        check_refused(|rails| rails.margin = f64::NAN, "margin");
        check_refused(|rails| rails.delta = 0.0, "delta");
        check_refused(|rails| rails.canary_share = 1.0, "canary_share");
        check_refused(|rails| rails.hold_back = 0.6, "hold_back");
        check_refused(|rails| rails.cost_factor = 0.9, "cost_factor");
        check_refused(|rails| rails.least_judged = 3, "least_judged");
        check_refused(|rails| rails.most_judged = 1, "most_judged");
    }
}
