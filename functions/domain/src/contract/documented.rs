//! The rules that each vendor documents, written down a second time. A delivery of each vendor is
//! run against them on a clock that only the test advances.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{AtEnd, builtin, builtin_names};
use crate::dead_letter::Reason;
use crate::delivery::{Attempt, Delivery, Status, Trigger, Verdict, evaluate};
use crate::event::Event;
use crate::ids::{EventId, WebhookId};
use crate::outcome::{FailureKind, Outcome};
use crate::payload::{Content, Payload};
use crate::time::Time;
use crate::ulid::Ulid;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A contract as its documentation states it.
struct Documented {
    name: &'static str,
    timeout: u64,
    delivered: RangeInclusive<u16>,
    /// Never retried; every status that is neither here nor a success is retried.
    refused: Option<RangeInclusive<u16>>,
    /// Never retried, and the webhook is switched off: only Standard Webhooks says so. Behaviour
    /// that a document does not state does not happen.
    gone: Option<u16>,
    delays: &'static [u64],
    /// The maximum random addition to a delay, in percent.
    jitter: u64,
    at_end: AtEnd,
    mailed_at_end: bool,
    warned_after: Option<u32>,
    webhooks: Option<u32>,
    https_only: bool,
}

const STANDARD_DELAYS: [u64; 9] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

const DOCUMENTED: [Documented; 5] = [
    Documented {
        name: "kuviq",
        timeout: 30,
        delivered: 200..=299,
        refused: Some(400..=499),
        gone: None,
        delays: &[MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR],
        jitter: 0,
        at_end: AtEnd::Fail,
        mailed_at_end: false,
        warned_after: None,
        webhooks: Some(25),
        https_only: true,
    },
    Documented {
        name: "inspectorio",
        timeout: 60,
        delivered: 200..=200,
        refused: None,
        gone: None,
        delays: &[60, 60, 60],
        jitter: 0,
        at_end: AtEnd::Fail,
        mailed_at_end: false,
        warned_after: None,
        webhooks: None,
        https_only: false,
    },
    Documented {
        name: "kazinex",
        timeout: 10,
        delivered: 200..=299,
        refused: None,
        gone: None,
        // Not stated in the document: the system's own delays.
        delays: &STANDARD_DELAYS,
        jitter: 10,
        at_end: AtEnd::Fail,
        mailed_at_end: false,
        warned_after: None,
        webhooks: None,
        https_only: false,
    },
    Documented {
        name: "kliq",
        timeout: 30,
        delivered: 200..=299,
        refused: None,
        gone: None,
        delays: &[MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 24 * HOUR],
        jitter: 0,
        at_end: AtEnd::Disable,
        mailed_at_end: true,
        warned_after: Some(4),
        webhooks: None,
        https_only: false,
    },
    Documented {
        name: "standard",
        timeout: 30,
        delivered: 200..=299,
        refused: None,
        gone: Some(410),
        delays: &STANDARD_DELAYS,
        jitter: 10,
        at_end: AtEnd::Fail,
        mailed_at_end: false,
        warned_after: None,
        webhooks: None,
        https_only: false,
    },
];

fn answer(status: u16) -> Outcome {
    Outcome::Response {
        status,
        headers: Vec::new(),
        body: String::new(),
        truncated: false,
    }
}

fn delivery() -> Delivery {
    let key = Ulid::floor(Time::from_millis(1_767_225_600_000));
    let event = Event {
        tenant: "acme".parse().unwrap(),
        key,
        id: EventId::generated(key),
        event_type: "item.created".parse().unwrap(),
        timestamp: key.time().rfc3339(),
        payload: Payload::Kept(Content {
            data: "{}".to_owned(),
            context: std::collections::BTreeMap::new(),
        }),
        message_id: None,
        test: false,
    };
    Delivery::new(&event, &WebhookId::new([7; 16]))
}

#[test]
fn nothing_is_missing() {
    let mut told = DOCUMENTED.map(|documented| documented.name);
    told.sort_unstable();
    assert_eq!(builtin_names().collect::<Vec<_>>(), told);
}

#[test]
fn timeout_end_mails_and_limits_are_the_documented_ones() {
    for documented in DOCUMENTED {
        let (name, contract) = (documented.name, builtin(documented.name).unwrap());
        assert_eq!(contract.timeout().as_secs(), documented.timeout, "{name}");
        assert_eq!(contract.at_end, documented.at_end, "{name}");
        assert_eq!(
            (contract.mails.when_disabled, contract.mails.warn_after),
            (documented.mailed_at_end, documented.warned_after),
            "{name}"
        );
        assert_eq!(contract.webhooks_per_tenant, documented.webhooks, "{name}");
        assert_eq!(contract.https_only, documented.https_only, "{name}");
    }
}

#[test]
fn every_answer_means_what_is_documented() {
    let failures = [
        FailureKind::Dns,
        FailureKind::Connect,
        FailureKind::Tls,
        FailureKind::Timeout,
    ];
    for documented in DOCUMENTED {
        let contract = builtin(documented.name).unwrap();
        let verdict =
            |outcome: &Outcome| evaluate(&contract, outcome, 1, Time::from_millis(0), 0.0);
        let again = Verdict::Retry(Duration::from_secs(documented.delays[0]));
        for status in 200..=599 {
            let is_refused = documented
                .refused
                .as_ref()
                .is_some_and(|refused| refused.contains(&status));
            let expected = match status {
                _ if documented.delivered.contains(&status) => Verdict::Delivered,
                _ if documented.gone == Some(status) => Verdict::Dead(Reason::Gone),
                _ if is_refused => Verdict::Dead(Reason::Refused),
                _ => again,
            };
            let found = verdict(&answer(status));
            assert_eq!(found, expected, "{} {status}", documented.name);
        }
        for kind in failures {
            let found = verdict(&Outcome::failure(kind, ""));
            assert_eq!(found, again, "{} {kind:?}", documented.name);
        }
    }
}

/// The delays of a delivery that always fails in the same way, and how it ends.
fn walk(name: &str, outcome: &Outcome, chance: f64) -> (Vec<Duration>, Delivery) {
    let took = Duration::from_secs(7);
    let contract = builtin(name).unwrap();
    let (mut delivery, mut waits) = (delivery(), Vec::new());
    let mut clock = delivery.id.event.time();
    while delivery.status != Status::Failed {
        let ended = clock.plus(took);
        let verdict = evaluate(
            &contract,
            outcome,
            delivery.attempts_this_round + 1,
            ended,
            chance,
        );
        let attempt = Attempt {
            number: delivery.attempt_count + 1,
            trigger: Trigger::Automatic,
            at: clock,
            duration: took,
            webhook_version: 1,
            url: String::new(),
            contract: contract.reference(),
            signature: None,
            own_headers: Vec::new(),
            type_name: None,
            context: std::collections::BTreeMap::new(),
            outcome: outcome.clone(),
        };
        delivery = delivery.after_automatic(attempt, verdict);
        if let Some(due) = delivery.next_attempt_at {
            assert_eq!(delivery.status, Status::Retrying, "{name}");
            waits.push(due.since(ended));
            clock = due;
        }
        assert!(waits.len() < 100, "{name} retries forever");
    }
    (waits, delivery)
}

#[test]
fn a_delivery_that_always_fails_is_tried_at_the_documented_times_and_then_ends() {
    for documented in DOCUMENTED {
        for outcome in [answer(500), Outcome::failure(FailureKind::Timeout, "")] {
            for (chance, added) in [
                (0.0, 0),
                (0.5, documented.jitter / 2),
                (1.0, documented.jitter),
            ] {
                let at = format!("{} with {added} % more", documented.name);
                let (waits, end) = walk(documented.name, &outcome, chance);
                let millis: Vec<_> = waits.iter().map(Duration::as_millis).collect();
                let delays = documented.delays.iter();
                let expected: Vec<_> = delays
                    .map(|delay| u128::from(delay * 10 * (100 + added)))
                    .collect();
                assert_eq!(millis, expected, "{at}");
                assert_eq!(end.reason, Some(Reason::Exhausted), "{at}");
                assert_eq!(end.next_attempt_at, None, "{at}");
                assert_eq!(
                    end.attempt_count as usize,
                    documented.delays.len() + 1,
                    "{at}"
                );
            }
        }
    }
}
