//! Redrives and manual attempts.

use super::fixtures::*;
use super::*;
use crate::flow::{redrive_delivery, request_manual_attempt};
use crate::ids::DeadLetterId;

#[test]
fn a_dead_letter_is_put_back_once_and_its_first_attempt_sent_for_at_once() {
    let mut desk = dispatcher("standard").deps;
    let letter = DeadLetter {
        id: DeadLetterId(Ulid::floor(NOW)),
        tenant: None,
        at: NOW,
        reason: Reason::Refused,
        detail: String::new(),
        body: Body::Message {
            text: Some(String::new()),
            sender: String::new(),
            message_id: String::new(),
        },
    };
    let put_back = |desk: &FakePorts| {
        let did = redrive_delivery(desk, desk, NOW, &letter)
            .now_or_never()
            .unwrap();
        (did.unwrap(), told(desk))
    };
    let (did, calls) = put_back(&desk);
    assert!(!did && calls.is_empty(), "{calls:?}");
    desk.revived = Some(failed().redriven(NOW));
    let (did, calls) = put_back(&desk);
    assert!(
        did && matches!(&calls[..], [Call::ScheduleTask(sent, Duration::ZERO)]
            if *sent == task(&failed(), TaskKind::Scheduled(2))),
        "{calls:?}"
    );
}

#[test]
fn a_manual_attempt_is_sent_for_by_who_asked_first_and_promised_to_all() {
    let recorded = |number: u8, is_inline| StoredDelivery {
        delivery: Delivery::new(&event(), &WebhookId::new([number; 16])),
        is_inline,
    };
    let press = |desk: &FakePorts, is_inline| {
        let pressed = request_manual_attempt(desk, desk, desk, recorded(1, is_inline))
            .now_or_never()
            .unwrap();
        let waits = pressed
            .unwrap()
            .map(|waits| waits.pending_manual_token.unwrap());
        (waits, told(desk))
    };
    let mut desk = dispatcher("standard").deps;
    for (is_inline, opens) in [(false, 0), (true, 1)] {
        let (waits, calls) = press(&desk, is_inline);
        let token = desk.new_owner();
        assert!(
            waits.as_ref() == Ok(&token)
                && calls.len() == opens + 1
                && matches!(calls.last(), Some(Call::ScheduleTask(sent, Duration::ZERO))
                    if *sent == task(&fresh(), TaskKind::Manual(token))),
            "{calls:?}"
        );
        if opens > 0 {
            assert!(
                matches!(&calls[0], Call::CreateDelivery(opened, None) if opened.id == fresh().id),
                "{calls:?}"
            );
        }
    }
    // Another caller's manual attempt is pending and serves this request too.
    desk.waiting = Some("another".to_owned());
    let (waits, calls) = press(&desk, false);
    assert!(
        waits.as_deref() == Ok("another") && calls.is_empty(),
        "{calls:?}"
    );
    // It was deleted after it was read.
    desk.did = false;
    let (waits, calls) = press(&desk, false);
    assert!(
        waits == Err(NotAsked::Missing) && calls.is_empty(),
        "{calls:?}"
    );
}
