//! Webhooks with a delivery of the event.

use super::*;

#[test]
fn what_cannot_be_read_is_told_as_such() {
    let event = an_event();
    let unreadable = TenantSnapshot {
        unreadable: vec![webhook().id],
        ..snapshot(None)
    };
    let detail = "The webhook, its contract or its delivery cannot be read. The event waits for it, and becomes a dead letter (undeliverable) if that stays so.";
    let expected = pending("unreadable", detail, &[], false);
    assert_eq!(explain(&event, None, &unreadable), expected);
    let incomplete = StoredEvent {
        is_complete: false,
        ..record(&event, vec![])
    };
    assert_eq!(
        explain(&event, Some(&incomplete), &snapshot(Some(signing()))),
        expected
    );
    let due = explain(&event, Some(&record(&event, vec![retrying()])), &unreadable);
    assert_eq!((due.result, due.reason), ("due", "unreadable"));
    let over = explain(
        &event,
        Some(&record(&event, vec![failed(Reason::Refused)])),
        &unreadable,
    );
    assert_eq!((over.result, over.reason), ("failed", "refused"));
}

#[test]
fn a_delivery_is_told_by_its_state_and_its_last_attempt() {
    let answered = |status: u16| {
        format!("Attempt 1 at 1970-01-01T00:01:41.000Z: The receiver answered {status}.")
    };
    let told = recorded(
        new().after_automatic(attempt(1, response(200)), Verdict::Delivered),
        Some(signing()),
    );
    let expected = Told {
        result: "delivered",
        reason: "delivered",
        detail: format!("The event is delivered. {}", answered(200)),
        next: vec![],
        has_request: true,
    };
    assert_eq!(told, expected);
    let expected = Told {
        result: "due",
        reason: "retrying",
        detail: format!(
            "The webhook gets the event. {} The next attempt is due at 1970-01-01T00:35:02.000Z.",
            answered(503)
        ),
        next: vec![2_102, 2_162],
        has_request: true,
    };
    assert_eq!(recorded(retrying(), Some(signing())), expected);
    let expected = Told {
        result: "due",
        reason: "redriven",
        detail: format!(
            "The delivery was redriven. {} The next attempt is due at 1970-01-01T00:16:40.000Z.",
            answered(400)
        ),
        next: vec![1_000, 1_005, 1_065],
        has_request: true,
    };
    assert_eq!(
        recorded(failed(Reason::Refused).redriven(at(900)), Some(signing())),
        expected
    );
    let mut processing = retrying();
    processing.status = Status::Processing;
    let expected = Told {
        result: "due",
        reason: "attempt_in_progress",
        detail: format!("Attempt 2 is being made. {}", answered(503)),
        next: vec![2_162],
        has_request: true,
    };
    assert_eq!(recorded(processing, Some(signing())), expected);
    let first = "The webhook gets the event. The next attempt is due at 1970-01-01T00:16:40.000Z.";
    let due = recorded(new().due_at(at(100)), Some(signing()));
    assert_eq!(
        due,
        pending("first_attempt", first, &[1_000, 1_005, 1_065], true)
    );
}

#[test]
fn a_failed_delivery_has_the_reason_of_its_dead_letter() {
    for (reason, why) in [
        (
            Reason::Refused,
            "The receiver answered with a status that the contract never retries.",
        ),
        (Reason::Exhausted, "Every attempt of the schedule failed."),
        (Reason::Gone, "The receiver answered that it is gone."),
        (
            Reason::AddressBlocked,
            "The address of the webhook is blocked.",
        ),
        (Reason::InvalidUrl, "The URL of the webhook is not allowed."),
        (
            Reason::Undeliverable,
            "The delivery's message failed too often.",
        ),
    ] {
        let told = recorded(failed(reason), Some(signing()));
        let expected = Told {
            result: "failed",
            reason: reason.as_str(),
            detail: format!(
                "{why} Attempt 1 at 1970-01-01T00:01:41.000Z: The receiver answered 400."
            ),
            next: vec![],
            has_request: true,
        };
        assert_eq!(told, expected);
    }
    for (reason, why) in [
        (
            Reason::WebhookInactive,
            "The webhook was switched off or deleted while an attempt waited.",
        ),
        (
            Reason::EventErased,
            "The content of the event was erased before it was delivered.",
        ),
    ] {
        let told = recorded(new().abandoned(reason), Some(signing()));
        let expected = Told {
            result: "failed",
            reason: reason.as_str(),
            detail: why.to_owned(),
            next: vec![],
            has_request: false,
        };
        assert_eq!(told, expected);
    }
}

#[test]
fn a_waiting_delivery_that_cannot_be_attempted_says_how_it_ends() {
    let so_far = "Attempt 1 at 1970-01-01T00:01:41.000Z: The receiver answered 503.";
    let off = Webhook {
        active: false,
        switched: vec![at(150)],
        ..signing()
    };
    let another = Webhook {
        since: Some(at(500)),
        ..signing()
    };
    for (delivery, webhook, reason, detail) in [
        (
            retrying(),
            None,
            "webhook_deleted",
            "The webhook is deleted: the delivery becomes a dead letter (webhook_inactive) when it is due.",
        ),
        (
            retrying(),
            Some(off),
            "webhook_inactive",
            "The webhook has been off since 1970-01-01T00:02:30.000Z. The delivery becomes a dead letter (webhook_inactive) when it is due, unless the webhook is switched on first.",
        ),
        (
            retrying(),
            Some(another),
            "webhook_inactive",
            "The delivery is one of a deleted webhook that had this id: it becomes a dead letter (webhook_inactive) when it is due.",
        ),
        (
            retrying().erased(at(400)),
            Some(signing()),
            "event_erased",
            "The content of the event was erased: the delivery becomes a dead letter (event_erased).",
        ),
    ] {
        let expected = Told {
            result: "due",
            reason,
            detail: format!("{detail} {so_far}"),
            next: vec![],
            has_request: false,
        };
        assert_eq!(recorded(delivery, webhook), expected);
    }
}
