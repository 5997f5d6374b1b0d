//! Lambda stops loops and throttles, and the Scheduler is late and fires twice: as AWS documents it
//! (src/lambda.rs names the pages), which the local cloud does not do.

#![allow(clippy::unwrap_used, reason = "a test's own set-up")]

use std::time::Duration;

use domain::contract::{Contract, MAX_RETRY_DELAYS, Overrides, builtin};
use simulator::{
    Act, Door, Faults, Looping, MAX_LOOP, Publication, ReceiverBehaviour, Simulation, Subscriber,
    Totals,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const SEEDS: u64 = 12;

fn contract(delays: &[u32]) -> Contract {
    let overrides = Overrides {
        timeout_seconds: Some(10),
        retry_delays_seconds: Some(delays.to_vec()),
    };
    builtin("standard")
        .unwrap()
        .with(&overrides, Duration::from_secs(60))
}

fn subscriber(delays: &[u32], manner: ReceiverBehaviour) -> Subscriber {
    Subscriber {
        contract: contract(delays),
        manner,
    }
}

fn fails() -> ReceiverBehaviour {
    ReceiverBehaviour {
        fails: 1.0,
        ..ReceiverBehaviour::default()
    }
}

fn publish(world: &mut Simulation, after: Duration, door: Door) {
    let publication = Publication {
        tenant: 0,
        door,
        id: None,
        data: 1,
    };
    world.publish(after, publication);
}

fn settled(world: &mut Simulation) -> Totals {
    let (broken, totals) = world.settle();
    assert!(broken.is_empty(), "{broken:?}\n{totals:?}");
    totals
}

/// The functions that the template lets loop.
fn allowed_by_the_template() -> Vec<Looping> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");
    let template = std::fs::read_to_string(path).unwrap();
    let named = |logical_id: &str| {
        let (_, after) = template
            .split_once(&format!("\n  {logical_id}:\n"))
            .unwrap();
        let end = after.find("\n\n  ").unwrap_or(after.len());
        after[..end].contains("\n      RecursiveLoop: Allow\n")
    };
    [
        (Looping::Dispatcher, "DispatcherFunction"),
        (Looping::Redriver, "RedriverFunction"),
        (Looping::Dlq, "DlqFunction"),
    ]
    .into_iter()
    .filter_map(|(function, logical_id)| named(logical_id).then_some(function))
    .collect()
}

// ---- Recursive loops ----

/// The longest chain of retries: as many as a contract may have, each with a message of SQS.
fn max_retries(world: &mut Simulation, manner: ReceiverBehaviour) {
    world.add_tenant(&[subscriber(&[60; MAX_RETRY_DELAYS], manner)]);
    publish(world, SECOND, Door::Sqs);
}

/// A redrive job that continues from invocation to invocation.
fn redrive(world: &mut Simulation) {
    world.add_tenant(&[subscriber(&[], fails())]);
    for number in 0..LETTERS {
        publish(world, SECOND * number / 10, Door::Sqs);
    }
    world.act(HOUR, Act::RedriveAll);
}

const LETTERS: u32 = 300;

#[test]
fn the_slowest_retry_schedule_goes_through_with_what_the_template_allows() {
    let mut world = Simulation::new(1);
    world.set_loops_allowed(allowed_by_the_template());
    max_retries(&mut world, fails());
    let totals = settled(&mut world);
    assert_eq!(totals.of("loops stopped"), 0);
    let (times, tries) = (world.max_chain(Looping::Dispatcher), MAX_RETRY_DELAYS + 1);
    assert_eq!(times as usize, tries, "its own bound is the contract's");
}

#[test]
fn through_the_slow_lane_it_takes_up_to_twice_as_long() {
    let mut world = Simulation::new(1);
    world.set_loops_allowed(allowed_by_the_template());
    let hangs = ReceiverBehaviour {
        hangs: 1.0,
        ..ReceiverBehaviour::default()
    };
    max_retries(&mut world, hangs);
    world.act(Duration::ZERO, Act::Mark);
    let totals = settled(&mut world);
    assert!(totals.of("sent to the slow lane") > u64::from(MAX_LOOP));
    let times = world.max_chain(Looping::Dispatcher) as usize;
    assert!(times > MAX_RETRY_DELAYS + 1, "{times}: {totals:?}");
    assert!(times <= 2 * (MAX_RETRY_DELAYS + 1), "{times}: {totals:?}");
}

#[test]
fn a_redrive_of_many_goes_through_and_ends_with_its_letters() {
    let mut world = Simulation::new(1);
    world.set_loops_allowed(allowed_by_the_template());
    redrive(&mut world);
    let totals = settled(&mut world);
    assert_eq!(totals.of("loops stopped"), 0);
    let times = world.max_chain(Looping::Redriver);
    assert!(times > MAX_LOOP, "{times}: the chain shows nothing");
    assert!(times <= LETTERS, "{times}: {totals:?}");
}

#[test]
fn lambda_would_stop_each_of_them_if_the_template_did_not_allow_it() {
    for function in [Looping::Dispatcher, Looping::Redriver] {
        let mut world = Simulation::new(1);
        let others = allowed_by_the_template();
        world.set_loops_allowed(others.into_iter().filter(|other| *other != function));
        match function {
            Looping::Dispatcher => max_retries(&mut world, fails()),
            _ => redrive(&mut world),
        }
        let (_, totals) = world.settle();
        assert!(totals.of("loops stopped") > 0, "{function:?}: {totals:?}");
        assert_eq!(world.max_chain(function), MAX_LOOP, "{function:?}");
    }
}

#[test]
fn the_dlq_function_is_no_part_of_a_loop() {
    let mut world = Simulation::new(1);
    world.set_max_receives(2);
    world.set_faults(Faults {
        refused: 0.5,
        ..Faults::default()
    });
    world.set_calm_after(HOUR);
    world.add_tenant(&[subscriber(&[60; 3], fails())]);
    for number in 0..20 {
        publish(&mut world, SECOND * number, Door::Sqs);
    }
    let totals = settled(&mut world);
    assert!(totals.of("moved to a dead-letter queue") > 0);
    assert_eq!(world.max_chain(Looping::Dlq), 1);
}

// ---- Throttling ----

/// Nothing is invoked for an hour; events are published before and during it, and retries become
/// due.
fn throttled(seed: u64, visibility: Option<Duration>) -> (Vec<String>, Totals) {
    let mut world = Simulation::new(seed);
    if let Some(visibility) = visibility {
        world.set_visibility(visibility);
    }
    let often = ReceiverBehaviour {
        fails: 0.4,
        ..ReceiverBehaviour::default()
    };
    let webhooks = [
        subscriber(&[60, 600, 1_800], often),
        subscriber(&[60], ReceiverBehaviour::default()),
    ];
    world.add_tenant(&webhooks);
    for number in 0..20 {
        let door = if number % 4 == 0 {
            Door::Http
        } else {
            Door::Sqs
        };
        publish(&mut world, SECOND * number * 180, door);
    }
    world.act(HOUR - SECOND, Act::RedriveAll);
    world.set_throttled(Duration::from_secs(600), HOUR);
    world.settle()
}

/// The shortest visibility timeout that the template's mapping has.
fn min_visibility() -> Duration {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");
    let template = std::fs::read_to_string(path).unwrap();
    let times = template.lines().filter_map(|line| {
        let (_, after) = line.split_once("QueueVisibility: ")?;
        after
            .split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    });
    Duration::from_secs(times.min().unwrap())
}

#[test]
fn an_hour_of_throttled_invocations_buries_nothing() {
    for visibility in [None, Some(min_visibility())] {
        let mut all = Totals::default();
        for seed in 0..SEEDS {
            let (broken, totals) = throttled(seed, visibility);
            assert!(broken.is_empty(), "seed {seed}: {broken:?}");
            all.add(&totals);
        }
        for what in ["batches throttled", "callers throttled", "sweeps throttled"] {
            assert!(all.of(what) > 0, "{what}: {all:?}");
        }
        assert_eq!(all.of("moved to a dead-letter queue"), 0, "{visibility:?}");
        assert_eq!(all.of("later attempts unrecorded"), 0);
    }
}

#[test]
fn with_six_times_the_minimum_timeout_it_would() {
    let (_, totals) = throttled(1, Some(Duration::from_secs(150)));
    assert!(totals.of("moved to a dead-letter queue") > 0, "{totals:?}");
}

// ---- Schedules ----

#[test]
fn a_schedule_that_is_an_hour_late_and_comes_twice_makes_one_post() {
    let mut all = Totals::default();
    for seed in 0..SEEDS {
        let mut world = Simulation::new(seed);
        world.set_faults(Faults {
            late_schedule: 0.5,
            repeated_schedule: 1.0,
            ..Faults::default()
        });
        let delays = [1_800, 3_600, 7_200];
        world.add_tenant(&[
            subscriber(&delays, fails()),
            subscriber(
                &delays,
                ReceiverBehaviour {
                    fails: 0.5,
                    ..ReceiverBehaviour::default()
                },
            ),
        ]);
        for number in 0..5 {
            publish(&mut world, SECOND * number * 60, Door::Sqs);
        }
        // The books check that every recorded attempt was sent once, no other was sent, and nothing
        // is left or lost.
        all.add(&settled(&mut world));
    }
    for what in ["schedules late", "schedules repeated"] {
        assert!(all.of(what) > SEEDS, "{what}: {all:?}");
    }
    for what in ["later attempts unrecorded", "moved to a dead-letter queue"] {
        assert_eq!(all.of(what), 0, "{what}: {all:?}");
    }
    // Each event to the receiver that always fails has four attempts, no fewer and no more.
    assert_eq!(all.of("deliveries"), SEEDS * 10);
}
