//! A message of the events queue: an event straight from a tenant, or the key of one that the HTTP
//! API stored.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt as _, stream};

use super::dispatch::{Dispatcher, DispatcherDeps, QueueKind, QueueMessage};
use super::inline_deliveries;
use super::intake::{EventIdOutcome, RejectedMessage};
use super::retry_message::both;
use crate::dead_letter::{OLDER_THAN_TENANT, Reason};
use crate::delivery::{Delivery, Trigger, evaluate};
use crate::event::{self, Event, NewEvent};
use crate::ids::{TenantId, WebhookId};
use crate::messages::{NamedTenant, StoredEventMessage};
use crate::payload::Content;
use crate::ports::{
    Clock as _, DeliveryStore as _, Fault, Stage, StoredDelivery, StoredEvent, Telemetry as _,
};
use crate::strict_json;
use crate::tenant::{Subscription, TenantSnapshot};
use crate::time::Time;
use crate::ulid::Ulid;

/// The memory that the first attempts of one message may take at the same time. A batch has ten
/// messages, and all of them together leave most of a function's 256 MB free. A message waits for
/// its own attempts only, so no tenant's large event holds up a neighbour in the batch. Tests:
/// tests/template holds it against the template's numbers, test_hostile_receivers.py against a
/// process.
const MAX_ATTEMPTS_BYTES: usize = 6 * 1024 * 1024;

/// What an attempt takes beside its body: connection, TLS, what is read of the answer.
const ATTEMPT_BYTES: usize = 80 * 1024;

/// How many first attempts of an event are made at the same time. A body that the receiver does not
/// read is there twice: with us, and in the socket. The next attempt begins when one ends; its time
/// and its timeout begin then.
fn attempts_at_a_time(event: &Event) -> usize {
    let data = event.payload.content().map_or(0, Content::bytes);
    (MAX_ATTEMPTS_BYTES / (ATTEMPT_BYTES + 2 * data)).max(1)
}

/// How long an attempt may wait for the others of its event. What waits longer reads webhook and
/// event anew, on the slow lane: nobody who was told that a change has been made waits much longer
/// than the ten seconds for which a process remembers a webhook.
const MAX_WAIT_FOR_OTHERS: Duration = Duration::from_secs(2);

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
            // The HTTP API stored it, and what it announced before it gave up may be at work: first
            // attempts, unclaimed. They know nothing of what is noted here, but have ended when
            // this message comes back. Test: regressions.rs, first attempts under way.
            Some(record)
                if is_taken_over
                    && (message.receives <= 1 || !record.first_attempts_need_lease) =>
            {
                if !record.first_attempts_need_lease {
                    self.deps
                        .store()
                        .require_lease_for_first_attempts(&tenant, key)
                        .await?;
                }
                Err(Fault::new(
                    Stage::Busy,
                    "an announcement of this event by another publisher may be at work",
                ))
            }
            Some(record) if record.first_attempts_need_lease => {
                self.complete_stored_with_leases(&record, &snapshot).await
            }
            Some(record) => {
                self.complete_stored(
                    &record.event,
                    &snapshot,
                    &record.deliveries,
                    message,
                    deadline,
                )
                .await
            }
            None => {
                self.deliver_first_receipt(&event.accept(tenant, key), &snapshot, deadline)
                    .await
            }
        }
    }

    /// An event that the HTTP API stored. Its message is sent after the event is written, and reads
    /// are consistent: if it is missing, its retention has passed, or a publisher made the message
    /// up. Either is worth knowing: nothing that came in ends without a trace.
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
        // A test event is for one webhook, which has its delivery: nobody announces it but a
        // publisher who made the message up.
        match record.filter(|record| !record.event.test) {
            Some(record) if record.first_attempts_need_lease => {
                self.complete_stored_with_leases(&record, snapshot).await
            }
            Some(record) => {
                self.complete_stored(
                    &record.event,
                    snapshot,
                    &record.deliveries,
                    message,
                    deadline,
                )
                .await
            }
            None => {
                let rejected = RejectedMessage {
                    tenant: Some(stored.tenant_id.clone()),
                    reason: Reason::Undeliverable,
                    detail: "The message names a stored event, and the log has no event of that name to deliver."
                        .to_owned(),
                };
                self.dead_letter_message(message, rejected).await
            }
        }
    }

    /// With every delivery: one that was taken for missing would be made anew.
    async fn stored_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> Result<Option<StoredEvent>, Fault> {
        let record = self.deps.store().get_stored_event(tenant, event).await?;
        record.map(StoredEvent::complete).transpose()
    }

    /// The happy path of the events queue: attempt first, then one write for the event and all
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
            // A twin of this message was faster. What it has on record stands, a success
            // stored_inline the event above all, whatever came of our own attempt; the rest is kept
            // as items of their own. Test: regressions.rs, a twin's failure.
            let record = self.stored_event(&event.tenant, event.key).await?;
            let erased_at = record.as_ref().and_then(|r| r.event.payload.erased_at());
            let recorded = record.map(|r| ids(&r.deliveries)).unwrap_or_default();
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

    /// All at once: one call after the other, many would not be done in
    /// [`super::RECORDING_RESERVE`].
    async fn record_all(&self, tried: Vec<(Delivery, &Subscription)>) -> Result<(), Fault> {
        let kept = tried
            .into_iter()
            .map(|(delivery, to)| self.record(delivery, &to.contract));
        join_all(kept).await.into_iter().fold(Ok(()), both)
    }

    /// An event that is in the log: what is on record is skipped, or its missing step done; the
    /// rest is attempted.
    async fn complete_stored(
        &self,
        event: &Event,
        snapshot: &TenantSnapshot,
        recorded: &[StoredDelivery],
        message: &QueueMessage,
        deadline: Time,
    ) -> Result<(), Fault> {
        let (tried, mut result) = self
            .first_attempts(event, snapshot, &ids(recorded), deadline)
            .await;
        result = both(result, self.record_all(tried).await);
        if message.receives > 1 {
            // We may have died between record and queue.
            for entry in recorded.iter().filter(|r| !r.is_inline) {
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

    /// An event that was announced more than once, so that another message for it may be at work:
    /// its deliveries get items of their own before their first attempt, which is then claimed like
    /// all others.
    async fn complete_stored_with_leases(
        &self,
        record: &StoredEvent,
        snapshot: &TenantSnapshot,
    ) -> Result<(), Fault> {
        let recorded = ids(&record.deliveries);
        let mut result = Ok(());
        for to in &snapshot.subscriptions {
            if !to.webhook.is_owed(&record.event) || recorded.contains(&to.webhook.id) {
                continue;
            }
            let delivery =
                Delivery::new(&record.event, &to.webhook.id).due_at(self.deps.clock().now());
            // False: another message did, or this one before it came back. If nobody carries it,
            // the sweeper finds it due.
            result = both(
                result,
                match self
                    .deps
                    .store()
                    .create_delivery(&delivery, None, &self.deps.clock().new_owner())
                    .await
                {
                    Ok(true) => self.schedule_next(&delivery).await,
                    Ok(false) => Ok(()),
                    Err(fault) => Err(fault),
                },
            );
        }
        both(result, snapshot.all_readable())
    }

    async fn first_attempts<'a>(
        &self,
        event: &Event,
        snapshot: &'a TenantSnapshot,
        recorded: &HashSet<WebhookId>,
        deadline: Time,
    ) -> (Vec<(Delivery, &'a Subscription)>, Result<(), Fault>) {
        let wanted: Vec<_> = snapshot
            .subscriptions
            .iter()
            .filter(|s| s.webhook.is_owed(event) && !recorded.contains(&s.webhook.id))
            .collect();
        let late = self.deps.clock().now().plus(MAX_WAIT_FOR_OTHERS);
        let attempts: Vec<_> = wanted
            .iter()
            .enumerate()
            .map(|(place, to)| async move {
                let attempt = self.first_attempt(event, to, late, deadline);
                (place, attempt.await)
            })
            .collect();
        let mut results: Vec<_> = stream::iter(attempts)
            .buffer_unordered(attempts_at_a_time(event))
            .collect()
            .await;
        results.sort_unstable_by_key(|(place, _)| *place);
        let (mut tried, mut fault) = (Vec::new(), Ok(()));
        for ((_, result), to) in results.into_iter().zip(wanted) {
            match result {
                Ok(delivery) => tried.push((delivery, to)),
                Err(e) => fault = Err(e),
            }
        }
        (tried, fault)
    }

    async fn first_attempt(
        &self,
        event: &Event,
        to: &Subscription,
        late: Time,
        deadline: Time,
    ) -> Result<Delivery, Fault> {
        let Some(content) = event.payload.content() else {
            return Ok(Delivery::new(event, &to.webhook.id).abandoned(Reason::EventErased));
        };
        if !to.webhook.active {
            return Ok(Delivery::new(event, &to.webhook.id).abandoned(Reason::WebhookInactive));
        }
        let now = self.deps.clock().now();
        if now > late || self.slow_receivers.is_slow(to, now) {
            // Not here, where the whole batch would wait with it: recorded as due, and tried on the
            // slow lane. So is what others of the event kept waiting: by now its webhook may have
            // changed, or its event been erased.
            return Ok(Delivery::new(event, &to.webhook.id).due_at(now));
        }
        let attempt = self
            .attempt((event, content), to, 1, Trigger::Automatic, deadline)
            .await?;
        self.slow_receivers.observe(to, &attempt, QueueKind::Events);
        let verdict = evaluate(
            &to.contract,
            &attempt.outcome,
            1,
            self.deps.clock().now(),
            self.deps.clock().random_unit(),
        );
        let delivery = Delivery::new(event, &to.webhook.id);
        self.deps
            .telemetry()
            .attempt_finished(&delivery, &attempt, verdict);
        Ok(delivery.after_automatic(attempt, verdict))
    }
}

fn ids(recorded: &[StoredDelivery]) -> HashSet<WebhookId> {
    recorded
        .iter()
        .map(|r| r.delivery.id.webhook.clone())
        .collect()
}
