//! Webhooks without a delivery of the event.

use super::*;
use crate::filter::Filter;

fn erased() -> Event {
    Event {
        payload: Payload::Erased(at(150)),
        ..an_event()
    }
}

#[test]
fn an_event_that_might_be_published_goes_to_an_active_webhook_that_selects_it() {
    let first = "The webhook gets the event. The first attempt is made at once.";
    let next = [1_000, 1_005, 1_065];
    assert_eq!(
        draft(signing()),
        pending("first_attempt", first, &next, true)
    );
}

#[test]
fn a_type_that_no_filter_selects_is_told_with_the_nearest_filter() {
    let filtered = |filters: &[&str]| {
        let filters = filters.iter().map(|filter| (*filter).to_owned());
        Webhook {
            events: filters.map(|f| EventFilter::try_from(f).unwrap()).collect(),
            ..signing()
        }
    };
    let without = "The webhook does not subscribe to item.created.";
    for (filters, detail) in [
        (&["order.*"][..], without.to_owned()),
        (&[], without.to_owned()),
        (
            &["order.*", "item.deleted", "item.created.late"],
            format!("{without} The nearest filter is item.created.late."),
        ),
        (
            &["Item.Created"],
            format!("{without} The nearest filter is Item.Created."),
        ),
        (
            &["i", "items.*", "item.c"],
            format!("{without} The nearest filter is item.c."),
        ),
    ] {
        let expected = not_wanted("type_not_selected", &detail);
        assert_eq!(draft(filtered(filters)), expected);
        assert_eq!(unrecorded(filtered(filters)), expected);
    }
    let off = Webhook {
        active: false,
        ..filtered(&["order.*"])
    };
    let both = format!("{without} The webhook has been off since 1970-01-01T00:00:01.000Z.");
    assert_eq!(draft(off), not_wanted("type_not_selected", &both));
}

#[test]
fn an_inactive_webhook_says_since_when_and_who_switched_it_off() {
    let off = |disabled| Webhook {
        active: false,
        disabled,
        switched: vec![at(50)],
        ..signing()
    };
    for (disabled, reason, why) in [
        (
            None,
            "inactive",
            "The webhook has been off since 1970-01-01T00:00:50.000Z.",
        ),
        (
            Some(DisableReason::Gone),
            "disabled",
            "Postel disabled the webhook at 1970-01-01T00:00:50.000Z, because the receiver answered that it is gone.",
        ),
        (
            Some(DisableReason::Exhausted),
            "disabled",
            "Postel disabled the webhook at 1970-01-01T00:00:50.000Z, because the last attempt of a delivery failed.",
        ),
    ] {
        let expected = not_wanted(
            reason,
            &format!("{why} Events of this time do not go to it."),
        );
        assert_eq!(draft(off(disabled)), expected);
        assert_eq!(unrecorded(off(disabled)), expected);
    }
}

#[test]
fn a_webhook_that_was_not_on_when_the_event_was_accepted_does_not_get_it() {
    let created = Webhook {
        created_at: at(200),
        updated_at: at(200),
        ..signing()
    };
    let queued = "It gets the event only if that still waits in the queue.";
    let later = format!(
        "The webhook was created at 1970-01-01T00:03:20.000Z, after the event was accepted at 1970-01-01T00:01:40.000Z. {queued}"
    );
    assert_eq!(
        unrecorded(created.clone()),
        not_wanted("created_later", &later)
    );
    // Made here later, under the id and the time of another system.
    let anew = Webhook {
        since: Some(at(200)),
        ..signing()
    };
    assert_eq!(unrecorded(anew), not_wanted("created_later", &later));
    assert_eq!(draft(created).reason, "first_attempt");
    let switched = Webhook {
        switched: vec![at(50), at(150)],
        ..signing()
    };
    let then = format!(
        "The webhook was off when the event was accepted at 1970-01-01T00:01:40.000Z, and was switched on later. {queued}"
    );
    assert_eq!(
        unrecorded(switched.clone()),
        not_wanted("inactive_then", &then)
    );
    // It would not have become a dead letter of this webhook either.
    let event = erased();
    let told = explain(
        &event,
        Some(&record(&event, vec![])),
        &snapshot(Some(switched)),
    );
    assert_eq!(told, not_wanted("inactive_then", &then));
    let changed = Webhook {
        updated_at: at(300),
        ..signing()
    };
    let detail = "The webhook was changed at 1970-01-01T00:05:00.000Z, after the event was accepted at 1970-01-01T00:01:40.000Z, and has no delivery of it: it did not subscribe to the event at that time, or the event still waits in the queue.";
    assert_eq!(unrecorded(changed), not_wanted("changed_later", detail));
}

#[test]
fn an_event_without_a_delivery_waits_for_its_first_attempt_or_becomes_a_dead_letter() {
    let first = "The event is accepted. Its first attempt is due, and not recorded yet.";
    let next = [1_000, 1_005, 1_065];
    assert_eq!(
        unrecorded(signing()),
        pending("first_attempt", first, &next, true)
    );
    let off = Webhook {
        active: false,
        switched: vec![at(150)],
        ..signing()
    };
    let detail = "The webhook has been off since 1970-01-01T00:02:30.000Z. The event was accepted before that: it becomes a dead letter (webhook_inactive), unless the webhook is switched on first.";
    assert_eq!(
        unrecorded(off),
        pending("webhook_inactive", detail, &[], false)
    );
    let erased = erased();
    let told = explain(
        &erased,
        Some(&record(&erased, vec![])),
        &snapshot(Some(signing())),
    );
    let detail = "The content of the event was erased: it becomes a dead letter (event_erased).";
    assert_eq!(told, pending("event_erased", detail, &[], false));
}

#[test]
fn an_event_whose_message_died_waits_for_nothing_but_its_redrive() {
    let (event, webhook) = (an_event(), snapshot(Some(signing())));
    let record = record(&event, vec![]);
    let explained = Explained {
        is_message_dead: true,
        ..explained(&event, Some(&record), &webhook)
    };
    let all = explained.webhooks();
    let detail = "Postel failed on the event's message too often before all first attempts were made: redrive its dead letter.";
    let expected = Told {
        result: "failed",
        reason: "undeliverable",
        ..not_wanted("", detail)
    };
    assert_eq!(told(&all[0]), expected);
}

#[test]
fn a_slow_webhook_gets_it_from_the_slow_lane() {
    let slow = Webhook {
        slow_since: Some(at(70)),
        failing_since: None,
        ..signing()
    };
    let detail = "The receiver has been slow since 1970-01-01T00:01:10.000Z, so attempts are made from the slow lane, where they may wait for others.";
    let next = [1_000, 1_005, 1_065];
    assert_eq!(
        draft(slow.clone()),
        pending("slow_lane", detail, &next, true)
    );
    let waiting = recorded(retrying(), Some(slow));
    assert_eq!((waiting.result, waiting.reason), ("due", "slow_lane"));
    assert_eq!(waiting.next, [2_102, 2_162]);
}

#[test]
fn a_webhook_without_a_secret_is_sent_nothing_by_a_contract_that_signs() {
    let detail = "The webhook has no secret that its contract can sign with, so nothing is sent and each attempt fails: rotate its secret.";
    let next = [1_000, 1_005, 1_065];
    assert_eq!(draft(webhook()), pending("unsigned", detail, &next, false));
}

#[test]
fn a_test_event_goes_to_no_other_webhook() {
    let test = Event {
        test: true,
        ..an_event()
    };
    let told = explain(
        &test,
        Some(&record(&test, vec![])),
        &snapshot(Some(signing())),
    );
    let detail = "The event is a test of another webhook, and goes to no other.";
    assert_eq!(told, not_wanted("test_event", detail));
    let no = Verdict::Dead(Reason::Exhausted);
    let tested = Delivery::new(&test, &webhook().id).after_test(attempt(1, response(500)), no);
    let told = explain(
        &test,
        Some(&record(&test, vec![tested])),
        &snapshot(Some(signing())),
    );
    assert_eq!(
        told.detail,
        "The test event was not delivered, and has only one attempt. Attempt 1 at 1970-01-01T00:01:41.000Z: The receiver answered 500."
    );
    assert_eq!(
        (told.result, told.reason, told.has_request),
        ("failed", "test_failed", true)
    );
}

#[test]
fn an_event_that_a_filter_leaves_out_is_told_with_the_field_that_does_not_match() {
    let filtered = |filter: &str| Webhook {
        filter: Some(Filter::parse(filter).unwrap()),
        ..signing()
    };
    let other = r#"{"type": ["item.created"], "data": {"n": [2], "m": [1]}}"#;
    let why = "The webhook's filter does not match the event: data.n.";
    for told in [draft(filtered(other)), unrecorded(filtered(other))] {
        assert_eq!(told, not_wanted("filtered", why));
    }
    let off = Webhook {
        active: false,
        ..filtered(other)
    };
    let both = format!("{why} The webhook has been off since 1970-01-01T00:00:01.000Z.");
    assert_eq!(draft(off), not_wanted("filtered", &both));
    let matching = filtered(r#"{"data": {"n": [1]}}"#);
    assert_eq!(draft(matching.clone()).reason, "first_attempt");

    // Nothing is known about what was erased.
    let event = erased();
    let told = explain(
        &event,
        Some(&record(&event, vec![])),
        &snapshot(Some(matching)),
    );
    assert_eq!(told.reason, "filtered");
    assert!(told.detail.contains("erased"), "{}", told.detail);
}
