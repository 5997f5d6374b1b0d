//! Putting one dead letter back.

use adapters::clock::now;
use adapters::dead_letters::{DeadMessage, MessageRedrive, StoredDeadLetter};
use api::caller::{json, located};
use api::document::schemas::{DeadLetterId, DeliveryId, EventId};
use axum::http::StatusCode;
use axum::response::Response;
use domain::dead_letter::{Body, DeadDelivery, DeadLetter};
use domain::flow::redrive_delivery;
use domain::payload::Payload;
use domain::ports::{DeliveryStore as _, Fault};
use domain::redrive::{already_redriven, check_redrivable, why_not_redriven};
use domain::rejection::Rejection;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{AppState, HandlerResult};

/// A redriven dead letter: `deliveryId` is there if it holds a delivery, which starts its retry
/// schedule again; `eventId` if it holds a message, which became this event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterRedrive)]
pub(crate) struct RedriveAccepted {
    #[schema(value_type = DeadLetterId)]
    dead_letter_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeliveryId>)]
    delivery_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EventId>)]
    event_id: Option<String>,
}

impl AppState {
    pub(super) async fn redrive(&self, kept: StoredDeadLetter) -> HandlerResult {
        check_redrivable(kept.redriven_at, kept.erased_at)?;
        let dead = kept.dead;
        match &dead.body {
            Body::Delivery(died) => {
                if !redrive_delivery(&self.store, &self.deliveries, now(), &dead).await? {
                    let payload = self.payload_of(&dead, died).await?;
                    return Err(why_not_redriven(payload.as_ref()).into());
                }
                let answer = RedriveAccepted {
                    dead_letter_id: dead.id.to_string(),
                    delivery_id: Some(died.id.to_string()),
                    event_id: None,
                };
                Ok(accepted(answer, &dead, &format!("deliveries/{}", died.id)))
            }
            Body::Message {
                text,
                sender,
                message_id,
            } => {
                let text = text.as_deref().ok_or_else(Rejection::event_erased)?;
                let message = DeadMessage {
                    text,
                    sender,
                    message_id,
                };
                self.accept_message(&dead, &message).await
            }
        }
    }

    /// A dead letter may outlive its event: it is kept from its death on, the event from its
    /// acceptance.
    async fn payload_of(
        &self,
        dead: &DeadLetter,
        died: &DeadDelivery,
    ) -> Result<Option<Payload>, Fault> {
        let Some(tenant) = &dead.tenant else {
            return Ok(None);
        };
        let record = self.store.get_stored_event(tenant, died.id.event).await?;
        Ok(record.map(|record| record.event.payload))
    }

    async fn accept_message(&self, dead: &DeadLetter, message: &DeadMessage<'_>) -> HandlerResult {
        let redrive = MessageRedrive {
            config: &self.config,
            store: &self.store,
            events: &self.events,
            dead_letters: &self.dead_letters,
            trusted_senders: &self.trusted_senders,
        };
        let published = redrive.redrive(dead, message, None).await??;
        if published.duplicate {
            return Err(already_redriven().into());
        }
        let place = format!("events/{}", published.id);
        let answer = RedriveAccepted {
            dead_letter_id: dead.id.to_string(),
            delivery_id: None,
            event_id: Some(published.id.to_string()),
        };
        Ok(accepted(answer, dead, &place))
    }
}

/// With the path of what was redriven, if the dead letter belongs to a tenant.
fn accepted(answer: RedriveAccepted, dead: &DeadLetter, place: &str) -> Response {
    let response = json(StatusCode::ACCEPTED, answer);
    match &dead.tenant {
        Some(tenant) => located(response, format!("/v1/tenants/{tenant}/{place}")),
        None => response,
    }
}
