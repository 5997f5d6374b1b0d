//! Redriving the dead letter of a message.

use domain::dead_letter::DeadLetter;
use domain::flow::{Published, Publisher};
use domain::messages::NamedEvent;
use domain::ports::{Fault, OnceName};
use domain::rejection::{Code, Rejection};
use domain::tenant::{is_among, may_publish};
use domain::ulid::Ulid;
use domain::{event, format, strict_json};

use super::DeadLetterTable;
use crate::clock::{SystemClock, now};
use crate::config::ConfigTable;
use crate::delivery_store::DeliveryTable;
use crate::event_queue::SqsEventQueue;

/// The message in a dead letter.
pub struct DeadMessage<'a> {
    /// The body.
    pub text: &'a str,
    /// `SenderId`.
    pub sender: &'a str,
    /// SQS's message id.
    pub message_id: &'a str,
}

/// Redrives messages as if they had been sent again today.
pub struct MessageRedrive<'a> {
    /// The tenants.
    pub config: &'a ConfigTable,
    /// The store of events.
    pub store: &'a DeliveryTable,
    /// The queue to the dispatcher.
    pub events: &'a SqsEventQueue,
    /// The dead letters.
    pub dead_letters: &'a DeadLetterTable,
    /// Principals that may publish for every tenant.
    pub trusted_senders: &'a [String],
}

fn refuse(detail: &str) -> Rejection {
    Rejection::new(Code::NotRedrivable, detail)
}

impl MessageRedrive<'_> {
    /// Makes the same checks as the first receipt. The event's key is derived from the dead
    /// letter's, so repeating creates no duplicate. Then marks the dead letter, with `job` as its
    /// author if there is one. Two reads, the writes and the send of an event with an id, and a
    /// write unit for each KB of the dead letter.
    ///
    /// # Errors
    /// If a table or the queue does not answer; repeating is safe.
    pub async fn redrive(
        &self,
        dead: &DeadLetter,
        message: &DeadMessage<'_>,
        job: Option<Ulid>,
    ) -> Result<Result<Published, Rejection>, Fault> {
        if is_among(message.sender, self.trusted_senders)
            && format::check_message(message.text).is_err()
        {
            return Ok(Err(refuse(
                "The message is in the format of a newer version of Postel: deploy that version first.",
            )));
        }
        let Ok(named) = strict_json::from_str::<NamedEvent>(message.text) else {
            return Ok(Err(refuse(
                "The message is not JSON that names a tenant: correct it and send it again.",
            )));
        };
        let Some(tenant) = self.config.tenant(&named.tenant_id).await? else {
            return Ok(Err(refuse(
                "There is no tenant with the id in the message.",
            )));
        };
        if !may_publish(&tenant, message.sender, self.trusted_senders) {
            return Ok(Err(refuse(
                "The sender is still not among the tenant's publishers: register it first.",
            )));
        }
        let event = match named.stored {
            Some(_) => None,
            None => match event::parse_with_tenant(message.text.as_bytes()) {
                Ok((mut event, _)) => {
                    event.message_id = Some(message.message_id.to_owned());
                    Some(event)
                }
                Err(rejection) => {
                    let detail = format!(
                        "The message is still not a valid event: {}",
                        rejection.detail
                    );
                    return Ok(Err(refuse(&detail)));
                }
            },
        };
        // The event's own id if it has one, else the dead letter's: of many concurrent redrives,
        // one announces it.
        let name = event
            .as_ref()
            .and_then(|e| e.id.clone())
            .map_or(OnceName::DeadLetter(dead.id), OnceName::Event);
        let begins = tenant.log_begins();
        let is_older = named.stored.is_some_and(|key| key.time() < begins);
        if is_older || dead.is_of_earlier_tenant(begins) {
            return Ok(Err(refuse(
                "The message belongs to an earlier tenant with the same id, which was deleted.",
            )));
        }
        // A message that was sent before its tenant was created: its event gets the tenant's time.
        let key = named.stored.unwrap_or(dead.id.0.not_before(begins));
        let publisher = Publisher {
            store: self.store,
            events: self.events,
            clock: &SystemClock,
            since: begins,
        };
        let published = publisher
            .publish_once(&tenant.id, &name, event, key)
            .await?;
        if published.is_ok() {
            self.dead_letters.mark_redriven(dead, now(), job).await?;
            if key != dead.id.0 && named.stored.is_none() {
                // The erasure of the event looks for its message under the event's key. The message
                // is not needed any more.
                self.dead_letters.forget_message(dead, now()).await?;
            }
        }
        Ok(published)
    }
}
