//! Putting one dead letter back.

use adapters::clock::now;
use adapters::dead_letters::{DeadMessage, MessageRedrive, StoredDeadLetter};
use api::caller::json;
use api::document::schemas::{DeliveryId, EventId};
use axum::http::StatusCode;
use domain::dead_letter::{Body, DeadDelivery, DeadLetter};
use domain::flow::redrive_delivery;
use domain::payload::Payload;
use domain::ports::{DeliveryStore as _, Fault};
use domain::redrive::{already_redriven, check_redrivable, why_not_redriven};
use domain::rejection::Rejection;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{AppState, HandlerResult};

/// What was redriven.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = RedriveOutcome)]
pub(crate) enum RedriveAccepted {
    /// A delivery, which starts its retry schedule again.
    #[serde(rename_all = "camelCase")]
    Delivery {
        #[schema(value_type = DeliveryId)]
        delivery_id: String,
    },
    /// A message, as the event that it became.
    #[serde(rename_all = "camelCase")]
    Event {
        #[schema(value_type = EventId)]
        event_id: String,
    },
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
                let answer = RedriveAccepted::Delivery {
                    delivery_id: died.id.to_string(),
                };
                Ok(json(StatusCode::ACCEPTED, answer))
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
        let answer = RedriveAccepted::Event {
            event_id: published.id.to_string(),
        };
        Ok(json(StatusCode::ACCEPTED, answer))
    }
}
