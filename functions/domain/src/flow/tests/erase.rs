//! Events that were erased.

use super::fixtures::*;
use super::*;
use crate::flow::{SWEEP_SHARDS, Sweeper, erase};

fn record_of_erased(deliveries: Vec<StoredDelivery>, again: bool) -> Option<StoredEvent> {
    Some(StoredEvent {
        event: erased(),
        deliveries,
        first_attempts_need_lease_since: again.then_some(NOW),
        is_complete: true,
    })
}

fn said(delivery: &Delivery) -> Option<&str> {
    match &delivery.last_attempt.as_ref()?.outcome {
        Outcome::Response { body, .. } => Some(body),
        Outcome::Failure { .. } => None,
    }
}

#[test]
fn an_erased_event_is_not_sent_and_its_delivery_ends_as_a_dead_letter_that_says_so() {
    let mut desk = dispatcher("standard");
    let ends = |calls: &[Call], after: &Delivery, dead: &DeadLetter| {
        assert_eq!(after.status, Status::Failed, "{calls:?}");
        assert_eq!(after.reason, Some(Reason::EventErased));
        assert_eq!((after.next_attempt_at, after.erased_at), (None, Some(NOW)));
        assert_eq!(
            (after.dead_letter_id, dead.reason),
            (Some(dead.id), Reason::EventErased)
        );
    };
    // Before the first attempt.
    desk.deps.record = record_of_erased(Vec::new(), false);
    let calls = work(&desk, &announced(1));
    match &calls[..] {
        [
            Call::CreateDelivery(after, Some(dead)),
            Call::DeliveryAbandoned,
        ] => ends(&calls, after, dead),
        _ => panic!("{calls:?}"),
    }
    // Waiting for a later attempt: found through the event or through its own mark, however late it
    // is due.
    let waits = fresh().after_automatic(
        attempt(1, answer(500, "secret")),
        Verdict::Retry(Duration::ZERO),
    );
    let far = retrying(NOW.plus(Duration::from_secs(3600))).erased(NOW);
    for (before, record) in [
        (waits, record_of_erased(Vec::new(), false)),
        (far, record(Vec::new(), false)),
    ] {
        desk.deps.record = record;
        for kind in [TaskKind::Scheduled(1), TaskKind::Manual("token".to_owned())] {
            let calls = work_claimed(&mut desk, &before, kind);
            match &calls[..] {
                [
                    Call::CompleteAttempt(after, Some(dead)),
                    Call::DeliveryAbandoned,
                ] => {
                    ends(&calls, after, dead);
                    assert_eq!(said(after), Some(""), "what was answered came back");
                }
                _ => panic!("{calls:?}"),
            }
        }
    }
    // A test event leaves no dead letter.
    let mut test = fresh().erased(NOW);
    test.is_test = true;
    let calls = work_claimed(&mut desk, &test, TaskKind::Scheduled(0));
    assert!(
        matches!(&calls[..], [Call::CompleteAttempt(after, None)] if after.status == Status::Failed),
        "{calls:?}"
    );
}

#[test]
fn an_attempt_under_way_when_its_event_is_erased_is_recorded_without_the_response() {
    let before = retrying(NOW);
    let marked = before.clone().erased(NOW);
    for (status, verdict) in [
        (200, Verdict::Delivered),
        (500, Verdict::Retry(Duration::from_secs(60))),
    ] {
        let after = before
            .clone()
            .after_automatic(attempt(2, answer(status, "secret")), verdict)
            .rebased(&before, &marked);
        assert_eq!((after.erased_at, after.attempt_count), (Some(NOW), 2));
        assert_eq!(said(&after), Some(""));
    }
    // Nor does an attempt that is made in spite of the erasure.
    let made = || attempt(2, answer(500, "secret"));
    for after in [
        marked.clone().after_automatic(made(), Verdict::Delivered),
        marked.clone().after_manual(made(), Verdict::Delivered),
        marked.clone().after_test(made(), Verdict::Delivered),
    ] {
        assert_eq!(said(&after), Some(""));
    }
    // A duplicate of the event's message that was slower.
    let mut desk = dispatcher("standard");
    desk.deps.wins = false;
    desk.deps.record = record_of_erased(Vec::new(), false);
    desk.deps.answer = answer(500, "secret");
    let body = r#"{"tenantId":"t","type":"a.b","data":{"n":1}}"#;
    let calls = work(&desk, &message(QueueKind::Events, body.to_owned(), 1));
    let opened = calls.iter().find_map(|call| match call {
        Call::CreateDelivery(opened, None) => Some(opened),
        _ => None,
    });
    assert_eq!(opened.and_then(said), Some(""), "{calls:?}");
}

#[test]
fn a_delivery_with_an_attempt_under_way_ends_when_that_attempt_ends() {
    let later = retrying(NOW.plus(Duration::from_secs(3600))).erased(NOW);
    for (delivery, sends) in [(later, true), (failed().erased(NOW), false)] {
        let mut desk = dispatcher("standard");
        desk.deps.claim = Some(LeaseResult::Superseded(Box::new(delivery.clone())));
        let calls = work(&desk, &asked(&task(&delivery, TaskKind::Scheduled(0)), 1));
        let sent = matches!(&calls[..], [Call::ScheduleTask(sent, Duration::ZERO)] if sent.kind == TaskKind::Scheduled(1));
        assert_eq!(
            (sent, calls.len()),
            (sends, usize::from(sends)),
            "{calls:?}"
        );
    }
}

#[test]
fn a_message_of_an_erased_event_that_dies_in_the_queue_does_not_bring_it_back() {
    let mut desk = dispatcher("standard").deps;
    desk.record = record_of_erased(Vec::new(), false);
    let consumer = DlqConsumer {
        deps: desk,
        policy: policy(),
    };
    let body = r#"{"tenantId":"t","type":"a.b","data":{"n":1}}"#;
    let dead = message(QueueKind::Events, body.to_owned(), 4);
    consumer.consume(&dead).now_or_never().unwrap().unwrap();
    let calls = told(&consumer.deps);
    assert!(calls.is_empty(), "{calls:?}");
}

#[test]
fn erasing_sends_for_what_waits_and_is_done_once_more_when_nobody_can_be_writing() {
    let longest = Duration::from_secs(80);
    let mut desk = dispatcher("standard").deps;
    let event = event();
    for found in [true, false] {
        desk.did = found;
        let what = (&event.tenant, event.key);
        let done = erase(&desk, &desk, what, NOW, longest).now_or_never();
        assert_eq!(done.unwrap().unwrap(), found);
        let calls = told(&desk);
        assert!(
            matches!(&calls[0], Call::Erase(key, Some(again)) if *key == event.key && *again == NOW.plus(longest)),
            "{calls:?}"
        );
        let sent = matches!(&calls[1..], [Call::ScheduleTask(sent, Duration::ZERO)] if sent.kind == TaskKind::Scheduled(0));
        assert_eq!((sent, calls.len()), (found, 1 + usize::from(found)));
    }
    desk.did = true;
    let due = Overdue {
        due: Due::Erasure(event.tenant.clone(), event.key),
        since: NOW,
    };
    desk.overdue = Mutex::new([(SWEEP_SHARDS - 1, vec![vec![due]])].into());
    let sweeper = Sweeper {
        deps: desk,
        grace: Duration::ZERO,
    };
    let deadline = NOW.plus(Duration::from_secs(3600));
    let (swept, result) = sweeper.sweep(deadline).now_or_never().unwrap();
    result.unwrap();
    let mut calls = told(&sweeper.deps);
    calls.retain(|call| !matches!(call, Call::Overdue(..)));
    assert_eq!(swept.revived(), 0);
    assert!(
        matches!(&calls[..], [Call::Erase(key, None), Call::ScheduleTask(_, Duration::ZERO)] if *key == event.key),
        "{calls:?}"
    );
}
