//! Messages of deliveries that SQS or the Scheduler gives up. That is Postel's failure: a delivery
//! that has attempts left goes on.

#![allow(clippy::unwrap_used, reason = "a test's own set-up")]

use std::time::Duration;

use domain::contract::{Contract, Overrides, builtin};
use domain::delivery::MAX_LOST_MESSAGES;
use simulator::{
    Door, Faults, Publication, ReceiverBehaviour, RunKind, Simulation, Subscriber, Totals,
};

const SEEDS: u64 = 100;

fn seeds() -> u64 {
    simulator::seeds(SEEDS)
}
const DELAYS: [u32; 3] = [60, 1_800, 3_600];
const HOUR: Duration = Duration::from_secs(3_600);

fn contract(delays: &[u32]) -> Contract {
    let overrides = Overrides {
        timeout_seconds: None,
        retry_delays_seconds: Some(delays.to_vec()),
    };
    builtin("standard")
        .unwrap()
        .with(&overrides, Duration::from_secs(60))
}

/// Three events to a receiver that refuses half of the attempts.
fn three_events(seed: u64, faults: Faults, delays: &[u32]) -> Simulation {
    let mut world = Simulation::new(seed);
    world.keep_trace();
    world.set_faults(faults);
    world.add_tenant(&[Subscriber {
        contract: contract(delays),
        manner: ReceiverBehaviour {
            fails: 0.5,
            ..ReceiverBehaviour::default()
        },
    }]);
    for (at, door) in [(1, Door::Sqs), (2, Door::Http), (3, Door::Sqs)] {
        let publication = Publication {
            tenant: 0,
            door,
            id: None,
            data: 1,
        };
        world.publish(Duration::from_secs(at), publication);
    }
    world
}

/// Every delivery goes on and ends by its receiver; returns what happened.
fn goes_on(faults: &Faults, delays: &[u32], set_up: impl Fn(&mut Simulation)) -> Totals {
    let mut all = Totals::default();
    for seed in 0..seeds() {
        let mut world = three_events(seed, faults.clone(), delays);
        set_up(&mut world);
        let (broken, totals) = world.settle();
        let trace = world.trace().join("\n");
        assert!(broken.is_empty(), "seed {seed}:\n{trace}\n{broken:?}");
        all.add(&totals);
    }
    all
}

/// While the dispatcher failed, the Scheduler could not send retries for an hour, and put them in
/// the dead-letter queue: their deliveries ended, with their whole schedule left.
#[test]
fn deliveries_whose_schedules_cannot_be_sent_go_on() {
    let faults = Faults {
        dropped_schedule: 0.7,
        refused: 0.9,
        only: Some(RunKind::DeliveryTask),
        ..Faults::default()
    };
    let calm = |world: &mut Simulation| world.set_calm_after(3 * HOUR);
    let totals = goes_on(&faults, &[1_800, 1_800], calm);
    assert!(totals.of("schedules dropped") > seeds() / 2, "{totals:?}");
    assert!(
        totals.of("left to the sweeper") > seeds() / 10,
        "{totals:?}"
    );
}

/// The dispatcher failed on every retry for some hours, until SQS gave the messages up: all of the
/// deliveries ended.
#[test]
fn deliveries_that_the_dispatcher_dies_on_for_hours_go_on() {
    let faults = Faults {
        crash: 1.0,
        only: Some(RunKind::DeliveryTask),
        ..Faults::default()
    };
    let totals = goes_on(&faults, &DELAYS, |world| {
        world.set_max_receives(5);
        world.set_calm_after(4 * HOUR);
    });
    assert!(totals.of("left to the sweeper") > 4 * seeds(), "{totals:?}");
}

/// A delivery that always kills the dispatcher ends, so that it does not do so until its event
/// expires.
#[test]
fn a_delivery_that_the_dispatcher_dies_on_for_ever_ends() {
    for seed in 0..seeds() {
        let faults = Faults {
            crash: 1.0,
            only: Some(RunKind::DeliveryTask),
            ..Faults::default()
        };
        let mut world = three_events(seed, faults, &DELAYS);
        let (broken, totals) = world.settle();
        let given_up = totals.of("given up");
        assert_eq!(broken.len() as u64, given_up, "seed {seed}: {broken:?}");
        let lost = u64::from(MAX_LOST_MESSAGES) * given_up;
        assert!(totals.of("left to the sweeper") >= lost, "{totals:?}");
    }
}
