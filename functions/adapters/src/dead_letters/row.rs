//! The stored form of a dead letter.

use std::time::Duration;

use domain::dead_letter::{Body, DeadDelivery, DeadLetter, Reason};
use domain::event_type::EventType;
use domain::ids::{DeadLetterId, DeliveryId, EventId, TenantId};
use domain::ports::{Fault, Stage};
use domain::time::Time;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::{AGE_SHARDS, StoredDeadLetter};

/// The partition of dead letters without a tenant. No tenant id contains `#`.
const UNATTRIBUTED: &str = "#nobody";

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    pk: String,
    sk: Ulid,
    at: Time,
    reason: Reason,
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivery: Option<DeliveryId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_id: Option<EventId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ty: Option<EventType>,
    #[serde(default)]
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redriven_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redriven_by: Option<Ulid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erased_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    age_shard: Option<String>,
    expires_at: i64,
}

/// The partition of a tenant's dead letters, or of those without a tenant.
pub(super) fn partition(tenant: Option<&TenantId>) -> String {
    tenant.map_or_else(|| UNATTRIBUTED.to_owned(), ToString::to_string)
}

impl Row {
    pub(super) fn new(dead: &DeadLetter, retention: Duration) -> Self {
        let mut row = Self {
            pk: partition(dead.tenant.as_ref()),
            sk: dead.id.0,
            at: dead.at,
            reason: dead.reason,
            detail: dead.detail.clone(),
            delivery: None,
            event_id: None,
            ty: None,
            attempts: 0,
            last_status: None,
            last_error: None,
            message: None,
            sender: None,
            message_id: None,
            redriven_at: None,
            redriven_by: None,
            erased_at: None,
            age_shard: Some((dead.id.0.low_bits() % AGE_SHARDS).to_string()),
            expires_at: dead.at.plus(retention).seconds(),
        };
        match &dead.body {
            Body::Delivery(died) => {
                row.delivery = Some(died.id.clone());
                row.event_id = Some(died.event_id.clone());
                row.ty = Some(died.event_type.clone());
                row.attempts = died.attempts;
                row.last_status = died.last_status;
                row.last_error.clone_from(&died.last_error);
            }
            Body::Message {
                text,
                sender,
                message_id,
            } => {
                row.message = text.as_deref().map(bounded);
                row.sender = Some(sender.clone());
                row.message_id = Some(message_id.clone());
            }
        }
        row
    }

    pub(super) fn read(self) -> Result<StoredDeadLetter, Fault> {
        let corrupt = || {
            Fault::corrupt(
                Stage::DeadLetter,
                "a dead letter is neither a delivery nor a message",
            )
        };
        let body = match (self.delivery, self.event_id, self.ty, self.message) {
            (Some(id), Some(event_id), Some(event_type), None) => Body::Delivery(DeadDelivery {
                id,
                event_id,
                event_type,
                attempts: self.attempts,
                last_status: self.last_status,
                last_error: self.last_error,
            }),
            (None, None, None, text) if text.is_some() || self.erased_at.is_some() => {
                Body::Message {
                    text,
                    sender: self.sender.unwrap_or_default(),
                    message_id: self.message_id.unwrap_or_default(),
                }
            }
            _ => return Err(corrupt()),
        };
        let tenant = if self.pk == UNATTRIBUTED {
            None
        } else {
            Some(self.pk.parse().map_err(|_| corrupt())?)
        };
        let dead = DeadLetter {
            id: DeadLetterId(self.sk),
            tenant,
            at: self.at,
            reason: self.reason,
            detail: self.detail,
            body,
        };
        Ok(StoredDeadLetter {
            dead,
            redriven_at: self.redriven_at,
            redriven_by: self.redriven_by,
            erased_at: self.erased_at,
        })
    }
}

/// An item has at most 400 KB, and a message up to 1 MiB. A text that does not fit is cut: a
/// message of that size is rejected for it anyway.
fn bounded(text: &str) -> String {
    const MAX_BYTES: usize = 380_000;
    text.get(..text.floor_char_boundary(MAX_BYTES.min(text.len())))
        .unwrap_or_default()
        .to_owned()
}
