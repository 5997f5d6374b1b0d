//! Tenants that share a queue with one that floods it. `POSTEL_HISTORIES` sets how many histories.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's own set-up and report"
)]

use std::time::Duration;

use domain::contract::builtin;
use simulator::{Door, Publication, ReceiverBehaviour, Sharing, Simulation, Subscriber, Totals};

const SECOND: Duration = Duration::from_secs(1);
/// In `make test`; `make chaos` asks for 100,000.
const HISTORIES: u64 = 3;
/// The flood, in its first second. Three dispatchers with up to ten messages each, whose receivers
/// respond within 0.4 s, deliver some 40 a second.
const FLOOD: u32 = 1_200;
const DISPATCHERS: usize = 3;
/// Its neighbour's events: one each second from the third on.
const QUIET: u32 = 20;

fn histories() -> u64 {
    let asked = std::env::var("POSTEL_HISTORIES").ok();
    let asked = asked.map(|text| text.parse::<u64>().unwrap().div_ceil(1_000));
    asked.unwrap_or(HISTORIES)
}

/// What a flood did.
#[derive(Default)]
struct Flooded {
    /// The longest and the middle wait of a neighbour's event.
    longest: Duration,
    middle: Duration,
    /// The longest wait of the flood's own events.
    flood: Duration,
    totals: Totals,
}

fn flood(has_groups: bool) -> Flooded {
    let mut all = Flooded::default();
    for seed in 0..histories() {
        let mut world = Simulation::new(seed);
        world.set_sharing(Sharing {
            in_flight: 120,
            concurrency: DISPATCHERS,
            noisy_from: 3,
        });
        for _ in 0..2 {
            world.add_tenant(&[Subscriber {
                contract: builtin("standard").unwrap(),
                manner: ReceiverBehaviour::default(),
            }]);
        }
        if !has_groups {
            world.leave_out_group(0);
        }
        let of = |tenant, data| Publication {
            tenant,
            door: Door::Sqs,
            id: None,
            data,
        };
        for data in 0..FLOOD {
            world.publish(SECOND * data / FLOOD, of(0, data));
        }
        for data in 0..QUIET {
            world.publish(SECOND * (3 + data), of(1, data));
        }
        let (broken, totals) = world.settle();
        assert!(broken.is_empty(), "seed {seed}: {broken:?}");
        assert!(world.max_in_flight() <= 120);
        let waits = world.waits(1);
        assert_eq!(waits.len(), QUIET as usize, "seed {seed}");
        all.longest = all.longest.max(*waits.last().unwrap());
        all.middle = all.middle.max(*waits.get(waits.len() / 2).unwrap());
        all.flood = all.flood.max(*world.waits(0).last().unwrap());
        all.totals.add(&totals);
    }
    println!(
        "the flood with groups: {has_groups}: its neighbour's events wait {:?}, at most {:?}; its own at most {:?}; {} POSTs for {} deliveries",
        all.middle,
        all.longest,
        all.flood,
        all.totals.of("posts"),
        all.totals.of("deliveries"),
    );
    all
}

#[test]
fn a_flood_under_its_tenants_group_leaves_a_neighbour_alone() {
    let all = flood(true);
    assert!(all.longest < SECOND * 2, "{:?}", all.longest);
    assert!(all.flood > SECOND * 15, "it is a flood: {:?}", all.flood);
    let (posts, deliveries) = (all.totals.of("posts"), all.totals.of("deliveries"));
    assert!(posts * 100 <= deliveries * 102, "{posts} of {deliveries}");
}

/// A limit of today, not a promise: without a group each message is a tenant of its own to SQS, so
/// the neighbour waits among them.
#[test]
fn a_flood_without_groups_makes_its_neighbour_wait_with_it() {
    let all = flood(false);
    assert!(all.longest > SECOND * 5, "{:?}", all.longest);
}
