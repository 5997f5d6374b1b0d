//! A tenant cannot choose how much of the common lanes it takes. The simulator adds up the time
//! that each process spends on each tenant and webhook, and reports a broken promise if it exceeds
//! their buckets. These tests try to exceed them.

#![allow(clippy::unwrap_used, reason = "a test's own set-up")]

use std::time::Duration;

use domain::contract::{Contract, Overrides, builtin};
use simulator::{Act, Door, Publication, ReceiverBehaviour, Simulation, Subscriber, Totals};

const SEEDS: u64 = 4;

fn contract(timeout_seconds: u32) -> Contract {
    let overrides = Overrides {
        timeout_seconds: Some(timeout_seconds),
        retry_delays_seconds: Some(vec![60]),
    };
    builtin("standard")
        .unwrap()
        .with(&overrides, Duration::from_secs(60))
}

/// A hundred and fifty events of a tenant with several webhooks, at a fixed interval, and a second
/// tenant with one quick receiver.
fn tell(
    webhooks: usize,
    timeout: u32,
    every: u64,
    manner: &ReceiverBehaviour,
    act: Option<Act>,
) -> Totals {
    let mut all = Totals::default();
    for seed in 0..simulator::seeds(SEEDS) {
        let mut world = Simulation::new(seed);
        let subscriber = Subscriber {
            contract: contract(timeout),
            manner: manner.clone(),
        };
        world.add_tenant(&vec![subscriber; webhooks]);
        world.add_tenant(&[Subscriber {
            contract: contract(30),
            manner: ReceiverBehaviour::default(),
        }]);
        for number in 0..150 {
            let publication = Publication {
                tenant: usize::from(number % 10 == 0),
                door: Door::Sqs,
                id: None,
                data: 1,
            };
            world.publish(Duration::from_secs(number * every), publication);
            if let Some(act) = act {
                world.act(Duration::from_secs(number * every + 1), act);
            }
        }
        let (broken, totals) = world.settle();
        assert!(broken.is_empty(), "seed {seed}: {broken:?}");
        all.add(&totals);
    }
    assert!(all.of("sent to the slow lane") > 0, "{all:?}");
    assert!(all.of("seconds taken from the common lanes") > 0, "{all:?}");
    all
}

#[test]
fn answers_just_within_the_timeout_do_not_escape() {
    for timeout in [5, 12, 60] {
        let dawdles = ReceiverBehaviour {
            dawdles: 1.0,
            ..ReceiverBehaviour::default()
        };
        tell(1, timeout, 10, &dawdles, None);
    }
}

#[test]
fn good_answers_in_between_empty_no_bucket() {
    let alternates = ReceiverBehaviour {
        dawdles: 0.5,
        ..ReceiverBehaviour::default()
    };
    tell(1, 8, 10, &alternates, None);
}

#[test]
fn many_webhooks_that_hang_in_turns_share_a_bucket() {
    let in_turns = ReceiverBehaviour {
        hangs: 0.04,
        ..ReceiverBehaviour::default()
    };
    tell(25, 60, 70, &in_turns, None);
}

#[test]
fn many_webhooks_that_stay_just_under_their_own_bound_share_a_bucket() {
    let drags = ReceiverBehaviour {
        drags: 0.1,
        ..ReceiverBehaviour::default()
    };
    tell(25, 30, 15, &drags, None);
}

#[test]
fn what_is_asked_for_by_hand_is_counted_too() {
    let hangs = ReceiverBehaviour {
        hangs: 0.3,
        ..ReceiverBehaviour::default()
    };
    tell(5, 60, 20, &hangs, Some(Act::Manual(1)));
}
