//! Attempts of test events.

use super::fixtures::*;
use super::*;

#[test]
fn a_test_event_has_the_envelope_of_tests_whoever_asks_for_the_attempt() {
    let mut desk = dispatcher("standard");
    if let Some(snapshot) = &mut desk.deps.snapshot {
        snapshot.subscriptions[0].contract.test_envelope =
            Some(serde_json::from_str(r#"{"test":"{type}"}"#).unwrap());
    }
    let real = r#"{"type":"a.b","timestamp":"2026-01-01T00:00:00Z","data":{"n":1}}"#;
    for (test, wanted) in [(true, r#"{"test":"a.b"}"#), (false, real)] {
        let mut event = event();
        event.test = test;
        let mut before = Delivery::new(&event, &WebhookId::new([1; 16])).due_at(NOW);
        before.pending_manual_token = Some("token".to_owned());
        desk.deps.record = Some(StoredEvent {
            event,
            deliveries: Vec::new(),
            first_attempts_need_lease_since: None,
            is_complete: true,
        });
        for kind in [TaskKind::Scheduled(0), TaskKind::Manual("token".to_owned())] {
            let calls = work_claimed(&mut desk, &before, kind);
            assert!(
                matches!(calls.first(), Some(Call::Post(request)) if *request.body == *wanted.as_bytes()),
                "{calls:?}"
            );
        }
    }
}

#[test]
fn a_test_event_does_nothing_to_its_webhook_whoever_asks_for_the_attempt() {
    let mut desk = dispatcher("standard");
    desk.deps.record = record(Vec::new(), false);
    desk.deps.answer = answer(410, "");
    let mut before = fresh();
    (before.is_test, before.pending_manual_token) = (true, Some("token".to_owned()));
    for kind in [TaskKind::Scheduled(0), TaskKind::Manual("token".to_owned())] {
        let calls = work_claimed(&mut desk, &before, kind);
        assert!(
            matches!(
                &calls[..],
                [
                    Call::Post(_),
                    Call::AttemptFinished(..),
                    Call::CompleteAttempt(_, None)
                ]
            ),
            "{calls:?}"
        );
    }
}

#[test]
fn a_test_event_is_delivered_to_nobody_else_by_a_message_that_names_it() {
    let mut desk = dispatcher("standard");
    let mut event = event();
    event.test = true;
    desk.deps.record = Some(StoredEvent {
        event,
        deliveries: Vec::new(),
        first_attempts_need_lease_since: None,
        is_complete: true,
    });
    let calls = work(&desk, &announced(1));
    assert!(
        matches!(&calls[..], [Call::MessageRejected, Call::PutDeadLetter(dead)] if dead.reason == Reason::Undeliverable),
        "{calls:?}"
    );
}

#[test]
fn a_test_event_is_waited_for_no_longer_than_its_caller_can_wait() {
    for (contract, test, seconds) in [
        ("inspectorio", true, 20),
        ("inspectorio", false, 60),
        ("kazinex", true, 10),
    ] {
        let mut desk = dispatcher(contract);
        let mut event = event();
        event.test = test;
        desk.deps.record = Some(StoredEvent {
            event,
            deliveries: Vec::new(),
            first_attempts_need_lease_since: None,
            is_complete: true,
        });
        let mut before = fresh().due_at(NOW);
        before.is_test = test;
        let calls = work_claimed(&mut desk, &before, TaskKind::Scheduled(0));
        assert!(
            matches!(&calls[..], [Call::Post(request), ..] if request.timeout.as_secs() == seconds),
            "{calls:?}"
        );
    }
}
