//! How many requests a tenant may make in a minute, over all processes.
//!
//! The limit is shared through one counter for each tenant and minute. The first hundredth of the
//! limit is free in each process: a tenant that calls seldom costs no write. A process that needs
//! more counts what it gave away and takes blocks from the counter: a hundredth of the limit, for
//! batches as much more as they count, up to a tenth. So at the usual limit of 1,000 a call costs
//! at most a tenth of a write. What a process took and did not use by the end of the minute is
//! lost.
//!
//! A tenant can pass its limit only by what processes gave away that never came to count: ten
//! requests each. Many processes could so give away many times the limit. So a process that has
//! seen the counter on its way to half of the limit, or was refused, gives away nothing in the next
//! minute. A process that never asks does not see the counter: a tenant whose calls are spread so
//! thin that no process gets more than ten a minute still passes.

/// In a minute's first seconds a few blocks do not make its counter busy.
const MIN_ELAPSED_SECONDS: i64 = 10;

/// What a process knows of a tenant's requests in one minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// Minutes since 1970.
    minute: i64,
    /// The last minute in which the counter was on its way to half of the limit or more.
    busy: Option<i64>,
    /// How many more may pass without asking.
    left: u32,
    /// Given away without being counted.
    uncounted: u32,
    /// As many as the counter has refused, or more, are not asked for again: in its minute it never
    /// falls.
    pub(crate) refused: u32,
    /// As how many a call has counted at most.
    pub(crate) largest: u32,
}

impl Allowance {
    pub(crate) fn new(limit: u32, minute: i64) -> Self {
        Self::after(None, limit, minute)
    }

    /// In the minute after a busy one nothing is free.
    fn after(busy: Option<i64>, limit: u32, minute: i64) -> Self {
        let free = match busy {
            Some(last) if last + 1 >= minute => 0,
            _ => hundredth(limit),
        };
        Self {
            minute,
            busy,
            left: free,
            uncounted: free,
            refused: u32::MAX,
            largest: 1,
        }
    }

    /// Begins the minute, unless it has begun.
    pub(crate) fn turn_to(&mut self, limit: u32, minute: i64) {
        if self.minute < minute {
            *self = Self::after(self.busy, limit, minute);
        }
    }

    /// Uses so many. None if there were enough; else what the counter has to be asked for: what is
    /// wanting, and what was given away uncounted.
    pub(crate) fn take(&mut self, number: u32) -> Option<(u32, u32)> {
        if let Some(left) = self.left.checked_sub(number) {
            self.left = left;
            return None;
        }
        Some((number - self.left, self.uncounted))
    }

    /// The minute's counter gave `block`, of which `wanting` are used together with what was left.
    pub(crate) fn granted(&mut self, minute: i64, (wanting, block): (u32, u32)) {
        // A block of the minute before is lost.
        if self.minute == minute {
            self.left = block.saturating_sub(wanting);
            self.uncounted = 0;
        }
    }

    /// Whether the minute's counter was found busy.
    pub(crate) fn seen(&mut self, minute: i64, is_busy: bool) {
        if is_busy {
            self.busy = self.busy.max(Some(minute));
        }
    }

    /// The minute's counter refused so many.
    pub(crate) fn refused(&mut self, minute: i64, wanting: u32) {
        self.seen(minute, true);
        if self.minute == minute {
            self.refused = self.refused.min(wanting);
        }
    }
}

/// Whether a minute's counter is on its way to half of the limit or more, `second` seconds after
/// the minute began.
pub(crate) fn is_busy(used: u32, limit: u32, second: i64) -> bool {
    // At first a few blocks say little.
    let elapsed = (second + 1).max(MIN_ELAPSED_SECONDS);
    i64::from(used) * 2 * 60 >= i64::from(limit) * elapsed
}

fn hundredth(limit: u32) -> u32 {
    (limit / 100).max(1)
}

/// How much is taken from the counter at once where `wanting` are needed and calls count as up to
/// `largest`.
pub(crate) fn block(limit: u32, largest: u32, wanting: u32) -> u32 {
    let more = hundredth(limit).saturating_mul(largest);
    more.min(limit / 10).max(hundredth(limit)).max(wanting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundredth_of_a_minute_is_free_and_then_counted_once() {
        let mut permits = Allowance::new(1000, 7);
        for _ in 0..10 {
            assert_eq!(permits.take(1), None);
        }
        assert_eq!(permits.take(1), Some((1, 10)));
        permits.granted(7, (1, block(1000, 1, 1)));
        for _ in 0..9 {
            assert_eq!(permits.take(1), None);
        }
        assert_eq!(permits.take(1), Some((1, 0)));
    }

    #[test]
    fn a_batch_uses_what_is_left_and_takes_for_several_like_it() {
        let mut permits = Allowance::new(1000, 7);
        assert_eq!(permits.take(15), Some((5, 10)));
        permits.granted(7, (5, block(1000, 15, 5)));
        assert_eq!(permits.left, 95);
        assert_eq!(permits.take(100), Some((5, 0)));
    }

    #[test]
    fn a_block_is_a_hundredth_for_single_calls_and_up_to_a_tenth_for_batches() {
        assert_eq!(block(1000, 1, 1), 10);
        assert_eq!(block(1000, 5, 5), 50);
        assert_eq!(block(1000, 100, 90), 100);
        assert_eq!(block(100, 1, 1), 1);
        assert_eq!(block(100, 100, 99), 99, "never less than the call wants");
        assert_eq!(block(5, 1, 1), 1);
    }

    /// A process's calls of one minute, one a second. Returns how many the counter was asked for.
    fn asked(permits: &mut Allowance, minute: i64, calls: i64, used: u32) -> u32 {
        permits.turn_to(1000, minute);
        let mut asked = 0;
        for second in 0..calls {
            if let Some((wanting, uncounted)) = permits.take(1) {
                let block = block(1000, 1, wanting);
                asked += block + uncounted;
                permits.granted(minute, (wanting, block));
                permits.seen(minute, is_busy(used, 1000, second));
            }
        }
        asked
    }

    #[test]
    fn nothing_is_free_in_the_minute_after_one_in_which_half_of_the_limit_was_used() {
        let mut permits = Allowance::new(1000, 1);
        assert_eq!(asked(&mut permits, 1, 10, 900), 0, "it has not asked");
        assert_eq!(asked(&mut permits, 2, 10, 900), 0);
        assert_eq!(asked(&mut permits, 3, 11, 50), 20, "the counter is quiet");
        assert_eq!(asked(&mut permits, 4, 10, 0), 0);
        assert_eq!(asked(&mut permits, 5, 11, 900), 20, "now it is not");
        for minute in 6..10 {
            assert_eq!(asked(&mut permits, minute, 10, 900), 10);
        }
        assert_eq!(asked(&mut permits, 10, 10, 10), 10, "it is quiet again");
        assert_eq!(asked(&mut permits, 11, 10, 10), 0);
        permits.refused(11, 1);
        assert_eq!(permits.take(1), Some((1, 10)));
        assert_eq!(asked(&mut permits, 12, 1, 10), 10);
        assert_eq!(asked(&mut permits, 13, 1, 10), 0);
    }

    #[test]
    fn a_counter_is_busy_that_is_on_its_way_to_half_of_the_limit() {
        for (used, second, busy) in [
            (500, 59, true),
            (499, 59, false),
            (250, 29, true),
            (249, 29, false),
            (10, 0, false),
            (84, 0, true),
            (84, 9, true),
        ] {
            assert_eq!(is_busy(used, 1000, second), busy, "{used} {second}");
        }
        assert!(is_busy(0, 0, 30));
    }

    #[test]
    fn what_a_late_call_learns_of_the_minute_before_changes_nothing_of_this_one() {
        let mut permits = Allowance::new(1000, 1);
        permits.turn_to(1000, 2);
        permits.turn_to(1000, 1);
        permits.granted(1, (1, 10));
        permits.refused(1, 1);
        assert_eq!(permits.take(10), None);
        assert_eq!(permits.refused, u32::MAX);
    }
}
