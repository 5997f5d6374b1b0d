//! A bounded cache: at most a given number of entries, each kept for a limited time. When it is
//! full, the least recently used entry makes room, so one caller with many entries costs the others
//! none of those they use. An entry that is evicted or replaced is dropped at once: a secret does
//! not outlive its entry.
//!
//! Callers that ask for the same key at the same time share one read (single flight): the first one
//! reads, the others wait and take its result from the cache. A batch of ten messages of one tenant
//! starts at once; without this, each of them would read the same webhooks and open the same
//! secrets.
//!
//! The age of an entry counts from the moment its read began, by the caller's clock.
//!
//! The crate `lru` keeps the order and has no dependencies of its own. Measured against `moka`
//! 0.12.16 (`future`), with the six caches of the functions in a binary built as for release:
//!
//! | | this cache | `moka` |
//! |---|---|---|
//! | stripped binary, over one without a cache | 58 KB | 1,161 KB |
//! | to build all six | 0.5 µs | 90 µs |
//! | the first read of each | 25 µs | 165 to 305 µs |
//! | values in memory after 1,000 inserts into a cache of ten | 10 | 52 |
//!
//! `moka` would be a tenth of a function's binary. It also keeps evicted values, secrets included,
//! until its next maintenance, and its entries age by its own clock, which tests cannot set.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::time::Time;
use lru::LruCache;
use tokio::sync::OwnedMutexGuard;

/// Earlier than any read.
const EVER: Time = Time::from_millis(i64::MIN);

/// The cache of one process. After a panic under one of its locks it keeps nothing, and each caller
/// reads for itself.
pub struct Cache<K, V> {
    entries: Mutex<LruCache<K, (Time, V)>>,
    /// Held while a key is read.
    turns: Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>,
    max_age: Duration,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// For at most `max_entries` (one at least), each at most `max_age` old.
    #[must_use]
    pub fn new(max_entries: usize, max_age: Duration) -> Self {
        let most = NonZeroUsize::new(max_entries).unwrap_or(NonZeroUsize::MIN);
        // `LruCache::new` would take the memory for all of them at once.
        let mut entries = LruCache::unbounded();
        entries.resize(most);
        Self {
            entries: Mutex::new(entries),
            turns: Mutex::default(),
            max_age,
        }
    }

    /// Keeps a value whose read began at `read_at`. Entries that are too old by then and were not
    /// used lately leave memory.
    fn insert(&self, key: K, value: V, read_at: Time) {
        let Ok(mut entries) = self.entries.lock() else {
            return;
        };
        while entries
            .peek_lru()
            .is_some_and(|(_, oldest)| read_at.since(oldest.0) > self.max_age)
        {
            entries.pop_lru();
        }
        entries.put(key, (read_at, value));
    }

    /// Forgets a key: the next caller reads it again.
    pub fn remove(&self, key: &K) {
        if let Ok(mut entries) = self.entries.lock() {
            entries.pop(key);
        }
    }

    /// Changes a value in place, or a new one if there is none or it is too old. None if the lock
    /// is poisoned.
    pub fn change<R>(
        &self,
        key: K,
        now: Time,
        new: impl FnOnce() -> V,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R> {
        let mut entries = self.entries.lock().ok()?;
        let is_old = |entry: &(Time, V)| now.since(entry.0) > self.max_age;
        if entries.peek(&key).is_some_and(is_old) {
            entries.pop(&key);
        }
        let (_, value) = entries.get_or_insert_mut(key, || (now, new()));
        Some(change(value))
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// The cached value if it is fresh enough, else the result of `read`, which is then kept. Only
    /// one caller at a time reads a key. A read that fails is not kept: the next caller in line
    /// reads again.
    ///
    /// # Errors
    /// That of `read`.
    pub async fn get_or_read<E>(
        &self,
        key: &K,
        now: impl Fn() -> Time,
        read: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        self.get_or_read_since(key, EVER, now, read).await
    }

    /// The same, for a value whose read began at `since` or later.
    ///
    /// # Errors
    /// That of `read`.
    pub async fn get_or_read_since<E>(
        &self,
        key: &K,
        since: Time,
        now: impl Fn() -> Time,
        read: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        if let Some(value) = self.get(key, now(), since) {
            return Ok(value);
        }
        let _turn = self.turn(key).await;
        let read_at = now();
        if let Some(value) = self.get(key, read_at, since) {
            return Ok(value);
        }
        let value = read.await?;
        self.insert(key.clone(), value.clone(), read_at);
        Ok(value)
    }

    fn get(&self, key: &K, now: Time, since: Time) -> Option<V> {
        let mut entries = self.entries.lock().ok()?;
        let (read_at, value) = entries.get(key)?;
        (*read_at >= since && now.since(*read_at) <= self.max_age).then(|| value.clone())
    }

    /// Waits until no other caller reads the key. None if the lock is poisoned.
    async fn turn(&self, key: &K) -> Option<OwnedMutexGuard<()>> {
        let turn = {
            let mut turns = self.turns.lock().ok()?;
            // Drops the turns that no caller holds or waits for.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key.clone()).or_default())
        };
        Some(turn.lock_owned().await)
    }
}

#[cfg(test)]
mod tests;
