//! Erasing an event. The event is marked first: a reader from then on sends nothing of it. Readers
//! from before have ended when the sweeper finds the event in its index and erases it once more.
//!
//! Rows are changed without being parsed: an unreadable row must not keep its content.

use domain::delivery::Status;
use domain::ids::{DeadLetterId, DeliveryId, TenantId};
use domain::ports::{DeliveryTask, Fault, Stage};
use domain::time::Time;
use domain::ulid::Ulid;
use futures::TryStreamExt as _;

use super::attempts::erased_attempt;
use super::rows::{DeliveryRow, erased_inside};
use super::{DeliveryTable, attempts_partition, is_expired, partition};
use crate::clock::now;
use crate::dead_letters::mark_erased;
use crate::dynamo::{
    Item, Query, Update, WriteFailure, condition_held, from_item, n, number, s, text,
};
use crate::inbox;

impl DeliveryTable {
    /// Two reads of the event and all items under its key, one of its earlier attempts, one of the
    /// tenant's inboxes, and a write unit for each KB of the changed items: this is rare.
    pub(super) async fn erase_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> Result<Option<Vec<DeliveryTask>>, Fault> {
        let Some(at) = self.mark_erased(tenant, event, now, again).await? else {
            if again.is_none() {
                // Its retention ended before the sweep: DynamoDB removes the row eventually, and
                // the index entry is no longer needed.
                self.leave_the_index(tenant, event).await?;
            }
            return Ok(None);
        };
        let (mut waiting, mut letters) = (Vec::new(), Vec::new());
        for item in self.items_of(tenant, event).await?.raw() {
            match parts(&item) {
                1 => {}
                _ => {
                    letters.extend(text(&item, "dead").and_then(|id| id.parse::<Ulid>().ok()));
                    let sequence = self.erase_delivery(item, event, at).await?;
                    waiting.extend(sequence.map(|(id, sequence)| {
                        DeliveryTask::scheduled(tenant.clone(), id, sequence)
                    }));
                }
            }
        }
        self.erase_attempts(tenant, event).await?;
        inbox::erase_event(&self.dynamo, &self.table, tenant, event).await?;
        for letter in letters {
            self.erase_letter(Some(tenant), letter, at).await?;
        }
        // A message's dead letter has the key of the event that the message became; the dead letter
        // of an unknown sender belongs to no tenant.
        for owner in [Some(tenant), None] {
            self.erase_letter(owner, event, at).await?;
        }
        if again.is_none() {
            self.leave_the_index(tenant, event).await?;
        }
        Ok(Some(waiting))
    }
}

impl DeliveryTable {
    /// Removes the event from the sweeper's index.
    async fn leave_the_index(&self, tenant: &TenantId, event: Ulid) -> Result<(), Fault> {
        let pk = partition(tenant, event);
        let left =
            Update::existing(&self.table, pk, event.to_string()).change("REMOVE due_shard, due_at");
        settled(left.send(&self.dynamo, Stage::WriteOutcome).await)
    }

    /// When it was first erased; `None` if the event does not exist.
    async fn mark_erased(
        &self,
        tenant: &TenantId,
        event: Ulid,
        at: Time,
        again: Option<Time>,
    ) -> Result<Option<Time>, Fault> {
        let items = self.items_of(tenant, event).await?.raw();
        let Some(row) = items.iter().find(|item| {
            let is_over = number(item, "expires_at").is_some_and(|at| is_expired(at, now()));
            parts(item) == 1 && !is_over
        }) else {
            return Ok(None);
        };
        let at = number(row, "erased_at").map_or(at, Time::from_millis);
        // Inline deliveries were written with the event's row and change no more.
        let inline = row.get("done").and_then(|done| done.as_l().ok());
        let inline = inline.into_iter().flatten();
        let inline = inline.filter_map(|text| erased_inside(text.as_s().ok()?, event).map(s));
        let update = Update::existing(&self.table, partition(tenant, event), event.to_string())
            .value(":at", n(at.millis()))
            .value(
                ":done",
                aws_sdk_dynamodb::types::AttributeValue::L(inline.collect()),
            );
        let set = "SET erased_at = :at, done = :done";
        let update = match again {
            Some(again) => update
                .change(format!(
                    "{set}, due_shard = :shard, due_at = :again REMOVE #data, ctx"
                ))
                .value(":shard", s(self.due_shards.of(event)))
                .value(":again", n(again.millis())),
            None => update.change(format!("{set} REMOVE #data, ctx")),
        };
        let marked = update.name("#data", "data");
        let marked = marked.send(&self.dynamo, Stage::WriteOutcome).await;
        Ok(condition_held(marked)?.then_some(at))
    }

    /// The delivery's sequence if it waits for an attempt.
    async fn erase_delivery(
        &self,
        mut item: Item,
        event: Ulid,
        at: Time,
    ) -> Result<Option<(DeliveryId, u32)>, Fault> {
        loop {
            let (pk, sk) = place(&item);
            let waiting = is_waiting(&item);
            let latest = text(&item, "latest");
            let left = latest.and_then(|text| erased_attempt(text, event));
            if item.contains_key("erased_at") && latest == left.as_deref() {
                return Ok(waiting);
            }
            // Each recorded attempt changes the count. An unreadable row may have no count, or
            // another value in its place.
            let update = Update::existing(&self.table, pk, sk).value(":at", n(at.millis()));
            let update = match item.get("attempts") {
                Some(seen) => update
                    .only_if("attempts = :seen")
                    .value(":seen", seen.clone()),
                None => update.only_if("attribute_not_exists(attempts)"),
            };
            let update = match left {
                Some(left) => update
                    .change("SET erased_at = :at, latest = :latest")
                    .value(":latest", s(left)),
                None => update.change("SET erased_at = :at REMOVE latest"),
            };
            item = match update.send(&self.dynamo, Stage::WriteOutcome).await {
                Ok(()) => return Ok(waiting),
                // An attempt was recorded meanwhile, or the row has expired.
                Err(WriteFailure::ConditionFailed(Some(current))) => current,
                Err(WriteFailure::ConditionFailed(None)) => return Ok(None),
                Err(WriteFailure::Fault(fault)) => return Err(fault),
            };
        }
    }

    /// Row by row: there may be thousands.
    async fn erase_attempts(&self, tenant: &TenantId, event: Ulid) -> Result<(), Fault> {
        let mut attempts = Query::new(&self.table, "pk = :pk")
            .value(":pk", s(attempts_partition(tenant, event)))
            .consistent()
            .each(&self.dynamo, Stage::ReadStore);
        while let Some(item) = attempts.try_next().await? {
            self.erase_attempt(&item, event).await?;
        }
        Ok(())
    }

    async fn erase_attempt(&self, item: &Item, event: Ulid) -> Result<(), Fault> {
        let (pk, sk) = place(item);
        let attempt = text(item, "attempt");
        let left = attempt.and_then(|text| erased_attempt(text, event));
        if attempt == left.as_deref() {
            return Ok(());
        }
        let update = Update::existing(&self.table, pk, sk);
        let update = match left {
            Some(left) => update.change("SET attempt = :left").value(":left", s(left)),
            None => update.change("REMOVE attempt"),
        };
        settled(update.send(&self.dynamo, Stage::WriteOutcome).await)
    }

    async fn erase_letter(
        &self,
        tenant: Option<&TenantId>,
        letter: Ulid,
        at: Time,
    ) -> Result<(), Fault> {
        let update = mark_erased(&self.dead_letters, tenant, DeadLetterId(letter), at);
        settled(update.send(&self.dynamo, Stage::DeadLetter).await)
    }
}

/// A delivery's sequence if its row says that it waits for an attempt.
fn is_waiting(item: &Item) -> Option<(DeliveryId, u32)> {
    let row: DeliveryRow = from_item(item.clone(), Stage::ReadStore).ok()?;
    let (event, webhook) = row.sk.split_once('#')?;
    let id = DeliveryId {
        event: event.parse().ok()?,
        webhook: webhook.parse().ok()?,
    };
    let waits = !matches!(row.status, Status::Completed | Status::Failed);
    waits.then_some((id, row.sequence))
}

/// The number of parts of a row's sort key: see the module of the log.
fn parts(item: &Item) -> usize {
    text(item, "sk").unwrap_or_default().split('#').count()
}

fn place(item: &Item) -> (String, String) {
    let part = |name| text(item, name).unwrap_or_default().to_owned();
    (part("pk"), part("sk"))
}

/// A missing row needs no erasing.
fn settled(sent: Result<(), WriteFailure>) -> Result<(), Fault> {
    condition_held(sent).map(drop)
}
