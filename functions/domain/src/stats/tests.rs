use proptest::prelude::*;

use super::*;
use crate::dead_letter::Reason;
use crate::event;
use crate::event_type::EventFilter;
use crate::webhook::testing::{at, tenant, webhook};

fn key(second: i64) -> Ulid {
    Ulid::derived(at(second), "x")
}

fn event(second: i64) -> EventSummary {
    let event = event::parse(br#"{"type":"item.created","data":1}"#).unwrap();
    EventSummary::from(&event.accept(tenant().id, key(second)))
}

fn delivery(second: i64, status: Status) -> Delivery {
    Delivery {
        status,
        ..event(second).new_delivery(&webhook().id)
    }
}

fn finished(counting: Counting<'_>) -> Counted {
    counting.finish(&HashSet::new(), at(0), true)
}

/// The pending and failed counts of one webhook after an event in the fifth second without a
/// delivery.
fn undelivered(webhook: Webhook, dead: &[Ulid]) -> (u64, u64) {
    let webhooks = [webhook];
    let mut counting = Counting::new(&webhooks);
    counting.add_event(event(5));
    let dead = dead.iter().copied().collect();
    let counted = counting.finish(&dead, at(0), true);
    assert_eq!(counted.by_webhook[&webhooks[0].id], counted.all);
    (counted.all.pending, counted.all.failed)
}

#[test]
fn deliveries_are_counted_for_a_day_unless_the_caller_says_otherwise() {
    assert_eq!(counted_since(None, at(86_405)), at(5));
    assert_eq!(counted_since(Some(at(3)), at(86_405)), at(3));
}

#[test]
fn each_status_has_its_counter() {
    let webhooks = [webhook()];
    let mut counting = Counting::new(&webhooks);
    for (status, times) in Status::ALL.into_iter().zip(1..) {
        for second in 0..times {
            counting.add_delivery(&delivery(second, status));
        }
    }
    let counted = finished(counting);
    let (pending, processing, retrying, completed, failed) = (1, 2, 3, 4, 5);
    assert_eq!(
        counted.all,
        Counts {
            pending,
            completed,
            failed,
            in_progress: processing + retrying,
            last_attempt_at: None,
            last_success_at: None,
        }
    );
    assert_eq!(counted.by_webhook[&webhook().id], counted.all);
}

#[test]
fn the_success_rate_is_of_those_that_have_ended_and_rounded_down() {
    let rate = |completed, failed| {
        let counts = Counts {
            completed,
            failed,
            pending: 7,
            in_progress: 9,
            last_attempt_at: None,
            last_success_at: None,
        };
        counts.success_rate()
    };
    assert_eq!(rate(0, 0), None);
    assert_eq!(rate(0, 1), Some(0.0));
    assert_eq!(rate(1, 0), Some(1.0));
    assert_eq!(rate(2, 1), Some(0.666));
    // A single failure keeps it below one.
    assert_eq!(rate(9_999, 1), Some(0.999));
}

#[test]
fn test_events_are_not_counted() {
    let webhooks = [webhook()];
    let mut counting = Counting::new(&webhooks);
    counting.add_delivery(&Delivery {
        is_test: true,
        ..delivery(5, Status::Completed)
    });
    assert_eq!(finished(counting).all, Counts::default());
}

#[test]
fn a_webhook_without_deliveries_is_shown_and_a_deleted_one_with_some_is_too() {
    let webhooks = [Webhook {
        id: WebhookId::new([2; 16]),
        ..webhook()
    }];
    let mut counting = Counting::new(&webhooks);
    counting.add_delivery(&delivery(5, Status::Completed));
    let by_webhook = finished(counting).by_webhook;
    assert_eq!(by_webhook[&webhooks[0].id], Counts::default());
    assert_eq!(by_webhook[&webhook().id].completed, 1);
}

#[test]
fn an_event_without_a_delivery_is_pending_for_each_webhook_that_wants_it() {
    assert_eq!(undelivered(webhook(), &[]), (1, 0));
    let other = EventFilter::try_from("other.*".to_owned()).ok().unwrap();
    for unwanted in [
        Webhook {
            events: vec![other],
            ..webhook()
        },
        Webhook {
            active: false,
            ..webhook()
        },
    ] {
        assert_eq!(undelivered(unwanted, &[]), (0, 0));
    }
}

#[test]
fn a_webhook_that_changed_after_an_event_is_left_out() {
    let changed = |millis| Webhook {
        updated_at: Time::from_millis(millis),
        ..webhook()
    };
    assert_eq!(undelivered(changed(5_000), &[]), (1, 0));
    assert_eq!(undelivered(changed(5_001), &[]), (0, 0));
}

#[test]
fn an_event_whose_message_is_a_dead_letter_has_failed() {
    assert_eq!(undelivered(webhook(), &[key(5)]), (0, 1));
    assert_eq!(undelivered(webhook(), &[key(6)]), (1, 0));
}

#[test]
fn dead_letters_are_needed_only_where_an_event_has_no_delivery() {
    let webhooks = [webhook()];
    let mut counting = Counting::new(&webhooks);
    counting.add_delivery(&delivery(5, Status::Failed));
    assert!(!counting.needs_dead_letters());
    counting.add_event(event(5));
    assert!(counting.needs_dead_letters());
}

#[test]
fn an_event_that_no_webhook_gets_is_counted_as_unmatched() {
    let unmatched = |webhook: Webhook| {
        let webhooks = [webhook];
        let mut counting = Counting::new(&webhooks);
        counting.add_event(event(5));
        counting.add_delivery(&delivery(6, Status::Completed));
        finished(counting).unmatched
    };
    let other = vec![EventFilter::try_from("other.*".to_owned()).ok().unwrap()];
    assert_eq!(unmatched(webhook()), 0);
    assert_eq!(
        unmatched(Webhook {
            events: other,
            ..webhook()
        }),
        1
    );
}

#[test]
fn one_answer_counts_20000_entries_or_5000_read_units() {
    let webhooks: [Webhook; 0] = [];
    let mut counting = Counting::new(&webhooks);
    let fifth = event(5);
    (0..19_999).for_each(|_| counting.add_event(fifth.clone()));
    assert!(!counting.is_full_after(0.0));
    counting.add_event(event(5));
    assert!(counting.is_full_after(0.0));
    let mut counting = Counting::new(&webhooks);
    assert!(!counting.is_full_after(2_500.0));
    assert!(!counting.is_full_after(2_499.5));
    assert!(counting.is_full_after(0.5));
}

#[test]
fn what_is_not_complete_is_counted_from_the_oldest_entry_on() {
    let webhooks: [Webhook; 0] = [];
    let counted = |is_complete| {
        let mut counting = Counting::new(&webhooks);
        counting.add_event(event(9));
        counting.add_delivery(&Delivery {
            is_test: true,
            ..delivery(7, Status::Completed)
        });
        counting.finish(&HashSet::new(), at(3), is_complete)
    };
    assert_eq!(
        (counted(true).from, counted(true).is_complete),
        (at(3), true)
    );
    assert_eq!(
        (counted(false).from, counted(false).is_complete),
        (at(7), false)
    );
    let nothing = Counting::new(&webhooks).finish(&HashSet::new(), at(3), false);
    assert_eq!(nothing.from, at(3));
}

#[test]
fn a_dead_message_names_the_event_that_it_announced_if_it_did() {
    let message = format!(r#"{{"stored":"{}","tenantId":"t"}}"#, key(5));
    assert_eq!(announced_event(&message), Some(key(5)));
    for other in [
        "",
        "{}",
        r#"{"tenantId":"t","stored":1}"#,
        r#"{"tenantId":"t","type":"a.b","data":1}"#,
    ] {
        assert_eq!(announced_event(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn the_counts_of_all_webhooks_add_up_to_the_whole(
        entries in prop::collection::vec((0usize..5, 0u8..3, any::<bool>()), 0..40),
    ) {
        let webhooks = [1, 2].map(|number| Webhook { id: WebhookId::new([number; 16]), ..webhook() });
        let mut counting = Counting::new(&webhooks);
        for (status, number, is_event) in entries {
            if is_event {
                counting.add_event(event(5));
                continue;
            }
            let mut delivery = delivery(5, Status::ALL[status]);
            delivery.id.webhook = WebhookId::new([number; 16]);
            delivery.reason = Some(Reason::Gone);
            counting.add_delivery(&delivery);
        }
        let counted = finished(counting);
        let sum = |count: fn(&Counts) -> u64| counted.by_webhook.values().map(count).sum::<u64>();
        prop_assert_eq!(counted.all.pending, sum(|counts| counts.pending));
        prop_assert_eq!(counted.all.completed, sum(|counts| counts.completed));
        prop_assert_eq!(counted.all.failed, sum(|counts| counts.failed));
        prop_assert_eq!(counted.all.in_progress, sum(|counts| counts.in_progress));
        prop_assert!(counted.all.success_rate().is_none_or(|rate| (0.0..=1.0).contains(&rate)));
    }
}
