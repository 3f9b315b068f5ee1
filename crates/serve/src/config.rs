//! The settings of the server. Not where they come from: that is the command line's affair.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use pointsman_learn::promotion::{RailError, Rails};
use pointsman_policy::Exploration;
use serde::Deserialize;

use crate::lanes::processors;
use crate::{GatewayConfig, LearningConfig, Mode};

/// The settings as a file states them; [`Config::check`] makes them usable.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub bind: SocketAddr,
    /// Whether the text of prompts is kept with the decisions. Export needs it.
    pub log_prompts: bool,
    /// How requests are sent to others than the best model, so that feedback tells of them too.
    pub explore: Exploration,
    /// Tiers whose requests never explore.
    pub explore_not_tiers: Vec<String>,
    /// What is learnt while serving: a table of its own in the file.
    #[serde(skip)]
    pub learning: LearningConfig,
    /// Which models are called on behalf of callers: tables of their own in the file.
    #[serde(skip)]
    pub gateway: GatewayConfig,
    /// The longest request body.
    pub max_body_bytes: usize,
    /// Threads that serve connections; as many as there are processors where it is absent.
    pub threads: Option<NonZeroUsize>,
    /// Most connections at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// The longest a caller may take to send the headers.
    pub header_timeout_ms: u64,
    /// The longest a caller may take to send the body.
    pub body_timeout_ms: u64,
    /// The longest a caller may leave an answer lying that is ready to be read.
    pub write_timeout_ms: u64,
    /// How often the router's directory is looked at for a new router.
    pub reload_ms: u64,
    /// How long `/readyz` says no before connections are refused, so that a balancer notices.
    pub drain_notice_ms: u64,
    /// The longest that requests under way may take to finish at the end.
    pub drain_ms: u64,
    /// How often evidence on the version on trial is looked at. 0 leaves all steps to people.
    pub steward_ms: u64,
    /// The longest that a version on trial may take to decide.
    pub beside_ms: u64,
    /// What a new version has to prove, and what it must never do.
    pub promotion: Rails,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            log_prompts: false,
            explore: Exploration::Greedy,
            explore_not_tiers: Vec::new(),
            learning: LearningConfig::default(),
            gateway: GatewayConfig::default(),
            max_body_bytes: 10 << 20,
            threads: None,
            max_connections: 4096,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            write_timeout_ms: 30_000,
            reload_ms: 1000,
            drain_notice_ms: 0,
            drain_ms: 10_000,
            steward_ms: 2000,
            beside_ms: 250,
            promotion: Rails::default(),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table}.{setting} is {value}; it must be {range}")]
pub struct ConfigError {
    /// In which table.
    pub table: &'static str,
    /// Which setting.
    pub setting: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub range: String,
}

impl From<RailError> for ConfigError {
    fn from(error: RailError) -> Self {
        Self {
            table: "server.promotion",
            setting: error.setting,
            value: error.value.to_string(),
            range: error.range.to_owned(),
        }
    }
}

/// Settings that were checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub(crate) bind: SocketAddr,
    pub(crate) log_prompts: bool,
    pub(crate) explore: Exploration,
    pub(crate) explore_not_tiers: Vec<String>,
    pub(crate) learning: LearningConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) max_body_bytes: usize,
    pub(crate) threads: NonZeroUsize,
    pub(crate) max_connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) reload: Duration,
    pub(crate) drain_notice: Duration,
    pub(crate) drain: Duration,
    /// `None` where people take all steps.
    pub(crate) steward: Option<Duration>,
    pub(crate) beside: Duration,
    pub(crate) promotion: Rails,
}

const DAY_MS: u64 = 24 * 3600 * 1000;

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first setting out of range.
    pub fn check(&self) -> Result<Settings, ConfigError> {
        self.learning.check()?;
        self.promotion.check()?;
        let steward = millis("steward_ms", self.steward_ms, 0)?;
        Ok(Settings {
            bind: self.bind,
            log_prompts: self.log_prompts,
            explore: exploration(&self.explore, self.learning.mode)?,
            explore_not_tiers: self.explore_not_tiers.clone(),
            learning: self.learning.clone(),
            gateway: self.gateway.clone(),
            max_body_bytes: body_bytes(self.max_body_bytes)?,
            threads: self.threads.map_or_else(|| Ok(processors()), threads)?,
            max_connections: connections(self.max_connections)?,
            header_timeout: millis("header_timeout_ms", self.header_timeout_ms, 1)?,
            body_timeout: millis("body_timeout_ms", self.body_timeout_ms, 1)?,
            write_timeout: millis("write_timeout_ms", self.write_timeout_ms, 1)?,
            reload: millis("reload_ms", self.reload_ms, 10)?,
            drain_notice: millis("drain_notice_ms", self.drain_notice_ms, 0)?,
            drain: millis("drain_ms", self.drain_ms, 0)?,
            steward: (!steward.is_zero()).then_some(steward),
            beside: millis("beside_ms", self.beside_ms, 1)?,
            promotion: self.promotion.clone(),
        })
    }
}

/// Odds need what feedback has taught.
fn exploration(explore: &Exploration, mode: Mode) -> Result<Exploration, ConfigError> {
    let refused = |value: String, range: &str| ConfigError {
        table: "server",
        setting: "explore",
        value,
        range: range.to_owned(),
    };
    match explore.check() {
        Err(wrong) => Err(refused(
            format!("{} of {}", wrong.unit, wrong.value),
            wrong.range,
        )),
        Ok(()) if mode != Mode::Apply && matches!(explore, Exploration::Odds { .. }) => {
            Err(refused(
                "odds".into(),
                "greedy, epsilon or square_cb where learning.mode is not apply",
            ))
        }
        Ok(()) => Ok(explore.clone()),
    }
}

fn body_bytes(value: usize) -> Result<usize, ConfigError> {
    bounded(
        "max_body_bytes",
        value,
        1024..=(1 << 30),
        "between 1024 and 1073741824",
    )
}

fn threads(value: NonZeroUsize) -> Result<NonZeroUsize, ConfigError> {
    bounded("threads", value.get(), 1..=1024, "between 1 and 1024").map(|_| value)
}

fn connections(value: usize) -> Result<usize, ConfigError> {
    bounded(
        "max_connections",
        value,
        1..=1_000_000,
        "between 1 and 1000000",
    )
}

fn bounded(
    setting: &'static str,
    value: usize,
    allowed: std::ops::RangeInclusive<usize>,
    range: &'static str,
) -> Result<usize, ConfigError> {
    if allowed.contains(&value) {
        return Ok(value);
    }
    Err(ConfigError {
        table: "server",
        setting,
        value: value.to_string(),
        range: range.to_owned(),
    })
}

fn millis(setting: &'static str, value: u64, least: u64) -> Result<Duration, ConfigError> {
    if (least..=DAY_MS).contains(&value) {
        return Ok(Duration::from_millis(value));
    }
    let range = match least {
        0 => "at most one day",
        1 => "between 1 and one day",
        _ => "between 10 and one day",
    };
    Err(ConfigError {
        table: "server",
        setting,
        value: value.to_string(),
        range: range.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(change: impl FnOnce(&mut Config), setting: &str) {
        let mut config = Config::default();
        change(&mut config);
        assert_eq!(config.check().unwrap_err().setting, setting);
    }

    #[test]
    fn the_defaults_are_loopback_and_keep_no_prompts() {
        let settings = Config::default().check().unwrap();
        assert!(settings.bind.ip().is_loopback());
        assert!(!settings.log_prompts);
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        check_refused(|config| config.max_body_bytes = 0, "max_body_bytes");
        check_refused(|config| config.max_connections = 0, "max_connections");
        check_refused(|config| config.threads = NonZeroUsize::new(5000), "threads");
        check_refused(|config| config.reload_ms = 0, "reload_ms");
        check_refused(|config| config.drain_ms = u64::MAX, "drain_ms");
        let all = Exploration::Epsilon { share: 1.5 };
        check_refused(|config| config.explore = all, "explore");
        let odds = Exploration::Odds {
            doubt: 0.2,
            share: 0.1,
        };
        check_refused(|config| config.promotion.delta = 2.0, "delta");
        let odds_without_learning = |config: &mut Config| {
            config.explore = odds.clone();
            config.learning.mode = Mode::Observe;
        };
        check_refused(odds_without_learning, "explore");
        let config = Config {
            explore: odds,
            ..Config::default()
        };
        assert!(
            config.check().is_ok(),
            "what is learnt is there for the odds"
        );
    }

    #[test]
    fn a_misspelt_setting_is_named() {
        let error = serde_json::from_str::<Config>(r#"{"log_prompt": true}"#).unwrap_err();
        assert!(error.to_string().contains("`log_prompt`"), "{error}");
    }
}
