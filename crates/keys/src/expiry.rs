//! When a key ends: a date and time as RFC 3339 writes it. Reads no clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The moment from which on a key is refused.
///
/// Keeps the text that it was read from. In TOML it is a quoted string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Expiry {
    text: String,
    at_ms: i64,
}

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date and time; write it like \"2027-01-31T00:00:00Z\" (RFC 3339)")]
pub struct BadExpiry(String);

impl Expiry {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    #[must_use]
    pub const fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

impl FromStr for Expiry {
    type Err = BadExpiry;
    fn from_str(text: &str) -> Result<Self, BadExpiry> {
        let at_ms = moment(text).ok_or_else(|| BadExpiry(text.to_owned()))?;
        let text = text.to_owned();
        Ok(Self { text, at_ms })
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Expiry> for String {
    fn from(expiry: Expiry) -> Self {
        expiry.text
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Expiry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date and time in quotes, like \"2027-01-31T00:00:00Z\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Expiry, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// `2027-01-31T00:00:00.5+01:00` as milliseconds; what is finer is cut off. Section 5.6 of RFC 3339.
fn moment(text: &str) -> Option<i64> {
    let (date, time) = (text.get(..10)?, text.get(11..19)?);
    if !matches!(text.as_bytes()[10], b'T' | b't' | b' ') {
        return None;
    }
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    // A leap second is taken as the second after it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, zone) = fraction(text.get(19..)?)?;
    let seconds = days(date)? * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(seconds * 1000 + millis)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar: whole years, whole months, days.
fn days(date: &str) -> Option<i64> {
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let months = [
        31,
        28 + leap_day(year),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = *months.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if !(1..=length).contains(&day) {
        return None;
    }
    let before: i64 = months.iter().take(month as usize - 1).sum();
    Some(days_before(year) - days_before(1970) + before + day - 1)
}

fn leap_day(year: i64) -> i64 {
    i64::from((year % 4 == 0 && year % 100 != 0) || year % 400 == 0)
}

/// Days from the year 1 to the year given.
fn days_before(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400)
}

/// Milliseconds of a fraction of a second, and what follows it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(text) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let zone = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, zone) = text.split_at(zone);
    let thousandths = digits.bytes().chain(*b"000").take(3);
    let millis = thousandths.fold(0, |millis, digit| millis * 10 + i64::from(digit - b'0'));
    (!digits.is_empty()).then_some((millis, zone))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'Z' | b'z' if zone.len() == 1 => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let [hours, minutes] = numbers(&zone[1..], ':', [2, 2])?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Whole numbers of these many digits between separators, and nothing else.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut found = [0; N];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = is_number.then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, at_ms: i64) {
        assert_eq!(
            text.parse::<Expiry>().map(|found| found.at_ms()),
            Ok(at_ms),
            "{text}"
        );
    }

    #[test]
    fn moments_known_from_elsewhere() {
        check("1970-01-01T00:00:00Z", 0);
        check("1969-12-31T23:59:59Z", -1000);
        check("2000-02-29T00:00:00Z", 951_782_400_000);
        check("2001-09-09T01:46:40Z", 1_000_000_000_000);
        check("2038-01-19T03:14:08Z", 2_147_483_648_000);
        check("9999-12-31T23:59:59.999Z", 253_402_300_799_999);
        check("0001-01-01T00:00:00Z", -62_135_596_800_000);
    }

    #[test]
    fn zones_and_fractions() {
        check("1970-01-01T01:00:00+01:00", 0);
        check("1969-12-31T18:30:00-05:30", 0);
        check("1970-01-01t00:00:00.5z", 500);
        check("1970-01-01 00:00:00.0019Z", 1);
        check("1990-12-31T23:59:60Z", 662_688_000_000);
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        let wrong = [
            "",
            "2027",
            "2027-01-31",
            "2027-01-31T00:00:00",
            "2027-01-31T00:00Z",
            "2027-02-29T00:00:00Z",
            "2027-00-10T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T00:60:00Z",
            "2027-01-31T00:00:61Z",
            "2027-01-31T00:00:00.Z",
            "2027-01-31T00:00:00.5",
            "2027-01-31T00:00:00+1:00",
            "2027-01-31T00:00:00+01",
            "2027-01-31T00:00:00ZZ",
            "2027-01-31X00:00:00Z",
            "+027-01-31T00:00:00Z",
            "2027-01-31T00:00:00Zé",
            "é027-01-31T00:00:00Z",
            "2027-01-31é00:00:00Z",
            "tomorrow",
        ];
        for text in wrong {
            assert_eq!(
                text.parse::<Expiry>(),
                Err(BadExpiry(text.into())),
                "{text}"
            );
        }
    }

    #[test]
    fn every_day_of_four_centuries_is_a_day_after_the_one_before() {
        let mut last = days("1899-12-31").unwrap();
        for year in 1900..2300 {
            for (month, day) in (1..=12).flat_map(|month| (1..=31).map(move |day| (month, day))) {
                let Some(today) = days(&format!("{year}-{month:02}-{day:02}")) else {
                    continue;
                };
                assert_eq!(today, last + 1, "{year}-{month}-{day}");
                last = today;
            }
        }
    }

    #[test]
    fn settings_say_that_it_needs_quotes() {
        #[derive(Debug, Deserialize)]
        struct Table {
            expires: Expiry,
        }
        let error = toml::from_str::<Table>("expires = 2027-01-31T00:00:00Z").unwrap_err();
        assert!(error.message().contains("in quotes"), "{error}");
        let read: Table = toml::from_str("expires = \"2027-01-31T00:00:00Z\"").unwrap();
        assert_eq!(read.expires.to_string(), "2027-01-31T00:00:00Z");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9TZ:.+é -]{0,30}") {
            drop(text.parse::<Expiry>());
        }
    }
}
