//! What a process remembers: so many entries at most, each for so long. When it is full, the entry
//! that nobody asked for the longest makes room: one caller with many entries costs the others none
//! of those they use.
//!
//! The order is kept by the crate `lru`, which has no dependencies of its own. The age is counted
//! from the time at which the value was read, which is the caller's to say: an answer is as old as
//! its question.

use std::borrow::Borrow;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use domain::time::Time;
use lru::LruCache;

/// A bounded memory of one process. A poisoned lock means that nothing is remembered.
pub struct Cache<K: Hash + Eq, V> {
    entries: Mutex<LruCache<K, (Time, V)>>,
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
            max_age,
        }
    }

    /// Remembers a value that was asked for at `read_at`. What is too old by then and was not asked
    /// for lately does not stay in memory.
    pub fn insert(&self, key: K, value: V, read_at: Time) {
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

    /// The next one who asks finds nothing.
    pub fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Ok(mut entries) = self.entries.lock() {
            entries.pop(key);
        }
    }

    /// Changes a value in place, a new one if none is remembered. None if nothing can be
    /// remembered.
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

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// The value, if it is remembered and not too old.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Time) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get_since(key, now, Time::from_millis(i64::MIN))
    }

    /// The same, if it was read at `since` or later.
    pub fn get_since<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Time, since: Time) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut entries = self.entries.lock().ok()?;
        let (read_at, value) = entries.get(key)?;
        (*read_at >= since && now.since(*read_at) <= self.max_age).then(|| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn a_value_is_kept_for_its_time_from_the_question_on() {
        let cache = Cache::new(10, Duration::from_secs(10));
        cache.insert("a", 1, at(100));
        assert_eq!(cache.get("a", at(110)), Some(1));
        assert_eq!(cache.get("a", at(111)), None);
        assert_eq!(cache.get_since("a", at(105), at(100)), Some(1));
        assert_eq!(cache.get_since("a", at(105), at(101)), None);
        cache.remove("a");
        assert_eq!(cache.get("a", at(100)), None);
    }

    #[test]
    fn the_least_recently_used_one_makes_room_and_no_other() {
        let cache = Cache::new(3, Duration::from_secs(10));
        for name in ["a", "b", "c"] {
            cache.insert(name, 1, at(0));
        }
        assert_eq!(cache.get("a", at(1)), Some(1));
        cache.insert("d", 1, at(1));
        let kept: Vec<_> = ["a", "b", "c", "d"]
            .into_iter()
            .filter(|name| cache.get(name, at(1)).is_some())
            .collect();
        assert_eq!(kept, ["a", "c", "d"]);
    }

    #[test]
    fn what_is_too_old_leaves_memory_with_the_next_value() {
        let cache = Cache::new(10, Duration::from_secs(10));
        cache.insert("a", 1, at(0));
        cache.insert("b", 1, at(5));
        cache.insert("c", 1, at(11));
        assert_eq!(cache.entries.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_value_is_changed_in_place_and_begun_anew_when_it_is_too_old() {
        let cache = Cache::new(3, Duration::from_secs(10));
        let count = |now| {
            cache.change(
                "a",
                now,
                || 0,
                |n: &mut i32| {
                    *n += 1;
                    *n
                },
            )
        };
        assert_eq!(count(at(0)), Some(1));
        assert_eq!(count(at(10)), Some(2));
        assert_eq!(count(at(11)), Some(1));
    }
}
