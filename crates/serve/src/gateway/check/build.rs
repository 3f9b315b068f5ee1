//! What is wrong is noted, and the rest is checked all the same.

use std::fmt::Display;
use std::time::Duration;

use rustls::ClientConfig;

use super::Environment;
use crate::gateway::fleet::Fleet;

pub(super) const DAY_MS: u64 = 24 * 3600 * 1000;

/// A fleet under construction.
pub(super) struct Build<'b> {
    pub(super) environment: Environment<'b>,
    pub(super) before: Option<&'b Fleet>,
    /// Read from the system once, and only if a back end is new.
    pub(super) tls: Option<ClientConfig>,
    pub(super) problems: Vec<String>,
}

impl<'b> Build<'b> {
    pub(super) const fn new(environment: Environment<'b>, before: Option<&'b Fleet>) -> Self {
        Self {
            environment,
            before,
            tls: None,
            problems: Vec::new(),
        }
    }

    pub(super) fn wrong(&mut self, at: &str, why: impl Display) {
        self.problems.push(format!("{at}: {why}"));
    }

    pub(super) fn keep<T, E: Display>(&mut self, at: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.wrong(at, error)).ok()
    }

    pub(super) fn within(&mut self, at: &str, value: u64, least: u64, most: u64) -> u64 {
        if !(least..=most).contains(&value) {
            self.wrong(
                at,
                format_args!("is {value}; it must be between {least} and {most}"),
            );
        }
        value
    }

    pub(super) fn millis(&mut self, at: &str, value: u64) -> Duration {
        Duration::from_millis(self.within(at, value, 1, DAY_MS))
    }
}
