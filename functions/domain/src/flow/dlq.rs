//! Messages that reached a dead-letter queue: they were received too often without being finished,
//! or they are schedules that could not be sent.
//!
//! That is Postel's failure, so it ends no delivery that has attempts left: the delivery stays due,
//! and the sweeper enqueues it again. It ends only if that has happened too often
//! ([`Delivery::after_lost_message`]). Test: the simulator's `lost_messages`.
//!
//! A message of the public queue is never read as a task here, whatever it contains. Otherwise a
//! tenant could end another tenant's delivery with a message that crashes its reader.

use std::sync::Arc;

use super::deliver::{Ends, QueueKind, QueueMessage, not_a_task, unreadable};
use super::{LEASE_MARGIN, Policy};
use crate::dead_letter::{DeadLetter, Reason};
use crate::delivery::Delivery;
use crate::filter::Selection;
use crate::format;
use crate::ids::{DeadLetterId, TenantId, WebhookId};
use crate::messages::NamedEvent;
use crate::ports::{
    Clock, ConfigStore, DeliveryStore, DeliveryTask, Fault, Lease, LeaseResult, RedriveJobMessage,
    Stage, StoredEvent, TaskKind, Telemetry,
};
use crate::strict_json;
use crate::tenant::{TenantSnapshot, is_among, may_publish};
use crate::ulid::Ulid;

/// The systems that the consumer calls.
pub trait DlqConsumerDeps: Sync {
    /// Events, deliveries and dead letters.
    type Store: DeliveryStore;
    /// Tenants and webhooks.
    type Config: ConfigStore;
    /// Metrics and logs for operators.
    type Telemetry: Telemetry;
    /// Time and randomness.
    type Clock: Clock;
    /// Events, deliveries and dead letters.
    fn store(&self) -> &Self::Store;
    /// Tenants and webhooks.
    fn config(&self) -> &Self::Config;
    /// Metrics and logs for operators.
    fn telemetry(&self) -> &Self::Telemetry;
    /// Time and randomness.
    fn clock(&self) -> &Self::Clock;
}

/// Writes the messages of the dead-letter queues into the dead-letter table.
pub struct DlqConsumer<D> {
    /// The systems that the consumer calls.
    pub deps: D,
    /// The operator's settings.
    pub policy: Policy,
}

impl<D: DlqConsumerDeps> DlqConsumer<D> {
    /// Records one message; `source` names the queue that it was first sent to.
    ///
    /// # Errors
    /// A fault: the message must come back.
    pub async fn consume(&self, message: &QueueMessage) -> Result<(), Fault> {
        match message.source {
            QueueKind::Events => self.event(message).await,
            QueueKind::Deliveries | QueueKind::Slow => self.task(message).await,
        }
    }

    async fn event(&self, message: &QueueMessage) -> Result<(), Fault> {
        let id = Ulid::derived(message.sent, &message.id);
        let (mut tenant, mut detail) = (None, RECEIVED_TOO_OFTEN);
        if let Err(fault) = self.check_format(message) {
            self.deps
                .telemetry()
                .message_unreadable(&message.id, &fault);
            detail = NEWER_MESSAGE;
        } else if let Ok(named) = strict_json::from_str::<NamedEvent>(&message.body)
            && let Some(snapshot) = self
                .tenant_snapshot(&named.tenant_id, message, &mut detail)
                .await?
            && named.stored.unwrap_or(id).time().min(message.sent) >= snapshot.tenant.log_begins()
            && may_publish(
                &snapshot.tenant,
                &message.sender,
                &self.policy.trusted_senders,
            )
        {
            let key = named.stored.unwrap_or(id);
            let record = self
                .deps
                .store()
                .get_stored_event(&named.tenant_id, key)
                .await;
            let record = record.and_then(|r| r.map(StoredEvent::complete).transpose());
            let record = self.if_readable(message, record, &mut detail)?;
            if record.is_some_and(|record| is_done(&snapshot, &record)) {
                return Ok(());
            }
            tenant = Some(named.tenant_id);
        }
        let dead = DeadLetter {
            id: DeadLetterId(id),
            tenant,
            at: message.sent,
            reason: Reason::Undeliverable,
            detail: detail.to_owned(),
            body: message.body_of_dead(),
        };
        self.deps.telemetry().message_rejected(&dead);
        self.deps.store().put_dead_letter(&dead).await
    }

    /// Only the functions write a number of a format; a tenant's message may have any member.
    fn check_format(&self, message: &QueueMessage) -> Result<(), Fault> {
        match message.source {
            QueueKind::Events if !is_among(&message.sender, &self.policy.trusted_senders) => Ok(()),
            _ => format::check_message(&message.body),
        }
    }

    /// Also `None` if the snapshot cannot be read. The dead letter then belongs to no tenant,
    /// because it is unknown who may see it.
    async fn tenant_snapshot(
        &self,
        tenant: &TenantId,
        message: &QueueMessage,
        detail: &mut &'static str,
    ) -> Result<Option<Arc<TenantSnapshot>>, Fault> {
        self.if_readable(
            message,
            self.deps
                .config()
                .tenant_snapshot(tenant, message.snapshot_not_before())
                .await,
            detail,
        )
    }

    async fn task(&self, message: &QueueMessage) -> Result<(), Fault> {
        if let Err(fault) = self.check_format(message) {
            return self.bury(message, &fault, NEWER_TASK).await;
        }
        let Ok(task) = serde_json::from_str::<DeliveryTask>(&message.body) else {
            if serde_json::from_str::<RedriveJobMessage>(&message.body).is_ok() {
                // The job itself is in the table, and the sweeper enqueues it as long as it runs.
                return Ok(());
            }
            self.deps
                .telemetry()
                .message_unreadable(&message.id, &not_a_task());
            return self
                .deps
                .store()
                .put_dead_letter(&unreadable(message))
                .await;
        };
        let now = self.deps.clock().now();
        let lease = Lease {
            owner: self.deps.clock().new_owner(),
            until: now.plus(LEASE_MARGIN),
        };
        let claim = match self.deps.store().acquire_lease(&task, &lease, now).await {
            // A delivery that cannot be read or written cannot be ended. A dead letter reports it.
            Err(fault) if !fault.is_transient() => {
                let detail = match fault.is_newer() {
                    true => NEWER_ROW,
                    false => UNREADABLE_DELIVERY,
                };
                return self.bury(message, &fault, detail).await;
            }
            claim => claim?,
        };
        match claim {
            LeaseResult::Acquired(before) if matches!(task.kind, TaskKind::Manual(_)) => {
                // The manual attempt may be requested again; the delivery's own state is unchanged.
                let mut after = (*before).clone();
                after.pending_manual_token = None;
                self.deps
                    .store()
                    .complete_attempt(&before, &after, None, &lease.owner)
                    .await
                    .map(|_| ())
            }
            LeaseResult::Acquired(before) => self.lost(*before, &lease).await,
            LeaseResult::Held(_) => Err(Fault::transient(
                Stage::Busy,
                "an attempt of this delivery is still running",
            )),
            LeaseResult::Superseded(_) | LeaseResult::NotFound => Ok(()),
        }
    }

    /// The message of an automatic attempt is lost.
    async fn lost(&self, before: Delivery, lease: &Lease) -> Result<(), Fault> {
        let now = self.deps.clock().now();
        // Whoever tests a webhook waits for the result now.
        let left = (!before.is_test).then(|| before.clone().after_lost_message(now));
        let Some(after) = left.flatten() else {
            let ends = Ends {
                store: self.deps.store(),
                telemetry: self.deps.telemetry(),
                lease,
                now,
            };
            return ends.give_up(before, Reason::Undeliverable).await;
        };
        self.deps
            .store()
            .complete_attempt(&before, &after, None, &lease.owner)
            .await?;
        self.deps.telemetry().message_lost(&after);
        Ok(())
    }

    /// Writes a dead letter for a task that cannot be ended, and reports why.
    async fn bury(&self, message: &QueueMessage, fault: &Fault, detail: &str) -> Result<(), Fault> {
        self.deps.telemetry().message_unreadable(&message.id, fault);
        let dead = DeadLetter {
            reason: Reason::Undeliverable,
            detail: detail.to_owned(),
            ..unreadable(message)
        };
        self.deps.store().put_dead_letter(&dead).await
    }

    /// Every message ends here. A row that cannot be read now cannot be read later either, and the
    /// queue would keep the message for two weeks and then drop it.
    fn if_readable<T>(
        &self,
        message: &QueueMessage,
        read: Result<Option<T>, Fault>,
        detail: &mut &'static str,
    ) -> Result<Option<T>, Fault> {
        match read {
            Err(fault) if !fault.is_transient() => {
                if fault.is_newer() {
                    *detail = NEWER_ROW;
                }
                self.deps
                    .telemetry()
                    .message_unreadable(&message.id, &fault);
                Ok(None)
            }
            read => read,
        }
    }
}

/// What the dead letters say.
const RECEIVED_TOO_OFTEN: &str =
    "The message was received too often without being finished; the functions' logs say why.";
const UNREADABLE_DELIVERY: &str =
    "The delivery in the message cannot be read from the delivery log.";
const NEWER_MESSAGE: &str = "The message is in the format of a newer version of Postel: deploy the newer version again, then redrive it.";
const NEWER_TASK: &str = "The task is in the format of a newer version of Postel. Its delivery stays due: deploy the newer version again.";
const NEWER_ROW: &str = "The message needs a row in the format of a newer version of Postel: deploy the newer version again, then redrive it.";

/// Whether the event is stored with a delivery to every webhook that is owed it. Then only its
/// message died, in a batch with a message that crashed the reader, and nothing is lost. Test:
/// test_sweeper.py, its neighbours in the batch. An erased event is done as well: its message must
/// not bring it back.
fn is_done(snapshot: &TenantSnapshot, record: &StoredEvent) -> bool {
    let has = |webhook: &WebhookId| {
        record
            .deliveries
            .iter()
            .any(|d| d.delivery.id.webhook == *webhook)
    };
    let selection = Selection::of(&record.event);
    let mut wanted = snapshot
        .subscriptions
        .iter()
        .filter(|s| s.webhook.is_owed(&record.event, &selection));
    record.event.payload.erased_at().is_some()
        || (snapshot.unreadable.is_empty() && wanted.all(|s| has(&s.webhook.id)))
}
