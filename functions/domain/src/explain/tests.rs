mod last_change;
mod recorded;
mod request;
mod unrecorded;

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::contract::Contract;
use crate::dead_letter::Reason;
use crate::delivery::{Attempt, DisableReason, Trigger, Verdict};
use crate::event;
use crate::event_type::EventFilter;
use crate::outcome::{FailureKind, Outcome};
use crate::payload::Payload;
use crate::ports::StoredDelivery;
use crate::signing_secrets::SigningSecrets;
use crate::tenant::{EncryptedBasicAuth, EncryptedHeader};
use crate::ulid::Ulid;
use crate::webhook::testing::{at, contract, literal, tenant, unsigned, webhook};

/// When the event was accepted, and what the clock says.
const ACCEPTED: i64 = 100;
const NOW: i64 = 1_000;

fn an_event() -> Event {
    let event = event::parse(br#"{"id":"e","type":"item.created","data":{"n":1.0}}"#).unwrap();
    event.accept(tenant().id, Ulid::floor(at(ACCEPTED)))
}

/// A webhook with a secret.
fn signing() -> Webhook {
    Webhook {
        secrets: SigningSecrets::new("sealed".to_owned()),
        ..webhook()
    }
}

fn subscribed(webhook: Webhook, contract: Contract) -> Subscription {
    Subscription {
        contract,
        sealing_keys: crate::credential::SealingKeys::unused(),
        context: webhook.context.clone(),
        webhook,
    }
}

/// With a short schedule.
fn short() -> Contract {
    Contract {
        retry_delays_seconds: vec![5, 60],
        ..contract()
    }
}

fn snapshot(webhook: Option<Webhook>) -> TenantSnapshot {
    TenantSnapshot {
        tenant: tenant(),
        subscriptions: webhook
            .into_iter()
            .map(|webhook| subscribed(webhook, short()))
            .collect(),
        unreadable: Vec::new(),
    }
}

fn record(event: &Event, deliveries: Vec<Delivery>) -> StoredEvent {
    StoredEvent {
        event: event.clone(),
        deliveries: deliveries
            .into_iter()
            .map(|delivery| StoredDelivery {
                delivery,
                is_inline: false,
            })
            .collect(),
        first_attempts_need_lease_since: None,
        is_complete: true,
    }
}

#[derive(Debug, PartialEq)]
struct Told {
    result: &'static str,
    reason: &'static str,
    detail: String,
    /// In seconds.
    next: Vec<i64>,
    has_request: bool,
}

fn told(one: &Explanation<'_>) -> Told {
    Told {
        result: one.result.as_str(),
        reason: one.reason.as_str(),
        detail: one.detail.clone(),
        next: one.next_attempts.iter().map(|at| at.seconds()).collect(),
        has_request: one.has_request(),
    }
}

fn explained<'a>(
    event: &'a Event,
    record: Option<&'a StoredEvent>,
    snapshot: &'a TenantSnapshot,
) -> Explained<'a> {
    Explained {
        event,
        record,
        is_message_dead: false,
        snapshot,
        now: at(NOW),
    }
}

fn explain(event: &Event, record: Option<&StoredEvent>, snapshot: &TenantSnapshot) -> Told {
    let all = explained(event, record, snapshot).webhooks();
    assert_eq!(all.len(), 1);
    told(&all[0])
}

/// What is told of an event that is not published.
fn draft(webhook: Webhook) -> Told {
    let event = Event {
        key: Ulid::floor(at(NOW)),
        ..an_event()
    };
    explain(&event, None, &snapshot(Some(webhook)))
}

/// What is told of a published event without a delivery.
fn unrecorded(webhook: Webhook) -> Told {
    let event = an_event();
    explain(
        &event,
        Some(&record(&event, vec![])),
        &snapshot(Some(webhook)),
    )
}

fn recorded(delivery: Delivery, webhook: Option<Webhook>) -> Told {
    let event = an_event();
    let record = record(&event, vec![delivery]);
    explain(&event, Some(&record), &snapshot(webhook))
}

fn not_wanted(reason: &'static str, detail: &str) -> Told {
    Told {
        result: "not_wanted",
        reason,
        detail: detail.to_owned(),
        next: vec![],
        has_request: false,
    }
}

fn pending(reason: &'static str, detail: &str, next: &[i64], has_request: bool) -> Told {
    Told {
        result: "pending",
        reason,
        detail: detail.to_owned(),
        next: next.to_vec(),
        has_request,
    }
}

fn attempt(number: u32, outcome: Outcome) -> Attempt {
    Attempt {
        number,
        trigger: Trigger::Automatic,
        at: at(101),
        duration: Duration::from_secs(1),
        webhook_version: 1,
        url: "https://example.com/then".to_owned(),
        contract: "standard".to_owned(),
        signature: Some("v1,abc".to_owned()),
        own_headers: vec!["X-Key".to_owned()],
        type_name: None,
        context: std::collections::BTreeMap::new(),
        outcome,
    }
}

fn response(status: u16) -> Outcome {
    Outcome::Response {
        status,
        headers: vec![],
        body: String::new(),
        truncated: false,
    }
}

fn new() -> Delivery {
    Delivery::new(&an_event(), &webhook().id)
}

fn retrying() -> Delivery {
    let delay = Verdict::Retry(Duration::from_secs(2_000));
    new().after_automatic(attempt(1, response(503)), delay)
}

fn failed(reason: Reason) -> Delivery {
    new().after_automatic(attempt(1, response(400)), Verdict::Dead(reason))
}

#[test]
fn every_webhook_is_explained_the_newest_first_and_deleted_ones_last() {
    let of = |number: u8, created: i64| Webhook {
        id: WebhookId::new([number; 16]),
        created_at: at(created),
        ..signing()
    };
    let event = an_event();
    let deleted = Delivery::new(&event, &WebhookId::new([9; 16]));
    let record = record(&event, vec![deleted, Delivery::new(&event, &of(1, 0).id)]);
    let snapshot = TenantSnapshot {
        subscriptions: [of(1, 1), of(2, 3), of(3, 2)]
            .map(|webhook| subscribed(webhook, short()))
            .into(),
        unreadable: vec![WebhookId::new([4; 16])],
        ..snapshot(None)
    };
    let explained = explained(&event, Some(&record), &snapshot);
    let ids: Vec<_> = explained
        .webhooks()
        .into_iter()
        .map(|one| one.webhook)
        .collect();
    assert_eq!(
        ids,
        [2, 3, 1, 4, 9].map(|number| WebhookId::new([number; 16]))
    );
}

#[test]
fn every_reason_is_listed_once() {
    // A new reason does not compile here, and must be added to the list as well.
    let name = |reason: ExplainReason| match reason {
        ExplainReason::TypeNotSelected
        | ExplainReason::Filtered
        | ExplainReason::Inactive
        | ExplainReason::Disabled
        | ExplainReason::CreatedLater
        | ExplainReason::InactiveThen
        | ExplainReason::ChangedLater
        | ExplainReason::TestEvent
        | ExplainReason::FirstAttempt
        | ExplainReason::SlowLane
        | ExplainReason::AttemptInProgress
        | ExplainReason::Retrying
        | ExplainReason::Redriven
        | ExplainReason::Unsigned
        | ExplainReason::Unreadable
        | ExplainReason::WebhookInactive
        | ExplainReason::WebhookDeleted
        | ExplainReason::EventErased
        | ExplainReason::Delivered
        | ExplainReason::TestFailed
        | ExplainReason::Ended(_) => reason.as_str(),
    };
    let names: BTreeSet<_> = ExplainReason::ALL.map(name).into();
    assert_eq!(names.len(), ExplainReason::ALL.len());
    let ends = Reason::ALL.map(|reason| ExplainReason::Ended(reason).as_str());
    let of_messages = ends.iter().filter(|name| !names.contains(*name)).count();
    assert_eq!(
        of_messages, 6,
        "the reasons of messages that became no event"
    );
}
