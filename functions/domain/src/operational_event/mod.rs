//! Operational events: what the operator learns of the webhooks, keys, sessions, dead letters and
//! redrive jobs of all tenants, as ordinary events of one tenant, which the operator names.
//!
//! They are derived from the changes of rows, as the stream of a table reports them: the state is
//! written first, by whichever function, and the event follows from it. So no write costs more for
//! them, and a crash after a write loses none. The same record of a stream always gives the same
//! events with the same ids, however often it is received.
//!
//! None is about the operator's own tenant: an event about the delivery of an event would not end.
//! A body has only the members that are written out here, ids and codes of Postel among them, and
//! no text that a tenant or a receiver chose freely, except names of types and of contracts.

mod kind;
mod webhook;

use serde_json::{Map, Value, json};

use crate::api_key::ApiKey;
use crate::author::Author;
use crate::dead_letter::{Body, DeadLetter};
use crate::ids::{EventId, RedriveId, TenantId};
use crate::messages::NamedTenant;
use crate::ports::{RedriveJob, RedriveJobStatus};
use crate::safe_text::SafeText;
use crate::session::Session;
use crate::strict_json;
use crate::tenant::Webhook;
use crate::time::Time;

pub use kind::OperationalEventKind;

/// The maximum size of an event's body in bytes: ten fit into a request of SQS or `EventBridge`
/// with room to spare.
pub const MAX_BODY_BYTES: usize = 4096;

/// The maximum size of the sender of a rejected message. Ids of principals have 21 characters.
const MAX_SENDER_BYTES: usize = 128;

/// A change of a row that may be of interest to the operator.
#[derive(Clone, Debug)]
pub enum Change {
    /// A webhook was written or deleted. At least one side is there.
    Webhook {
        /// Before.
        before: Option<Box<Webhook>>,
        /// After.
        after: Option<Box<Webhook>>,
        /// Who deleted it, if it was and the row says so.
        deleted_by: Option<Author>,
    },
    /// A key was created.
    KeyCreated(Box<ApiKey>),
    /// A key was deleted, by a caller or because it had expired.
    KeyDeleted {
        /// The key.
        key: Box<ApiKey>,
        /// Who deleted it, if the row says so.
        by: Option<Author>,
    },
    /// A session was created.
    SessionCreated(Box<Session>),
    /// A dead letter was written.
    DeadLetter(Box<DeadLetter>),
    /// A redrive job was written.
    RedriveJob {
        /// Before.
        before: Box<RedriveJob>,
        /// After.
        after: Box<RedriveJob>,
        /// Who cancelled it, if it was and the row says so.
        cancelled_by: Option<Author>,
    },
}

/// An operational event.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationalEvent {
    /// Its id: the same record of a stream gives the same id.
    pub id: EventId,
    /// Its type.
    pub kind: OperationalEventKind,
    /// When the row was written.
    pub time: Time,
    /// The whole body: the event's `data`, and the `detail` on an event bus.
    pub body: Value,
}

/// What all events of one record have in common.
#[derive(Clone, Copy, Debug)]
pub struct StreamRecord<'a> {
    /// The stream's id of the record, unique among all streams.
    pub id: &'a str,
    /// When the row was written.
    pub time: Time,
}

/// The events of a change, in the order in which they are published. Empty if the operator need not
/// know of it, or if it is about the operator's own tenant.
#[must_use]
pub fn operational_events(
    change: &Change,
    record: StreamRecord<'_>,
    stack: &str,
    operator: Option<&TenantId>,
) -> Vec<OperationalEvent> {
    if operator.is_some_and(|operator| is_about(change, operator)) {
        return Vec::new();
    }
    let (tenant, facts) = facts(change, record.time);
    let event = |(number, (kind, fields)): (usize, (OperationalEventKind, Value))| {
        let id = EventId::operational(record.id, number);
        let mut body = Map::new();
        body.insert("id".to_owned(), json!(id));
        body.insert("type".to_owned(), json!(kind.as_str()));
        body.insert("time".to_owned(), json!(record.time.rfc3339()));
        body.insert("stack".to_owned(), json!(stack));
        body.insert("tenantId".to_owned(), json!(tenant));
        if let Value::Object(fields) = fields {
            body.extend(fields);
        }
        OperationalEvent {
            id,
            kind,
            time: record.time,
            body: Value::Object(body),
        }
    };
    facts.into_iter().enumerate().map(event).collect()
}

/// The kinds of events that follow from a change, each with its own members.
type Facts = Vec<(OperationalEventKind, Value)>;

fn facts(change: &Change, time: Time) -> (Option<&TenantId>, Facts) {
    match change {
        Change::Webhook {
            before,
            after,
            deleted_by,
        } => {
            let tenant = after.as_ref().or(before.as_ref()).map(|one| &one.tenant);
            let (before, after) = (before.as_deref(), after.as_deref());
            (tenant, webhook::facts(before, after, deleted_by.as_ref()))
        }
        Change::KeyCreated(key) => (
            Some(&key.tenant),
            vec![(
                OperationalEventKind::KeyCreated,
                extended(of_key(key), json!({"by": by(key.created_by.as_ref())})),
            )],
        ),
        Change::KeyDeleted { key, by: author } => {
            let has_expired = key.expires_at.is_some_and(|end| end <= time);
            // The time to live removes an expired key, whoever tried to delete it before.
            let (reason, by) = match has_expired {
                true => ("expired", by(Some(&Author::Postel))),
                false => ("deleted", by(author.as_ref())),
            };
            let fields = extended(of_key(key), json!({"reason": reason, "by": by}));
            (
                Some(&key.tenant),
                vec![(OperationalEventKind::KeyDeleted, fields)],
            )
        }
        Change::SessionCreated(session) => (
            session.name.tenant.as_ref(),
            vec![(OperationalEventKind::SessionCreated, of_session(session))],
        ),
        Change::DeadLetter(dead) => (dead.tenant.as_ref(), vec![of_dead_letter(dead)]),
        Change::RedriveJob {
            before,
            after,
            cancelled_by,
        } => (
            Some(&after.tenant),
            of_job(before, after, cancelled_by.as_ref())
                .into_iter()
                .collect(),
        ),
    }
}

/// An object with further members.
fn extended(mut fields: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        fields.extend(more);
    }
    fields
}

/// Who did it, if the row says so: without a key's name, which its owner chose.
fn by(author: Option<&Author>) -> Value {
    author.map_or(
        Value::Null,
        |author| json!({"kind": author.kind(), "id": author.id()}),
    )
}

/// Without anything of its code and its token. A session that no tenant's key made is the
/// operator's work.
fn of_session(session: &Session) -> Value {
    let maker = session
        .key
        .clone()
        .map_or(Author::Operator { id: None }, |id| Author::Key {
            id,
            name: None,
        });
    json!({
        "sessionId": session.name.id,
        "scopes": session.scopes,
        "expiresAt": session.expires_at.rfc3339(),
        "by": by(Some(&maker)),
    })
}

/// Without its name, which its owner chose, and without anything of its secret.
fn of_key(key: &ApiKey) -> Value {
    json!({
        "keyId": key.id,
        "scopes": key.scopes,
        "expiresAt": key.expires_at.map(Time::rfc3339),
    })
}

fn of_dead_letter(dead: &DeadLetter) -> (OperationalEventKind, Value) {
    let id = dead.id.to_string();
    match &dead.body {
        Body::Delivery(died) => (
            OperationalEventKind::DeliveryExhausted,
            json!({
                "deadLetterId": id,
                "deliveryId": died.id,
                "webhookId": died.id.webhook,
                "eventId": died.event_id,
                "eventType": died.event_type,
                "reason": dead.reason.as_str(),
                "attempts": died.attempts,
                "lastStatus": died.last_status,
                "lastError": died.last_error,
            }),
        ),
        Body::Message {
            sender, message_id, ..
        } => (
            OperationalEventKind::MessageRejected,
            json!({
                "deadLetterId": id,
                "reason": dead.reason.as_str(),
                "sender": principal(sender),
                "messageId": SafeText::bounded(message_id, MAX_SENDER_BYTES),
            }),
        ),
    }
}

/// The part of SQS's `SenderId` that AWS sets; the session's name after the colon is the caller's
/// choice.
fn principal(sender: &str) -> SafeText {
    let principal = sender.split_once(':').map_or(sender, |(id, _)| id);
    SafeText::bounded(principal, MAX_SENDER_BYTES)
}

fn of_job(
    before: &RedriveJob,
    after: &RedriveJob,
    cancelled_by: Option<&Author>,
) -> Option<(OperationalEventKind, Value)> {
    let kind = match (before.status, after.status) {
        (RedriveJobStatus::Running, RedriveJobStatus::Completed) => {
            OperationalEventKind::RedriveCompleted
        }
        (RedriveJobStatus::Running, RedriveJobStatus::Cancelled) => {
            OperationalEventKind::RedriveStopped
        }
        _ => return None,
    };
    let fields = json!({
        "redriveId": RedriveId(after.id).to_string(),
        "total": after.total_known(),
        "done": after.tally.done,
        "failed": after.tally.failed,
        "skipped": after.skipped_known(),
    });
    let fields = match kind {
        OperationalEventKind::RedriveStopped => extended(fields, json!({"by": by(cancelled_by)})),
        _ => fields,
    };
    Some((kind, fields))
}

/// Whether a change is about this tenant: it has the row, or the rejected message names it. An
/// operational event may itself be rejected, and that must not make another one.
fn is_about(change: &Change, tenant: &TenantId) -> bool {
    match change {
        Change::Webhook { before, after, .. } => {
            let mut sides = before.iter().chain(after);
            sides.any(|webhook| webhook.tenant == *tenant)
        }
        Change::KeyCreated(key) | Change::KeyDeleted { key, .. } => key.tenant == *tenant,
        Change::SessionCreated(session) => session.name.tenant.as_ref() == Some(tenant),
        Change::RedriveJob { after, .. } => after.tenant == *tenant,
        Change::DeadLetter(dead) => {
            dead.tenant.as_ref() == Some(tenant) || names(&dead.body, tenant)
        }
    }
}

fn names(body: &Body, tenant: &TenantId) -> bool {
    let Body::Message {
        text: Some(text), ..
    } = body
    else {
        return false;
    };
    strict_json::from_str::<NamedTenant>(text).is_ok_and(|named| named.tenant_id == *tenant)
}

#[cfg(test)]
mod tests;
