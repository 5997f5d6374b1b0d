use super::*;
use crate::contract::{Overrides, builtin};
use crate::delivery::Trigger;
use crate::ids::WebhookId;
use crate::outcome::{FailureKind, Outcome};
use crate::tenant::Webhook;

/// The longest timeout that a webhook can have.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

fn webhook_of(tenant: &str, number: usize) -> Subscription {
    Subscription {
        webhook: Webhook {
            id: WebhookId::new((number as u128 + 1).to_be_bytes()),
            tenant: tenant.parse().unwrap(),
            name: None,
            url: "https://example.com/".into(),
            events: Vec::new(),
            filter: None,
            active: true,
            contract: "standard".into(),
            overrides: Overrides::default(),
            context: std::collections::BTreeMap::new(),
            secrets: crate::signing_secrets::SigningSecrets::default(),
            basic_auth: None,
            headers: std::collections::BTreeMap::new(),
            created_at: Time::from_millis(0),
            updated_at: Time::from_millis(0),
            version: 1,
            disabled: None,
            switched: Vec::new(),
            slow_since: None,
            failing_since: None,
            since: None,
            written: None,
        },
        contract: builtin("standard").unwrap(),
        sealing_keys: crate::credential::SealingKeys::unused(),
        context: std::collections::BTreeMap::new(),
    }
}

fn webhook(number: usize) -> Subscription {
    webhook_of("t", number)
}

fn marked(number: usize, since: Time) -> Subscription {
    let mut slow = webhook(number);
    slow.webhook.slow_since = Some(since);
    slow
}

fn at(millis: u64) -> Time {
    Time::from_millis(i64::try_from(millis).unwrap())
}

fn attempt(at_millis: u64, took: Duration) -> Attempt {
    let hangs = took.as_millis().is_multiple_of(2);
    Attempt {
        number: 1,
        trigger: Trigger::Automatic,
        at: at(at_millis),
        duration: took,
        webhook_version: 1,
        url: String::new(),
        contract: "standard".into(),
        signature: None,
        own_headers: Vec::new(),
        type_name: None,
        context: std::collections::BTreeMap::new(),
        // The outcome does not matter.
        outcome: if hangs {
            Outcome::failure(FailureKind::Timeout, "")
        } else {
            Outcome::Response {
                status: 200,
                headers: Vec::new(),
                body: String::new(),
                truncated: false,
            }
        },
    }
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn one_attempt_of_ten_seconds_is_slow_whatever_the_response_and_so_are_many_shorter() {
    for took in [9_001, 9_002, 60_000] {
        let slow_receivers = SlowReceiverDetector::default();
        slow_receivers.observe(
            &webhook(0),
            &attempt(0, Duration::from_millis(took)),
            QueueKind::Events,
        );
        let changes = slow_receivers.changes();
        assert!(
            matches!(&changes[..], [Change { since: None, .. }]),
            "{took}"
        );
        assert!(slow_receivers.is_slow(&webhook(0), at(took)));
    }
    // Half a minute in every two, two seconds at a time.
    let slow_receivers = SlowReceiverDetector::default();
    let marked = (0..60).find(|number| {
        slow_receivers.observe(
            &webhook(0),
            &attempt(number * 4_000, seconds(2)),
            QueueKind::Events,
        );
        !slow_receivers.changes().is_empty()
    });
    assert_eq!(marked, Some(12));
}

#[test]
fn processes_that_see_the_same_find_a_webhook_slow_at_moments_of_their_own() {
    let found_after = |fraction| {
        let slow_receivers = SlowReceiverDetector::varied(fraction);
        (0..100).find(|number| {
            let one = attempt(number * 3_000, Duration::from_millis(1_600));
            slow_receivers.observe(&webhook(0), &one, QueueKind::Events);
            !slow_receivers.changes().is_empty()
        })
    };
    // It takes 0.6 s of every 3 s, in which 0.27, 0.3 or 0.33 s leak. So 0.6 s and then 0.33, 0.3
    // or 0.27 s per attempt add up to more than 8 s.
    let found = [0.0, 0.5, 1.0].map(found_after);
    assert_eq!(found, [Some(23), Some(25), Some(28)]);
    // The variation is at most a tenth.
    assert_eq!([-7.0, 7.0].map(found_after), [found[0], found[2]]);
}

#[test]
fn what_answers_within_a_second_or_seldom_takes_longer_is_never_slow() {
    let slow_receivers = SlowReceiverDetector::default();
    for number in 0..10_000 {
        slow_receivers.observe(
            &webhook(0),
            &attempt(number * 1_000, PROMPT),
            QueueKind::Events,
        );
    }
    for number in 0..1_000 {
        let once_a_minute = attempt(20_000_000 + number * 60_000, seconds(7));
        slow_receivers.observe(&webhook(0), &once_a_minute, QueueKind::Events);
    }
    assert!(slow_receivers.changes().is_empty());
}

#[test]
fn attempts_side_by_side_are_counted_once() {
    let slow_receivers = SlowReceiverDetector::default();
    for number in 0..25 {
        for copy in 0..10 {
            let took = Duration::from_millis(3_000 + copy);
            slow_receivers.observe(&webhook(number), &attempt(0, took), QueueKind::Events);
        }
    }
    assert!(slow_receivers.changes().is_empty());
    let tenant = "t".parse().unwrap();
    assert!(
        slow_receivers.lock().tenants.level(&tenant, at(3_009)) <= Duration::from_millis(2_009)
    );
}

#[test]
fn what_many_webhooks_of_a_tenant_take_is_counted_together() {
    let slow_receivers = SlowReceiverDetector::default();
    let just_under = WEBHOOK_FULL + PROMPT;
    let mut begin = 0;
    let (mut first_marked, mut all_slow) = (None, None);
    for number in 0..10 {
        if slow_receivers.is_slow(&webhook(99), at(begin)) {
            all_slow.get_or_insert(number);
            continue;
        }
        slow_receivers.observe(
            &webhook(number),
            &attempt(begin, just_under),
            QueueKind::Events,
        );
        begin += 9_000;
        if !slow_receivers.changes().is_empty() {
            first_marked.get_or_insert(number);
        }
    }
    // One webhook after another is marked; then the remaining ones get no chance, except those of
    // another tenant.
    assert_eq!((first_marked, all_slow), (Some(2), Some(9)));
    assert!(!slow_receivers.is_slow(&webhook_of("other", 98), at(begin)));
    // It leaks.
    assert!(!slow_receivers.is_slow(&webhook(99), at(begin + 200_000)));
}

#[test]
fn a_receiver_that_hangs_does_not_take_its_tenants_others_along() {
    let slow_receivers = SlowReceiverDetector::default();
    slow_receivers.observe(&webhook(0), &attempt(0, MAX_TIMEOUT), QueueKind::Events);
    assert!(slow_receivers.is_slow(&webhook(0), at(60_000)));
    assert!(!slow_receivers.is_slow(&webhook(1), at(60_000)));
    // Nor later: attempts on the slow lane take no time from the others.
    for number in 1..100 {
        slow_receivers.observe(
            &marked(0, at(60_000)),
            &attempt(number * 60_000, MAX_TIMEOUT),
            QueueKind::Slow,
        );
    }
    slow_receivers.observe(
        &webhook(1),
        &attempt(6_000_000, seconds(2)),
        QueueKind::Events,
    );
    let changes = slow_receivers.changes();
    assert_eq!(changes.len(), 1, "its own mark alone: {changes:?}");
}

#[test]
fn a_mark_is_asked_for_once_until_all_know_of_it() {
    let slow_receivers = SlowReceiverDetector::default();
    for _ in 0..100 {
        slow_receivers.observe(&webhook(0), &attempt(0, MAX_TIMEOUT), QueueKind::Events);
    }
    assert_eq!(slow_receivers.changes().len(), 1);
    // The write may have failed, so it is requested again after a while.
    slow_receivers.observe(&webhook(0), &attempt(60_000, seconds(5)), QueueKind::Events);
    assert!(slow_receivers.changes().is_empty());
    slow_receivers.observe(&webhook(0), &attempt(65_000, seconds(5)), QueueKind::Events);
    assert_eq!(slow_receivers.changes().len(), 1);
}

#[test]
fn a_changed_webhook_starts_without_a_history_and_keeps_its_tenants() {
    let slow_receivers = SlowReceiverDetector::default();
    let mut changed = webhook(0);
    slow_receivers.observe(&changed, &attempt(0, MAX_TIMEOUT), QueueKind::Events);
    changed.webhook.version += 1;
    assert!(!slow_receivers.is_slow(&changed, at(60_000)));
    slow_receivers.observe(&changed, &attempt(60_000, MAX_TIMEOUT), QueueKind::Events);
    let changes = slow_receivers.changes();
    assert_eq!(
        changes.last().map(|change| &change.of),
        Some(&changed.webhook.configuration())
    );
    changed.webhook.version += 1;
    assert!(slow_receivers.is_slow(&changed, at(120_000)));
}

#[test]
fn a_mark_goes_after_quick_attempts_in_a_row_for_some_time_and_not_after_one() {
    let since = at(0);
    let quick = |slow_receivers: &SlowReceiverDetector, from: u64, number: u64, every: u64| {
        (0..number).find(|n| {
            let one = attempt(from + n * every, Duration::from_millis(100));
            slow_receivers.observe(&marked(0, since), &one, QueueKind::Slow);
            let changes = slow_receivers.changes();
            assert!(changes.len() <= 1);
            changes
                .first()
                .is_some_and(|change| change.since == Some(since))
        })
    };
    let slow_receivers = SlowReceiverDetector::default();
    assert_eq!(
        quick(&slow_receivers, 0, 1_000, 100),
        Some(300),
        "half a minute"
    );
    assert_eq!(
        quick(&SlowReceiverDetector::default(), 0, 10, 60_000),
        Some(4),
        "five of them"
    );
    // A slow attempt in between restarts the run, and so does an attempt while the bucket has not
    // drained.
    let slow_receivers = SlowReceiverDetector::default();
    assert_eq!(quick(&slow_receivers, 0, 4, 20_000), None);
    slow_receivers.observe(
        &marked(0, since),
        &attempt(80_000, seconds(3)),
        QueueKind::Slow,
    );
    assert_eq!(quick(&slow_receivers, 90_000, 20, 10_000), Some(4));
    // The time used before the mark must drain first.
    let slow_receivers = SlowReceiverDetector::default();
    slow_receivers.observe(&webhook(0), &attempt(0, MAX_TIMEOUT), QueueKind::Events);
    assert_eq!(slow_receivers.changes().len(), 1);
    assert_eq!(quick(&slow_receivers, 61_000, 100, 10_000), Some(55));
    // The time used on the slow lane is soon forgotten.
    let slow_receivers = SlowReceiverDetector::default();
    for number in 0..100 {
        slow_receivers.observe(
            &marked(0, since),
            &attempt(number * 60_000, MAX_TIMEOUT),
            QueueKind::Slow,
        );
    }
    assert_eq!(quick(&slow_receivers, 6_000_000, 100, 10_000), Some(12));
}

#[test]
fn a_receiver_that_is_seldom_quick_enough_keeps_its_mark() {
    // Quick attempts, but too many of them.
    let slow_receivers = SlowReceiverDetector::default();
    for number in 0..1_000 {
        let one = attempt(number * 1_600, Duration::from_millis(1_500));
        slow_receivers.observe(&marked(0, at(0)), &one, QueueKind::Slow);
    }
    assert!(slow_receivers.changes().is_empty());
}

#[test]
fn who_comes_with_many_webhooks_does_not_make_the_process_forget_the_others() {
    let slow_receivers = SlowReceiverDetector::with_room(100, Leak::varied(0.5));
    slow_receivers.observe(
        &webhook_of("other", 0),
        &attempt(0, MAX_TIMEOUT),
        QueueKind::Events,
    );
    for number in 1..1_000 {
        let tenant = format!("t{number}");
        let one = attempt(60_000, seconds(2));
        slow_receivers.observe(&webhook_of(&tenant, number), &one, QueueKind::Events);
    }
    assert!(slow_receivers.is_slow(&webhook_of("other", 0), at(62_000)));
    let known = slow_receivers.lock();
    assert!(known.webhooks.len() <= 100 && known.tenants.len() <= 100);
    let other = "other".parse().unwrap();
    assert!(known.tenants.level(&other, at(62_000)) > seconds(50));
}

#[test]
fn what_has_drained_makes_room_first() {
    let mut shelf = Shelf::<usize, Bucket>::new(10, Leak::varied(0.5));
    for number in 0..10 {
        let from = at(number as u64 * 1_000);
        shelf
            .of(&number, from)
            .add(from, from.plus(seconds(1)), Duration::MAX);
    }
    // All but the last three have leaked out.
    shelf.of(&10, at(17_500));
    assert_eq!(shelf.len(), 3 + 1);
}

#[test]
fn a_clock_that_is_put_back_stops_no_leak() {
    let mut bucket = Bucket::new(at(100_000_000), Leak::varied(0.5));
    bucket.add(at(100_000_000), at(100_010_000), Duration::MAX);
    bucket.add(at(1_000), at(2_000), Duration::MAX);
    assert_eq!(bucket.level(at(2_000)), seconds(11));
    assert_eq!(bucket.level(at(112_000)), Duration::ZERO);
}

mod properties;
