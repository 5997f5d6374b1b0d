use std::cell::Cell;
use std::convert::Infallible;

use futures::future::join_all;

use super::*;

const fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

/// What the cache answers at the time `now`; a read would give `fresh`.
async fn get(
    cache: &Cache<&'static str, i32>,
    key: &'static str,
    now: i64,
    since: i64,
    fresh: i32,
) -> i32 {
    let read = async { Ok::<_, Infallible>(fresh) };
    let found = cache.get_or_read_since(&key, at(since), || at(now), read);
    found.await.unwrap()
}

#[tokio::test]
async fn a_value_is_kept_for_the_maximum_age_from_the_start_of_its_read() {
    let cache = Cache::new(10, Duration::from_secs(10));
    assert_eq!(get(&cache, "a", 100, 0, 1).await, 1);
    assert_eq!(get(&cache, "a", 110, 0, 2).await, 1);
    assert_eq!(get(&cache, "a", 105, 100, 2).await, 1);
    assert_eq!(get(&cache, "a", 105, 101, 2).await, 2, "read too early");
    assert_eq!(get(&cache, "a", 115, 0, 3).await, 2);
    assert_eq!(get(&cache, "a", 116, 0, 3).await, 3, "read too long ago");
    cache.remove(&"a");
    assert_eq!(get(&cache, "a", 116, 0, 4).await, 4);
}

#[tokio::test]
async fn a_full_cache_evicts_the_least_recently_used_entry_and_no_other() {
    let cache = Cache::new(3, Duration::from_secs(10));
    for name in ["a", "b", "c", "a", "d"] {
        get(&cache, name, 0, 0, 1).await;
    }
    let entries = cache.entries.lock().unwrap();
    let kept = ["a", "b", "c", "d"].map(|name| entries.contains(name));
    assert_eq!(kept, [true, false, true, true]);
}

#[tokio::test]
async fn entries_that_are_too_old_leave_memory_with_the_next_insert() {
    let cache = Cache::new(10, Duration::from_secs(10));
    for (name, now) in [("a", 0), ("b", 5), ("c", 11)] {
        get(&cache, name, now, 0, 1).await;
    }
    assert_eq!(cache.entries.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn an_evicted_or_removed_entry_is_dropped_at_once() {
    let cache = Cache::new(2, Duration::from_secs(10));
    let secret = Arc::new(());
    for number in 0..10 {
        let read = async { Ok::<_, Infallible>(Arc::clone(&secret)) };
        cache.get_or_read(&number, || at(0), read).await.unwrap();
    }
    assert_eq!(Arc::strong_count(&secret), 1 + 2);
    cache.remove(&9);
    assert_eq!(Arc::strong_count(&secret), 1 + 1);
}

#[tokio::test]
async fn callers_that_ask_for_one_key_at_once_share_one_read() {
    let cache = Cache::new(10, Duration::from_secs(10));
    let reads = Cell::new(0);
    let ask = |key: &'static str| {
        let read = async {
            tokio::task::yield_now().await;
            reads.set(reads.get() + 1);
            Ok::<_, Infallible>(reads.get())
        };
        let cache = &cache;
        async move { cache.get_or_read(&key, || at(0), read).await.unwrap() }
    };
    let of_a = join_all((0..10).map(|_| ask("a"))).await;
    assert_eq!((of_a, reads.get()), (vec![1; 10], 1));
    join_all(["a", "b", "c"].map(ask)).await;
    assert_eq!(reads.get(), 3);
}

#[tokio::test]
async fn a_failed_read_is_not_kept_and_the_next_caller_reads_again() {
    let cache = Cache::new(10, Duration::from_secs(10));
    let reads = Cell::new(0);
    let ask = || async {
        let read = async {
            tokio::task::yield_now().await;
            reads.set(reads.get() + 1);
            if reads.get() == 1 { Err(()) } else { Ok(7) }
        };
        cache.get_or_read(&"a", || at(0), read).await
    };
    let answers = join_all((0..3).map(|_| ask())).await;
    assert_eq!((answers, reads.get()), (vec![Err(()), Ok(7), Ok(7)], 2));
}

#[tokio::test]
async fn a_poisoned_lock_means_no_caching_and_no_panic() {
    let cache = Arc::new(Cache::new(10, Duration::from_secs(10)));
    let poisoning = Arc::clone(&cache);
    let panicked = std::thread::spawn(move || {
        poisoning.change("a", at(0), || 1, |_| panic!("while it is changed"))
    });
    assert!(panicked.join().is_err());
    assert_eq!(get(&cache, "a", 0, 0, 2).await, 2);
    assert_eq!(get(&cache, "a", 0, 0, 3).await, 3);
    assert_eq!(cache.change("a", at(0), || 1, |n| *n), None);
    cache.remove(&"a");
}

#[test]
fn a_value_changes_in_place_and_starts_over_when_it_is_too_old() {
    let cache = Cache::new(3, Duration::from_secs(10));
    let count = |now| {
        let add = |n: &mut i32| {
            *n += 1;
            *n
        };
        cache.change("a", now, || 0, add)
    };
    assert_eq!(count(at(0)), Some(1));
    assert_eq!(count(at(10)), Some(2));
    assert_eq!(count(at(11)), Some(1));
}
