//! Settings of the server: defaults, then the file, then flags and environment.

use std::path::Path;

use anyhow::Context;
use pointsman_serve::{GatewayConfig, LearningConfig};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// The settings file. Each table belongs to the crate that reads it.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) server: pointsman_serve::Config,
    pub(crate) store: pointsman_store::Config,
}

/// All that is wrong with a settings file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n  "))]
pub(crate) struct Problems(pub(crate) Vec<String>);

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: pointsman_serve::Config::default(),
            store: pointsman_store::Config::at("pointsman.db"),
        }
    }
}

impl Settings {
    /// The settings of a file, or the defaults.
    pub(crate) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the settings {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("the settings {} are wrong", file.display()))
    }

    /// Reads every table, and tells everything that is wrong with any of them.
    pub(crate) fn parse(text: &str) -> Result<Self, Problems> {
        let file = text.parse::<Table>();
        let file = file.map_err(|error| Problems(vec![error.to_string()]))?;
        let mut tables = Tables {
            file,
            problems: Vec::new(),
        };
        let settings = tables.settings();
        tables.finish()?;
        Ok(settings)
    }
}

/// The tables of a file that were not read yet.
struct Tables {
    file: Table,
    problems: Vec<String>,
}

impl Tables {
    fn settings(&mut self) -> Settings {
        let defaults = Settings::default();
        let mut server: pointsman_serve::Config = self.server().unwrap_or_default();
        server.learning = self.table::<LearningConfig>("learning").unwrap_or_default();
        server.gateway = GatewayConfig {
            router: self.table("router").unwrap_or_default(),
            auth: self.table("auth").unwrap_or_default(),
            sessions: self.table("sessions").unwrap_or_default(),
            guard: self.table("guard").unwrap_or_default(),
            cache: self.table("cache").unwrap_or_default(),
            retries: self.table("retries").unwrap_or_default(),
            telemetry: self.table("telemetry").unwrap_or_default(),
            pipelines: self.list("pipelines"),
            models: self.list("models"),
        };
        Settings {
            server,
            store: self.table("store").unwrap_or(defaults.store),
        }
    }

    /// The table was called `serve` before the gateway came.
    fn server(&mut self) -> Option<pointsman_serve::Config> {
        match self.file.contains_key("server") {
            true => self.table("server"),
            false => self.table("serve"),
        }
    }

    fn table<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.file.remove(name)?;
        self.part(name, value)
    }

    fn list<T: DeserializeOwned>(&mut self, name: &str) -> Vec<T> {
        match self.file.remove(name) {
            None => Vec::new(),
            Some(Value::Array(values)) => values
                .into_iter()
                .enumerate()
                .filter_map(|(at, value)| self.part(&format!("{name}[{at}]"), value))
                .collect(),
            Some(_) => {
                self.problems
                    .push(format!("{name}: must be a list: [[{name}]]"));
                Vec::new()
            }
        }
    }

    fn part<T: DeserializeOwned>(&mut self, at: &str, value: Value) -> Option<T> {
        let read = serde_path_to_error::deserialize(value);
        read.map_err(|error| {
            let path = match error.path().to_string().as_str() {
                "." => at.to_owned(),
                path => format!("{at}.{path}"),
            };
            self.problems
                .push(format!("{path}: {}", error.inner().message()));
        })
        .ok()
    }

    fn finish(mut self) -> Result<(), Problems> {
        let known = "server, store, learning, router, auth, sessions, guard, cache, retries, telemetry, pipelines and models";
        let unknown = self.file.keys();
        let unknown =
            unknown.map(|name| format!("{name}: is no table of the settings; there are {known}"));
        self.problems.extend(unknown);
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(Problems(self.problems)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_leaves_the_other_at_its_defaults() {
        for name in ["server", "serve"] {
            let text = format!("[{name}]\nbind = '127.0.0.1:9000'");
            let settings = Settings::parse(&text).unwrap();
            assert_eq!(settings.server.bind.port(), 9000);
            assert_eq!(settings.store, pointsman_store::Config::at("pointsman.db"));
        }
    }

    #[test]
    fn the_example_states_the_defaults() {
        let settings = Settings::parse(EXAMPLE).unwrap();
        let defaults = Settings::default();
        assert_eq!(
            (settings.server, settings.store),
            (defaults.server, defaults.store)
        );
    }

    /// What is commented out is right too.
    #[test]
    fn every_line_of_the_example_can_be_used() {
        let mut is_inside = false;
        let mut uncommented = String::new();
        for line in EXAMPLE.lines() {
            let setting = line.strip_prefix("# ").unwrap_or_default();
            is_inside = setting.starts_with("[[") || (is_inside && !setting.is_empty());
            let line = if is_inside || is_setting(setting) {
                setting
            } else {
                line
            };
            uncommented.push_str(line);
            uncommented.push('\n');
        }
        let gateway = Settings::parse(&uncommented).unwrap().server.gateway;
        assert_eq!(gateway.models[0].deployments.len(), 1);
        assert_eq!(gateway.router.name.as_deref(), Some("support"));
        let environment = |name: &str| Some(format!("sk-{name}"));
        let problems = gateway.problems(&environment);
        let [required] = &problems[..] else {
            panic!("{problems:?}");
        };
        assert!(required.starts_with("auth: keys are required"));
        let [default] = &gateway.warnings()[..] else {
            panic!("{:?}", gateway.warnings());
        };
        assert!(default.starts_with("router.default_model: `large`"));
    }

    fn is_setting(line: &str) -> bool {
        let name = line.split([' ', '=']).next().unwrap();
        let is_word = |word: &str| {
            word.chars()
                .all(|char| char.is_ascii_lowercase() || char == '_')
        };
        !name.is_empty() && is_word(name) && line.contains(" = ")
    }

    /// The first settings of the README.
    #[test]
    fn the_settings_in_the_readme_work() {
        let readme = include_str!("../../../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let gateway = Settings::parse(example).unwrap().server.gateway;
        let environment = |name: &str| name.ends_with("_API_KEY").then(|| name.to_owned());
        assert_eq!(gateway.problems(&environment), [""; 0]);
        assert_eq!(gateway.warnings(), [""; 0]);
    }

    const EXAMPLE: &str = include_str!("../pointsman.toml");

    #[test]
    fn every_problem_is_told_with_its_place() {
        let text = r#"
            [server]
            log_prompt = true
            [store]
            path = 7
            [router]
            limit_ms = "five"
            [surplus]
            [[models]]
            name = "small"
            price = 1
            [[models]]
            [serve]
        "#;
        let told = Settings::parse(text).unwrap_err().to_string();
        for says in [
            "server.log_prompt: unknown field `log_prompt`",
            "store.path: invalid type",
            "router.limit_ms: invalid type",
            "surplus: is no table",
            "serve: is no table",
            "models[0]: model `small`: price: unknown field",
            "models[1]: a model needs a `name`",
        ] {
            assert!(told.contains(says), "{says} is not in\n{told}");
        }
    }
}
