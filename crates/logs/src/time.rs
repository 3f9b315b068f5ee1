//! Points in time as RFC 3339 text, which is how log rows carry them. Reads no clock.

/// The time `ticks / per_second` seconds after the start of 1970, in UTC.
pub(crate) fn rfc3339(ticks: i64, per_second: i64) -> String {
    let seconds = ticks.div_euclid(per_second);
    let rest = ticks.rem_euclid(per_second);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second_of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    let fraction = fraction(rest, per_second);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The same for seconds that may have a fraction; microseconds are kept.
pub(crate) fn rfc3339_from_seconds(seconds: f64) -> String {
    rfc3339((seconds * 1e6).round() as i64, 1_000_000)
}

fn fraction(rest: i64, per_second: i64) -> String {
    if rest == 0 {
        return String::new();
    }
    let digits = per_second.ilog10() as usize;
    format!(".{rest:0digits$}").trim_end_matches('0').to_owned()
}

/// Year, month and day of a day counted from 1970-01-01, by counting from a 1 March so that the
/// leap day comes last (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let since_march_year_0 = days + 719_468;
    let era = since_march_year_0.div_euclid(DAYS_IN_400_YEARS);
    let day_of_era = since_march_year_0.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        assert_eq!(rfc3339(0, 1), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400, 1), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_700_000_000_250, 1000), "2023-11-14T22:13:20.25Z");
        assert_eq!(rfc3339(-1, 1_000_000), "1969-12-31T23:59:59.999999Z");
        assert_eq!(rfc3339_from_seconds(1.5), "1970-01-01T00:00:01.5Z");
    }

    #[test]
    fn days_follow_each_other() {
        let mut previous = civil(-800_000);
        for day in -799_999..800_000 {
            let next = civil(day);
            assert!(next > previous, "{previous:?} then {next:?}");
            assert!((1..=31).contains(&next.2) && (1..=12).contains(&next.1));
            previous = next;
        }
    }
}
