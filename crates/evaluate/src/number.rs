//! Figures as people read them, the same on the terminal, in charts and on the page.

use pointsman_measures::Interval;

/// What stands where a figure does not exist.
pub(crate) const NONE: &str = "–";

/// A quality or a measure of quality, with four digits.
pub(crate) fn quality(value: f64) -> String {
    format!("{value:.4}")
}

/// A share in percent, with one digit.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A cost for one request as dollars for 1,000 of them, with three significant digits.
pub(crate) fn usd_per_thousand(cost: f64) -> String {
    format!("${}", significant(cost * 1000.0, 3))
}

/// A number with so many significant digits and no exponent.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    if value.abs() < 1e-300 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (digits - 1 - magnitude).clamp(0, 12) as usize;
    format!("{value:.decimals$}")
}

/// A number without digits that say nothing, for ticks.
pub(crate) fn plain(value: f64) -> String {
    let text = significant(value, 3);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A count with its thousands apart.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A difference with its sign.
pub(crate) fn signed(value: f64) -> String {
    format!("{value:+.4}").replace('-', "−")
}

/// A share of the gap to the oracle, which may be negative.
pub(crate) fn gap(share: f64) -> String {
    format!("{share:.3}").replace('-', "−")
}

/// A difference in percent with its sign.
pub(crate) fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", 100.0 * share).replace('-', "−")
}

/// A figure that may not exist.
pub(crate) fn or_none(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| NONE.to_owned(), show)
}

/// An interval as `low to high`; an end that does not exist is a dash.
pub(crate) fn range(interval: &Interval, show: impl Fn(f64) -> String) -> String {
    format!(
        "{} to {}",
        or_none(interval.low, &show),
        or_none(interval.high, &show)
    )
}

/// A figure with its interval in brackets.
pub(crate) fn with_range(interval: &Interval, show: impl Fn(f64) -> String) -> String {
    let estimate = or_none(interval.estimate, &show);
    format!("{estimate} [{}]", range(interval, show))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(got: String, expected: &str) {
        assert_eq!(got, expected);
    }

    #[test]
    fn costs_keep_three_digits_whatever_their_size() {
        check(usd_per_thousand(0.000_025_38), "$0.0254");
        check(usd_per_thousand(0.025_057), "$25.1");
        check(usd_per_thousand(12.0), "$12000");
        check(usd_per_thousand(0.0), "$0");
    }

    #[test]
    fn thousands_are_set_apart() {
        check(count(999), "999");
        check(count(12_032), "12,032");
        check(count(1_000_000), "1,000,000");
    }

    #[test]
    fn ticks_have_no_needless_digits() {
        check(plain(0.5), "0.5");
        check(plain(20.0), "20");
        check(plain(0.000_2), "0.0002");
        check(plain(0.0), "0");
    }

    #[test]
    fn differences_carry_their_sign() {
        check(signed(-0.012_34), "−0.0123");
        check(signed_percent(0.25), "+25.0 %");
    }

    #[test]
    fn a_missing_end_is_a_dash() {
        let interval = Interval {
            estimate: Some(0.5),
            low: None,
            high: Some(0.75),
        };
        check(with_range(&interval, percent), "50.0 % [– to 75.0 %]");
    }
}
