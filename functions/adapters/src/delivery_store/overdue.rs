//! The sparse index of deliveries with work still to come, and of events that must be erased once
//! more.

use domain::delivery::Status;
use domain::flow::SWEEP_SHARDS;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::{DeliveryTask, Due, DueIndex, Fault, Overdue, Stage};
use domain::time::Time;
use domain::ulid::Ulid;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use super::{DeliveryTable, delivery_key, partition};
use crate::dynamo::{Query, Update, condition_held, from_item, n, s};

/// The attributes of a delivery in the index; an erased event has only its keys.
#[derive(Deserialize)]
struct DueRow {
    pk: String,
    sk: String,
    due_at: i64,
    status: Option<Status>,
    #[serde(rename = "seq")]
    sequence: Option<u32>,
    manual: Option<String>,
}

impl DueRow {
    fn overdue(self) -> Result<Vec<Overdue>, Fault> {
        let since = Time::from_millis(self.due_at);
        let due = self.due()?.into_iter();
        Ok(due.map(|due| Overdue { due, since }).collect())
    }

    fn due(self) -> Result<Vec<Due>, Fault> {
        if let (None, Some((tenant, event))) = (self.status, self.event()) {
            return Ok(vec![Due::Erasure(tenant, event)]);
        }
        let (Some((tenant_id, delivery_id)), Some(status), Some(sequence)) =
            (self.names(), self.status, self.sequence)
        else {
            return Err(Fault::corrupt(
                Stage::ReadStore,
                "this is neither a delivery nor an event",
            ));
        };
        let is_waiting = matches!(
            status,
            Status::Pending | Status::Processing | Status::Retrying
        );
        let (tenant, id) = (|| tenant_id.clone(), || DeliveryId::clone(&delivery_id));
        let tasks = [
            is_waiting.then(|| DeliveryTask::scheduled(tenant(), id(), sequence)),
            self.manual
                .map(|token| DeliveryTask::manual(tenant(), id(), token)),
        ];
        let tasks = tasks.into_iter().flatten();
        Ok(tasks.map(Due::DeliveryTask).collect())
    }

    fn event(&self) -> Option<(TenantId, Ulid)> {
        let tenant = self.pk.rsplit_once('#')?.0.parse().ok()?;
        Some((tenant, self.sk.parse().ok()?))
    }

    fn names(&self) -> Option<(TenantId, DeliveryId)> {
        let tenant = self.pk.rsplit_once('#')?.0.parse().ok()?;
        let (event, webhook) = self.sk.split_once('#')?;
        let delivery = DeliveryId {
            event: event.parse().ok()?,
            webhook: webhook.parse().ok()?,
        };
        Some((tenant, delivery))
    }
}

/// How many entries of a shard are read for its oldest delivery: erased events are among them.
const OLDEST: u32 = 10;

/// How many shards are asked for it at the same time.
const ASKED_AT_ONCE: usize = 16;

impl DeliveryTable {
    /// The delivery that has been due for the longest, and since when. One request for each shard,
    /// half a read unit each.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn oldest_due(&self, now: Time) -> Result<Option<(DeliveryTask, Time)>, Fault> {
        let shards = stream::iter(0..SWEEP_SHARDS);
        let shards = shards.map(|shard| self.list_overdue(shard, now, OLDEST));
        let found: Vec<Vec<Overdue>> = shards.buffer_unordered(ASKED_AT_ONCE).try_collect().await?;
        let due = found.into_iter().flatten();
        let deliveries = due.filter_map(|one| match one.due {
            Due::DeliveryTask(task) => Some((task, one.since)),
            Due::Erasure(..) => None,
        });
        Ok(deliveries.min_by_key(|(_, since)| *since))
    }
}

impl DueIndex for DeliveryTable {
    async fn list_overdue(&self, shard: u8, now: Time, limit: u32) -> Result<Vec<Overdue>, Fault> {
        let mut from = None;
        loop {
            let found = Query::new(&self.table, "due_shard = :shard AND due_at < :now")
                .index("due")
                .value(":shard", s(shard.to_string()))
                .value(":now", n(now.millis()))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .from(from)
                .page(&self.dynamo, Stage::ReadStore)
                .await?;
            let due: Vec<Overdue> = found
                .rows
                .readable(|item| from_item::<DueRow>(item, Stage::ReadStore)?.overdue())
                .into_iter()
                .flatten()
                .collect();
            from = found.next;
            // A full page of entries without work must not end the sweep before the later entries.
            if from.is_none() || !due.is_empty() {
                return Ok(due);
            }
        }
    }

    async fn postpone(&self, task: &DeliveryTask, until: Time) -> Result<(), Fault> {
        let pk = partition(&task.tenant_id, task.delivery_id.event);
        let postponed = Update::existing(&self.table, pk, delivery_key(&task.delivery_id))
            .change("SET due_at = :until")
            .only_if("due_at < :until")
            .value(":until", n(until.millis()))
            .send(&self.dynamo, Stage::Enqueue)
            .await;
        // Refused: it has moved on, and there is nothing to postpone.
        condition_held(postponed).map(drop)
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> Result<Option<Vec<DeliveryTask>>, Fault> {
        self.erase_event(tenant, event, now, again).await
    }
}
