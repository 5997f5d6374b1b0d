//! Messages that reached a dead-letter queue.

use super::fixtures::*;
use super::*;
use crate::delivery::MAX_LOST_MESSAGES;

fn consume(
    dispatcher: Dispatcher<FakePorts>,
    message: &QueueMessage,
) -> (Result<(), Fault>, Vec<Call>) {
    let consumer = DlqConsumer {
        deps: dispatcher.deps,
        policy: policy(),
    };
    let consumed = consumer.consume(message).now_or_never().unwrap();
    (consumed, told(&consumer.deps))
}

#[test]
fn an_event_that_died_in_its_queue_is_dead_unless_everybody_has_it() {
    let has = |number| StoredDelivery {
        delivery: Delivery::new(&event(), &WebhookId::new([number; 16])),
        is_inline: false,
    };
    let stranger = QueueMessage {
        sender: "AROASTRANGER".to_owned(),
        ..announced(6)
    };
    for (recorded, message, is_dead, is_tenants) in [
        (None, announced(6), true, true),
        (Some(vec![]), announced(6), true, true),
        (Some(vec![has(2)]), announced(6), true, true),
        (Some(vec![has(1)]), announced(6), false, false),
        (Some(vec![has(2), has(1)]), announced(6), false, false),
        (Some(vec![has(1)]), published(6), false, false),
        // Neither an unknown sender's message nor a body that names no tenant.
        (Some(vec![has(1)]), stranger, true, false),
        (
            Some(vec![has(1)]),
            message(QueueKind::Events, "no json".to_owned(), 6),
            true,
            false,
        ),
    ] {
        let mut desk = dispatcher("standard");
        desk.deps.record = recorded.and_then(|recorded| record(recorded, false));
        let (consumed, calls) = consume(desk, &message);
        consumed.unwrap();
        if !is_dead {
            assert!(calls.is_empty(), "{message:?} {calls:?}");
            continue;
        }
        let [Call::MessageRejected, Call::PutDeadLetter(dead)] = &calls[..] else {
            panic!("{message:?} {calls:?}");
        };
        assert_eq!(dead.reason, Reason::Undeliverable);
        assert_eq!(dead.tenant.is_some(), is_tenants, "{message:?}");
        assert_eq!(dead.id, crate::ids::DeadLetterId(Ulid::derived(NOW, "m")));
    }
}

#[test]
fn a_task_that_died_in_its_queue_is_left_to_the_sweeper_and_a_manual_one_ends() {
    let claimed = |before: &Delivery, kind: TaskKind, claim: Option<LeaseResult>| {
        let mut desk = dispatcher("standard");
        desk.deps.claim = claim.or_else(|| Some(LeaseResult::Acquired(Box::new(before.clone()))));
        consume(desk, &asked(&task(before, kind), 6))
    };
    let mut before = retrying(NOW);
    let (_, calls) = claimed(&before, TaskKind::Scheduled(1), None);
    assert!(
        matches!(&calls[..], [Call::CompleteAttempt(after, None), Call::MessageLost(1)]
            if Some(after) == before.clone().after_lost_message(NOW).as_ref()),
        "{calls:?}"
    );
    let rest = before.clone();
    before.pending_manual_token = Some("token".to_owned());
    let (_, calls) = claimed(&before, TaskKind::Manual("token".to_owned()), None);
    assert!(
        matches!(&calls[..], [Call::CompleteAttempt(after, None)] if *after == rest),
        "{calls:?}"
    );
    let busy = LeaseResult::Held(NOW.plus(LEASE_MARGIN));
    let (consumed, calls) = claimed(&before, TaskKind::Scheduled(1), Some(busy));
    assert!(consumed.is_err() && calls.is_empty(), "{calls:?}");
    for over in [
        LeaseResult::Superseded(Box::new(before.clone())),
        LeaseResult::NotFound,
    ] {
        let (consumed, calls) = claimed(&before, TaskKind::Scheduled(1), Some(over));
        assert!(consumed.is_ok() && calls.is_empty(), "{calls:?}");
    }
    let unreadable = message(QueueKind::Deliveries, "not a task".to_owned(), 6);
    let (_, calls) = consume(dispatcher("standard"), &unreadable);
    assert!(
        matches!(
            &calls[..],
            [
                Call::MessageUnreadable(Stage::ReadMessage),
                Call::PutDeadLetter(_)
            ]
        ),
        "{calls:?}"
    );
}

#[test]
fn a_delivery_ends_whose_messages_died_too_often_and_a_test_event_at_once() {
    let mut often = retrying(NOW);
    often.lost.count = MAX_LOST_MESSAGES;
    let test = Delivery {
        is_test: true,
        ..retrying(NOW)
    };
    for (before, has_letter) in [(often, true), (test, false)] {
        let mut desk = dispatcher("standard");
        desk.deps.claim = Some(LeaseResult::Acquired(Box::new(before.clone())));
        let (consumed, calls) = consume(desk, &asked(&task(&before, TaskKind::Scheduled(1)), 6));
        consumed.unwrap();
        let [Call::CompleteAttempt(after, dead), rest @ ..] = &calls[..] else {
            panic!("{calls:?}");
        };
        assert_eq!(after.status, Status::Failed);
        assert_eq!(after.reason, Some(Reason::Undeliverable));
        assert_eq!(dead.is_some(), has_letter, "{calls:?}");
        assert_eq!(rest.len(), usize::from(has_letter), "{calls:?}");
    }
}

#[test]
fn a_dead_job_message_is_no_dead_letter_since_the_sweeper_continues_the_job() {
    let called = r#"{"tenantId": "t", "jobId": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "turn": 3}"#;
    let message = message(QueueKind::Deliveries, called.to_owned(), 6);
    let (consumed, calls) = consume(dispatcher("standard"), &message);
    assert!(consumed.is_ok() && calls.is_empty(), "{calls:?}");
}

#[test]
fn what_cannot_be_read_still_lets_its_message_become_a_dead_letter() {
    let mut desk = dispatcher("standard");
    desk.deps.is_config_corrupt = true;
    let (consumed, calls) = consume(desk, &published(6));
    consumed.unwrap();
    // Only the tenant's row shows which tenant it belongs to.
    assert!(
        matches!(&calls[..], [Call::MessageUnreadable(Stage::ReadConfig), Call::MessageRejected, Call::PutDeadLetter(dead)]
            if dead.tenant.is_none()),
        "{calls:?}"
    );

    let mut desk = dispatcher("standard");
    desk.deps.is_log_corrupt = true;
    let (consumed, calls) = consume(desk, &announced(6));
    consumed.unwrap();
    assert!(
        matches!(&calls[..], [Call::MessageUnreadable(Stage::ReadStore), Call::MessageRejected, Call::PutDeadLetter(dead)]
            if dead.tenant.is_some()),
        "{calls:?}"
    );

    let mut desk = dispatcher("standard");
    desk.deps.is_log_corrupt = true;
    let task = task(&retrying(NOW), TaskKind::Scheduled(1));
    let (consumed, calls) = consume(desk, &asked(&task, 6));
    consumed.unwrap();
    assert!(
        matches!(&calls[..], [Call::MessageUnreadable(Stage::ReadStore), Call::PutDeadLetter(dead)]
            if dead.reason == Reason::Undeliverable),
        "{calls:?}"
    );

    // All readable webhooks have the event, and one webhook cannot be read.
    let mut desk = dispatcher("standard");
    desk.deps.record = record(vec![], false);
    let snapshot = desk.deps.snapshot.as_mut().unwrap();
    snapshot.subscriptions.clear();
    snapshot.unreadable.push(WebhookId::new([2; 16]));
    let (consumed, calls) = consume(desk, &announced(6));
    consumed.unwrap();
    assert!(
        matches!(&calls[..], [Call::MessageRejected, Call::PutDeadLetter(dead)] if dead.tenant.is_some()),
        "{calls:?}"
    );
}

#[test]
fn what_an_earlier_tenant_left_is_nobodys() {
    let later = NOW.plus(Duration::from_secs(9));
    let named_later = serde_json::json!({"tenantId": "t", "stored": Ulid::derived(later, "m")});
    let messages = [
        published(6),
        announced(6),
        // A publisher of the tenant may name an event of the earlier tenant now,
        QueueMessage {
            sent: later,
            ..announced(6)
        },
        // and a publisher of the earlier tenant could name a future event.
        message(QueueKind::Events, named_later.to_string(), 6),
    ];
    // The clocks may differ by a second.
    for (made_after, is_tenants) in [(5, false), (1, true)] {
        for message in &messages {
            let mut desk = dispatcher("standard");
            let created_at = NOW.plus(Duration::from_secs(made_after));
            desk.deps.snapshot.as_mut().unwrap().tenant.created_at = created_at;
            let (consumed, calls) = consume(desk, message);
            consumed.unwrap();
            assert!(
                matches!(&calls[..], [Call::MessageRejected, Call::PutDeadLetter(dead)] if dead.tenant.is_some() == is_tenants),
                "{message:?} {calls:?}"
            );
        }
    }
}
