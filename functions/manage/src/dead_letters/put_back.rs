//! Putting one dead letter back.

use adapters::clock::{SystemMoment, now};
use adapters::dead_letters::Kept;
use adapters::http::caller::json;
use adapters::http::document::text::{DeliveryId, EventId};
use axum::http::StatusCode;
use domain::dead_letter::{Body, DeadDelivery, DeadLetter};
use domain::event;
use domain::flow::{Publisher, redrive_delivery};
use domain::ids::TenantId;
use domain::object;
use domain::payload::Payload;
use domain::ports::{Fault, Log as _, OnceName};
use domain::rejection::{Code, Rejection};
use domain::tenant::may_publish;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::events::event_erased;
use crate::{Answer, Function};

/// What is on its way again.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PutBack {
    /// A delivery, with its whole schedule before it.
    #[serde(rename_all = "camelCase")]
    Delivery {
        #[schema(value_type = DeliveryId)]
        delivery_id: String,
    },
    /// A message, as the event that it has become.
    #[serde(rename_all = "camelCase")]
    Event {
        #[schema(value_type = EventId)]
        event_id: String,
    },
}

fn refuse(detail: &str) -> Rejection {
    Rejection::new(Code::NotRedrivable, detail)
}

impl Function {
    pub(super) async fn put_back(&self, kept: Kept) -> Answer {
        let again = || {
            Rejection::new(
                Code::AlreadyRedriven,
                "This dead letter has been put back already.",
            )
        };
        if kept.redriven_at.is_some() {
            return Err(again().into());
        }
        if kept.erased_at.is_some() {
            return Err(event_erased().into());
        }
        let dead = kept.dead;
        match &dead.body {
            Body::Delivery(died) => {
                if !redrive_delivery(&self.log, &self.deliveries, now(), &dead).await? {
                    return Err(match self.payload_of(&dead, died).await? {
                        None => {
                            refuse("Its event is kept no longer: there is nothing left to send.")
                        }
                        Some(Payload::Erased(_)) => event_erased(),
                        Some(Payload::Kept(_)) => again(),
                    }
                    .into());
                }
                let answer = PutBack::Delivery {
                    delivery_id: died.id.to_string(),
                };
                Ok(json(StatusCode::ACCEPTED, answer))
            }
            Body::Message {
                text,
                sender,
                message_id,
            } => {
                let text = text.as_deref().ok_or_else(event_erased)?;
                self.accept_message(&dead, text, sender, message_id).await
            }
        }
    }

    /// A dead letter may outlive its event: it is kept from its death on, the event from its acceptance.
    async fn payload_of(
        &self,
        dead: &DeadLetter,
        died: &DeadDelivery,
    ) -> Result<Option<Payload>, Fault> {
        let Some(tenant) = &dead.tenant else {
            return Ok(None);
        };
        let record = self.log.read(tenant, died.id.event).await?;
        Ok(record.map(|record| record.event.payload))
    }

    /// A message is put back as if it came again today: the same checks, and a key made of the dead letter's, so that repeating doubles nothing.
    async fn accept_message(
        &self,
        dead: &DeadLetter,
        text: &str,
        sender: &str,
        message_id: &str,
    ) -> Answer {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named {
            tenant_id: TenantId,
            stored: Option<Ulid>,
        }
        let named: Named = object::from_str(text).map_err(|_| {
            refuse("The message is no JSON that names a tenant: send it again, corrected.")
        })?;
        let tenant = self
            .config
            .tenant(&named.tenant_id)
            .await?
            .ok_or_else(|| refuse("There is no tenant of the id that the message names."))?;
        if !may_publish(&tenant, sender, &self.trusted_senders) {
            let detail =
                "The sender is still not among the tenant's publishers: register it first.";
            return Err(refuse(detail).into());
        }
        let event = match named.stored {
            Some(_) => None,
            None => {
                let (mut event, _) =
                    event::parse_with_tenant(text.as_bytes()).map_err(|rejection| {
                        refuse(&format!("It is still no event: {}", rejection.detail))
                    })?;
                event.message_id = Some(message_id.to_owned());
                Some(event)
            }
        };
        let publisher = Publisher {
            log: &self.log,
            outbox: &self.events,
            moment: &SystemMoment,
            since: tenant.log_begins(),
        };
        // The event's own id if it has one, else the dead letter's: of many who redrive at once, one announces it.
        let name = event
            .as_ref()
            .and_then(|e| e.id.clone())
            .map_or(OnceName::DeadLetter(dead.id), OnceName::Event);
        let key = match named.stored {
            Some(key) if key.time() < tenant.log_begins() => {
                let detail =
                    "Its event is an earlier tenant's, which had the same id and was deleted.";
                return Err(refuse(detail).into());
            }
            Some(key) => key,
            // A message that came before its tenant was made: its event begins with the tenant.
            None => dead.id.0.not_before(tenant.log_begins()),
        };
        let published = publisher
            .publish_once(&tenant.id, &name, event, key)
            .await??;
        self.dead_letters.mark_redriven(dead, now()).await?;
        if published.duplicate {
            return Err(Rejection::new(
                Code::AlreadyRedriven,
                "This dead letter has been put back already.",
            )
            .into());
        }
        let answer = PutBack::Event {
            event_id: published.id.to_string(),
        };
        Ok(json(StatusCode::ACCEPTED, answer))
    }
}
