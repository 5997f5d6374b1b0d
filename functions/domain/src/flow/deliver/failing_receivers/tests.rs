use std::collections::BTreeMap;

use super::*;
use crate::contract::builtin;
use crate::dead_letter::Reason;
use crate::delivery::{Attempt, Verdict};
use crate::event;
use crate::outcome::{FailureKind, Outcome};
use crate::tenant::Webhook;
use crate::ulid::Ulid;
use crate::webhook::testing::{at, tenant, webhook};

fn subscription(failing_since: Option<Time>) -> Subscription {
    Subscription {
        webhook: Webhook {
            failing_since,
            ..webhook()
        },
        contract: builtin("standard").unwrap(),
        sealing_keys: crate::credential::SealingKeys::unused(),
        context: BTreeMap::new(),
    }
}

fn attempt(second: i64, trigger: Trigger) -> Attempt {
    Attempt {
        number: 1,
        trigger,
        at: at(second),
        duration: Duration::ZERO,
        webhook_version: 1,
        url: String::new(),
        contract: "standard".to_owned(),
        signature: None,
        own_headers: Vec::new(),
        type_name: None,
        context: BTreeMap::new(),
        outcome: Outcome::failure(FailureKind::Timeout, ""),
    }
}

fn delivery() -> Delivery {
    let event = event::parse(br#"{"type":"item.created","data":1}"#).unwrap();
    Delivery::new(
        &event.accept(tenant().id, Ulid::floor(at(1))),
        &webhook().id,
    )
}

const RETRY: Verdict = Verdict::Retry(Duration::from_secs(1));
const DEAD: Verdict = Verdict::Dead(Reason::Refused);

/// The change after an automatic attempt in the tenth second of a delivery that failed before.
fn after(earlier: &[i64], verdict: Verdict, failing_since: Option<Time>) -> Option<(bool, Time)> {
    let failed = |delivery: Delivery, second: &i64| {
        delivery.after_automatic(attempt(*second, Trigger::Automatic), RETRY)
    };
    let before = earlier.iter().fold(delivery(), failed);
    let after = before
        .clone()
        .after_automatic(attempt(10, Trigger::Automatic), verdict);
    let change = change(&subscription(failing_since), &before, &after);
    change.map(|change| (change.is_failing, change.since))
}

#[test]
fn a_webhook_fails_from_the_second_failed_attempt_or_a_dead_delivery_on() {
    assert_eq!(after(&[], RETRY, None), None);
    assert_eq!(after(&[7], RETRY, None), Some((true, at(7))));
    assert_eq!(after(&[4, 7], DEAD, None), Some((true, at(7))));
    assert_eq!(after(&[], DEAD, None), Some((true, at(10))));
    // It is marked already.
    assert_eq!(after(&[7], RETRY, Some(at(3))), None);
    assert_eq!(after(&[], DEAD, Some(at(3))), None);
}

#[test]
fn it_stops_failing_with_a_success_which_costs_nothing_otherwise() {
    assert_eq!(after(&[], Verdict::Delivered, None), None);
    assert_eq!(after(&[7], Verdict::Delivered, None), None);
    let ended = Some((false, at(3)));
    assert_eq!(after(&[], Verdict::Delivered, Some(at(3))), ended);
    assert_eq!(after(&[7], Verdict::Delivered, Some(at(3))), ended);
}

#[test]
fn an_attempt_by_hand_may_end_it_and_not_begin_it_and_a_test_event_neither() {
    let manual = |verdict, failing_since| {
        let before = delivery();
        let tried = attempt(10, Trigger::Manual);
        let after = before.clone().after_manual(tried, verdict);
        change(&subscription(failing_since), &before, &after).map(|change| change.is_failing)
    };
    assert_eq!(manual(Verdict::Delivered, Some(at(3))), Some(false));
    assert_eq!(manual(DEAD, None), None);
    let before = Delivery {
        is_test: true,
        ..delivery()
    };
    for (verdict, failing_since) in [(DEAD, None), (Verdict::Delivered, Some(at(3)))] {
        let tried = attempt(10, Trigger::Test);
        let after = before.clone().after_test(tried, verdict);
        assert_eq!(change(&subscription(failing_since), &before, &after), None);
    }
}

#[test]
fn an_attempt_of_an_older_version_says_nothing_of_the_webhook() {
    let mut newer = subscription(None);
    newer.webhook.version = 2;
    let before = delivery();
    let tried = attempt(10, Trigger::Automatic);
    let after = before.clone().after_automatic(tried, DEAD);
    assert_eq!(change(&newer, &before, &after), None);
}

#[test]
fn a_process_asks_for_one_change_of_a_webhook_in_ten_seconds() {
    let receivers = FailingReceivers::default();
    let before = delivery();
    let die = |second| {
        let tried = attempt(second, Trigger::Automatic);
        let after = before.clone().after_automatic(tried, DEAD);
        receivers.observe(&subscription(None), &before, &after);
        receivers.changes().len()
    };
    assert_eq!(
        [die(10), die(11), die(19), die(20), die(21)],
        [1, 0, 0, 1, 0]
    );
}
