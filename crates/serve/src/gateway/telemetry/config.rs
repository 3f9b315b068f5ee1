//! Where traces and metrics go: the table `telemetry`, and where it says nothing the variables that
//! OpenTelemetry names for everybody.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde::Deserialize;

use crate::gateway::check::Environment;

/// The table `telemetry`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// A collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; by default that of
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`. Without either nothing is sent.
    pub endpoint: Option<String>,
    /// Headers that the collector asks for, by the variables of the environment that hold them.
    pub headers: BTreeMap<String, String>,
    /// What the collector calls this server; by default `OTEL_SERVICE_NAME`, then `pointsman`.
    pub service_name: Option<String>,
    /// The share of the traces that begin here and are sent; by default `OTEL_TRACES_SAMPLER`, then
    /// all. Whoever brings a trace along has decided that already.
    pub sample: Option<f64>,
    /// How often metrics are sent; by default `OTEL_METRIC_EXPORT_INTERVAL`, then once a minute.
    pub interval_ms: Option<u64>,
    /// The longest that the collector may take to answer.
    pub timeout_ms: u64,
    /// The most spans that wait to be sent; those beyond are dropped and counted.
    pub queue: usize,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            service_name: None,
            sample: None,
            interval_ms: None,
            timeout_ms: 10_000,
            queue: 2048,
        }
    }
}

/// What was found to be in order.
pub(crate) struct Plan {
    /// Where traces go, if anywhere.
    pub(super) traces: Option<Uri>,
    /// Where metrics go, if anywhere.
    pub(super) metrics: Option<Uri>,
    /// They may hold secrets, so there is no `Debug`.
    pub(super) headers: HeaderMap,
    pub(super) service_name: String,
    pub(super) sample: Option<f64>,
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Duration,
    pub(super) queue: usize,
}

/// Ends of the addresses of a collector.
const TRACES: &str = "v1/traces";
const METRICS: &str = "v1/metrics";
const DAY_MS: u64 = 24 * 3600 * 1000;

impl TelemetryConfig {
    /// What to send where; `None` where nothing is sent.
    ///
    /// # Errors
    /// Everything that is wrong, in words.
    pub(crate) fn plan(&self, environment: Environment<'_>) -> Result<Option<Plan>, Vec<String>> {
        let mut reading = Reading {
            config: self,
            environment,
            problems: Vec::new(),
        };
        let plan = reading.plan();
        match reading.problems.is_empty() {
            true => Ok(plan.is_on().then_some(plan)),
            false => Err(reading.problems),
        }
    }
}

impl Plan {
    fn is_on(&self) -> bool {
        self.traces.is_some() || self.metrics.is_some()
    }
}

struct Reading<'r> {
    config: &'r TelemetryConfig,
    environment: Environment<'r>,
    problems: Vec<String>,
}

impl Reading<'_> {
    fn plan(&mut self) -> Plan {
        let config = self.config;
        let interval = config.interval_ms;
        let interval = interval.map(|interval| self.within("interval_ms", interval, 10, DAY_MS));
        Plan {
            traces: self.address("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", TRACES),
            metrics: self.address("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", METRICS),
            headers: self.headers(),
            service_name: self.service_name(),
            sample: self.sample(),
            interval: interval.map(Duration::from_millis),
            timeout: Duration::from_millis(self.within("timeout_ms", config.timeout_ms, 1, DAY_MS)),
            queue: self.within("queue", config.queue as u64, 1, 1_000_000) as usize,
        }
    }

    fn wrong(&mut self, setting: &str, why: impl Display) {
        self.problems.push(format!("telemetry.{setting}: {why}"));
    }

    fn within(&mut self, setting: &str, value: u64, least: u64, most: u64) -> u64 {
        if !(least..=most).contains(&value) {
            let why = format!("is {value}; it must be between {least} and {most}");
            self.wrong(setting, why);
        }
        value
    }

    /// A variable of the environment; an empty one says nothing.
    fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.trim().is_empty())
    }

    /// The settings' address, else that of the variable as it is, else that for all signals.
    fn address(&mut self, own: &str, path: &str) -> Option<Uri> {
        const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let below = |base: &str| format!("{}/{path}", base.trim_end_matches('/'));
        if let Some(endpoint) = &self.config.endpoint {
            return self.parsed("endpoint", &below(endpoint));
        }
        let is_off = self.variable("OTEL_SDK_DISABLED");
        if is_off.is_some_and(|word| word.eq_ignore_ascii_case("true")) {
            return None;
        }
        if let Some(address) = self.variable(own) {
            return self.parsed(own, &address);
        }
        let base = self.variable(ALL)?;
        self.parsed(ALL, &below(&base))
    }

    fn parsed(&mut self, at: &str, address: &str) -> Option<Uri> {
        let uri = address.parse::<Uri>().ok();
        let uri = uri.filter(|uri| {
            let scheme = uri.scheme_str();
            let has_user = uri
                .authority()
                .is_some_and(|host| host.as_str().contains('@'));
            matches!(scheme, Some("http" | "https")) && uri.host().is_some() && !has_user
        });
        if uri.is_none() {
            let why = "is no address of a collector; expected something like http://127.0.0.1:4318, with no user in it";
            self.wrong(at, why);
        }
        uri
    }

    fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, variable) in &self.config.headers {
            match header(name, (self.environment)(variable), variable) {
                Ok((name, value)) => drop(headers.insert(name, value)),
                Err(why) => self.wrong(&format!("headers.{name}"), why),
            }
        }
        headers
    }

    fn service_name(&self) -> String {
        let name = self.config.service_name.clone();
        let name = name.or_else(|| self.variable("OTEL_SERVICE_NAME"));
        name.unwrap_or_else(|| "pointsman".to_owned())
    }

    fn sample(&mut self) -> Option<f64> {
        let sample = self.config.sample?;
        if !(0.0..=1.0).contains(&sample) {
            self.wrong("sample", format!("is {sample}; it must be between 0 and 1"));
        }
        Some(sample)
    }
}

/// A header whose value is a secret.
fn header(
    name: &str,
    value: Option<String>,
    variable: &str,
) -> Result<(HeaderName, HeaderValue), String> {
    let name = name
        .parse()
        .map_err(|_| "is no name of a header".to_owned())?;
    let value = value.ok_or_else(|| format!("the environment has no variable {variable}"))?;
    let mut value = HeaderValue::from_str(value.trim())
        .map_err(|_| format!("the variable {variable} holds what no header may"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(config: &str, environment: &[(&str, &str)]) -> Result<Option<Plan>, Vec<String>> {
        let config: TelemetryConfig = toml::from_str(config).unwrap();
        let environment = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        config.plan(&environment)
    }

    fn addresses(config: &str, environment: &[(&str, &str)]) -> Option<[Option<String>; 2]> {
        let plan = plan(config, environment).ok().unwrap()?;
        Some([plan.traces, plan.metrics].map(|uri| uri.map(|uri| uri.to_string())))
    }

    #[test]
    fn nothing_is_sent_unless_somebody_says_where() {
        assert!(addresses("", &[]).is_none());
        let disabled = [
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1"),
        ];
        assert!(addresses("", &disabled).is_none());
    }

    #[test]
    fn the_settings_come_before_the_environment() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://own:1/here");
        let told =
            |traces: &str, metrics: &str| Some([Some(traces.to_owned()), Some(metrics.to_owned())]);
        assert_eq!(
            addresses("endpoint = 'http://set:4318'", &[all, own]),
            told("http://set:4318/v1/traces", "http://set:4318/v1/metrics")
        );
        assert_eq!(
            addresses("", &[all, own]),
            told("http://own:1/here", "http://all:4318/v1/metrics")
        );
        let [traces, metrics] = addresses("", &[own]).unwrap();
        assert!(traces.is_some() && metrics.is_none());
    }

    #[test]
    fn headers_come_from_the_environment_and_are_secret() {
        let config = "endpoint = 'https://a'\nheaders = { authorization = 'KEY' }";
        let plan = plan(config, &[("KEY", "Bearer s3cret")])
            .ok()
            .unwrap()
            .unwrap();
        assert_eq!(plan.headers["authorization"], "Bearer s3cret");
        assert!(!format!("{:?}", plan.headers).contains("s3cret"));
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let config = "endpoint = 'ftp://a'\nsample = 2.0\ninterval_ms = 1\ntimeout_ms = 0\nqueue = 0\nheaders = { 'a b' = 'KEY', c = 'NONE' }";
        let problems = plan(config, &[("KEY", "x")]).err().unwrap().join("\n");
        for says in [
            "telemetry.endpoint: is no address",
            "telemetry.sample: is 2",
            "telemetry.interval_ms: is 1",
            "telemetry.timeout_ms: is 0",
            "telemetry.queue: is 0",
            "telemetry.headers.a b: is no name",
            "telemetry.headers.c: the environment has no variable NONE",
        ] {
            assert!(problems.contains(says), "{says} is not in\n{problems}");
        }
    }
}
