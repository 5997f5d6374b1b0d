//! The lease, which lets only one of many messages for the same attempt through.

use domain::delivery::{Delivery, Status};
use domain::ports::{DeliveryTask, Fault, Lease, LeaseResult, Stage, TaskKind};
use domain::time::Time;

use super::rows::DeliveryRow;
use super::{DeliveryTable, delivery_key, partition};
use crate::dynamo::{Item, Update, from_item, n, number, s, text};

impl DeliveryTable {
    /// One write unit for each KB of the delivery, and none of the index: the lease is beside the
    /// due time, and `status` does not change. If the process dies, the sweeper finds the delivery
    /// by its due time.
    pub(super) async fn acquire_lease(
        &self,
        task: &DeliveryTask,
        lease: &Lease,
        now: Time,
    ) -> Result<LeaseResult, Fault> {
        let id = &task.delivery_id;
        let is_free = "(attribute_not_exists(lease_until) OR lease_until < :now)";
        let leased = "lease_owner = :owner, lease_until = :until";
        let pk = partition(&task.tenant_id, id.event);
        let update = Update::existing(&self.table, pk, delivery_key(id))
            .value(":owner", s(&lease.owner))
            .value(":until", n(lease.until.millis()))
            .value(":now", n(now.millis()));
        let update = match &task.kind {
            TaskKind::Scheduled(sequence) => update
                .change(format!("SET begun = :owner, {leased}"))
                .only_if(format!(
                    "seq = :seq AND #st IN (:pending, :retrying, :processing) AND {is_free}"
                ))
                .name("#st", "status")
                .value(":pending", s(Status::Pending.as_str()))
                .value(":retrying", s(Status::Retrying.as_str()))
                .value(":processing", s(Status::Processing.as_str()))
                .value(":seq", n(sequence)),
            TaskKind::Manual(token) => update
                .change(format!("SET {leased}"))
                .only_if(format!("manual = :token AND {is_free}"))
                .value(":token", s(token)),
        };
        match update.replace(&self.dynamo, Stage::AcquireLease).await {
            Ok(before) => Ok(LeaseResult::Acquired(Box::new(before_lease(before, task)?))),
            Err(refused) => judge(refused.old()?, task, lease, now),
        }
    }
}

/// The result of a refused lease.
fn judge(old: Item, task: &DeliveryTask, lease: &Lease, now: Time) -> Result<LeaseResult, Fault> {
    if old.is_empty() {
        return Ok(LeaseResult::NotFound);
    }
    if text(&old, "lease_owner") == Some(&lease.owner) {
        // Our own write succeeded and its response was lost.
        return Ok(LeaseResult::Acquired(Box::new(before_lease(old, task)?)));
    }
    let until = number(&old, "lease_until")
        .map(Time::from_millis)
        .filter(|until| *until >= now);
    let is_wanted = match &task.kind {
        TaskKind::Scheduled(sequence) => number(&old, "seq") == Some(i64::from(*sequence)),
        TaskKind::Manual(token) => text(&old, "manual") == Some(token),
    };
    let delivery = before_lease(old, task)?;
    Ok(match until {
        Some(until)
            if is_wanted
                && !(delivery.is_terminal() && matches!(task.kind, TaskKind::Scheduled(_))) =>
        {
            LeaseResult::Held(until)
        }
        _ => LeaseResult::Superseded(Box::new(delivery)),
    })
}

/// The delivery as it was before the lease.
fn before_lease(item: Item, task: &DeliveryTask) -> Result<Delivery, Fault> {
    let row: DeliveryRow = from_item(item, Stage::AcquireLease)?;
    Ok(unleased(row.read(&task.tenant_id)?))
}

/// A delivery's state without its lease. A row says `processing` while an automatic attempt has a
/// lease, and one that a former version wrote also after the process died.
pub(super) fn unleased(mut delivery: Delivery) -> Delivery {
    if delivery.status == Status::Processing {
        // Not from the number of attempts: it includes manual ones, and a delivery given up without
        // an attempt may have been redriven. Test: tests/it.
        delivery.status = if delivery.sequence == 0 {
            Status::Pending
        } else {
            Status::Retrying
        };
    }
    delivery
}
