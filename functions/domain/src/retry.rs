//! When the next attempt is due.

use std::time::Duration;

use crate::contract::Contract;
use crate::time::Time;

/// `Retry-After` comes from the receiver: a day is the maximum that is granted.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The delay before the next automatic attempt, or `None` if the schedule is used up.
///
/// `made` is how many automatic attempts this round has had, the failed one included; `chance` is
/// in 0..1. `Retry-After` can only lengthen a delay: the receiver was promised the contract's
/// schedule.
#[must_use]
pub fn next_delay(
    contract: &Contract,
    made: u32,
    chance: f64,
    retry_after: Option<Duration>,
) -> Option<Duration> {
    let index = usize::try_from(made.checked_sub(1)?).ok()?;
    let base = Duration::from_secs(u64::from(*contract.retry_delays_seconds.get(index)?));
    let scheduled = base.mul_f64(1.0 + contract.jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0));
    Some(scheduled.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)))
}

/// The due times of the attempts of a round, if each fails at once: the next one, which is due at
/// `next`, and those that the schedule has after it. `made` is how many automatic attempts the
/// round has had. Each may be later: by the time that the attempts take, by jitter and by
/// `Retry-After`.
#[must_use]
pub fn calendar(contract: &Contract, made: u32, next: Time) -> Vec<Time> {
    let mut due = next;
    let mut made = made;
    let mut all = vec![due];
    loop {
        made = made.saturating_add(1);
        let Some(delay) = next_delay(contract, made, 0.0, None) else {
            return all;
        };
        due = due.plus(delay);
        all.push(due);
    }
}

/// Parses `Retry-After` (RFC 9110, 10.2.3): seconds, a fraction rounded up, or an HTTP date. An
/// unreadable value is ignored; a value that is too large is limited to [`MAX_RETRY_AFTER`].
#[must_use]
pub fn parse_retry_after(value: &str, now: Time) -> Option<Duration> {
    let value = value.trim();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number(whole) && is_number(fraction) {
        // A number with too many digits counts as the maximum. Never earlier than the receiver
        // asked for, so a fraction counts as a whole second.
        let begun = u64::from(fraction.bytes().any(|digit| digit != b'0'));
        let seconds = whole
            .parse::<u64>()
            .unwrap_or(u64::MAX)
            .saturating_add(begun);
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    Some(
        Time::parse_http_date(value)?
            .since(now)
            .min(MAX_RETRY_AFTER),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::builtin;

    #[test]
    fn jitter_adds_no_more_than_its_share_and_takes_nothing_away() {
        let standard = builtin("standard").unwrap();
        assert_eq!(
            next_delay(&standard, 2, 0.0, None),
            Some(Duration::from_secs(300))
        );
        assert_eq!(
            next_delay(&standard, 2, 1.0, None),
            Some(Duration::from_secs(330))
        );
    }

    #[test]
    fn the_calendar_has_the_attempts_that_are_left_of_the_round() {
        let mut contract = builtin("standard").unwrap();
        contract.retry_delays_seconds = vec![5, 300, 1800];
        let at = |second: i64| Time::from_millis(second * 1000);
        assert_eq!(
            calendar(&contract, 0, at(10)),
            [at(10), at(15), at(315), at(2115)]
        );
        assert_eq!(calendar(&contract, 2, at(10)), [at(10), at(1810)]);
        assert_eq!(calendar(&contract, 3, at(10)), [at(10)]);
        assert_eq!(calendar(&contract, u32::MAX, at(10)), [at(10)]);
    }

    #[test]
    fn half_a_number_is_none() {
        let now = Time::from_millis(0);
        for text in ["", ".", "5.", ".5", "5.x", "x.5", "-5", "+5", "5 5"] {
            assert_eq!(parse_retry_after(text, now), None, "{text:?}");
        }
        assert_eq!(parse_retry_after(" 5 ", now), Some(Duration::from_secs(5)));
    }

    #[test]
    fn part_of_a_second_counts_as_a_whole_one() {
        let seconds =
            |text: &str| parse_retry_after(text, Time::from_millis(0)).map(|d| d.as_secs());
        let tiny = format!("1.{}1", "0".repeat(200));
        for (text, expected) in [
            ("1.5", 2),
            ("5.9", 6),
            ("120.0", 120),
            ("0.0", 0),
            ("0.001", 1),
            (tiny.as_str(), 2),
            ("86399.1", 86_400),
            ("86400.1", 86_400),
            ("18446744073709551615.5", 86_400),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn no_wish_is_longer_than_a_day() {
        assert_eq!(MAX_RETRY_AFTER.as_secs(), 86_400);
    }

    #[test]
    fn retry_after_lengthens_and_never_shortens() {
        let kuviq = builtin("kuviq").unwrap();
        let delay = |after| {
            next_delay(&kuviq, 1, 0.0, Some(Duration::from_secs(after)))
                .unwrap()
                .as_secs()
        };
        assert_eq!(delay(1), 60);
        assert_eq!(delay(61), 61);
        assert_eq!(delay(u64::MAX), MAX_RETRY_AFTER.as_secs());
    }

    #[test]
    fn every_form_of_the_vectors_file_is_read_as_it_says() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/standardwebhooks_vectors.json"
        );
        let file: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let now = Time::from_millis(1_445_412_000_000);
        for row in file["retry_after"].as_array().unwrap() {
            let read = parse_retry_after(row["value"].as_str().unwrap(), now);
            if let Some(epoch) = row["expect_epoch"].as_i64() {
                assert_eq!(
                    read,
                    Some(Time::from_millis(epoch * 1000).since(now)),
                    "{row}"
                );
            } else if let Some(seconds) = row["expect_delay_s"].as_u64() {
                assert_eq!(read, Some(Duration::from_secs(seconds)), "{row}");
            } else if row["expect"].as_str().unwrap().starts_with("ignored") {
                assert_eq!(read, None, "{row}");
            } else {
                assert_eq!(read, Some(MAX_RETRY_AFTER), "{row}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_or_passes_the_cap(value in "\\PC{0,40}", now in any::<i64>()) {
            let read = parse_retry_after(&value, Time::from_millis(now));
            prop_assert!(read.unwrap_or_default() <= MAX_RETRY_AFTER);
        }
    }
}
