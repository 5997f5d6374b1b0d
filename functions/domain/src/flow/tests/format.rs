//! Messages in a newer format than this version reads.

use super::fixtures::*;
use super::*;

const STORED: &str = r#"{"tenantId":"t","stored":"01ARZ3NDEKTSV4RRFFQ69G5FAV","v":2}"#;
const TASK: &str = r#"{"tenantId":"t","deliveryId":"dlv_01ARZ3NDEKTSV4RRFFQ69G5FAVabcdefghjkmnpqrstvwx","sequence":1,"v":2}"#;

/// From another of Postel's functions.
fn ours(source: QueueKind, body: &str) -> QueueMessage {
    QueueMessage {
        sender: "AROAOURSELVES:function".to_owned(),
        ..message(source, body.to_owned(), 1)
    }
}

fn buried(message: &QueueMessage) -> (Vec<Call>, DeadLetter) {
    let consumer = DlqConsumer {
        deps: dispatcher("standard").deps,
        policy: policy(),
    };
    consumer.consume(message).now_or_never().unwrap().unwrap();
    let mut calls = told(&consumer.deps);
    let Some(Call::PutDeadLetter(dead)) = calls.pop() else {
        panic!("{calls:?}");
    };
    (calls, dead)
}

#[test]
fn a_message_in_a_newer_format_comes_back_and_nothing_is_done_for_it() {
    for (queue, body) in [
        (QueueKind::Events, STORED),
        (QueueKind::Deliveries, TASK),
        (QueueKind::Slow, TASK),
    ] {
        let desk = dispatcher("standard");
        let failed = process(&desk, &ours(queue, body), Duration::from_secs(60));
        assert!(
            matches!(&failed[..], [(_, fault)] if fault.is_newer()),
            "{failed:?}"
        );
        let calls = told(&desk.deps);
        assert!(calls.is_empty(), "{calls:?}");
    }
}

#[test]
fn received_too_often_it_becomes_a_dead_letter_that_says_what_to_deploy() {
    for (queue, body) in [(QueueKind::Events, STORED), (QueueKind::Deliveries, TASK)] {
        let (calls, dead) = buried(&ours(queue, body));
        assert!(dead.detail.contains("deploy the newer version"), "{dead:?}");
        assert_eq!((dead.reason, &dead.tenant), (Reason::Undeliverable, &None));
        assert!(
            matches!(calls[0], Call::MessageUnreadable(Stage::ReadMessage)),
            "{calls:?}"
        );
    }
}

#[test]
fn in_a_tenants_own_message_the_member_means_nothing() {
    let theirs = message(QueueKind::Events, STORED.to_owned(), 1);
    let calls = work(&dispatcher("standard"), &theirs);
    assert!(
        matches!(calls.last(), Some(Call::PutDeadLetter(dead)) if dead.reason == Reason::InvalidEvent),
        "{calls:?}"
    );
    let (_, dead) = buried(&theirs);
    assert!(!dead.detail.contains("newer"), "{dead:?}");
}
