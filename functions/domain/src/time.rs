//! A point in time, in milliseconds, and its written forms.
//!
//! The domain never reads a clock: every rule that needs the time takes it as an argument, so that a test can hold it still.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Milliseconds, because SQS and DynamoDB's own times have no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

/// 0000-01-01T00:00:00Z.
const YEAR_0000: i64 = -62_167_219_200_000;

impl Time {
    /// From milliseconds since the epoch. Values outside of jiff's range (years -9999 to 9999) are held to it when written.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time plus `delay`; saturates instead of overflowing, since a delay may come from a stranger's header.
    #[must_use]
    pub fn plus(self, delay: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long it is from `earlier` until this time; zero if it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with milliseconds, `2026-01-31T12:00:00.000Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        format!("{:.3}", self.timestamp())
    }

    /// Parses RFC 3339 with any offset. jiff reads more of ISO 8601 than that (`2026-01-31T12Z`, a comma, six-digit years, time zones in brackets),
    /// which receivers do not. A time that has no four-digit year in UTC is not taken: an hour before the year 0000 would be written with a sign.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        is_rfc3339(text)
            .then(|| text.parse::<Timestamp>().ok())?
            .map(|t| Self(t.as_millisecond()))
            .filter(|time| time.0 >= YEAR_0000)
    }

    /// Parses the three forms of an HTTP date (RFC 9110, 5.6.7), the two obsolete ones among them, which a recipient must read all the same; and the kin
    /// of the first in RFC 2822.
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        const FORMS: [&str; 3] = [
            "%a, %d %b %Y %H:%M:%S GMT",
            "%A, %d-%b-%y %H:%M:%S GMT",
            "%a %b %e %H:%M:%S %Y",
        ];
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        // By the calendar, since a timestamp ends on 9999-12-30 and "never" is written as the day after.
        let millis = FORMS
            .iter()
            .find_map(|form| DateTime::strptime(form, text).ok())
            .map(|date| date.duration_since(epoch).as_millis());
        let kin = || {
            let parser = jiff::fmt::rfc2822::DateTimeParser::new();
            Some(i128::from(
                parser.parse_timestamp(text).ok()?.as_millisecond(),
            ))
        };
        i64::try_from(millis.or_else(kin)?).ok().map(Self)
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

/// The form of RFC 3339, 5.6. A space in place of the `T` is what its note allows for people's sake.
fn is_rfc3339(text: &str) -> bool {
    const DATE_TIME: &str = "0000-00-00T00:00:00";
    let Some((date_time, rest)) = text.split_at_checked(DATE_TIME.len()) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => {
            fraction.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        Some(_) => return false,
        None => rest,
    };
    // Digits compare as text. jiff takes offsets of up to 25 hours.
    let is_offset = (has_form(offset, "+00:00") || has_form(offset, "-00:00"))
        && offset.get(1..3) <= Some("23")
        && offset.get(4..) <= Some("59");
    has_form(date_time, DATE_TIME) && (is_offset || matches!(offset, "Z" | "z"))
}

/// Whether a text has a digit for each `0` of the form, a `T` or what may stand for it for its `T`, and the rest as it is.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't' | b' '),
                _ => byte == form,
            })
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_with_milliseconds_and_z() {
        assert_eq!(
            Time::from_millis(1_767_225_600_007).rfc3339(),
            "2026-01-01T00:00:00.007Z"
        );
    }

    #[test]
    fn adding_a_hostile_delay_saturates() {
        assert_eq!(Time::from_millis(5).plus(Duration::MAX).millis(), i64::MAX);
        assert_eq!(Time::from_millis(i64::MAX).rfc3339().len(), 24);
    }

    #[test]
    fn it_reads_rfc3339_with_an_offset_and_http_dates() {
        assert_eq!(
            Time::parse_rfc3339("2026-01-01T02:00:00+02:00"),
            Some(Time::from_millis(1_767_225_600_000))
        );
        for date in [
            "Thu, 01 Jan 2026 00:00:00 GMT",
            "Thursday, 01-Jan-26 00:00:00 GMT",
            "Thu Jan  1 00:00:00 2026",
        ] {
            let read = Time::parse_http_date(date);
            assert_eq!(read, Some(Time::from_millis(1_767_225_600_000)), "{date}");
        }
        assert_eq!(
            Time::parse_http_date("1 Jan 2026 01:00 +0100"),
            Some(Time::from_millis(1_767_225_600_000))
        );
        assert_eq!(
            Time::parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT"),
            Some(Time::from_millis(253_402_300_799_000))
        );
        for none in [
            "tomorrow",
            "Mon, 31 Feb 2026 00:00:00 GMT",
            "Thu, 01 Jan 2026 00:00:00",
            "",
        ] {
            assert_eq!(Time::parse_http_date(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_read_is_written_with_a_year_of_four_digits() {
        for (read, written) in [
            ("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00.000Z")),
            (
                "0000-01-01T01:00:00+01:00",
                Some("0000-01-01T00:00:00.000Z"),
            ),
            ("0000-01-01T00:59:59.999+01:00", None),
            ("0000-01-01T00:00:00+23:59", None),
            ("9999-12-30T22:00:00.999Z", Some("9999-12-30T22:00:00.999Z")),
            ("9999-12-31T23:59:59-23:59", None),
        ] {
            let time = Time::parse_rfc3339(read).map(Time::rfc3339);
            assert_eq!(time.as_deref(), written, "{read}");
        }
    }

    #[test]
    fn what_only_looks_like_rfc3339_is_not_read() {
        let noon = Some(Time::from_millis(1_767_268_800_000));
        for right in [
            "2026-01-01T12:00:00Z",
            "2026-01-01t12:00:00z",
            "2026-01-01 12:00:00.000000000Z",
            "2026-01-01T10:30:00-01:30",
            "2026-01-01T12:00:00-00:00",
        ] {
            assert_eq!(Time::parse_rfc3339(right), noon, "{right}");
        }
        for wrong in [
            "2026-01-01T12Z",
            "2026-01-01T12:00Z",
            "2026-01-01T1200Z",
            "20260101T120000Z",
            "2026-01-01T12:00:00",
            "2026-01-01T12:00:00,5Z",
            "2026-01-01T12:00:00.Z",
            "2026-01-01T12:00:00+02",
            "2026-01-01T12:00:00+0200",
            "2026-01-01T12:00:00+02:00:30",
            "2026-01-01T12:00:00+24:00",
            "2026-01-01T12:00:00+02:60",
            "2026-01-01T12:00:00Z[UTC]",
            "-002026-01-01T12:00:00Z",
            "2026-01-01T12:00:00\u{e9}Z",
            "2026-02-30T12:00:00Z",
            "\u{e9}",
            "",
        ] {
            assert_eq!(Time::parse_rfc3339(wrong), None, "{wrong}");
        }
    }
}
