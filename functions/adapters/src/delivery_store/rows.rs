//! The stored forms of events, deliveries and attempts. Names are short where an item is written
//! once per event: a write unit is 1 KB, names included.

use std::collections::BTreeMap;

use domain::dead_letter::Reason;
use domain::delivery::{Delivery, LostMessages, Status};
use domain::event::Event;
use domain::event_type::EventType;
use domain::ids::{DeadLetterId, DeliveryId, EventId, TenantId, WebhookId};
use domain::payload::{Content, Payload};
use domain::ports::{Fault, OrFault as _, Stage, StoredDelivery};
use domain::time::Time;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::DueShards;
use super::attempts::{AttemptRow, attempt_of, attempt_row, read_attempt, write_attempt};
use super::data::Packed;
use crate::dynamo::from_json;

/// An event. `id` and `ts` are left out where they follow from the key.
#[derive(Serialize, Deserialize)]
pub(super) struct EventRow {
    pub(super) pk: String,
    pub(super) sk: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<EventId>,
    ty: EventType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Packed>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ctx: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erased_at: Option<Time>,
    /// The deliveries that ended at the first attempt, each an [`Embedded`] in JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    done: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mid: Option<Packed>,
    /// Whether it is a test event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    /// Since when its first attempts need a lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<Time>,
    /// The writer.
    by: String,
    pub(super) expires_at: i64,
}

/// An event's content as it is stored: short, since a list holds those of many events.
#[derive(Clone, Default)]
pub(super) struct StoredContent {
    data: Option<Packed>,
    ctx: BTreeMap<String, String>,
}

impl StoredContent {
    /// The content; `None` if it was erased.
    pub(super) fn read(self) -> Option<Content> {
        let data = self.data?.into_data().ok()?;
        Some(Content {
            data,
            context: self.ctx,
        })
    }
}

impl From<&Content> for StoredContent {
    fn from(content: &Content) -> Self {
        Self {
            data: Some(Packed::Text(content.data.clone())),
            ctx: content.context.clone(),
        }
    }
}

/// A delivery inline in its event's item: webhook and attempt.
#[derive(Serialize, Deserialize)]
struct Embedded(WebhookId, AttemptRow);

/// A delivery with a separate item.
#[derive(Serialize, Deserialize)]
pub(super) struct DeliveryRow {
    pub(super) pk: String,
    pub(super) sk: String,
    event_id: EventId,
    ty: EventType,
    pub(super) status: Status,
    #[serde(rename = "seq")]
    pub(super) sequence: u32,
    made: u32,
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Time>,
    /// How many messages of the next attempt were lost, and when the last of them was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) manual: Option<String>,
    /// The last attempt. (`last` is a reserved word in DynamoDB.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dead: Option<Ulid>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erased_at: Option<Time>,
    /// The last writer.
    by: String,
    /// The owner of the lease, and of the lease under which an automatic attempt has begun: a
    /// former version leaves the second in place when the first changes.
    #[serde(default, skip_serializing)]
    lease_owner: Option<String>,
    #[serde(default, skip_serializing)]
    begun: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_shard: Option<String>,
    /// When the sweeper should check it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<i64>,
    pub(super) expires_at: i64,
}

/// An earlier attempt, separate from its delivery.
#[derive(Serialize, Deserialize)]
pub(super) struct AttemptItem {
    pub(super) pk: String,
    pub(super) sk: String,
    pub(super) attempt: String,
    pub(super) expires_at: i64,
}

fn corrupt(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
    Fault::corrupt(Stage::ReadStore, what)
}

/// The stored form of an inline delivery without the receiver's response; `None` if it cannot be
/// read.
pub(super) fn erased_inside(text: &str, event: Ulid) -> Option<String> {
    let Embedded(webhook, row) = serde_json::from_str(text).ok()?;
    let attempt = attempt_of(row, event).erased();
    serde_json::to_string(&Embedded(webhook, attempt_row(&attempt, event))).ok()
}

impl EventRow {
    pub(super) fn new(
        event: &Event,
        inline: &[Delivery],
        by: &str,
        expires_at: i64,
    ) -> Result<Self, Fault> {
        let done = inline
            .iter()
            .filter_map(|delivery| {
                Some(Embedded(
                    delivery.id.webhook.clone(),
                    attempt_row(delivery.last_attempt.as_ref()?, event.key),
                ))
            })
            .map(|inline| serde_json::to_string(&inline).or_bug(Stage::WriteOutcome))
            .collect::<Result<_, _>>()?;
        let content = event.payload.content();
        Ok(Self {
            pk: super::partition(&event.tenant, event.key),
            sk: event.key.to_string(),
            id: (event.id != EventId::generated(event.key)).then(|| event.id.clone()),
            ty: event.event_type.clone(),
            ts: (event.timestamp != event.key.time().rfc3339()).then(|| event.timestamp.clone()),
            data: content.map(|content| Packed::data(&content.data)),
            ctx: content
                .map(|content| content.context.clone())
                .unwrap_or_default(),
            erased_at: event.payload.erased_at(),
            done,
            mid: event.message_id.as_deref().map(Packed::message_id),
            test: event.test,
            again: None,
            by: by.to_owned(),
            expires_at,
        })
    }

    /// The content for filters, of an event without an inline delivery.
    pub(super) fn content(&self) -> StoredContent {
        let is_asked = self.done.is_empty() && self.erased_at.is_none() && !self.test;
        let data = self.data.clone().filter(|_| is_asked);
        let ctx = data.as_ref().map(|_| self.ctx.clone());
        StoredContent {
            data,
            ctx: ctx.unwrap_or_default(),
        }
    }

    /// The event and its inline deliveries.
    pub(super) fn read(self, tenant: &TenantId) -> Result<(Event, Vec<StoredDelivery>), Fault> {
        let key: Ulid = self
            .sk
            .parse()
            .map_err(|()| corrupt("an event's key is no ULID"))?;
        let payload = match (self.erased_at, self.data) {
            (Some(at), _) => Payload::Erased(at),
            (None, Some(data)) => Payload::Kept(Content {
                data: data.into_data()?,
                context: self.ctx,
            }),
            (None, None) => return Err(corrupt("an event has no data and was not erased")),
        };
        let event = Event {
            tenant: tenant.clone(),
            key,
            id: self.id.unwrap_or_else(|| EventId::generated(key)),
            event_type: self.ty,
            timestamp: self.ts.unwrap_or_else(|| key.time().rfc3339()),
            payload,
            message_id: self.mid.map(Packed::into_message_id).transpose()?,
            test: self.test,
        };
        let deliveries = self
            .done
            .iter()
            .map(|text| {
                let Embedded(webhook, row) = from_json(text, Stage::ReadStore)?;
                let mut delivery = Delivery::new(&event, &webhook);
                delivery.status = Status::Completed;
                (
                    delivery.sequence,
                    delivery.attempts_this_round,
                    delivery.attempt_count,
                ) = (1, 1, 1);
                delivery.last_attempt = Some(attempt_of(row, key));
                Ok(StoredDelivery {
                    delivery,
                    is_inline: true,
                })
            })
            .collect::<Result<_, Fault>>()?;
        Ok((event, deliveries))
    }
}

impl DeliveryRow {
    pub(super) fn new(
        delivery: &Delivery,
        by: &str,
        expires_at: i64,
        shards: DueShards,
    ) -> Result<Self, Fault> {
        let event = delivery.id.event;
        Ok(Self {
            pk: super::partition(&delivery.tenant, event),
            sk: super::delivery_key(&delivery.id),
            event_id: delivery.event_id.clone(),
            ty: delivery.event_type.clone(),
            status: delivery.status,
            sequence: delivery.sequence,
            made: delivery.attempts_this_round,
            attempts: delivery.attempt_count,
            due: delivery.next_attempt_at,
            lost: Some(delivery.lost.count).filter(|count| *count > 0),
            lost_at: delivery.lost.at,
            manual: delivery.pending_manual_token.clone(),
            latest: delivery
                .last_attempt
                .as_ref()
                .map(|attempt| write_attempt(attempt, event))
                .transpose()?,
            reason: delivery.reason,
            dead: delivery.dead_letter_id.map(|id| id.0),
            test: delivery.is_test,
            erased_at: delivery.erased_at,
            by: by.to_owned(),
            lease_owner: None,
            begun: None,
            due_shard: delivery.next_attempt_at.map(|_| shards.of(event)),
            due_at: delivery.next_attempt_at.map(Time::millis),
            expires_at,
        })
    }

    /// The delivery. A lease is not a state of its own: a reader sees `processing`, the caller that
    /// acquires the lease sees the state before it.
    pub(super) fn read(self, tenant: &TenantId) -> Result<Delivery, Fault> {
        let (event, webhook) = self
            .sk
            .split_once('#')
            .ok_or_else(|| corrupt("a delivery's key names no webhook"))?;
        let event: Ulid = event
            .parse()
            .map_err(|()| corrupt("a delivery's key names no event"))?;
        Ok(Delivery {
            tenant: tenant.clone(),
            id: DeliveryId {
                event,
                webhook: webhook.parse().map_err(corrupt)?,
            },
            event_id: self.event_id,
            event_type: self.ty,
            status: if self.lease_owner.is_some() && self.begun == self.lease_owner {
                Status::Processing
            } else {
                self.status
            },
            sequence: self.sequence,
            attempts_this_round: self.made,
            attempt_count: self.attempts,
            next_attempt_at: self.due,
            lost: LostMessages {
                count: self.lost.unwrap_or(0),
                at: self.lost_at,
            },
            pending_manual_token: self.manual,
            last_attempt: self
                .latest
                .map(|text| read_attempt(&text, event))
                .transpose()?,
            reason: self.reason,
            is_test: self.test,
            dead_letter_id: self.dead.map(DeadLetterId),
            erased_at: self.erased_at,
        })
    }
}
