//! A leaky bucket of seconds: how much longer than its share somebody has kept a process busy.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::time::Time;

/// What a bucket loses of each second: the share of a process's time that anybody may take for
/// good,
const SHARE: f64 = 0.1;
/// and how much of it more or less.
const SPREAD: f64 = 0.1;

/// How fast the buckets of a process leak. Each process has its own: otherwise those that see the
/// same would all be full at the same moment, and all write the same mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leak(f64);

impl Leak {
    /// By a number from 0 to 1.
    pub(super) fn varied(fraction: f64) -> Self {
        Self(SHARE * (1.0 - SPREAD + 2.0 * SPREAD * fraction.clamp(0.0, 1.0)))
    }

    /// What is lost in a time.
    pub(super) fn of(self, time: Duration) -> Duration {
        time.mul_f64(self.0)
    }
}

/// What was taken lately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    level: Duration,
    leak: Leak,
    /// When it was as full as that.
    at: Time,
    /// The stretch of time that was counted last. Attempts of one invocation run side by side: what
    /// they take together is counted once.
    counted: (Time, Time),
}

impl Bucket {
    pub(super) fn new(now: Time, leak: Leak) -> Self {
        Self {
            level: Duration::ZERO,
            leak,
            at: now,
            counted: (now, now),
        }
    }

    /// How full it is.
    pub(super) fn level(&self, now: Time) -> Duration {
        self.level.saturating_sub(self.leak.of(now.since(self.at)))
    }

    /// Adds a stretch of time, as far as it was not counted with the last one. Above `most` nothing
    /// is added.
    pub(super) fn add(&mut self, from: Time, to: Time, most: Duration) {
        let (begin, end) = self.counted;
        let is_joined = from <= end && to >= begin;
        let (counted, before) = if is_joined {
            ((begin.min(from), end.max(to)), end.since(begin))
        } else {
            ((from, to), Duration::ZERO)
        };
        let added = counted.1.since(counted.0).saturating_sub(before);
        let level = self.level(to);
        self.counted = counted;
        self.level = level.saturating_add(added).min(most.max(level));
        self.at = to;
    }
}

/// What is kept in a bounded number of places.
pub(super) trait Kept {
    /// What it begins as.
    fn new(now: Time, leak: Leak) -> Self;
    /// How bad it would be to forget it.
    fn level(&self, now: Time) -> Duration;
}

impl Kept for Bucket {
    fn new(now: Time, leak: Leak) -> Self {
        Self::new(now, leak)
    }

    fn level(&self, now: Time) -> Duration {
        self.level(now)
    }
}

/// A bounded number of them. Where there is no room, those that are empty make it, then the least
/// full one: whoever comes with many names does not make the process forget the others.
pub(super) struct Shelf<K, V> {
    kept: HashMap<K, V>,
    room: usize,
    leak: Leak,
}

impl<K: Clone + Eq + Hash, V: Kept> Shelf<K, V> {
    pub(super) fn new(room: usize, leak: Leak) -> Self {
        Self {
            kept: HashMap::new(),
            room,
            leak,
        }
    }

    /// How full this one's is.
    pub(super) fn level(&self, of: &K, now: Time) -> Duration {
        self.kept
            .get(of)
            .map_or(Duration::ZERO, |kept| kept.level(now))
    }

    /// This one's.
    pub(super) fn of(&mut self, key: &K, now: Time) -> &mut V {
        if self.kept.len() >= self.room && !self.kept.contains_key(key) {
            self.make_room(now);
        }
        self.kept
            .entry(key.clone())
            .or_insert_with(|| V::new(now, self.leak))
    }

    fn make_room(&mut self, now: Time) {
        self.kept.retain(|_, kept| !kept.level(now).is_zero());
        if self.kept.len() >= self.room {
            let least = self.kept.iter().min_by_key(|(_, kept)| kept.level(now));
            if let Some(least) = least.map(|(key, _)| key.clone()) {
                self.kept.remove(&least);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}
