//! AWS's limits are reached: of a key of the index, of the Scheduler, of what one sweep can do.
//! Each of these tests must fail without its mend. `POSTEL_HISTORIES` sets how many
//! histories.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's own set-up and report"
)]

use std::time::Duration;

use domain::contract::{Contract, Overrides, builtin};
use simulator::{
    Act, Door, Faults, Publication, Quotas, ReceiverBehaviour, Simulation, Subscriber, Totals,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// In `make test`; `make chaos` asks for 100,000.
const HISTORIES: u64 = 20;

fn histories() -> u64 {
    let asked = std::env::var("POSTEL_HISTORIES").ok();
    asked.map_or(HISTORIES, |text| text.parse().unwrap())
}

/// Of the histories with hundreds of deliveries.
fn large_histories() -> u64 {
    histories().div_ceil(10).min(200)
}

fn contract(delays: &[u32]) -> Contract {
    let overrides = Overrides {
        timeout_seconds: None,
        retry_delays_seconds: Some(delays.to_vec()),
    };
    builtin("standard")
        .unwrap()
        .with(&overrides, Duration::from_secs(60))
}

fn subscriber(delays: &[u32], fails: f64) -> Subscriber {
    Subscriber {
        contract: contract(delays),
        manner: ReceiverBehaviour {
            fails,
            ..ReceiverBehaviour::default()
        },
    }
}

/// Events, one after the other in a time.
fn publish(world: &mut Simulation, number: u32, within: Duration) {
    for data in 0..number {
        let door = if data % 2 == 0 { Door::Sqs } else { Door::Http };
        let publication = Publication {
            tenant: 0,
            door,
            id: None,
            data,
        };
        world.publish(SECOND + within * data / number, publication);
    }
}

/// The end of a history in which nothing may be broken.
fn settled(seed: u64, world: &mut Simulation) -> Totals {
    let (broken, totals) = world.settle();
    assert!(
        broken.is_empty(),
        "seed {seed}: {}\n{}\n{totals:?}",
        broken.len(),
        broken
            .iter()
            .take(5)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
    totals
}

// ---- The index of due deliveries ----

/// Write units of the index: one for a first failure, two for a retry that fails again, one for the
/// last attempt.
#[test]
fn a_retry_that_fails_again_costs_two_units_of_the_index() {
    let mut world = Simulation::new(1);
    world.add_tenant(&[subscriber(&[60, 60, 60], 1.0)]);
    publish(&mut world, 1, SECOND);
    settled(1, &mut world);
    let (all, ..) = world.index_units();
    assert_eq!(all, 1 + 2 + 2 + 1);
}

/// Five events a second fail for a minute, and each key of the index takes one unit a second. With
/// 8 keys and four units for each retry, most of the writes after the POST were refused.
#[test]
fn an_index_with_many_failing_deliveries_refuses_no_write_after_a_post() {
    let mut all = Totals::default();
    let mut worst = (0, 0);
    for seed in 0..large_histories() {
        let mut world = Simulation::new(seed);
        world.set_quotas(Quotas {
            index_units: Some(1.0),
            ..Quotas::default()
        });
        world.add_tenant(&[subscriber(&[30, 60, 120, 180], 0.9)]);
        publish(&mut world, 300, SECOND * 60);
        all.add(&settled(seed, &mut world));
        let (_, key, second) = world.index_units();
        worst = (worst.0.max(key), worst.1.max(second));
    }
    let posts = all.of("posts");
    let repeated = all.of("first attempts unrecorded") + all.of("later attempts unrecorded");
    println!(
        "{posts} POSTs, {repeated} without a record, {} writes refused; the worst key had {} units, {} in its worst second",
        all.of("writes refused by the index"),
        worst.0,
        worst.1
    );
    assert!(repeated * 50 <= posts, "{repeated} of {posts}: {all:?}");
}

// ---- The Scheduler ----

/// All schedules are refused for two hours: no message comes back for it, nothing ends, and every
/// retry is made when it was promised.
#[test]
fn retries_whose_schedules_are_refused_are_made_in_time() {
    let mut all = Totals::default();
    let mut latest = Duration::ZERO;
    for seed in 0..histories() {
        let mut world = Simulation::new(seed);
        world.set_quotas(Quotas {
            refused: Some((Duration::ZERO, 2 * HOUR)),
            ..Quotas::default()
        });
        world.add_tenant(&[subscriber(&[60, 1_800, 3_600, 7_200], 0.8)]);
        publish(&mut world, 12, HOUR);
        all.add(&settled(seed, &mut world));
        latest = latest.max(world.latest());
    }
    println!("{all:?}; the latest retry was {latest:?} late");
    assert!(all.of("sent early") > histories(), "{all:?}");
    for never in [
        "given back sooner",
        "moved to a dead-letter queue",
        "left to the sweeper",
    ] {
        assert_eq!(all.of(never), 0, "{never}: {all:?}");
    }
    // A minute of the Scheduler's, and a second of SQS's.
    assert!(latest < SECOND * 65, "{latest:?}");
}

/// The Scheduler's quotas are reached, all three. What it sends too late for an hour is dropped;
/// what it does not accept waits in SQS.
#[test]
fn no_delivery_ends_because_of_the_schedulers_quotas() {
    let mut all = Totals::default();
    for seed in 0..histories() {
        let mut world = Simulation::new(seed);
        world.set_quotas(Quotas {
            creations: Some(0.05),
            schedules: Some(40),
            invocations: Some(0.002),
            ..Quotas::default()
        });
        world.add_tenant(&[subscriber(&[60, 1_800, 3_600], 0.9)]);
        publish(&mut world, 60, SECOND * 60);
        all.add(&settled(seed, &mut world));
    }
    println!("{all:?}");
    for what in ["sent early", "schedules dropped", "sent by a sweep"] {
        assert!(all.of(what) > histories(), "{what}: {all:?}");
    }
    assert_eq!(all.of("given up"), 0, "{all:?}");
}

// ---- The sweeper ----

/// Nobody takes messages of the deliveries queue for three hours, so 500 deliveries are overdue;
/// the messages of some are lost. Calls take 0.3 to 1.2 s each way. Every overdue delivery must be
/// sent again within three sweeps: the simulator checks it in every history.
#[test]
fn an_orphan_in_any_shard_is_found_within_three_sweeps() {
    let mut all = Totals::default();
    for seed in 0..large_histories() {
        let mut world = Simulation::new(seed);
        world.set_faults(Faults {
            slow: 1.0,
            slowest: Duration::from_millis(1_200),
            ..Faults::default()
        });
        world.set_quotas(Quotas {
            paused: Some((Duration::ZERO, 3 * HOUR)),
            ..Quotas::default()
        });
        world.set_calm_after(3 * HOUR);
        world.add_tenant(&[subscriber(&[60], 0.9), subscriber(&[60], 0.9)]);
        publish(&mut world, 280, SECOND * 280);
        for number in 0..20 {
            world.act(SECOND * (320 + number), Act::LoseMessage);
        }
        all.add(&settled(seed, &mut world));
    }
    println!("{all:?}");
    assert!(
        all.of("sent by a sweep") > 500 * large_histories(),
        "{all:?}"
    );
}

/// The sweeper's pace, with calls that take 2 to 24 ms: 5,000,000 overdue deliveries are sent
/// within an hour.
#[test]
fn five_million_overdue_deliveries_are_sent_within_an_hour() {
    let mut world = Simulation::new(1);
    world.add_tenant(&[subscriber(&[60], 0.0)]);
    world.add_overdue(5_000);
    let (sent, took) = world.sweep_once();
    let pace = f64::from(u32::try_from(sent).unwrap()) / took.as_secs_f64();
    // A sweep lasts 295 s of five minutes.
    let minutes = 5e6 / pace / 60.0 * 300.0 / 295.0;
    println!("{sent} sent in {took:?}: {pace:.0} a second, 5,000,000 in {minutes:.0} min");
    assert_eq!(sent, 5_000);
    assert!(minutes < 60.0, "{minutes}");
}
