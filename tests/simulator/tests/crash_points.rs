//! Every point of every flow at which a process can die, or a call can be refused, executed without
//! a response or executed twice: each is tested, one after another, until the flow has no further
//! point.

#![allow(clippy::unwrap_used, reason = "a test's own set-up")]

use std::time::Duration;

use domain::contract::{Contract, Overrides, builtin};
use simulator::{
    Act, Change, Door, Faults, InjectedFault, Publication, ReceiverBehaviour, RunKind, Simulation,
    Subscriber, Trouble,
};

const TROUBLES: [Option<Trouble>; 4] = [
    None,
    Some(Trouble::Refused),
    Some(Trouble::Unanswered),
    Some(Trouble::Repeated),
];

fn contract(name: &str, delays: &[u32]) -> Contract {
    let overrides = Overrides {
        timeout_seconds: None,
        retry_delays_seconds: Some(delays.to_vec()),
    };
    builtin(name)
        .unwrap()
        .with(&overrides, Duration::from_secs(60))
}

fn takes_all() -> ReceiverBehaviour {
    ReceiverBehaviour::default()
}

fn fails() -> ReceiverBehaviour {
    ReceiverBehaviour {
        fails: 1.0,
        ..ReceiverBehaviour::default()
    }
}

fn to(contract: Contract, manner: ReceiverBehaviour) -> Subscriber {
    Subscriber { contract, manner }
}

fn event(door: Door, id: Option<&str>) -> Publication {
    Publication {
        tenant: 0,
        door,
        id: id.map(str::to_owned),
        data: 1,
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A flow: its set-up, and the function in which the fault occurs.
type Flow = (&'static str, RunKind, fn(&mut Simulation));

fn publish_one(world: &mut Simulation, door: Door, id: Option<&str>, to: &[Subscriber]) {
    world.add_tenant(to);
    world.publish(seconds(1), event(door, id));
}

const FLOWS: [Flow; 25] = [
    ("first attempt, SQS door", RunKind::EventMessage, |w| {
        let both = [
            to(contract("standard", &[5]), takes_all()),
            to(contract("standard", &[5]), fails()),
        ];
        publish_one(w, Door::Sqs, None, &both);
    }),
    (
        "first attempt, SQS door, own id",
        RunKind::EventMessage,
        |w| {
            publish_one(
                w,
                Door::Sqs,
                Some("a"),
                &[to(contract("standard", &[5]), takes_all())],
            );
        },
    ),
    ("the same id at both doors", RunKind::EventMessage, |w| {
        publish_one(
            w,
            Door::Sqs,
            Some("a"),
            &[to(contract("standard", &[5]), takes_all())],
        );
        w.publish(seconds(1), event(Door::Http, Some("a")));
    }),
    ("HTTP door", RunKind::Http, |w| {
        publish_one(
            w,
            Door::Http,
            None,
            &[to(contract("standard", &[5]), takes_all())],
        );
    }),
    ("HTTP door, own id", RunKind::Http, |w| {
        publish_one(
            w,
            Door::Http,
            Some("a"),
            &[to(contract("standard", &[5]), takes_all())],
        );
        w.publish(seconds(2), event(Door::Http, Some("a")));
    }),
    ("first attempt, HTTP door", RunKind::EventMessage, |w| {
        let both = [
            to(contract("standard", &[5]), takes_all()),
            to(contract("standard", &[5]), fails()),
        ];
        publish_one(w, Door::Http, None, &both);
    }),
    ("retry", RunKind::DeliveryTask, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[5, 3600]), fails())],
        );
    }),
    (
        "first attempt, SQS door, slow",
        RunKind::EventMessage,
        |w| {
            let both = [
                to(contract("standard", &[5]), takes_all()),
                to(contract("standard", &[5]), fails()),
            ];
            w.act(seconds(0), Act::Mark);
            publish_one(w, Door::Sqs, None, &both);
        },
    ),
    (
        "first attempt, HTTP door, slow",
        RunKind::EventMessage,
        |w| {
            w.act(seconds(0), Act::Mark);
            publish_one(
                w,
                Door::Http,
                None,
                &[to(contract("standard", &[5]), takes_all())],
            );
        },
    ),
    ("the slow lane", RunKind::DeliveryTask, |w| {
        // The attempts at 1 s keep the mark, which is too recent; one of those at 12 s removes it.
        w.act(seconds(0), Act::Mark);
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[5, 20]), fails())],
        );
        w.publish(seconds(12), event(Door::Http, None));
    }),
    ("lost on the slow lane", RunKind::Sweep, |w| {
        w.act(seconds(0), Act::Mark);
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[60]), fails())],
        );
        for tenth in 10..30 {
            w.act(Duration::from_millis(tenth * 100), Act::LoseMessage);
        }
    }),
    ("exhausted", RunKind::DeliveryTask, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[5]), fails())],
        );
    }),
    (
        "exhausted, and the webhook goes off with a mail",
        RunKind::DeliveryTask,
        |w| {
            publish_one(w, Door::Sqs, None, &[to(contract("kliq", &[5]), fails())]);
        },
    ),
    ("exhausted at once", RunKind::EventMessage, |w| {
        publish_one(w, Door::Sqs, None, &[to(contract("kliq", &[]), fails())]);
    }),
    ("410", RunKind::EventMessage, |w| {
        let gone = ReceiverBehaviour {
            gone: 1.0,
            ..ReceiverBehaviour::default()
        };
        publish_one(w, Door::Http, None, &[to(contract("standard", &[5]), gone)]);
    }),
    ("an owner rotates the secret", RunKind::Button, |w| {
        w.act(seconds(0), Act::Change(Change::Rotate(600)));
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[300, 900]), fails())],
        );
    }),
    (
        "an owner moves the webhook under way",
        RunKind::Button,
        |w| {
            w.act(seconds(0), Act::ChangeUnderWay(Change::Move));
            publish_one(w, Door::Sqs, None, &[to(contract("kliq", &[]), fails())]);
        },
    ),
    ("manual, the button", RunKind::Button, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[]), takes_all())],
        );
        w.act(seconds(10), Act::Manual(3));
    }),
    ("manual, the attempt", RunKind::DeliveryTask, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[]), fails())],
        );
        w.act(seconds(10), Act::Manual(3));
        w.act(seconds(5_000), Act::Manual(1));
    }),
    ("redrive, the button", RunKind::Button, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[]), fails())],
        );
        w.act(seconds(10), Act::Redrive(3));
    }),
    ("redrive, the attempt", RunKind::DeliveryTask, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[]), fails())],
        );
        w.act(seconds(10), Act::Redrive(1));
    }),
    ("redrive job", RunKind::RedriveJob, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[]), fails())],
        );
        for at in 2..30 {
            w.publish(seconds(at), event(Door::Sqs, None));
        }
        w.act(seconds(100), Act::RedriveAll);
    }),
    ("dlq", RunKind::Dlq, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[5]), fails())],
        );
        w.set_faults(Faults {
            crash: 1.0,
            only: Some(RunKind::DeliveryTask),
            ..Faults::default()
        });
        // Longer than all receives of a message take.
        w.set_calm_after(seconds(14_400));
    }),
    ("dlq of an event", RunKind::Dlq, |w| {
        publish_one(
            w,
            Door::Sqs,
            Some("a"),
            &[to(contract("standard", &[5]), takes_all())],
        );
        w.set_faults(Faults {
            crash: 1.0,
            only: Some(RunKind::EventMessage),
            ..Faults::default()
        });
        // Longer than all receives of a message take.
        w.set_calm_after(seconds(14_400));
    }),
    ("sweep", RunKind::Sweep, |w| {
        publish_one(
            w,
            Door::Sqs,
            None,
            &[to(contract("standard", &[60]), fails())],
        );
        w.act(seconds(20), Act::LoseMessage);
    }),
];

/// Counts the tested points and flows.
#[test]
fn every_flow_survives_every_death_and_every_trouble_at_every_place() {
    let mut cases = 0;
    for (name, kind, set_up) in FLOWS {
        for trouble in TROUBLES {
            let mut places = 0;
            for at in 0.. {
                let mut world = Simulation::new(u64::from(at));
                set_up(&mut world);
                world.inject_fault(InjectedFault { kind, at, trouble });
                world.keep_trace();
                let (broken, totals) = world.settle();
                let what = format!("{name}, {trouble:?} at {at}");
                assert!(
                    broken.is_empty(),
                    "{what}:\n{}\n{broken:?}",
                    world.trace().join("\n")
                );
                if !world.has_struck() {
                    break;
                }
                places += 1;
                // At most one request more than without the fault: the one that was in flight.
                let extra =
                    totals.of("first attempts unrecorded") + totals.of("later attempts unrecorded");
                assert!(extra <= 2, "{what}: {totals:?}");
            }
            // A flow has at least two calls, and a call at least two waits.
            assert!(places >= 2, "{name}: nothing was struck with {trouble:?}");
            cases += places;
        }
    }
    println!(
        "scorecard: {{\"row\": 2, \"flows\": {}, \"crash_points\": {cases}, \"violations\": 0}}",
        FLOWS.len()
    );
}
