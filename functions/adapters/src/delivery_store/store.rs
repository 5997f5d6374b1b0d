//! Implements the domain's store of events, deliveries and dead letters.

use domain::dead_letter::{Body, DeadLetter};
use domain::delivery::Delivery;
use domain::event::Event;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::{
    DeliveryStore, DeliveryTask, EventIdClaim, EventIdRequest, Fault, Lease, LeaseResult,
    MAX_MANUAL_ATTEMPTS, NotAsked, OnceName, Stage, StoredEvent,
};
use domain::time::Time;
use domain::ulid::Ulid;

use super::{DeliveryTable, delivery_key, partition};
use crate::dead_letters::{RedriveMark::First, mark_redriven, put_new};
use crate::dynamo::{Transacted, Update, n, s, text, transact};

impl DeliveryStore for DeliveryTable {
    async fn get_event(&self, tenant: &TenantId, event: Ulid) -> Result<Option<Event>, Fault> {
        self.get_event(tenant, event).await
    }

    async fn get_stored_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> Result<Option<StoredEvent>, Fault> {
        self.get_stored_event(tenant, event).await
    }

    async fn put_event(
        &self,
        event: &Event,
        inline: &[Delivery],
        owner: &str,
    ) -> Result<bool, Fault> {
        self.put_event(event, inline, owner).await
    }

    async fn create_delivery(
        &self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> Result<bool, Fault> {
        self.create_delivery(delivery, dead, owner).await
    }

    async fn acquire_lease(
        &self,
        task: &DeliveryTask,
        lease: &Lease,
        now: Time,
    ) -> Result<LeaseResult, Fault> {
        self.acquire_lease(task, lease, now).await
    }

    async fn archive_last_attempt(&self, claimed: &Delivery) -> Result<(), Fault> {
        self.archive_last_attempt(claimed).await
    }

    async fn complete_attempt(
        &self,
        before: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> Result<bool, Fault> {
        self.complete_attempt(before, after, dead, owner).await
    }

    async fn claim_event_id(&self, request: &EventIdRequest<'_>) -> Result<EventIdClaim, Fault> {
        self.claim_event_id(request).await
    }

    async fn mark_event_id_accepted(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> Result<(), Fault> {
        self.end_event_id_claim(tenant, name, owner, true).await
    }

    async fn require_lease_for_first_attempts(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
    ) -> Result<(), Fault> {
        self.require_lease_for_first_attempts(tenant, event, now)
            .await
    }

    async fn release_event_id(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> Result<(), Fault> {
        self.end_event_id_claim(tenant, name, owner, false).await
    }

    async fn request_manual_retry(
        &self,
        tenant: &TenantId,
        delivery: &DeliveryId,
        token: &str,
        now: Time,
    ) -> Result<Result<String, NotAsked>, Fault> {
        let pk = partition(tenant, delivery.event);
        let asked = Update::existing(&self.table, pk, delivery_key(delivery))
            // In the due index, so that the sweeper finds it if its message is lost. A due
            // automatic attempt keeps its time.
            .change("SET manual = :token, asked = if_not_exists(asked, :none) + :one, due_shard = :shard, due_at = if_not_exists(due_at, :now)")
            .only_if("attribute_not_exists(manual) AND (attribute_not_exists(asked) OR asked < :most)")
            .value(":none", n(0))
            .value(":one", n(1))
            .value(":most", n(MAX_MANUAL_ATTEMPTS))
            .value(":token", s(token))
            .value(":shard", s(self.due_shards.of(delivery.event)))
            .value(":now", n(now.millis()))
            .send(&self.dynamo, Stage::AcquireLease)
            .await;
        let old = match asked {
            Ok(()) => return Ok(Ok(token.to_owned())),
            Err(refused) => refused.old()?,
        };
        Ok(match text(&old, "manual") {
            Some(waiting) => Ok(waiting.to_owned()),
            None if old.is_empty() => Err(NotAsked::Missing),
            None => Err(NotAsked::TooMany),
        })
    }

    async fn redrive_delivery(
        &self,
        dead: &DeadLetter,
        job: Option<Ulid>,
        now: Time,
    ) -> Result<Option<Delivery>, Fault> {
        let (Some(tenant), Body::Delivery(died)) = (&dead.tenant, &dead.body) else {
            return Ok(None);
        };
        let before = self.get_delivery(tenant, &died.id).await?;
        let may_live = |delivery: &Delivery| {
            delivery.dead_letter_id == Some(dead.id) && delivery.erased_at.is_none()
        };
        let Some(before) = before.filter(may_live) else {
            return Ok(None);
        };
        let after = before.redriven(now);
        let pk = partition(tenant, after.id.event);
        let update = Update::existing(&self.table, pk, delivery_key(&after.id))
            .change(
                "SET #st = :st, made = :zero, seq = :seq, due = :now, due_shard = :shard, due_at = :now REMOVE dead, reason, lost, lost_at",
            )
            .only_if("dead = :dead AND attribute_not_exists(erased_at)")
            .name("#st", "status")
            .value(":st", s(after.status.as_str()))
            .value(":zero", n(0))
            .value(":seq", n(after.sequence))
            .value(":now", n(now.millis()))
            .value(":shard", s(self.due_shards.of(after.id.event)))
            .value(":dead", s(dead.id.0.to_string()))
            .transacted(Stage::WriteOutcome)?;
        let marked = mark_redriven(&self.dead_letters, Some(tenant), dead.id, now, First(job))?;
        match transact(&self.dynamo, vec![update, marked], Stage::WriteOutcome).await? {
            Transacted::Written => Ok(Some(after)),
            // The delivery has moved on, or its dead letter was redriven or deleted meanwhile.
            Transacted::Refused(..) => Ok(None),
        }
    }

    async fn put_dead_letter(&self, dead: &DeadLetter) -> Result<(), Fault> {
        put_new(&self.dynamo, &self.dead_letters, dead, self.retention).await
    }
}
