//! How long a run waits for a Postel or an SQS that cannot take events at the moment.

use std::time::{Duration, Instant};

/// The first wait, which doubles up to the longest one.
const MIN_WAIT: Duration = Duration::from_millis(500);
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Counts the waits since the last progress.
#[derive(Debug)]
pub(super) struct Patience {
    /// How long to go on without any progress.
    total: Duration,
    began: Option<Instant>,
    tries: u32,
}

impl Patience {
    pub(super) const fn new(total: Duration) -> Self {
        Self {
            total,
            began: None,
            tries: 0,
        }
    }

    /// Something was accepted.
    pub(super) const fn reset(&mut self) {
        self.began = None;
        self.tries = 0;
    }

    /// How long to wait before the next try, or nothing if it would take too long. `asked` is
    /// `Retry-After`, `chance` a random number from 0 to 1.
    pub(super) fn next(&mut self, asked: Option<Duration>, chance: f64) -> Option<Duration> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let wait = wait(self.tries, asked, chance);
        self.tries += 1;
        (began.elapsed() + wait <= self.total).then_some(wait)
    }
}

/// Half of the delay and a random part of the other half; after what was asked for, a random part
/// of a second, so that many runs do not come back together.
fn wait(tries: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let delay = MIN_WAIT.saturating_mul(1 << tries.min(10)).min(MAX_WAIT);
    let own = delay.mul_f64(0.5 + chance / 2.0);
    match asked {
        Some(asked) if asked > own => asked + Duration::from_secs(1).mul_f64(chance),
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_spread_and_never_shorter_than_asked() {
        let at = |tries, chance| wait(tries, None, chance).as_millis();
        assert_eq!(
            [at(0, 0.0), at(0, 1.0), at(1, 1.0), at(4, 0.0)],
            [250, 500, 1000, 4000]
        );
        assert_eq!([at(20, 1.0), at(u32::MAX, 0.0)], [30_000, 15_000]);
        let asked = Some(Duration::from_secs(7));
        assert_eq!(wait(0, asked, 0.0), Duration::from_secs(7));
        assert_eq!(wait(0, asked, 1.0), Duration::from_secs(8));
        assert_eq!(wait(20, asked, 1.0), MAX_WAIT);
    }

    #[test]
    fn patience_ends_and_progress_renews_it() {
        let mut patience = Patience::new(Duration::from_secs(3));
        let asked = Some(Duration::from_secs(2));
        assert!(patience.next(asked, 0.0).is_some());
        assert_eq!(patience.next(Some(Duration::from_secs(4)), 0.0), None);
        patience.reset();
        assert!(patience.next(asked, 0.0).is_some());
        assert_eq!(Patience::new(Duration::ZERO).next(None, 0.0), None);
    }
}
