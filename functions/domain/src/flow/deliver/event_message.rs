//! A message of the events queue: an event sent directly by a tenant, or the key of an event that
//! the HTTP API stored.

use std::collections::HashSet;

use futures::future::join_all;

use super::dispatch::{Dispatcher, DispatcherDeps, QueueMessage};
use super::inline_deliveries;
use super::intake::{EventIdOutcome, RejectedMessage};
use super::retry_message::both;
use crate::dead_letter::{OLDER_THAN_TENANT, Reason};
use crate::delivery::Delivery;
use crate::event::{self, Event, NewEvent};
use crate::flow::possible_duplicate::FirstAttempts;
use crate::format;
use crate::ids::{TenantId, WebhookId};
use crate::messages::{NamedTenant, StoredEventMessage};
use crate::ports::{
    Clock as _, DeliveryStore as _, Fault, StoredDelivery, StoredEvent, Telemetry as _,
};
use crate::strict_json;
use crate::tenant::{Subscription, TenantSnapshot, is_among};
use crate::time::Time;
use crate::ulid::Ulid;

impl<D: DispatcherDeps> Dispatcher<D> {
    pub(super) async fn event_message(
        &self,
        message: &QueueMessage,
        deadline: Time,
    ) -> Result<(), Fault> {
        if let Ok(stored) = strict_json::from_str::<StoredEventMessage>(&message.body) {
            return match self
                .snapshot_for_publisher(&stored.tenant_id, message)
                .await?
            {
                Ok(snapshot) => self.stored(&stored, &snapshot, message, deadline).await,
                Err(rejected) => self.dead_letter_message(message, rejected).await,
            };
        }
        match event::parse_with_tenant(message.body.as_bytes()) {
            Ok((mut event, tenant)) => {
                event.message_id = Some(message.id.clone());
                self.tenants_event(event, tenant, message, deadline).await
            }
            Err(rejection) => {
                if is_among(&message.sender, &self.policy.trusted_senders) {
                    // From another function, perhaps of a newer version.
                    format::check_message(&message.body)?;
                }
                // The dead letter is shown to the tenant only if the sender proves to be its
                // publisher.
                let tenant = match strict_json::from_str::<NamedTenant>(&message.body) {
                    Ok(named) => self
                        .snapshot_for_publisher(&named.tenant_id, message)
                        .await?
                        .is_ok()
                        .then_some(named.tenant_id),
                    Err(_) => None,
                };
                let reason = Reason::of_event(rejection.code);
                self.dead_letter_message(
                    message,
                    RejectedMessage {
                        tenant,
                        reason,
                        detail: rejection.detail.into(),
                    },
                )
                .await
            }
        }
    }

    async fn tenants_event(
        &self,
        event: NewEvent,
        tenant: Option<String>,
        message: &QueueMessage,
        deadline: Time,
    ) -> Result<(), Fault> {
        let Some(tenant) = tenant.and_then(|text| text.parse::<TenantId>().ok()) else {
            let detail = "The body must name its tenant in tenantId.".to_owned();
            return self
                .dead_letter_message(
                    message,
                    RejectedMessage {
                        tenant: None,
                        reason: Reason::InvalidEvent,
                        detail,
                    },
                )
                .await;
        };
        let snapshot = match self.snapshot_for_publisher(&tenant, message).await? {
            Ok(snapshot) => snapshot,
            Err(rejected) => return self.dead_letter_message(message, rejected).await,
        };
        let EventIdOutcome { key, is_taken_over } = match self
            .claim_event_name(&event, &snapshot.tenant, message)
            .await?
        {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return Ok(()),
            Err(rejected) => return self.dead_letter_message(message, rejected).await,
        };
        let is_fresh = message.receives <= 1 && !is_taken_over;
        let record = if is_fresh {
            None
        } else {
            self.stored_event(&tenant, key).await?
        };
        match record {
            Some(record) => {
                self.complete_stored(&record, is_taken_over, &snapshot, message, deadline)
                    .await
            }
            None => {
                self.deliver_first_receipt(&event.accept(tenant, key), &snapshot, deadline)
                    .await
            }
        }
    }

    /// Handles the key of an event that the HTTP API stored. The API sends the message after it
    /// writes the event, and reads are consistent. So if the event is missing, its retention has
    /// passed or a publisher forged the message. Both become a dead letter: no accepted message
    /// ends without a trace.
    async fn stored(
        &self,
        stored: &StoredEventMessage,
        snapshot: &TenantSnapshot,
        message: &QueueMessage,
        deadline: Time,
    ) -> Result<(), Fault> {
        if stored.stored.time() < snapshot.tenant.log_begins() {
            let rejected = RejectedMessage {
                tenant: None,
                reason: Reason::UnknownTenant,
                detail: OLDER_THAN_TENANT.to_owned(),
            };
            return self.dead_letter_message(message, rejected).await;
        }
        let record = self.stored_event(&stored.tenant_id, stored.stored).await?;
        // A test event belongs to one webhook and already has its delivery. The API never announces
        // it, so a publisher forged this message.
        match record.filter(|record| !record.event.test) {
            Some(record) => {
                self.complete_stored(&record, false, snapshot, message, deadline)
                    .await
            }
            None => {
                let rejected = RejectedMessage {
                    tenant: Some(stored.tenant_id.clone()),
                    reason: Reason::Undeliverable,
                    detail: "The message names a stored event that is not in the delivery log."
                        .to_owned(),
                };
                self.dead_letter_message(message, rejected).await
            }
        }
    }

    /// With every delivery: a delivery that is missing from the list would be created again.
    async fn stored_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> Result<Option<StoredEvent>, Fault> {
        let record = self.deps.store().get_stored_event(tenant, event).await?;
        record.map(StoredEvent::complete).transpose()
    }

    /// The normal path of the events queue: attempt first, then one write for the event and all
    /// first-attempt successes.
    async fn deliver_first_receipt(
        &self,
        event: &Event,
        snapshot: &TenantSnapshot,
        deadline: Time,
    ) -> Result<(), Fault> {
        let (tried, result) = self
            .first_attempts(event, snapshot, &HashSet::new(), deadline)
            .await;
        let (inline, mut separate) = inline_deliveries::split(tried);
        let stored_inline: Vec<Delivery> = inline
            .iter()
            .map(|(delivery, _)| delivery.clone())
            .collect();
        if self
            .deps
            .store()
            .put_event(event, &stored_inline, &self.deps.clock().new_owner())
            .await?
        {
            self.deps.telemetry().event_accepted();
        } else {
            // Another message for the same event was faster. Its record is kept, above all a
            // success stored inline in the event, whatever the outcome of this attempt. The other
            // deliveries are stored as separate items. Test: regressions.rs, a twin's failure.
            let record = self.stored_event(&event.tenant, event.key).await?;
            let erased_at = record.as_ref().and_then(|r| r.event.payload.erased_at());
            let recorded = record
                .map(|r| webhooks_of(&r.deliveries))
                .unwrap_or_default();
            separate.extend(inline);
            separate.retain(|(delivery, _)| !recorded.contains(&delivery.id.webhook));
            if let Some(at) = erased_at {
                let erase = |(delivery, to): (Delivery, _)| (delivery.erased(at), to);
                separate = separate.into_iter().map(erase).collect();
            }
        }
        both(
            both(result, self.record_all(separate).await),
            snapshot.all_readable(),
        )
    }

    /// Records all deliveries concurrently: one call after another, many would not finish within
    /// [`crate::flow::RECORDING_RESERVE`].
    async fn record_all(&self, tried: Vec<(Delivery, &Subscription)>) -> Result<(), Fault> {
        let kept = tried
            .into_iter()
            .map(|(delivery, to)| self.record(delivery, &to.contract));
        join_all(kept).await.into_iter().fold(Ok(()), both)
    }

    /// Completes an event that is in the log. A recorded delivery is skipped, or its missing step
    /// is done; the others are attempted.
    async fn complete_stored(
        &self,
        record: &StoredEvent,
        is_taken_over: bool,
        snapshot: &TenantSnapshot,
        message: &QueueMessage,
        deadline: Time,
    ) -> Result<(), Fault> {
        let choice = self
            .choose_first_attempts(record, is_taken_over, message, deadline)
            .await?;
        if choice == FirstAttempts::WithLease {
            return self.first_attempts_with_lease(record, snapshot).await;
        }
        let recorded = webhooks_of(&record.deliveries);
        let (tried, mut result) = self
            .first_attempts(&record.event, snapshot, &recorded, deadline)
            .await;
        result = both(result, self.record_all(tried).await);
        if message.receives > 1 {
            // An earlier invocation may have died between recording and enqueueing.
            for entry in record.deliveries.iter().filter(|r| !r.is_inline) {
                let to = snapshot.subscription(&entry.delivery.id.webhook);
                result = both(
                    result,
                    self.follow_up(&entry.delivery, to.map(|s| &s.contract))
                        .await,
                );
            }
        }
        both(result, snapshot.all_readable())
    }
}

/// The webhooks whose deliveries are on record.
pub(in crate::flow) fn webhooks_of(recorded: &[StoredDelivery]) -> HashSet<WebhookId> {
    recorded
        .iter()
        .map(|r| r.delivery.id.webhook.clone())
        .collect()
}
