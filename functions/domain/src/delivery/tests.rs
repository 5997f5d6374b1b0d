use super::*;
use crate::contract::{builtin, builtin_names};
use crate::event;
use crate::outcome::FailureKind;
use crate::ulid::Ulid;

const NOW: Time = Time::from_millis(1_445_412_000_000);

fn answer(status: u16, retry_after: Option<&str>) -> Outcome {
    let header = |value: &str| ("Retry-After".to_owned(), value.to_owned());
    Outcome::Response {
        status,
        headers: retry_after.map(header).into_iter().collect(),
        body: String::new(),
        truncated: false,
    }
}

fn failure(kind: FailureKind) -> Outcome {
    Outcome::failure(kind, "")
}

fn attempt(number: u32) -> Attempt {
    Attempt {
        number,
        trigger: Trigger::Automatic,
        at: NOW,
        duration: Duration::from_secs(2),
        webhook_version: 1,
        url: String::new(),
        contract: String::new(),
        signature: None,
        own_headers: Vec::new(),
        type_name: None,
        context: std::collections::BTreeMap::new(),
        outcome: answer(500, None),
    }
}

fn fresh() -> Delivery {
    let key = Ulid::derived(NOW, "x");
    let event = event::parse(br#"{"type":"a.b","data":1}"#)
        .unwrap()
        .accept("t".parse().unwrap(), key);
    Delivery::new(&event, &WebhookId::new([1; 16]))
}

fn dead() -> Delivery {
    let mut dead = fresh().after_automatic(attempt(1), Verdict::Dead(Reason::Exhausted));
    dead.dead_letter_id = Some(DeadLetterId(Ulid::derived(NOW, "letter")));
    dead.pending_manual_token = Some("token".to_owned());
    dead
}

#[test]
fn every_status_is_judged_as_its_contract_says() {
    for name in builtin_names() {
        let contract = builtin(name).unwrap();
        for status in 100..=599 {
            let expected = if contract.success.contains(status) {
                Verdict::Delivered
            } else if contract.gone.contains(status) {
                Verdict::Dead(Reason::Gone)
            } else if contract.refused.contains(status) {
                Verdict::Dead(Reason::Refused)
            } else {
                Verdict::Retry(retry::next_delay(&contract, 1, 0.0, None).unwrap())
            };
            let verdict = evaluate(&contract, &answer(status, None), 1, NOW, 0.0);
            assert_eq!(verdict, expected, "{name} {status}");
            // The receiver's `Retry-After` counts only where the contract honours it.
            let wish = evaluate(&contract, &answer(status, Some("77777")), 1, NOW, 0.0);
            let listens = contract.retry_after.contains(status);
            let wished = Verdict::Retry(Duration::from_secs(77_777));
            let heeded = matches!(expected, Verdict::Retry(_)) && listens;
            assert_eq!(
                wish,
                if heeded { wished } else { expected },
                "{name} {status}"
            );
        }
    }
}

#[test]
fn what_can_never_arrive_dies_at_once_and_all_else_after_the_last_attempt() {
    let kuviq = builtin("kuviq").unwrap();
    let verdict = |kind, made| evaluate(&kuviq, &failure(kind), made, NOW, 0.0);
    let blocked = verdict(FailureKind::AddressBlocked, 1);
    assert_eq!(blocked, Verdict::Dead(Reason::AddressBlocked));
    let invalid = verdict(FailureKind::InvalidUrl, 1);
    assert_eq!(invalid, Verdict::Dead(Reason::InvalidUrl));
    let minute = Verdict::Retry(Duration::from_secs(60));
    assert_eq!(verdict(FailureKind::Timeout, 1), minute);
    let exhausted = verdict(FailureKind::Timeout, 6);
    assert_eq!(exhausted, Verdict::Dead(Reason::Exhausted));
}

#[test]
fn an_automatic_attempt_counts_and_moves_the_sequence_on() {
    let retried = fresh().after_automatic(attempt(1), Verdict::Retry(Duration::from_secs(60)));
    assert_eq!(retried.status, Status::Retrying);
    assert_eq!(
        (
            retried.sequence,
            retried.attempts_this_round,
            retried.attempt_count
        ),
        (1, 1, 1)
    );
    // From the response, not from the start.
    assert_eq!(
        retried.next_attempt_at,
        Some(NOW.plus(Duration::from_secs(62)))
    );
    assert!(!retried.is_terminal() && retried.last_attempt.is_some());
    let done = retried
        .clone()
        .after_automatic(attempt(2), Verdict::Delivered);
    assert_eq!(
        (done.status, done.next_attempt_at, done.sequence),
        (Status::Completed, None, 2)
    );
    let failed = retried.after_automatic(attempt(2), Verdict::Dead(Reason::Gone));
    assert_eq!(
        (failed.status, failed.next_attempt_at),
        (Status::Failed, None)
    );
    assert_eq!(failed.reason, Some(Reason::Gone));
    assert!(done.is_terminal() && failed.is_terminal());
}

#[test]
fn a_manual_attempt_ends_a_delivery_or_leaves_it_as_it_was() {
    let failed = dead().after_manual(attempt(2), Verdict::Dead(Reason::Refused));
    let as_it_was = Delivery {
        attempt_count: 2,
        last_attempt: Some(attempt(2)),
        pending_manual_token: None,
        ..dead()
    };
    assert_eq!(failed, as_it_was);
    let done = dead().after_manual(attempt(2), Verdict::Delivered);
    assert_eq!(
        (done.status, done.reason, done.dead_letter_id),
        (Status::Completed, None, None)
    );
    assert_eq!(
        (
            done.sequence,
            done.attempts_this_round,
            done.pending_manual_token
        ),
        (1, 1, None)
    );
}

#[test]
fn a_tests_attempt_is_the_only_one() {
    let done = fresh().after_test(attempt(1), Verdict::Delivered);
    assert_eq!(
        (done.status, done.next_attempt_at),
        (Status::Completed, None)
    );
    let retry = Verdict::Retry(Duration::from_secs(1));
    let failed = fresh().after_test(attempt(1), retry);
    assert_eq!(
        (failed.status, failed.next_attempt_at),
        (Status::Failed, None)
    );
    assert_eq!((failed.sequence, failed.attempt_count), (1, 1));
}

#[test]
fn a_death_takes_the_sequence_and_a_redrive_starts_a_new_round() {
    let abandoned = fresh().abandoned(Reason::WebhookInactive);
    assert_eq!((abandoned.status, abandoned.sequence), (Status::Failed, 1));
    assert_eq!(abandoned.reason, Some(Reason::WebhookInactive));
    let again = dead().redriven(NOW);
    assert_eq!(
        (again.status, again.next_attempt_at),
        (Status::Retrying, Some(NOW))
    );
    assert_eq!(
        (
            again.sequence,
            again.attempts_this_round,
            again.attempt_count
        ),
        (2, 0, 1)
    );
    assert_eq!((again.reason, again.dead_letter_id), (None, None));
}

#[test]
fn what_others_did_during_an_attempt_stays() {
    let before = dead();
    let redriven = before.clone().redriven(NOW);
    // A failed manual attempt changes only its token and its number: the redrive remains.
    let failed = before
        .clone()
        .after_manual(attempt(2), Verdict::Dead(Reason::Refused))
        .rebased(&before, &redriven);
    assert_eq!(
        (failed.status, failed.sequence, failed.attempts_this_round),
        (Status::Retrying, 2, 0)
    );
    assert_eq!(
        (failed.next_attempt_at, failed.reason, failed.dead_letter_id),
        (Some(NOW), None, None)
    );
    assert_eq!(
        (failed.pending_manual_token.as_deref(), failed.attempt_count),
        (None, 2)
    );
    // A success ends the delivery, and the redrive's message finds its sequence already used.
    let done = before
        .clone()
        .after_manual(attempt(2), Verdict::Delivered)
        .rebased(&before, &redriven);
    assert_eq!(
        (done.status, done.sequence, done.next_attempt_at),
        (Status::Completed, 2, None)
    );
    // An automatic attempt keeps a token that was set meanwhile.
    let before = fresh();
    let asked = Delivery {
        pending_manual_token: Some("new".to_owned()),
        ..before.clone()
    };
    let done = before
        .clone()
        .after_automatic(attempt(1), Verdict::Delivered)
        .rebased(&before, &asked);
    assert_eq!(done.pending_manual_token.as_deref(), Some("new"));
}

#[test]
fn every_name_is_the_one_that_is_written() {
    let written = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    for status in Status::ALL {
        assert_eq!(
            written(serde_json::to_value(status).unwrap()),
            status.as_str()
        );
    }
    for trigger in [Trigger::Automatic, Trigger::Manual, Trigger::Test] {
        assert_eq!(
            written(serde_json::to_value(trigger).unwrap()),
            trigger.as_str()
        );
    }
    for reason in [DisableReason::Gone, DisableReason::Exhausted] {
        assert_eq!(
            written(serde_json::to_value(reason).unwrap()),
            reason.as_str()
        );
    }
    let at_rest: Vec<_> = Status::ALL
        .into_iter()
        .filter(|status| {
            Delivery {
                status: *status,
                ..fresh()
            }
            .is_terminal()
        })
        .collect();
    assert_eq!(at_rest, [Status::Completed, Status::Failed]);
}

#[test]
fn an_attempt_stays_due_whose_messages_are_lost_and_those_lost_together_count_once() {
    let mut now = NOW;
    let mut delivery = fresh().due_at(NOW);
    for count in 1..=MAX_LOST_MESSAGES {
        delivery = delivery.after_lost_message(now).unwrap();
        let at = Some(now);
        assert_eq!(delivery.lost, LostMessages { count, at });
        assert_eq!(delivery.next_attempt_at, Some(NOW));
        let next = now.plus(LOST_TOGETHER);
        let just_before = Time::from_millis(next.millis() - 1);
        // The clock of another process may be behind.
        for at in [now, just_before, Time::from_millis(now.millis() - 5_000)] {
            assert_eq!(
                delivery.clone().after_lost_message(at),
                Some(delivery.clone())
            );
        }
        now = next;
    }
    assert_eq!(delivery.clone().after_lost_message(now), None);
    for after in [
        delivery
            .clone()
            .after_automatic(attempt(1), Verdict::Retry(Duration::ZERO)),
        delivery.clone().abandoned(Reason::Undeliverable),
        delivery.redriven(now),
    ] {
        assert_eq!(after.lost, LostMessages::default(), "{after:?}");
    }
    let found = fresh().after_lost_message(NOW).unwrap();
    assert_eq!(found.next_attempt_at, Some(NOW), "for the sweeper");
}
