//! The catalogue's file.

use std::fs;
use std::path::Path;

use pointsman_types::Catalog;

use crate::error::RouterError;

/// Reads a catalogue in TOML: one `[[models]]` table per model.
///
/// # Errors
/// When it cannot be read, or is wrong; the message has the line.
pub fn read_catalog(path: &Path) -> Result<Catalog, RouterError> {
    let text = fs::read_to_string(path).map_err(|source| RouterError::CatalogIo {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| RouterError::Catalog {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_wrong(text: &str, says: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let error = read_catalog(file.path()).unwrap_err().to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }

    #[test]
    fn a_misspelt_key_is_named() {
        check_wrong("[[models]]\nname = 'a'\ninput_price = 1", "input_price");
    }

    #[test]
    fn a_negative_price_is_refused() {
        check_wrong(
            "[[models]]\nname = 'a'\ninput_usd_per_million = -1\noutput_usd_per_million = 1",
            "not negative",
        );
    }

    #[test]
    fn a_model_stands_there_once() {
        check_wrong(
            "[[models]]\nname = 'a'\n[[models]]\nname = 'a'",
            "`a` twice",
        );
    }

    #[test]
    fn an_absent_file_is_named() {
        let error = read_catalog(Path::new("no/such.toml"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no/such.toml"), "{error}");
    }
}
