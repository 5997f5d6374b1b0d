//! The buttons.

use super::given::*;
use super::*;
use crate::flow::{redrive_delivery, retry_by_hand};
use crate::ids::DeadLetterId;

#[test]
fn a_dead_letter_is_put_back_once_and_its_first_attempt_sent_for_at_once() {
    let mut desk = dispatcher("standard").ports;
    let letter = DeadLetter {
        id: DeadLetterId(Ulid::floor(NOW)),
        tenant: None,
        at: NOW,
        reason: Reason::Refused,
        detail: String::new(),
        body: Body::Message {
            text: String::new(),
            sender: String::new(),
        },
    };
    let put_back = |desk: &Desk| {
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
        did && matches!(&calls[..], [Call::Carry(sent, Duration::ZERO)]
            if *sent == errand(&failed(), Task::Ticket(2))),
        "{calls:?}"
    );
}

#[test]
fn a_manual_attempt_is_sent_for_by_who_asked_first_and_promised_to_all() {
    let recorded = |number: u8, embedded| Recorded {
        delivery: Delivery::new(&event(), &WebhookId::new([number; 16])),
        embedded,
    };
    let press = |desk: &Desk| {
        let pressed = retry_by_hand(desk, desk, desk, &event().tenant, &fresh().id)
            .now_or_never()
            .unwrap();
        (pressed.unwrap(), told(desk))
    };
    let mut desk = dispatcher("standard").ports;
    for unknown in [None, record(vec![recorded(2, false)], false)] {
        desk.record = unknown;
        let (is_promised, calls) = press(&desk);
        assert!(!is_promised && calls.is_empty(), "{calls:?}");
    }
    for (embedded, opens) in [(false, 0), (true, 1)] {
        desk.record = record(vec![recorded(2, false), recorded(1, embedded)], false);
        let (is_promised, calls) = press(&desk);
        let token = desk.owner();
        assert!(
            is_promised
                && calls.len() == opens + 1
                && matches!(calls.last(), Some(Call::Carry(sent, Duration::ZERO))
                    if *sent == errand(&fresh(), Task::Manual(token))),
            "{calls:?}"
        );
        if opens > 0 {
            assert!(
                matches!(&calls[0], Call::Open(opened, None) if opened.id == fresh().id),
                "{calls:?}"
            );
        }
    }
    // Another's waits: it will serve.
    desk.record = record(vec![recorded(1, false)], false);
    desk.waiting = Some("another".to_owned());
    let (is_promised, calls) = press(&desk);
    assert!(is_promised && calls.is_empty(), "{calls:?}");
    // It went while we read.
    desk.did = false;
    let (is_promised, calls) = press(&desk);
    assert!(!is_promised && calls.is_empty(), "{calls:?}");
}
