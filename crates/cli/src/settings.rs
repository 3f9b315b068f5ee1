//! Settings of the server: defaults, then the file, then flags and environment.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// The settings file. Each table belongs to the crate that reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) serve: pointsman_serve::Config,
    pub(crate) store: pointsman_store::Config,
    pub(crate) learning: pointsman_serve::LearningConfig,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            serve: pointsman_serve::Config::default(),
            store: pointsman_store::Config::at("pointsman.db"),
            learning: pointsman_serve::LearningConfig::default(),
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
        toml::from_str(&text).with_context(|| format!("the settings {} are wrong", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_leaves_the_other_at_its_defaults() {
        let settings: Settings = toml::from_str("[serve]\nbind = '127.0.0.1:9000'").unwrap();
        assert_eq!(settings.serve.bind.port(), 9000);
        assert_eq!(settings.store, pointsman_store::Config::at("pointsman.db"));
    }

    #[test]
    fn the_settings_in_the_readme_are_the_defaults() {
        let readme = include_str!("../../../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let settings: Settings = toml::from_str(example).unwrap();
        let defaults = Settings::default();
        assert_eq!(
            (settings.serve, settings.store, settings.learning),
            (defaults.serve, defaults.store, defaults.learning)
        );
    }

    #[test]
    fn an_unknown_table_is_refused() {
        assert!(toml::from_str::<Settings>("[server]\n").is_err());
    }
}
