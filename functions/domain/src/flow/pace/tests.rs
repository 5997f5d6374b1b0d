use super::*;
use crate::contract::{Overrides, builtin};
use crate::delivery::Trigger;
use crate::ids::TenantId;
use crate::tenant::Webhook;

const TIMEOUT: Duration = Duration::from_secs(30);

fn webhook(slow_since: Option<Time>) -> Subscription {
    let tenant: TenantId = "t".parse().unwrap();
    Subscription {
        webhook: Webhook {
            id: WebhookId::new([1; 16]),
            tenant,
            name: None,
            url: "https://example.com/".into(),
            events: Vec::new(),
            active: true,
            contract: "standard".into(),
            overrides: Overrides::default(),
            secrets: crate::signing_secrets::SigningSecrets::default(),
            basic_auth: None,
            headers: std::collections::BTreeMap::new(),
            created_at: Time::from_millis(0),
            updated_at: Time::from_millis(0),
            version: 1,
            disabled: None,
            slow_since,
        },
        contract: builtin("standard").unwrap(),
        sealing_keys: crate::credential::SealingKeys::unused(),
    }
}

fn attempt(at_second: i64, took: Duration, outcome: Outcome) -> Attempt {
    Attempt {
        number: 1,
        trigger: Trigger::Automatic,
        at: Time::from_millis(at_second * 1000),
        duration: took,
        webhook_version: 1,
        url: String::new(),
        contract: "standard".into(),
        signature: None,
        own_headers: Vec::new(),
        type_name: None,
        outcome,
    }
}

fn answer() -> Outcome {
    Outcome::Response {
        status: 500,
        headers: Vec::new(),
        body: String::new(),
        truncated: false,
    }
}

fn hangs(at_second: i64) -> Attempt {
    attempt(
        at_second,
        TIMEOUT,
        Outcome::failure(FailureKind::Timeout, ""),
    )
}

fn answers(at_second: i64) -> Attempt {
    attempt(at_second, Duration::from_millis(100), answer())
}

#[test]
fn a_wait_is_in_vain_by_its_length_and_a_pace_is_quick_whatever_is_answered() {
    let failure = |kind| Outcome::failure(kind, "");
    let seconds = Duration::from_secs;
    let table = [
        (failure(FailureKind::Timeout), seconds(1), Pace::InVain),
        // No connection within its own budget, though the timeout is far.
        (failure(FailureKind::Connect), seconds(5), Pace::InVain),
        (failure(FailureKind::Connect), seconds(1), Pace::Quick),
        (failure(FailureKind::Reset), seconds(4), Pace::Quick),
        // An answer whose body never ends.
        (answer(), TIMEOUT, Pace::InVain),
        (answer(), seconds(29), Pace::Slow),
        (answer(), seconds(15), Pace::Quick),
    ];
    for (outcome, took, wanted) in table {
        assert_eq!(
            pace(&outcome, took, TIMEOUT),
            wanted,
            "{outcome:?} {took:?}"
        );
    }
}

#[test]
fn only_an_unbroken_run_of_waits_asks_for_a_mark_and_asks_once() {
    let (paces, fast) = (Paces::default(), webhook(None));
    for at in 1..SLOW_AFTER {
        paces.note(&fast, &hangs(at.into()));
    }
    paces.note(&fast, &answers(10));
    for at in 0..SLOW_AFTER - 1 {
        paces.note(&fast, &hangs(11 + i64::from(at)));
    }
    assert!(paces.changes().is_empty());
    paces.note(&fast, &hangs(20));
    // A flood that hangs at the same moment is one change.
    for _ in 0..100 {
        paces.note(&fast, &hangs(20));
    }
    let changes = paces.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes.first().and_then(|change| change.since), None);
    // Its write may have failed: after a while it is asked for again.
    paces.note(&fast, &hangs(20 + 10));
    assert_eq!(paces.changes().len(), 1);
}

#[test]
fn what_a_webhook_was_says_nothing_about_what_it_has_become() {
    let (paces, before) = (Paces::default(), webhook(None));
    let mut after = before.clone();
    after.webhook.version += 1;
    for at in 1..SLOW_AFTER {
        paces.note(&before, &hangs(at.into()));
    }
    paces.note(&after, &hangs(10));
    assert!(paces.changes().is_empty());
    for at in 1..SLOW_AFTER {
        paces.note(&after, &hangs(10 + i64::from(at)));
    }
    let changes = paces.changes();
    let [change] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(change.of, after.webhook.configuration());
}

#[test]
fn a_quick_attempt_takes_the_mark_away_once_all_dispatchers_know_of_it() {
    let marked_at = Time::from_millis(100_000);
    let (paces, slow) = (Paces::default(), webhook(Some(marked_at)));
    paces.note(&slow, &answers(109));
    paces.note(&slow, &attempt(100, TIMEOUT / 2 + TIMEOUT / 10, answer()));
    for at in 0..SLOW_AFTER {
        paces.note(&slow, &hangs(60 + i64::from(at)));
    }
    assert!(paces.changes().is_empty());
    for _ in 0..100 {
        paces.note(&slow, &answers(110));
    }
    let changes = paces.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!(
        changes.first().and_then(|change| change.since),
        Some(marked_at)
    );
    // What it waited before counts no more.
    paces.note(&webhook(None), &hangs(200));
    assert!(paces.changes().is_empty());
}

fn numbered(number: usize) -> Subscription {
    let mut fast = webhook(None);
    fast.webhook.id = WebhookId::new((number as u128).to_be_bytes());
    fast
}

#[test]
fn what_is_remembered_is_bounded() {
    let paces = Paces::default();
    for number in 0..MOST_SEEN {
        paces.note(&numbered(number), &hangs(1));
    }
    let seen = || paces.lock().0.len();
    assert_eq!(seen(), MOST_SEEN);
    // One that is known needs no room.
    paces.note(&numbered(0), &hangs(2));
    assert_eq!(seen(), MOST_SEEN);
    paces.note(&numbered(MOST_SEEN), &hangs(2));
    assert_eq!(seen(), 1);
}

#[test]
fn webhooks_that_hang_in_turns_are_counted_each_for_itself() {
    let paces = Paces::default();
    for at in 1..=SLOW_AFTER {
        for number in 0..3 {
            paces.note(&numbered(number), &hangs(at.into()));
        }
    }
    assert_eq!(paces.changes().len(), 3);
}
