//! The promises to owners, with one guard removed at a time: the books must detect the result. A
//! promise that nothing checks shows here.

#![allow(clippy::unwrap_used, reason = "a test's own set-up")]

use std::time::Duration;

use domain::contract::builtin;
use simulator::{
    Act, Change, Door, FaultProfile, Guard, Publication, ReceiverBehaviour, Simulation, Subscriber,
    history_without,
};

/// More than enough: most removals are detected within some hundred.
const SEEDS: u64 = 4_000;

/// The broken promises in the history of a seed.
type Story = fn(guard: Guard, seed: u64) -> Vec<String>;

/// A guard, a story that needs it, and what is detected without it.
const GUARDS: [(Guard, Story, &str); 7] = [
    (
        Guard::SwitchOffChecksVersion,
        storm,
        "by no attempt of its present configuration",
    ),
    (
        Guard::PutKeepsTheWarning,
        renamed_after_a_warning,
        "is warned of twice a day",
    ),
    (Guard::PutChecksWhatItRead, storm, "promised was"),
    (Guard::RotationKeepsOlderSecrets, storm, "promised was"),
    (Guard::RotationEndsOlderSecrets, storm, "promised was"),
    (Guard::SnapshotIsFresh, on_just_before, "has no delivery to"),
    (
        Guard::SnapshotIsRecent,
        storm,
        "which was off or elsewhere for",
    ),
];

fn storm(guard: Guard, seed: u64) -> Vec<String> {
    history_without(Some(guard), seed, FaultProfile::Everything, false).0
}

const SECOND: Duration = Duration::from_secs(1);

/// One webhook and one event.
fn one(guard: Guard, seed: u64, (contract, fails): (&str, f64), at: Duration) -> Simulation {
    let mut world = Simulation::new(seed);
    world.take_away(guard);
    world.add_tenant(&[Subscriber {
        contract: builtin(contract).unwrap(),
        manner: ReceiverBehaviour {
            fails,
            ..ReceiverBehaviour::default()
        },
    }]);
    let publication = Publication {
        tenant: 0,
        door: Door::Sqs,
        id: None,
        data: 1,
    };
    world.publish(at, publication);
    world
}

/// A webhook is switched on some seconds before an event.
fn on_just_before(guard: Guard, seed: u64) -> Vec<String> {
    let mut world = one(guard, seed, ("standard", 0.0), SECOND * 68);
    world.act(SECOND, Act::Change(Change::Switch(false)));
    world.act(SECOND * 60, Act::SwitchOn);
    world.settle().0
}

/// The fourth failure sends a warning. Then the webhook is renamed, and the next event fails as
/// often.
fn renamed_after_a_warning(guard: Guard, seed: u64) -> Vec<String> {
    let mut world = one(guard, seed, ("kliq", 1.0), SECOND);
    let hour = SECOND * 3600;
    world.act(hour * 4, Act::Change(Change::Rename));
    let publication = Publication {
        tenant: 0,
        door: Door::Sqs,
        id: None,
        data: 2,
    };
    world.publish(hour * 5, publication);
    world.settle().0
}

#[test]
fn every_guard_is_missed_when_it_is_taken_away() {
    for (guard, story, expected) in GUARDS {
        let found = (0..SEEDS).find_map(|seed| {
            let is_it = |what: &String| what.contains(expected);
            let what = story(guard, seed).into_iter().find(is_it)?;
            Some((seed, what))
        });
        println!("without {guard:?}: {found:?}");
        assert!(found.is_some(), "nobody misses {guard:?}");
    }
}
