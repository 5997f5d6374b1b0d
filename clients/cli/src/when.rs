//! Times as people write them: RFC 3339, or how long ago (`90s`, `10m`, `2h`, `3d`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::time::Time;

/// Now, by this machine's clock.
pub(crate) fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A length: `90s`, `10m`, `2h`, `3d`.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no length of time; write 90s, 10m, 2h or 3d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count = text.strip_suffix(unit).unwrap_or_default();
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let seconds = count
        .checked_mul(seconds)
        .filter(|seconds| *seconds < 1 << 32)
        .ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}

/// A time in RFC 3339, from itself or from a length before now.
pub(crate) fn time(text: &str) -> Result<String, String> {
    if let Some(time) = Time::parse_rfc3339(text) {
        return Ok(time.rfc3339());
    }
    let ago = length(text).map_err(|_| {
        format!(
            "`{text}` is no time; write 2026-01-31T12:00:00Z, or 90s, 10m, 2h or 3d for so long ago"
        )
    })?;
    Ok(now().minus(ago).rfc3339())
}

/// A length for people: `1 h 05 min`.
pub(crate) fn spoken(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_times_are_read() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("2h", 7200),
            ("3d", 259_200),
            ("0s", 0),
        ] {
            assert_eq!(length(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "m",
            "10",
            "-1m",
            "1w",
            "1.5h",
            "99999999999999d",
            "10mm",
        ] {
            assert!(length(text).is_err(), "{text}");
        }
        assert_eq!(
            time("2026-01-31T13:00:00+01:00").unwrap(),
            "2026-01-31T12:00:00.000Z"
        );
        let hour_ago = Time::parse_rfc3339(&time("1h").unwrap()).unwrap();
        assert!((3595..3605).contains(&now().since(hour_ago).as_secs()));
        assert!(time("yesterday").unwrap_err().contains("10m"));
    }

    #[test]
    fn lengths_are_spoken() {
        for (seconds, text) in [
            (5, "5 s"),
            (65, "1 min 05 s"),
            (3900, "1 h 05 min"),
            (90_000, "1 d 01 h"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), text);
        }
    }
}
