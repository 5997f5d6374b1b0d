//! A point in time, in milliseconds, and its written forms.
//!
//! The domain never reads a clock: every rule that needs the time takes it as an argument, so that
//! tests control it.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, the precision of SQS and DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

/// Instants are computed with the calendar, which has every second of the years 0000 to 9999.
/// jiff's own `Timestamp` ends at 9999-12-30T22:00Z, two hours before the day that people write for
/// "never".
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The maximum number of digits of a fraction of a second: nanoseconds.
const MAX_FRACTION_DIGITS: usize = 9;

/// How far the clocks of two processes, or Postel's and SQS's, may differ. AWS keeps them within
/// milliseconds of each other.
pub const CLOCK_SKEW: Duration = Duration::from_secs(1);

impl Time {
    /// From milliseconds since the epoch. Values outside of the calendar (years -9999 to 9999) are
    /// clamped to it when written.
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

    /// This time plus `delay`; saturates instead of overflowing, since a delay may come from a
    /// receiver's header.
    #[must_use]
    pub fn plus(self, delay: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// This time minus `length`; saturates as well.
    #[must_use]
    pub fn minus(self, length: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The duration from `earlier` to this time; zero if it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with milliseconds, `2026-01-31T12:00:00.000Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        format!("{:.3}Z", self.date_time())
    }

    /// Parses RFC 3339 with any offset, to the millisecond. A time outside of the years 0000 to
    /// 9999 in UTC is rejected: it could not be written with four digits.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let (date_time, _) = read_rfc3339(text)?;
        let millis = date_time.duration_since(EPOCH).as_millis();
        i64::try_from(millis).ok().map(Self)
    }

    /// The same time in UTC with `Z`, its fraction cut to nine digits. A text that already has this
    /// form is kept; otherwise a time without a fraction gets milliseconds. `None` if it is not RFC
    /// 3339.
    #[must_use]
    pub fn utc_rfc3339(text: &str) -> Option<String> {
        let (date_time, fraction) = read_rfc3339(text)?;
        let fraction = fraction.get(..MAX_FRACTION_DIGITS).unwrap_or(fraction);
        let whole = date_time.strftime(SECONDS).to_string();
        let is_spelled_so = text.ends_with('Z') && text.starts_with(&whole);
        Some(match fraction {
            "" if is_spelled_so => format!("{whole}Z"),
            "" => format!("{whole}.000Z"),
            fraction => format!("{whole}.{fraction}Z"),
        })
    }

    /// Parses the three forms of an HTTP date (RFC 9110, 5.6.7), including the two obsolete ones,
    /// which a recipient must accept, and the related form of RFC 2822. The crate `httpdate`
    /// refuses offsets and leap seconds, so it could not replace jiff here.
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        const FORMS: [&str; 3] = [
            "%a, %d %b %Y %H:%M:%S GMT",
            "%A, %d-%b-%y %H:%M:%S GMT",
            "%a %b %e %H:%M:%S %Y",
        ];
        let millis = FORMS
            .iter()
            .find_map(|form| DateTime::strptime(form, text).ok())
            .map(|date| date.duration_since(EPOCH).as_millis());
        let kin = || {
            let parser = jiff::fmt::rfc2822::DateTimeParser::new();
            Some(i128::from(
                parser.parse_timestamp(text).ok()?.as_millisecond(),
            ))
        };
        i64::try_from(millis.or_else(kin)?).ok().map(Self)
    }

    fn date_time(self) -> DateTime {
        EPOCH.saturating_add(SignedDuration::from_millis(self.0))
    }
}

/// How a date and time is written to the second.
const SECONDS: &str = "%Y-%m-%dT%H:%M:%S";

/// Reads RFC 3339, 5.6: the time in UTC, and the digits of its fraction unchanged. A space in place
/// of the `T` is allowed by its note for readability. jiff's parser is not used: it accepts more of
/// ISO 8601 than receivers do (`2026-01-31T12Z`, a comma, six-digit years, time zones in brackets)
/// and reads 12:30:60 as 12:30:59.
fn read_rfc3339(text: &str) -> Option<(DateTime, &str)> {
    const DATE_TIME: &str = "0000-00-00T00:00:00";
    let (date_time, rest) = text.split_at_checked(DATE_TIME.len())?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("", rest),
    };
    if !has_form(date_time, DATE_TIME) || (rest.starts_with('.') && fraction.is_empty()) {
        return None;
    }
    let number = |from: usize, to: usize| date_time.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize| date_time.get(from..from + 2)?.parse::<i8>().ok();
    // A leap second has no number of its own: it counts as the first second of the next day, as in
    // POSIX.
    let second = small(17)?;
    let leap = i64::from(second == 60);
    let local = DateTime::new(
        number(0, 4)?,
        small(5)?,
        small(8)?,
        small(11)?,
        small(14)?,
        second - i8::try_from(leap).ok()?,
        nanoseconds(fraction),
    )
    .ok()?;
    let utc = local
        .checked_sub(SignedDuration::from_mins(offset_minutes(offset)?))
        .ok()?;
    if leap == 1 && !may_have_leap_second(utc) {
        return None;
    }
    let time = utc.checked_add(SignedDuration::from_secs(leap)).ok()?;
    (time.year() >= 0).then_some((time, fraction))
}

/// Leap seconds are inserted after the last second of a month in UTC: of June or December so far,
/// of any month according to ITU-R TF.460.
fn may_have_leap_second(last: DateTime) -> bool {
    (last.hour(), last.minute(), last.second()) == (23, 59, 59)
        && last.day() == last.days_in_month()
}

/// The value of the first nine digits of a fraction.
fn nanoseconds(fraction: &str) -> i32 {
    let digits = fraction.bytes().chain(std::iter::repeat(b'0'));
    digits
        .take(MAX_FRACTION_DIGITS)
        .fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))
}

/// How many minutes a local time is ahead of UTC.
fn offset_minutes(offset: &str) -> Option<i64> {
    if matches!(offset, "Z" | "z") {
        return Some(0);
    }
    let sign = match offset.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours_minutes = offset.get(1..).filter(|rest| has_form(rest, "00:00"))?;
    let (hours, minutes) = hours_minutes.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// Whether a text has a digit for each `0` of the form, a `T`, `t` or space for its `T`, and
/// otherwise the same characters.
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
        for (date, millis) in [
            ("1 Jan 2026 01:00 +0100", 1_767_225_600_000),
            ("Thu, 1 Jan 2026 00:00:00 GMT", 1_767_225_600_000),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_799_000),
            ("Friday, 01-Jan-99 00:00:00 GMT", 915_148_800_000),
            ("Sunday, 01-Jan-68 00:00:00 GMT", 3_092_601_600_000),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799_000),
        ] {
            let read = Time::parse_http_date(date);
            assert_eq!(read, Some(Time::from_millis(millis)), "{date}");
        }
        for none in [
            "tomorrow",
            "Mon, 31 Feb 2026 00:00:00 GMT",
            "Fri, 01 Jan 2026 00:00:00 GMT",
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
            ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59.000Z")),
            (
                "9999-12-31T23:59:59.999999999Z",
                Some("9999-12-31T23:59:59.999Z"),
            ),
            (
                "9999-12-31T00:00:00+23:59",
                Some("9999-12-30T00:01:00.000Z"),
            ),
            ("9999-12-31T23:59:59-00:01", None),
            ("9999-12-31T23:59:60Z", None),
        ] {
            let time = Time::parse_rfc3339(read).map(Time::rfc3339);
            assert_eq!(time.as_deref(), written, "{read}");
        }
    }

    #[test]
    fn a_second_60_is_read_only_where_a_leap_second_can_be() {
        for (read, is_read) in [
            ("2026-03-05T12:30:60Z", false),
            ("2026-03-05T23:59:60Z", false),
            ("2026-06-30T23:58:60Z", false),
            ("2016-12-31T23:59:61Z", false),
            ("2016-12-31T23:59:60Z", true),
            ("2017-01-01T05:29:60.5+05:30", true),
        ] {
            let time = Time::parse_rfc3339(read);
            assert_eq!(time.is_some(), is_read, "{read}");
            assert_eq!(Time::utc_rfc3339(read).is_some(), is_read, "{read}");
        }
        assert_eq!(
            Time::utc_rfc3339("2016-12-31T23:59:60Z").as_deref(),
            Some("2017-01-01T00:00:00.000Z"),
            "receivers' parsers refuse a second 60"
        );
    }

    #[test]
    fn utc_keeps_its_spelling_and_a_fraction_its_digits_up_to_nine() {
        for (read, written) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("0000-01-01T00:00:00.0Z", "0000-01-01T00:00:00.0Z"),
            ("2026-01-31T12:00:00.10Z", "2026-01-31T12:00:00.10Z"),
            (
                "2026-01-01T00:00:00.1234567891Z",
                "2026-01-01T00:00:00.123456789Z",
            ),
            ("2026-01-31t12:00:00z", "2026-01-31T12:00:00.000Z"),
            ("2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00.000Z"),
            (
                "2026-01-31T14:00:00.123456+02:00",
                "2026-01-31T12:00:00.123456Z",
            ),
        ] {
            assert_eq!(Time::utc_rfc3339(read).as_deref(), Some(written), "{read}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_millisecond_of_four_digit_years_is_read_as_it_is_written(
            millis in -62_167_219_200_000_i64..=253_402_300_799_999,
        ) {
            let time = Time::from_millis(millis);
            proptest::prop_assert_eq!(Time::parse_rfc3339(&time.rfc3339()), Some(time));
            proptest::prop_assert_eq!(Time::utc_rfc3339(&time.rfc3339()), Some(time.rfc3339()));
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
