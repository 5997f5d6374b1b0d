//! Dead letters as callers see them.

use adapters::dead_letters::StoredDeadLetter;
use api::document::schemas::{
    DeadLetterId, DeadLetterKind, DeadLetterReason, DeliveryId, EventId, EventType,
    TenantId as Tenant, Timestamp, WebhookId,
};
use domain::dead_letter::Body;
use domain::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

/// A dead letter: a delivery, or a message that could not become an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub(crate) struct DeadLetterResponse {
    #[schema(value_type = DeadLetterId)]
    id: String,
    #[schema(value_type = DeadLetterKind)]
    kind: &'static str,
    #[schema(value_type = DeadLetterReason)]
    reason: &'static str,
    /// The same in a sentence.
    detail: String,
    /// Whose it is, if it proves to be anybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Tenant>)]
    tenant_id: Option<String>,
    #[schema(value_type = Timestamp)]
    created_at: String,
    /// When it was redriven: it is kept for a day then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    redriven_at: Option<String>,
    /// When what its event says was erased: it cannot be redriven, and there is no message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    erased_at: Option<String>,
    /// Of a delivery: which.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeliveryId>)]
    delivery_id: Option<String>,
    /// Of a delivery: its event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EventId>)]
    event_id: Option<String>,
    /// Of a delivery: its event's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EventType>)]
    event_type: Option<String>,
    /// Of a delivery: its webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WebhookId>)]
    webhook_id: Option<String>,
    /// Of a delivery: how many attempts it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    /// Of a delivery: the status of the last response, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_response_code: Option<u16>,
    /// Of a delivery: the last failure's code, if no response came.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// Of a message: what SQS says of its sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<String>,
    /// Of a message: the `MessageId` that SQS gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// Of a message: the message itself, which lists leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl DeadLetterResponse {
    pub(super) fn new(kept: &StoredDeadLetter) -> Self {
        let dead = &kept.dead;
        let (delivery, message) = match &dead.body {
            Body::Delivery(died) => (Some(died), None),
            Body::Message {
                sender, message_id, ..
            } => (None, Some((sender, message_id))),
        };
        Self {
            id: dead.id.to_string(),
            kind: if delivery.is_some() {
                "delivery"
            } else {
                "message"
            },
            reason: dead.reason.as_str(),
            detail: dead.detail.clone(),
            tenant_id: dead.tenant.as_ref().map(ToString::to_string),
            created_at: dead.at.rfc3339(),
            redriven_at: kept.redriven_at.map(Time::rfc3339),
            erased_at: kept.erased_at.map(Time::rfc3339),
            delivery_id: delivery.map(|died| died.id.to_string()),
            event_id: delivery.map(|died| died.event_id.to_string()),
            event_type: delivery.map(|died| died.event_type.to_string()),
            webhook_id: delivery.map(|died| died.id.webhook.to_string()),
            attempts: delivery.map(|died| died.attempts),
            last_response_code: delivery.and_then(|died| died.last_status),
            last_error: delivery.and_then(|died| died.last_error.clone()),
            sender_id: message.map(|(sender, _)| sender.clone()),
            message_id: message.map(|(_, id)| id.clone()),
            message: None,
        }
    }
}

impl DeadLetterResponse {
    /// With the message itself.
    pub(super) fn full(kept: &StoredDeadLetter) -> Self {
        let message = match &kept.dead.body {
            Body::Message { text, .. } => text.clone(),
            Body::Delivery(_) => None,
        };
        Self {
            message,
            ..Self::new(kept)
        }
    }
}
