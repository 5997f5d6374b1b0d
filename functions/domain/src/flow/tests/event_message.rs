//! A message of the events queue.

use super::fixtures::*;
use super::*;

#[test]
fn a_stored_event_is_tried_at_once_and_only_one_announced_again_goes_over_the_queue() {
    for message in [announced(1), published(2)] {
        let mut desk = dispatcher("standard");
        desk.deps.record = record(Vec::new(), false);
        let calls = work(&desk, &message);
        assert!(
            matches!(&calls[..], [Call::Post(_), Call::AttemptFinished(1, Trigger::Automatic), Call::CreateDelivery(kept, None)]
                if kept.status == Status::Completed),
            "{calls:?}"
        );
        desk.deps.record = record(Vec::new(), true);
        let calls = work(&desk, &message);
        assert!(
            matches!(&calls[..], [Call::CreateDelivery(kept, None), Call::ScheduleTask(task, Duration::ZERO)]
                if kept.status == Status::Pending && kept.next_attempt_at.is_some() && task.kind == TaskKind::Scheduled(0)),
            "{calls:?}"
        );
    }
}

#[test]
fn only_a_redelivered_message_does_the_step_that_may_be_missing() {
    let due = NOW.plus(Duration::from_secs(300));
    let recorded = |delivery, is_inline| StoredDelivery {
        delivery,
        is_inline,
    };
    for (receives, is_inline, carries) in
        [(1, false, 0), (2, false, 1), (3, false, 1), (2, true, 0)]
    {
        let mut desk = dispatcher("standard");
        desk.deps.record = record(vec![recorded(retrying(due), is_inline)], false);
        let calls = work(&desk, &announced(receives));
        assert_eq!(calls.len(), carries, "{receives} {is_inline} {calls:?}");
        if let Some(call) = calls.first() {
            assert!(
                matches!(call, Call::ScheduleTask(task, delay)
                    if task.kind == TaskKind::Scheduled(1) && *delay == Duration::from_secs(300)),
                "{call:?}"
            );
        }
    }
}

#[test]
fn a_new_event_is_tried_before_it_is_looked_for_and_its_success_lives_inside_it() {
    let mut desk = dispatcher("standard");
    // A record that a first receipt does not read.
    desk.deps.record = record(Vec::new(), true);
    let calls = work(&desk, &published(1));
    assert!(
        matches!(&calls[..], [Call::Post(_), Call::AttemptFinished(..), Call::PutEvent(inside), Call::EventAccepted]
            if inside.len() == 1),
        "{calls:?}"
    );
    desk.deps.answer = answer(500, "");
    let calls = work(&desk, &published(1));
    assert!(
        matches!(&calls[..], [Call::Post(_), Call::AttemptFinished(..), Call::PutEvent(inside), Call::EventAccepted,
                Call::CreateDelivery(kept, None), Call::ScheduleTask(task, delay)]
            if inside.is_empty() && kept.status == Status::Retrying
                && task.kind == TaskKind::Scheduled(1) && *delay == Duration::from_secs(5)),
        "{calls:?}"
    );
}

#[test]
fn what_was_read_must_be_as_young_as_the_message_by_the_older_of_two_clocks() {
    let seconds = |count| NOW.plus(Duration::from_secs(count));
    for (sent, received, wanted) in [
        (seconds(10), seconds(10), seconds(10)),
        (seconds(10), seconds(11), seconds(11)),
        (seconds(10), seconds(60), seconds(11)),
        (seconds(10), seconds(5), seconds(5)),
    ] {
        let desk = dispatcher("standard");
        let message = QueueMessage {
            sent,
            received,
            ..announced(1)
        };
        process(&desk, &message, Duration::from_secs(3600));
        let calls = desk.deps.calls.lock().unwrap();
        assert!(
            matches!(calls.first(), Some(Call::TenantSnapshot(at)) if *at == wanted),
            "{calls:?}"
        );
    }
}

#[test]
fn an_event_announced_again_opens_a_delivery_for_who_wants_it_and_has_none() {
    let mut desk = dispatcher("standard");
    if let Some(snapshot) = &mut desk.deps.snapshot {
        let contract = builtin("standard").unwrap();
        let mut another = webhook(2, &contract);
        another.webhook.events = vec![EventFilter::Component("other".to_owned())];
        snapshot
            .subscriptions
            .extend([another, webhook(3, &contract)]);
    }
    let delivery = retrying(NOW);
    desk.deps.record = record(
        vec![StoredDelivery {
            delivery,
            is_inline: false,
        }],
        true,
    );
    let calls = work(&desk, &announced(1));
    assert!(
        matches!(&calls[..], [Call::CreateDelivery(opened, None), Call::ScheduleTask(task, _)]
            if opened.id.webhook == WebhookId::new([3; 16]) && task.delivery_id == opened.id),
        "{calls:?}"
    );
    // Another message was faster, so its task carries the delivery.
    desk.deps.wins = false;
    let calls = work(&desk, &announced(1));
    assert!(
        matches!(&calls[..], [Call::CreateDelivery(..)]),
        "{calls:?}"
    );
}

#[test]
fn what_is_no_event_or_no_task_becomes_a_dead_letter_of_whom_it_proves_to_be() {
    let body = |text: &str| message(QueueKind::Events, text.to_owned(), 1);
    let stranger = |text: &str| QueueMessage {
        sender: "AROASTRANGER:AROAPUBLISHER".to_owned(),
        ..body(text)
    };
    let good = r#"{"tenantId":"t","type":"a.b","data":1}"#;
    let bad = r#"{"tenantId":"t","type":1}"#;
    for (message, reason, is_tenants) in [
        (body("no json"), Reason::MalformedJson, false),
        (body(bad), Reason::InvalidEvent, true),
        (stranger(bad), Reason::InvalidEvent, false),
        (stranger(good), Reason::SenderNotAllowed, false),
        (
            body(r#"{"type":"a.b","data":1}"#),
            Reason::InvalidEvent,
            false,
        ),
        (announced(1), Reason::Undeliverable, true),
        (
            QueueMessage {
                sender: "AROASTRANGER".to_owned(),
                ..announced(1)
            },
            Reason::SenderNotAllowed,
            false,
        ),
    ] {
        let calls = work(&dispatcher("standard"), &message);
        let [Call::MessageRejected, Call::PutDeadLetter(dead)] = &calls[..] else {
            panic!("{message:?} {calls:?}");
        };
        assert_eq!(
            (dead.reason, dead.tenant.is_some()),
            (reason, is_tenants),
            "{message:?}"
        );
        assert_eq!(dead.at, NOW);
        assert!(
            matches!(&dead.body, Body::Message { text: Some(text), .. } if *text == message.body)
        );
    }
    let mut nobodys = dispatcher("standard");
    nobodys.deps.snapshot = None;
    let calls = work(&nobodys, &body(good));
    assert!(
        matches!(&calls[..], [Call::MessageRejected, Call::PutDeadLetter(dead)] if dead.reason == Reason::UnknownTenant),
        "{calls:?}"
    );
    let calls = work(
        &dispatcher("standard"),
        &message(QueueKind::Deliveries, "not a task".to_owned(), 1),
    );
    assert!(
        matches!(&calls[..], [Call::MessageUnreadable(Stage::ReadMessage), Call::PutDeadLetter(dead)]
            if dead.reason == Reason::MalformedJson && dead.tenant.is_none()
                && matches!(&dead.body, Body::Message { text: Some(text), .. } if text == "not a task")),
        "{calls:?}"
    );
}

#[test]
fn an_id_that_is_done_is_silent_one_in_conflict_dead_and_one_at_work_comes_back() {
    let body = r#"{"tenantId":"t","id":"a","type":"a.b","data":1}"#;
    let message = message(QueueKind::Events, body.to_owned(), 1);
    let mut desk = dispatcher("standard");
    desk.deps.id_claim = Some(EventIdClaim::AlreadyAccepted(event().key));
    assert!(work(&desk, &message).is_empty());
    desk.deps.id_claim = Some(EventIdClaim::Conflict);
    let calls = work(&desk, &message);
    assert!(
        matches!(&calls[..], [Call::MessageRejected, Call::PutDeadLetter(dead)]
            if dead.reason == Reason::IdConflict && dead.tenant.is_some()),
        "{calls:?}"
    );
    desk.deps.id_claim = Some(EventIdClaim::InProgress);
    let failed = process(&desk, &message, Duration::from_secs(3600));
    assert!(matches!(&failed[..], [(id, fault)] if id == "m" && fault.stage == Stage::Busy));
}

#[test]
fn who_takes_an_id_over_waits_for_what_its_predecessor_announced_and_then_claims() {
    let body = r#"{"tenantId":"t","id":"a","type":"a.b","data":1}"#;
    // The invocation, and so every other, lasts an hour.
    let dispatcher_timeout = Duration::from_secs(3600);
    let before_that = NOW.minus(dispatcher_timeout + LEASE_MARGIN);
    let just_now = before_that.plus(Duration::from_millis(1));
    let marks = [
        (None, 1, true),
        (Some(just_now), 0, true),
        (Some(before_that), 0, false),
    ];
    for (receives, (marked_at, notes, comes_back)) in
        [1, 2].into_iter().flat_map(|n| marks.map(|mark| (n, mark)))
    {
        let message = message(QueueKind::Events, body.to_owned(), receives);
        let mut desk = dispatcher("standard");
        desk.deps.id_claim = Some(EventIdClaim::Acquired {
            key: event().key,
            is_taken_over: true,
        });
        desk.deps.record = record(Vec::new(), false);
        if let Some(record) = &mut desk.deps.record {
            record.first_attempts_need_lease_since = marked_at;
        }
        let failed = process(&desk, &message, dispatcher_timeout);
        let calls = told(&desk.deps);
        let noted = |call: &&Call| matches!(call, Call::RequireLease(key) if *key == event().key);
        assert_eq!(calls.iter().filter(noted).count(), notes, "{calls:?}");
        let stages: Vec<_> = failed.iter().map(|(_, fault)| fault.stage).collect();
        if comes_back {
            assert_eq!((stages, calls.len()), (vec![Stage::Busy], notes));
        } else {
            assert!(
                stages.is_empty()
                    && matches!(
                        &calls[..],
                        [Call::CreateDelivery(..), Call::ScheduleTask(..)]
                    ),
                "{stages:?} {calls:?}"
            );
        }
        // The earlier owner stored nothing, so the id counts as new.
        desk.deps.record = None;
        let calls = work(&desk, &message);
        assert!(matches!(&calls[..], [Call::Post(_), ..]), "{calls:?}");
    }
}

#[test]
fn a_twin_that_was_faster_keeps_its_record_and_gets_what_it_has_not() {
    let mut desk = dispatcher("standard");
    if let Some(snapshot) = &mut desk.deps.snapshot {
        let contract = builtin("standard").unwrap();
        snapshot.subscriptions.push(webhook(2, &contract));
    }
    let delivery = retrying(NOW);
    desk.deps.record = record(
        vec![StoredDelivery {
            delivery,
            is_inline: false,
        }],
        false,
    );
    desk.deps.wins = false;
    let calls = work(&desk, &published(1));
    let opened: Vec<_> = calls
        .iter()
        .filter_map(|call| match call {
            Call::CreateDelivery(opened, None) => Some(&opened.id.webhook),
            _ => None,
        })
        .collect();
    assert_eq!(opened, [&WebhookId::new([2; 16])], "{calls:?}");
    assert!(!calls.iter().any(|call| matches!(call, Call::EventAccepted)));
}

#[test]
fn beside_an_unreadable_webhook_the_others_are_served_and_the_message_is_retried() {
    let hour = Duration::from_secs(3600);
    for message in [published(1), published(2), announced(1)] {
        let mut desk = dispatcher("standard");
        desk.deps.record = record(vec![], false);
        let snapshot = desk.deps.snapshot.as_mut().unwrap();
        snapshot.unreadable.push(WebhookId::new([2; 16]));
        let failed = process(&desk, &message, hour);
        assert!(
            matches!(&failed[..], [(_, fault)] if fault.is_corrupt()),
            "{failed:?}"
        );
        let calls = told(&desk.deps);
        assert!(
            calls.iter().any(|call| matches!(call, Call::Post(..))),
            "{calls:?}"
        );
    }
    // A delivery to that webhook waits as well, and is not given up.
    let mut desk = dispatcher("standard");
    let snapshot = desk.deps.snapshot.as_mut().unwrap();
    let itself = snapshot.subscriptions.remove(0).webhook.id;
    snapshot.unreadable.push(itself);
    let failed = process(
        &desk,
        &asked(&task(&retrying(NOW), TaskKind::Scheduled(1)), 1),
        hour,
    );
    assert_eq!(failed.len(), 1);
    assert!(told(&desk.deps).is_empty());
}

#[test]
fn what_an_earlier_tenant_of_the_same_id_sent_reaches_nobody() {
    let made = |seconds| {
        let mut desk = dispatcher("standard");
        desk.deps.record = record(vec![], false);
        let snapshot = desk.deps.snapshot.as_mut().unwrap();
        snapshot.tenant.created_at = NOW.plus(Duration::from_secs(seconds));
        desk
    };
    let today = QueueMessage {
        sent: NOW.plus(Duration::from_secs(9)),
        ..announced(1)
    };
    for message in [published(1), announced(1), today.clone()] {
        let calls = work(&made(5), &message);
        assert!(
            matches!(&calls[..], [Call::MessageRejected, Call::PutDeadLetter(dead)]
                if dead.reason == Reason::UnknownTenant && dead.tenant.is_none()),
            "{calls:?}"
        );
    }
    // The clocks may differ by a second.
    for message in [published(1), announced(1), today] {
        let calls = work(&made(1), &message);
        assert!(
            calls.iter().any(|call| matches!(call, Call::Post(..))),
            "{calls:?}"
        );
    }
}

#[test]
fn only_an_event_from_before_its_webhook_was_disabled_becomes_a_dead_letter() {
    for (message, again) in [
        (published(1), false),
        (announced(1), false),
        (announced(1), true),
    ] {
        for (seconds_later, is_owed) in [(1, true), (0, false)] {
            let mut desk = dispatcher("standard");
            desk.deps.record = record(Vec::new(), again);
            if let Some(snapshot) = &mut desk.deps.snapshot {
                let off = NOW.plus(Duration::from_secs(seconds_later));
                let webhook = &mut snapshot.subscriptions[0].webhook;
                (webhook.active, webhook.switched) = (false, vec![off]);
            }
            let calls = work(&desk, &message);
            let opened = calls.iter().find_map(|call| match call {
                Call::CreateDelivery(delivery, dead) => Some((delivery.status, dead.is_some())),
                _ => None,
            });
            // An event that was announced again goes to the deliveries queue, where all first
            // attempts of such events are made.
            let expected = match again {
                true => (Status::Pending, false),
                false => (Status::Failed, true),
            };
            assert_eq!(opened, is_owed.then_some(expected), "{calls:?}");
            assert!(!calls.iter().any(|call| matches!(call, Call::Post(_))));
        }
    }
}
