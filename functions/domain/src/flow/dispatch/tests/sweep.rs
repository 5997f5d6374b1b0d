//! The sweeper.

use super::given::*;
use super::*;
use crate::flow::{SWEEP_SHARDS, Sweeper};

/// Sweeps for so many seconds, each look taking one. Three pages lie in the first shard, one in the next and one in the last.
fn sweep(seconds: u32) -> (u32, Vec<Call>) {
    let pages = |shard: u8, pages: u32| {
        let found = |page| vec![errand(&fresh(), Task::Ticket(page)); 2];
        (shard, (0..pages).map(found).collect::<Vec<_>>())
    };
    let mut desk = dispatcher("standard").ports;
    desk.takes = Duration::from_secs(1);
    desk.overdue = Mutex::new([pages(0, 3), pages(1, 1), pages(SWEEP_SHARDS - 1, 1)].into());
    let sweeper = Sweeper {
        ports: desk,
        grace: Duration::from_secs(120),
    };
    let deadline = NOW.plus(Duration::from_secs(seconds.into()));
    let revived = sweeper.sweep(deadline).now_or_never().unwrap().unwrap();
    (revived, told(&sweeper.ports))
}

#[test]
fn every_shard_is_swept_until_it_is_empty() {
    let (_, calls) = sweep(3600);
    let before = Time::from_millis(NOW.millis() - 120_000);
    let looked: Vec<u8> = calls
        .iter()
        .filter_map(|call| match call {
            Call::Overdue(shard, at) if *at == before => Some(*shard),
            _ => None,
        })
        .collect();
    assert_eq!(looked, [0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 7]);
}

#[test]
fn what_is_revived_is_carried_at_once_and_rests_and_nothing_is_begun_after_the_deadline() {
    for (seconds, expected) in [(3600, 10), (8, 8), (3, 4), (1, 0)] {
        let (revived, calls) = sweep(seconds);
        assert_eq!(revived, expected, "{seconds} {calls:?}");
        let carried = |call: &&Call| matches!(call, Call::Carry(sent, Duration::ZERO) if sent.delivery_id == fresh().id);
        let rests = |call: &&Call| {
            matches!(call, Call::Postpone(errand, until)
                if errand.delivery_id == fresh().id && until.since(NOW) >= Duration::from_secs(600))
        };
        let counts = [
            calls.iter().filter(carried).count(),
            calls.iter().filter(rests).count(),
        ];
        assert_eq!(counts, [revived as usize; 2], "{seconds} {calls:?}");
        let looks = calls
            .iter()
            .filter(|call| matches!(call, Call::Overdue(..)))
            .count();
        let all = 13;
        assert_eq!(looks, all.min(seconds as usize), "{seconds} {calls:?}");
    }
}
