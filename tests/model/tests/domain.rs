//! The model's transitions are the domain's: for all of the model's values, both make the same of
//! a delivery. A status, a field or a verdict that is new in the domain does not compile here.

use std::time::Duration;

use domain::contract::builtin;
use domain::dead_letter::Reason;
use domain::delivery::{self, Attempt, MAX_LOST_MESSAGES, Trigger, Verdict, evaluate};
use domain::event;
use domain::ids::{DeadLetterId, WebhookId};
use domain::outcome::Outcome;
use domain::time::Time;
use domain::ulid::Ulid;
use model::state::{Delivery, Due, Status};

const NOW: Time = Time::from_millis(1_445_412_000_000);
const ATTEMPTS: u8 = 3;

/// The dead letter of a sequence, and the token of a manual attempt.
fn letter(number: u8) -> DeadLetterId {
    DeadLetterId(Ulid::derived(NOW, &number.to_string()))
}

fn new_delivery() -> delivery::Delivery {
    let event = event::parse(br#"{"type":"a.b","data":1}"#)
        .unwrap()
        .accept("t".parse().unwrap(), Ulid::derived(NOW, "event"));
    delivery::Delivery::new(&event, &WebhookId::new([1; 16]))
}

fn attempt(number: u32, trigger: Trigger, success: bool) -> Attempt {
    Attempt {
        number,
        trigger,
        at: NOW,
        duration: Duration::from_secs(1),
        webhook_version: 1,
        url: String::new(),
        contract: String::new(),
        signature: None,
        own_headers: Vec::new(),
        type_name: None,
        context: std::collections::BTreeMap::new(),
        outcome: Outcome::Response {
            status: if success { 200 } else { 500 },
            headers: Vec::new(),
            body: String::new(),
            truncated: false,
        },
    }
}

/// A delivery of the model as one of the domain.
fn real(of: Delivery) -> delivery::Delivery {
    let mut real = new_delivery();
    real.status = match of.status {
        Status::Retrying if of.sequence == 0 => delivery::Status::Pending,
        Status::Retrying => delivery::Status::Retrying,
        Status::Processing => delivery::Status::Processing,
        Status::Completed => delivery::Status::Completed,
        Status::Failed => delivery::Status::Failed,
    };
    real.sequence = of.sequence.into();
    real.attempts_this_round = of.made.into();
    real.next_attempt_at = match of.due {
        Due::Never => None,
        Due::Now => Some(NOW),
        Due::Later => Some(NOW.plus(Duration::from_secs(60))),
    };
    real.lost.count = match of.lost {
        true => MAX_LOST_MESSAGES,
        false => MAX_LOST_MESSAGES - 1,
    };
    real.pending_manual_token = of.manual.map(|token| token.to_string());
    real.dead_letter_id = of.dead.map(letter);
    real
}

/// And back. Every field is named: those without a part in the model are passed over knowingly.
fn modelled(real: &delivery::Delivery) -> Delivery {
    let delivery::Delivery {
        tenant: _,
        id: _,
        event_id: _,
        event_type: _,
        status,
        sequence,
        attempts_this_round,
        attempt_count: _,
        next_attempt_at,
        lost,
        pending_manual_token,
        last_attempt: _,
        reason: _,
        is_test: _,
        dead_letter_id,
        erased_at: _,
    } = real;
    Delivery {
        status: match status {
            delivery::Status::Pending | delivery::Status::Retrying => Status::Retrying,
            delivery::Status::Processing => Status::Processing,
            delivery::Status::Completed => Status::Completed,
            delivery::Status::Failed => Status::Failed,
        },
        sequence: u8::try_from(*sequence).unwrap(),
        made: u8::try_from(*attempts_this_round).unwrap(),
        due: match next_attempt_at {
            None => Due::Never,
            Some(at) if *at <= NOW => Due::Now,
            Some(_) => Due::Later,
        },
        lost: lost.count >= MAX_LOST_MESSAGES,
        manual: pending_manual_token
            .as_ref()
            .map(|token| token.parse().unwrap()),
        dead: dead_letter_id.map(|id| (0..u8::MAX).find(|number| letter(*number) == id).unwrap()),
        decided: None,
    }
}

/// What the domain makes of an outcome in a round of [`ATTEMPTS`].
fn verdict(made: u8, success: bool) -> Verdict {
    let mut contract = builtin("standard").unwrap();
    contract.retry_delays_seconds = vec![60; usize::from(ATTEMPTS) - 1];
    let outcome = attempt(1, Trigger::Automatic, success).outcome;
    evaluate(&contract, &outcome, (made + 1).into(), NOW, 0.5)
}

/// All that a lease may begin with.
fn deliveries() -> Vec<Delivery> {
    let mut all = vec![Delivery::put_off()];
    for status in [Status::Retrying, Status::Completed, Status::Failed] {
        for sequence in 1..=4 {
            for made in 0..ATTEMPTS {
                for due in [Due::Never, Due::Later, Due::Now] {
                    for (manual, dead) in [
                        (None, None),
                        (Some(1), None),
                        (None, Some(2)),
                        (Some(1), Some(2)),
                    ] {
                        all.extend([false, true].map(|lost| Delivery {
                            status,
                            sequence,
                            made,
                            due,
                            lost,
                            manual,
                            dead,
                            decided: None,
                        }));
                    }
                }
            }
        }
    }
    all
}

/// What a lease may make of a delivery: its name, and both results.
fn outcomes(before: Delivery) -> Vec<(&'static str, Delivery, delivery::Delivery)> {
    let mut all = vec![
        ("nothing", before, real(before)),
        (
            "given up",
            before.abandoned(),
            real(before).abandoned(Reason::Undeliverable),
        ),
    ];
    if let (Some(model), Some(real)) = (
        before.after_lost_message(),
        real(before).after_lost_message(NOW),
    ) {
        all.push(("its message was lost", model, real));
    }
    for success in [false, true] {
        let verdict = verdict(before.made, success);
        let number = u32::from(before.sequence) + 1;
        let automatic = attempt(number, Trigger::Automatic, success);
        let by_schedule = real(before).after_automatic(automatic, verdict);
        all.push((
            "automatic",
            before.after_automatic(success, ATTEMPTS),
            by_schedule,
        ));
        let by_hand = real(before).after_manual(attempt(number, Trigger::Manual, success), verdict);
        all.push(("manual", before.after_manual(success), by_hand));
    }
    all
}

#[test]
fn a_delivery_begins_alike() {
    assert_eq!(modelled(&new_delivery().due_at(NOW)), Delivery::put_off());
    for success in [false, true] {
        let first = attempt(1, Trigger::Automatic, success);
        let real = new_delivery().after_automatic(first, verdict(0, success));
        assert_eq!(modelled(&real), Delivery::first(success));
    }
}

#[test]
fn an_attempt_an_end_and_a_redrive_make_the_same_of_a_delivery() {
    for before in deliveries() {
        for (what, model, real) in outcomes(before) {
            assert_eq!(modelled(&real), model, "{what} of {before:?}");
        }
        let lost = real(before).after_lost_message(NOW);
        let (real_goes_on, goes_on) = (lost.is_some(), before.after_lost_message().is_some());
        assert_eq!(real_goes_on, goes_on, "{before:?}");
        assert_eq!(
            modelled(&real(before).redriven(NOW)),
            before.redriven(),
            "{before:?}"
        );
    }
}

#[test]
fn what_others_did_meanwhile_is_kept_alike() {
    for before in deliveries() {
        let asked = |of: Delivery, token| Delivery {
            manual: Some(token),
            ..of
        };
        let redriven = before.redriven();
        let meanwhile = [
            before,
            asked(before, 1),
            asked(before, 7),
            redriven,
            asked(redriven, 7),
        ];
        for (what, after, real_after) in outcomes(before) {
            for current in meanwhile {
                let real = real_after.clone().rebased(&real(before), &real(current));
                let model = after.rebased(before, current);
                assert_eq!(
                    modelled(&real),
                    model,
                    "{what} of {before:?} on {current:?}"
                );
            }
        }
    }
}
