//! Past bugs, each reproduced as it happened. Each of these tests was seen to fail without its fix.

#![allow(clippy::unwrap_used, reason = "a test's own set-up")]

use std::time::Duration;

use domain::contract::{Contract, Overrides, builtin};
use simulator::{
    Act, Change, Door, Faults, Publication, ReceiverBehaviour, RunKind, Simulation, Subscriber,
};

/// Enough to meet an event with probability one in fifty.
const SEEDS: u64 = 400;

fn contract(name: &str, delays: &[u32]) -> Contract {
    let overrides = Overrides {
        timeout_seconds: None,
        retry_delays_seconds: Some(delays.to_vec()),
    };
    builtin(name)
        .unwrap()
        .with(&overrides, Duration::from_secs(60))
}

fn event(door: Door, id: Option<&str>) -> Publication {
    Publication {
        tenant: 0,
        door,
        id: id.map(str::to_owned),
        data: 1,
    }
}

/// Runs a history many times, each time with other random numbers. Faults end after ten hours, when
/// every message has had its chances.
fn tell(set_up: impl Fn(&mut Simulation)) {
    for seed in 0..simulator::seeds(SEEDS) {
        let mut world = Simulation::new(seed);
        world.keep_trace();
        world.set_calm_after(Duration::from_secs(36_000));
        set_up(&mut world);
        let (broken, _) = world.settle();
        assert!(
            broken.is_empty(),
            "seed {seed}:\n{}\n{broken:?}",
            world.trace().join("\n")
        );
    }
}

/// SQS delivered a message twice at once. One copy's POST was accepted and recorded inline in the
/// event. The other's failed, and its failure was written as a separate delivery, which takes
/// precedence over the inline success: a delivery that the receiver had accepted was retried, or
/// shown as failed.
#[test]
fn a_twins_failure_does_not_undo_the_others_success() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[60]),
            manner: ReceiverBehaviour {
                fails: 0.5,
                ..ReceiverBehaviour::default()
            },
        }]);
        world.set_faults(Faults {
            duplicate: 1.0,
            ..Faults::default()
        });
        for at in 0..5 {
            world.publish(Duration::from_secs(at), event(Door::Sqs, None));
        }
    });
}

/// An HTTP caller claimed an id and died before it sent the event. An SQS message with the same id
/// took the claim over, which marks the id as safe, and met a fault right after. When it came back
/// it took itself for a repetition of another publication and was dropped: the event was lost,
/// although every publisher was told that it was accepted.
#[test]
fn an_id_taken_over_is_still_the_messages_own_when_it_comes_back() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[60]),
            manner: ReceiverBehaviour::default(),
        }]);
        world.set_faults(Faults {
            refused: 0.4,
            ..Faults::default()
        });
        world.publish(Duration::from_millis(1_000), event(Door::Http, Some("a")));
        world.publish(Duration::from_millis(1_100), event(Door::Sqs, Some("a")));
    });
}

/// An HTTP caller's announcement arrived, its response did not, and neither did that of its second
/// one, so the caller released the id. An SQS message with the same id took the event over and
/// claimed first attempts that the first announcement was just making: each receiver had them
/// twice.
#[test]
fn first_attempts_under_way_are_not_made_by_who_takes_the_event_over() {
    for seed in 0..simulator::seeds(SEEDS) {
        let mut world = Simulation::new(seed);
        world.keep_trace();
        world.set_calm_after(Duration::from_secs(36_000));
        let subscriber = || Subscriber {
            contract: contract("standard", &[60]),
            manner: ReceiverBehaviour::default(),
        };
        world.add_tenant(&[subscriber(), subscriber(), subscriber()]);
        world.set_faults(Faults {
            unanswered: 0.6,
            only: Some(RunKind::Http),
            slow: 0.3,
            slowest: Duration::from_millis(700),
            ..Faults::default()
        });
        world.publish(Duration::from_millis(1_000), event(Door::Http, Some("a")));
        for at in (1_100..4_000).step_by(300) {
            world.publish(Duration::from_millis(at), event(Door::Sqs, Some("a")));
        }
        let (broken, totals) = world.settle();
        assert!(
            broken.is_empty() && totals.of("twins") == 0,
            "seed {seed}:\n{}\n{broken:?} {totals:?}",
            world.trace().join("\n")
        );
    }
}

/// A manual attempt's message was received too often and dead-lettered. Its token was dropped, but
/// the delivery, which had ended long before, stayed in the due index forever, at the front of what
/// the sweeper reads.
#[test]
fn a_dead_lettered_manual_attempt_leaves_nothing_behind_for_the_sweeper() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[]),
            manner: ReceiverBehaviour::default(),
        }]);
        world.set_faults(Faults {
            crash: 1.0,
            only: Some(RunKind::DeliveryTask),
            ..Faults::default()
        });
        world.publish(Duration::from_secs(1), event(Door::Sqs, None));
        world.act(Duration::from_secs(60), Act::Manual(1));
    });
}

/// A manual attempt was requested during the automatic one, and its message was lost. The automatic
/// attempt's record removed the delivery from the due index: the token was pending forever, so no
/// further manual attempt could be requested.
#[test]
fn a_manual_attempt_asked_for_under_a_lease_is_made_even_if_its_message_is_lost() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[60]),
            manner: ReceiverBehaviour {
                fails: 0.4,
                hangs: 0.6,
                ..ReceiverBehaviour::default()
            },
        }]);
        world.publish(Duration::from_secs(1), event(Door::Sqs, None));
        for at in 63..80 {
            world.act(Duration::from_secs(at), Act::Manual(1));
            world.act(Duration::from_millis(at * 1000 + 500), Act::LoseMessage);
        }
    });
}

/// A dead delivery was redriven during a manual attempt of it. The attempt's record wrote the whole
/// delivery back as it had been before: failed again, with a dead letter that counted as redriven.
/// It would never have been tried again, and no list showed it.
#[test]
fn a_delivery_redriven_under_a_manual_attempt_stays_redriven() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[60]),
            manner: ReceiverBehaviour {
                fails: 0.7,
                hangs: 0.2,
                ..ReceiverBehaviour::default()
            },
        }]);
        world.publish(Duration::from_secs(1), event(Door::Sqs, None));
        for at in 200..210 {
            world.act(Duration::from_secs(at), Act::Manual(1));
            world.act(Duration::from_millis(at * 1000 + 150), Act::Redrive(1));
        }
    });
}

/// A job redrove a delivery, which died again at once because its webhook was inactive. Its new
/// dead letter had the time of its last attempt, before the job, so the same job found it again,
/// and again.
#[test]
fn a_job_does_not_meet_its_own_dead_again() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[]),
            manner: ReceiverBehaviour {
                fails: 1.0,
                ..ReceiverBehaviour::default()
            },
        }]);
        world.set_faults(Faults {
            unanswered: 0.2,
            only: Some(RunKind::RedriveJob),
            ..Faults::default()
        });
        for at in 0..5 {
            world.publish(Duration::from_secs(at), event(Door::Sqs, None));
        }
        world.act(Duration::from_secs(60), Act::Change(Change::Switch(false)));
        world.act(Duration::from_secs(120), Act::RedriveAll);
    });
}

/// A job's message that comes back is replaced by a new one, and, if the response was lost, by two.
/// While AWS failed they multiplied faster than they ended, though the job had ended long before:
/// hundreds of thousands of them after days.
#[test]
fn the_messages_of_a_job_that_is_over_end_with_it() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[]),
            manner: ReceiverBehaviour {
                fails: 1.0,
                ..ReceiverBehaviour::default()
            },
        }]);
        world.set_faults(Faults {
            crash: 0.1,
            refused: 0.15,
            unanswered: 0.15,
            duplicate: 0.3,
            repeated: 0.2,
            only: Some(RunKind::RedriveJob),
            ..Faults::default()
        });
        world.publish(Duration::from_secs(1), event(Door::Sqs, None));
        world.act(Duration::from_secs(60), Act::RedriveAll);
    });
}

/// A job was stored, and its message never reached the queue, or died in it. It counted as running
/// until its row expired.
#[test]
fn a_job_whose_messages_are_lost_goes_on() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[]),
            manner: ReceiverBehaviour {
                fails: 1.0,
                ..ReceiverBehaviour::default()
            },
        }]);
        for at in 0..40 {
            world.publish(Duration::from_secs(at), event(Door::Sqs, None));
        }
        world.act(Duration::from_secs(100), Act::RedriveAll);
        for at in 100..400 {
            world.act(Duration::from_millis(at * 1_000 + 1), Act::LoseJob);
        }
    });
}

/// Messages of one job that were sent or received more than once continued concurrently, each with
/// its own successors.
#[test]
fn the_messages_of_a_job_that_runs_do_not_multiply() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("standard", &[]),
            manner: ReceiverBehaviour {
                fails: 1.0,
                ..ReceiverBehaviour::default()
            },
        }]);
        world.set_faults(Faults {
            crash: 0.01,
            refused: 0.02,
            unanswered: 0.02,
            duplicate: 0.5,
            repeated: 0.5,
            only: Some(RunKind::RedriveJob),
            ..Faults::default()
        });
        for at in 0..40 {
            world.publish(Duration::from_secs(at), event(Door::Sqs, None));
        }
        world.act(Duration::from_secs(100), Act::RedriveAll);
    });
}

/// A receiver answered 410, and its owner changed the webhook's URL before that response came: the
/// response switched off the new URL, whose events were not sent and left no trace.
#[test]
fn a_webhook_that_moves_under_an_attempt_is_not_switched_off_by_it() {
    for name in ["standard", "kliq"] {
        tell(|world| {
            world.add_tenant(&[Subscriber {
                contract: contract(name, &[]),
                manner: ReceiverBehaviour {
                    gone: 1.0,
                    lingers: 1.0,
                    ..ReceiverBehaviour::default()
                },
            }]);
            world.act(Duration::ZERO, Act::ChangeUnderWay(Change::Move));
            world.publish(Duration::from_secs(1), event(Door::Http, None));
        });
    }
}

/// A webhook was switched off after an event was accepted and before its first attempt: the event
/// left no trace for it, though an event that waited for a retry became a dead letter.
#[test]
fn an_event_whose_webhook_goes_off_before_the_first_attempt_is_on_record() {
    let once: &[(u64, bool)] = &[(30, false)];
    let twice: &[(u64, bool)] = &[(20, false), (25, true), (30, false)];
    for (door, switches) in [
        (Door::Http, once),
        (Door::Sqs, once),
        (Door::Http, twice),
        (Door::Sqs, twice),
    ] {
        tell(|world| {
            world.add_tenant(&[Subscriber {
                contract: contract("standard", &[60]),
                manner: ReceiverBehaviour::default(),
            }]);
            world.set_faults(Faults {
                late: 1.0,
                ..Faults::default()
            });
            for second in [1, 8, 15] {
                world.publish(Duration::from_secs(second), event(door, None));
            }
            for (second, on) in switches {
                world.act(
                    Duration::from_secs(*second),
                    Act::Change(Change::Switch(*on)),
                );
            }
        });
    }
}

/// A second rotation within the overlap of the first dropped the secret that was to follow, and
/// kept the end of the one before it: for a while nothing could sign. A receiver that had any of
/// the secrets during its time verifies every delivery, whether its contract has room for one
/// signature or for several.
#[test]
fn a_rotation_within_the_overlap_of_another_leaves_every_secret_its_time() {
    for name in ["standard", "kuviq"] {
        tell(|world| {
            world.add_tenant(&[Subscriber {
                contract: contract(name, &[60]),
                manner: ReceiverBehaviour::default(),
            }]);
            world.act(Duration::from_secs(1), Act::Change(Change::Rotate(600)));
            world.act(Duration::from_secs(2), Act::Change(Change::Rotate(6_000)));
            for at in [100, 900, 9_000] {
                world.publish(Duration::from_secs(at), event(Door::Sqs, None));
            }
        });
    }
}

/// An owner renamed a webhook, which overwrote the whole row: the record of today's warning was
/// lost, and the tenant was warned again.
#[test]
fn a_change_of_the_owner_does_not_bring_the_daily_warning_again() {
    tell(|world| {
        world.add_tenant(&[Subscriber {
            contract: contract("kliq", &[1, 1, 1, 1, 1]),
            manner: ReceiverBehaviour {
                fails: 1.0,
                ..ReceiverBehaviour::default()
            },
        }]);
        world.publish(Duration::from_secs(1), event(Door::Sqs, None));
        world.publish(Duration::from_secs(1), event(Door::Sqs, None));
        world.act(Duration::from_secs(5), Act::Change(Change::Rename));
    });
}
