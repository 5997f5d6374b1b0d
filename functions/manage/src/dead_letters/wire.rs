//! Dead letters as callers see them.

use adapters::dead_letters::StoredDeadLetter;
use api::document::schemas::{
    DeadLetterId, DeadLetterReason, DeliveryId, EventId, EventType, TenantId as Tenant, Timestamp,
    WebhookId,
};
use domain::dead_letter::Body;
use domain::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

/// A dead letter: of a delivery, or of a message that could not become an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub(crate) struct DeadLetterResponse {
    #[schema(value_type = DeadLetterId)]
    id: String,
    #[schema(value_type = DeadLetterReason)]
    reason: &'static str,
    /// The same in a sentence.
    detail: String,
    /// Whose it is, if it proves to be anybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Tenant>, nullable = false)]
    tenant_id: Option<String>,
    #[schema(value_type = Timestamp)]
    created_at: String,
    /// When it was redriven: it is kept for a day then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    redriven_at: Option<String>,
    /// When what its event says was erased: it cannot be redriven, and there is no message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    erased_at: Option<String>,
    #[serde(flatten)]
    died: Died,
    /// The message itself, which lists leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<String>,
}

/// What died: a delivery has the first members, a message the last.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Died {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeliveryId>, nullable = false)]
    delivery_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EventId>, nullable = false)]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EventType>, nullable = false)]
    event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WebhookId>, nullable = false)]
    webhook_id: Option<String>,
    /// How many the delivery had.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_response_code: Option<u16>,
    /// The last failure's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_error: Option<String>,
    /// What SQS says of a message's sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sender_id: Option<String>,
    /// The `MessageId` that SQS gave the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message_id: Option<String>,
}

impl DeadLetterResponse {
    pub(super) fn new(kept: &StoredDeadLetter) -> Self {
        let dead = &kept.dead;
        let died = match &dead.body {
            Body::Delivery(died) => Died {
                delivery_id: Some(died.id.to_string()),
                event_id: Some(died.event_id.to_string()),
                event_type: Some(died.event_type.to_string()),
                webhook_id: Some(died.id.webhook.to_string()),
                attempts: Some(died.attempts),
                last_response_code: died.last_status,
                last_error: died.last_error.clone(),
                sender_id: None,
                message_id: None,
            },
            Body::Message {
                sender, message_id, ..
            } => Died {
                sender_id: Some(sender.clone()),
                message_id: Some(message_id.clone()),
                ..Died::default()
            },
        };
        Self {
            id: dead.id.to_string(),
            reason: dead.reason.as_str(),
            detail: dead.detail.clone(),
            tenant_id: dead.tenant.as_ref().map(ToString::to_string),
            created_at: dead.at.rfc3339(),
            redriven_at: kept.redriven_at.map(Time::rfc3339),
            erased_at: kept.erased_at.map(Time::rfc3339),
            died,
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
