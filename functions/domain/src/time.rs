//! A point in time, in milliseconds, and its written forms.
//!
//! The domain never reads a clock: every rule that needs the time takes it as an argument, so that a test can hold it still.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Milliseconds, because SQS and DynamoDB's own times have no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

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

    /// Parses RFC 3339 with any offset.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<Timestamp>()
            .ok()
            .map(|t| Self(t.as_millisecond()))
    }

    /// Parses the three forms of an HTTP date (RFC 9110, 5.6.7) that are still sent in practice: IMF-fixdate and its RFC 2822 kin.
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text)
            .ok()
            .map(|t| Self(t.as_millisecond()))
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
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
        assert_eq!(
            Time::parse_http_date("Thu, 01 Jan 2026 00:00:00 GMT"),
            Some(Time::from_millis(1_767_225_600_000))
        );
        assert_eq!(Time::parse_http_date("tomorrow"), None);
    }
}
