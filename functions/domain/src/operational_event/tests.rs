use std::collections::BTreeSet;

use super::*;
use crate::api_key::Scope;
use crate::dead_letter::{DeadDelivery, Reason};
use crate::delivery::DisableReason;
use crate::ids::{DeadLetterId, DeliveryId, KeyId, WebhookId};
use crate::ports::{DeadLetterFilter, Tally};
use crate::session::{SessionId, SessionName, SessionState};
use crate::signing_secrets::SigningSecrets;
use crate::tenant::{EncryptedBasicAuth, EncryptedHeader};
use crate::ulid::Ulid;
use crate::webhook::testing::{at, webhook};

const SECRET: &str = "canary-of-a-secret";

fn events(change: &Change) -> Vec<OperationalEvent> {
    let record = StreamRecord {
        id: "c4ca4238a0b923820dcc509a6f75849b",
        time: at(1_772_355_600),
    };
    operational_events(change, record, "postel", "operator".parse().ok().as_ref())
}

fn written(before: &Webhook, after: &Webhook) -> Change {
    Change::Webhook {
        before: Some(Box::new(before.clone())),
        after: Some(Box::new(after.clone())),
        deleted_by: None,
    }
}

fn kinds(change: &Change) -> Vec<&'static str> {
    let events = events(change);
    events.iter().map(|event| event.kind.as_str()).collect()
}

/// A webhook with a secret wherever one can be, and hostile texts.
fn full() -> Webhook {
    let url = format!("https://user:{SECRET}@example.com/{SECRET}?token={SECRET}");
    let header = EncryptedHeader {
        cipher: SECRET.to_owned(),
        bytes: 1,
    };
    Webhook {
        url,
        name: Some(SECRET.to_owned()),
        secrets: SigningSecrets::new(SECRET.to_owned()),
        basic_auth: Some(EncryptedBasicAuth {
            username: SECRET.to_owned(),
            cipher: SECRET.to_owned(),
        }),
        headers: [(SECRET.to_owned(), header)].into(),
        context: [(SECRET.to_owned(), format!("\"{SECRET}\""))].into(),
        ..webhook()
    }
    .created_by(erp())
}

/// A key whose name is a secret.
fn erp() -> Author {
    Author::Key {
        id: KeyId::new([2; 16]),
        name: Some(SECRET.to_owned()),
    }
}

fn session(tenant: Option<&str>) -> Session {
    Session {
        name: SessionName {
            tenant: tenant.map(|tenant| tenant.parse().unwrap()),
            id: SessionId(Ulid::new(at(60), [1; 10])),
        },
        scopes: vec![Scope::WebhooksRead],
        key: tenant.map(|_| KeyId::new([2; 16])),
        created_at: at(1),
        expires_at: at(60),
        state: SessionState::Waiting {
            code_hash: SECRET.to_owned(),
            until: at(61),
        },
    }
}

fn key() -> ApiKey {
    ApiKey {
        id: KeyId::new([1; 16]),
        tenant: "acme".parse().unwrap(),
        name: Some(SECRET.to_owned()),
        hash: SECRET.to_owned(),
        scopes: Scope::ALL.to_vec(),
        created_at: at(1),
        expires_at: None,
        created_by: Some(erp()),
        last_used_at: None,
    }
}

fn died() -> DeadLetter {
    let webhook = WebhookId::new([1; 16]);
    DeadLetter {
        id: DeadLetterId(Ulid::derived(at(2), "x")),
        tenant: "acme".parse().ok(),
        at: at(2),
        reason: Reason::Exhausted,
        detail: SECRET.to_owned(),
        body: Body::Delivery(DeadDelivery {
            id: DeliveryId {
                event: Ulid::derived(at(1), "x"),
                webhook,
            },
            event_id: "order-17".parse().unwrap(),
            event_type: "order.paid".parse().unwrap(),
            attempts: 8,
            last_status: Some(503),
            last_error: None,
        }),
    }
}

fn rejected(text: &str) -> DeadLetter {
    DeadLetter {
        tenant: None,
        reason: Reason::SenderNotAllowed,
        body: Body::Message {
            text: Some(text.to_owned()),
            sender: format!("AROAEXAMPLE:{SECRET}"),
            message_id: "0b6e7f3c".to_owned(),
        },
        ..died()
    }
}

fn job(status: RedriveJobStatus) -> Box<RedriveJob> {
    Box::new(RedriveJob {
        id: Ulid::derived(at(1), "x"),
        tenant: "acme".parse().unwrap(),
        filter: DeadLetterFilter::default(),
        rate: 50,
        status,
        total: 10,
        tally: Tally {
            done: 7,
            failed: 1,
            skipped: 2,
        },
        cursor: Some(SECRET.to_owned()),
        turn: 1,
        next_at: at(1),
        ended_at: None,
    })
}

fn key_deleted(key: ApiKey, by: Option<Author>) -> Change {
    let key = Box::new(key);
    Change::KeyDeleted { key, by }
}

/// One change for each kind.
fn one_of_each() -> Vec<(OperationalEventKind, Change)> {
    use OperationalEventKind as Kind;
    let to = |change: fn(&mut Webhook)| {
        let mut after = full();
        change(&mut after);
        written(&full(), &after)
    };
    let from = |change: fn(&mut Webhook)| {
        let mut before = full();
        change(&mut before);
        written(&before, &full())
    };
    let ended = |status| Change::RedriveJob {
        before: job(RedriveJobStatus::Running),
        after: job(status),
        cancelled_by: Some(erp()),
    };
    let alone = |is_new: bool| {
        let row = || Some(Box::new(full()));
        Change::Webhook {
            before: row().filter(|_| !is_new),
            after: row().filter(|_| is_new),
            deleted_by: Some(erp()).filter(|_| !is_new),
        }
    };
    vec![
        (Kind::WebhookCreated, alone(true)),
        (Kind::WebhookUpdated, to(|w| w.url.push('x'))),
        (Kind::WebhookDeleted, alone(false)),
        (Kind::WebhookEnabled, from(|w| w.active = false)),
        (Kind::WebhookDisabled, to(|w| w.active = false)),
        (Kind::WebhookFailing, to(|w| w.failing_since = Some(at(5)))),
        (
            Kind::WebhookRecovered,
            from(|w| w.failing_since = Some(at(5))),
        ),
        (Kind::WebhookSlow, to(|w| w.slow_since = Some(at(5)))),
        (Kind::WebhookQuick, from(|w| w.slow_since = Some(at(5)))),
        (
            Kind::DeliveryExhausted,
            Change::DeadLetter(Box::new(died())),
        ),
        (
            Kind::MessageRejected,
            Change::DeadLetter(Box::new(rejected(SECRET))),
        ),
        (Kind::KeyCreated, Change::KeyCreated(Box::new(key()))),
        (Kind::KeyDeleted, key_deleted(key(), Some(erp()))),
        (
            Kind::SecretRotated,
            to(|w| w.secrets = SigningSecrets::new("new".to_owned())),
        ),
        (
            Kind::SessionCreated,
            Change::SessionCreated(Box::new(session(Some("acme")))),
        ),
        (Kind::RedriveCompleted, ended(RedriveJobStatus::Completed)),
        (Kind::RedriveStopped, ended(RedriveJobStatus::Cancelled)),
    ]
}

fn members(body: &Value) -> Vec<&String> {
    body.as_object().unwrap().keys().collect()
}

#[test]
fn each_kind_has_a_change_and_its_example_has_the_members_of_its_body() {
    let changes = one_of_each();
    let listed: Vec<_> = changes.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(listed, OperationalEventKind::ALL);
    for (kind, change) in changes {
        let found = events(&change);
        let Some(event) = found.last() else {
            panic!("{kind:?}: {found:?}")
        };
        assert_eq!(event.kind, kind);
        // The webhook's own change comes before the rotation.
        let others = usize::from(kind == OperationalEventKind::SecretRotated);
        assert_eq!(found.len(), 1 + others, "{kind:?}: {found:?}");
        let example: Value = serde_json::from_str(kind.example()).unwrap();
        assert_eq!(members(&event.body), members(&example), "{kind:?}");
        assert_eq!(example["type"], kind.as_str());
        assert_eq!(event.body["type"], kind.as_str());
        assert_eq!(event.body["id"], event.id.as_str());
        assert!(
            kind.as_str()
                .parse::<crate::event_type::EventType>()
                .is_ok()
        );
        assert!(example["id"].as_str().unwrap().parse::<EventId>().is_ok());
        let texts = [Some(kind.name()), Some(kind.description()), None];
        let [name, description, group] = texts;
        assert!(crate::event_type::check_catalogue_texts(name, description, group).is_ok());
    }
    let types: BTreeSet<_> = OperationalEventKind::ALL
        .iter()
        .map(|k| k.as_str())
        .collect();
    assert_eq!(types.len(), OperationalEventKind::ALL.len());
}

#[test]
fn no_body_has_a_secret_or_a_text_that_somebody_chose() {
    for (kind, change) in one_of_each() {
        for event in events(&change) {
            let text = event.body.to_string();
            assert!(!text.contains(SECRET), "{kind:?}: {text}");
        }
    }
}

#[test]
fn nothing_is_about_the_operators_own_tenant() {
    let operator = || "operator".parse::<TenantId>().unwrap();
    for (kind, mut change) in one_of_each() {
        match &mut change {
            Change::Webhook { before, after, .. } => {
                for side in before.iter_mut().chain(after) {
                    side.tenant = operator();
                }
            }
            Change::KeyCreated(key) | Change::KeyDeleted { key, .. } => key.tenant = operator(),
            Change::SessionCreated(session) => session.name.tenant = Some(operator()),
            Change::DeadLetter(dead) => dead.tenant = Some(operator()),
            Change::RedriveJob { after, .. } => after.tenant = operator(),
        }
        assert_eq!(events(&change), [], "{kind:?}");
    }
}

#[test]
fn a_rejected_operational_event_makes_no_other_one() {
    let kinds_of = |text: &str| kinds(&Change::DeadLetter(Box::new(rejected(text))));
    let ours = r#"{"tenantId":"operator","id":"op_1","type":"webhook.created","data":{}}"#;
    assert_eq!(kinds_of(ours), [""; 0]);
    let rejected = ["message.rejected"];
    for other in [
        r#"{"tenantId":"acme","type":"a","data":{}}"#,
        r#"{"tenantId":"operator","tenantId":"operator"}"#,
        "operator",
        "",
    ] {
        assert_eq!(kinds_of(other), rejected, "{other}");
    }
}

#[test]
fn without_an_operators_tenant_the_bus_gets_all() {
    let record = StreamRecord {
        id: "1",
        time: at(1),
    };
    for (kind, change) in one_of_each() {
        let found = operational_events(&change, record, "postel", None);
        assert_eq!(found.last().map(|event| event.kind), Some(kind));
    }
}

#[test]
fn what_only_dispatchers_note_is_no_event() {
    let mut noted = webhook();
    noted.since = Some(at(3));
    noted.switched.push(at(3));
    noted.version += 1;
    noted.updated_at = at(9);
    assert_eq!(kinds(&written(&webhook(), &noted)), [""; 0]);
}

#[test]
fn a_disabled_webhook_says_why_and_an_owner_needs_no_reason() {
    let off = |disabled| {
        let mut after = webhook();
        (after.active, after.disabled, after.failing_since) = (false, disabled, Some(at(4)));
        let mut before = webhook();
        before.failing_since = Some(at(4));
        let found = events(&written(&before, &after));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].body["failingSince"], at(4).rfc3339());
        found[0].body["reason"].clone()
    };
    assert_eq!(off(Some(DisableReason::Gone)), "gone");
    assert_eq!(off(Some(DisableReason::Exhausted)), "exhausted");
    assert_eq!(off(None), "owner");
}

#[test]
fn an_owners_change_that_ends_a_mark_is_no_recovery() {
    let mut before = webhook();
    (before.failing_since, before.slow_since) = (Some(at(4)), Some(at(4)));
    let mut after = webhook();
    after.url.push('x');
    after.updated_at = at(9);
    assert_eq!(kinds(&written(&before, &after)), ["webhook.updated"]);
    // Switched on and given another name at once: two events with separate ids.
    (before.active, before.slow_since) = (false, None);
    let mut on = webhook();
    (on.name, on.updated_at) = (None, at(9));
    let found = events(&written(&before, &on));
    assert_eq!(
        kinds(&written(&before, &on)),
        ["webhook.updated", "webhook.enabled"]
    );
    assert_eq!(found[0].body["changed"], json!(["name"]));
    assert_ne!(found[0].id, found[1].id);
}

#[test]
fn a_job_that_goes_on_or_counts_after_its_end_is_no_event() {
    for (before, after) in [
        (RedriveJobStatus::Running, RedriveJobStatus::Running),
        (RedriveJobStatus::Cancelled, RedriveJobStatus::Cancelled),
        (RedriveJobStatus::Completed, RedriveJobStatus::Completed),
    ] {
        let change = Change::RedriveJob {
            before: job(before),
            after: job(after),
            cancelled_by: Some(erp()),
        };
        assert_eq!(kinds(&change), [""; 0]);
    }
}

mod authors;
mod properties;
