//! Values, read from words.

use std::time::Duration;

use pointsman_types::{Probability, Quality};

pub(super) fn quality(text: &str) -> Result<Quality, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| "must be a number between 0 and 1".to_owned())?;
    Quality::new(value).map_err(|error| error.to_string())
}

/// Their range is checked where they are used.
pub(super) fn levels(text: &str) -> Result<(f64, f64), String> {
    let levels = text
        .split_once(',')
        .and_then(|(alpha, delta)| Some((alpha.trim().parse().ok()?, delta.trim().parse().ok()?)));
    levels.ok_or_else(|| "must be two numbers with a comma between, such as 0.05,0.1".to_owned())
}

/// A number of seconds, minutes, hours or days.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a whole number and s, m, h or d, such as 24h".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(whole) if whole > 0 => Ok(Duration::from_secs(whole)),
        _ => Err(wrong()),
    }
}

pub(super) fn probability(text: &str) -> Result<Probability, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| "must be a number between 0 and 1".to_owned())?;
    Probability::new(value).map_err(|error| error.to_string())
}

pub(super) fn lambda(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok();
    value
        .filter(|value| value.is_finite() && *value >= 0.0)
        .ok_or_else(|| "must be a finite number that is not negative".to_owned())
}

pub(super) fn confidence(text: &str) -> Result<Probability, String> {
    let value = probability(text)?;
    match (0.5..1.0).contains(&value.get()) {
        true => Ok(value),
        false => Err(format!("must be at least 0.5 and below 1, got {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("24h"), duration("1d"));
        for wrong in ["", "h", "24", "-1h", "0s", "1w", "99999999999999999d", "1µ"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
