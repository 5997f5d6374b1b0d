//! A leaky bucket of time: how much longer than its share a webhook or tenant has kept a process
//! busy.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::time::Time;

/// The part of each second that a bucket loses: the share of a process's time that every tenant may
/// use permanently,
const SHARE: f64 = 0.1;
/// and its variation, up or down.
const SPREAD: f64 = 0.1;

/// How fast the buckets of a process leak. Each process has its own rate: otherwise processes that
/// see the same attempts would all be full at the same moment, and all write the same mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leak(f64);

impl Leak {
    /// From a random number from 0 to 1.
    pub(super) fn varied(fraction: f64) -> Self {
        Self(SHARE * (1.0 - SPREAD + 2.0 * SPREAD * fraction.clamp(0.0, 1.0)))
    }

    /// How much leaks in a time.
    pub(super) fn of(self, time: Duration) -> Duration {
        time.mul_f64(self.0)
    }
}

/// The time used recently.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    level: Duration,
    leak: Leak,
    /// When it had that level.
    at: Time,
    /// The interval that was counted last. Attempts of one invocation run concurrently, and their
    /// common time counts once.
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

    /// The level at a time.
    pub(super) fn level(&self, now: Time) -> Duration {
        self.level.saturating_sub(self.leak.of(now.since(self.at)))
    }

    /// Adds an interval, without the part already counted with the last one. The level does not
    /// rise above `most`.
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

/// An entry of a [`Shelf`].
pub(super) trait Kept {
    /// A new entry.
    fn new(now: Time, leak: Leak) -> Self;
    /// How important it is to keep the entry.
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

/// A bounded number of entries. When it is full, the empty entries are removed first, then the
/// least full one: a caller that uses many keys does not displace the others' entries.
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

    /// The level of a key's entry.
    pub(super) fn level(&self, of: &K, now: Time) -> Duration {
        self.kept
            .get(of)
            .map_or(Duration::ZERO, |kept| kept.level(now))
    }

    /// The entry of a key.
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
