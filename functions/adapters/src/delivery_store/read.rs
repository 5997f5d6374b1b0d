//! Reads one event, or one delivery with all its attempts.

use domain::delivery::{Attempt, Delivery};
use domain::event::Event;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::{Fault, Stage, StoredDelivery, StoredEvent};
use domain::time::Time;
use domain::ulid::Ulid;

use super::attempts::read_attempt;
use super::rows::{AttemptItem, DeliveryRow, EventRow};
use super::{DeliveryTable, attempts_partition, delivery_key, is_expired, partition};
use crate::clock::now;
use crate::dynamo::{Item, Query, RowKey, Rows, from_item, number, s, text};

/// A delivery with its event and its newest attempts.
pub struct DeliveryDetail {
    /// The event.
    pub event: Event,
    /// The delivery.
    pub delivery: Delivery,
    /// Its newest attempts, the newest last.
    pub attempts: Vec<Attempt>,
}

/// An item under an event's key.
enum Part {
    /// And since when its first attempts need a lease.
    Event(Box<(Event, Vec<StoredDelivery>)>, Option<Time>),
    Delivery(Box<Delivery>),
    /// A delivery that cannot be read.
    Unreadable,
    /// It has expired.
    Nothing,
}

/// The number of parts of a sort key shows the kind of the item.
fn read_part(item: Item, tenant: &TenantId) -> Result<Part, Fault> {
    if number(&item, "expires_at").is_some_and(|at| is_expired(at, now())) {
        return Ok(Part::Nothing);
    }
    match text(&item, "sk").unwrap_or_default().split('#').count() {
        1 => {
            let row: EventRow = from_item(item, Stage::ReadStore)?;
            let again = row.again;
            Ok(Part::Event(Box::new(row.read(tenant)?), again))
        }
        _ => {
            let row: DeliveryRow = from_item(item, Stage::ReadStore)?;
            Ok(Part::Delivery(Box::new(row.read(tenant)?)))
        }
    }
}

/// `None` if it has expired.
fn attempt(item: Item, event: Ulid) -> Result<Option<Attempt>, Fault> {
    let row: AttemptItem = from_item(item, Stage::ReadStore)?;
    let attempt = read_attempt(&row.attempt, event)?;
    Ok((!is_expired(row.expires_at, now())).then_some(attempt))
}

impl DeliveryTable {
    /// One read unit for each 4 KB of the event and all items under its key.
    pub(super) async fn get_stored_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> Result<Option<StoredEvent>, Fault> {
        self.items_of(tenant, event)
            .await
            .and_then(|items| assemble(items, tenant))
    }

    /// A delivery with its `most` newest attempts. Three requests, one more if responses are stored
    /// separately, and a read unit for each 4 KB that is shown.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delivery(
        &self,
        tenant: &TenantId,
        id: &DeliveryId,
        most: usize,
    ) -> Result<Option<DeliveryDetail>, Fault> {
        let Some(record) = self.get_stored_delivery(tenant, id).await? else {
            return Ok(None);
        };
        let event = record.event.clone();
        let Some(StoredDelivery { delivery, .. }) = record.delivery(id)? else {
            return Ok(None);
        };
        let mut attempts: Vec<Attempt> = delivery.last_attempt.clone().into_iter().collect();
        // Read after the delivery: an attempt newer than its last one belongs to a later state of
        // it.
        if let Some(last) = attempts
            .first()
            .map(|last| last.number)
            .filter(|number| *number > 1)
        {
            let earlier = format!("{}#", id.webhook);
            let earlier = self.attempts_of(tenant, id, earlier, most).await?;
            let earlier = earlier.into_iter().filter(|attempt| attempt.number < last);
            attempts.extend(earlier.map(|attempt| match event.payload.erased_at() {
                Some(_) => attempt.erased(),
                None => attempt,
            }));
        }
        attempts.truncate(most);
        if event.payload.erased_at().is_none() {
            self.add_responses(tenant, id, &mut attempts).await?;
        }
        attempts.reverse();
        Ok(Some(DeliveryDetail {
            event,
            delivery,
            attempts,
        }))
    }

    /// The newest attempts whose keys begin like this, newest first. An unreadable one is left out.
    pub(super) async fn attempts_of(
        &self,
        tenant: &TenantId,
        id: &DeliveryId,
        prefix: String,
        most: usize,
    ) -> Result<Vec<Attempt>, Fault> {
        let (mut attempts, mut left, mut from) = (Vec::new(), most, None);
        while left > 0 {
            let page = Query::new(&self.table, "pk = :pk AND begins_with(sk, :webhook)")
                .value(":pk", s(attempts_partition(tenant, id.event)))
                .value(":webhook", s(&prefix))
                .newest_first()
                .consistent()
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .from(from)
                .page(&self.dynamo, Stage::ReadStore)
                .await?;
            left = left.saturating_sub(usize::try_from(page.count).unwrap_or(usize::MAX));
            attempts.extend(page.rows.readable(|item| attempt(item, id.event)));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        Ok(attempts.into_iter().flatten().collect())
    }

    pub(super) async fn items_of(&self, tenant: &TenantId, event: Ulid) -> Result<Rows, Fault> {
        Query::new(&self.table, "pk = :pk AND begins_with(sk, :event)")
            .value(":pk", s(partition(tenant, event)))
            .value(":event", s(event.to_string()))
            .consistent()
            .whole(&self.dynamo, Stage::ReadStore)
            .await
    }

    /// An event without its deliveries, strongly consistent. A read unit for each 4 KB of it alone.
    ///
    /// # Errors
    /// If the table does not answer, or the event cannot be read.
    pub async fn get_event(&self, tenant: &TenantId, event: Ulid) -> Result<Option<Event>, Fault> {
        let rows = self.row(tenant, event, event.to_string()).await?;
        let found = rows.all(|item| match read_part(item, tenant)? {
            Part::Event(read, _) => Ok(Some(read.0)),
            _ => Ok(None),
        })?;
        Ok(found.into_iter().flatten().next())
    }

    /// A delivery with a separate item, strongly consistent, whatever the state of the event's
    /// other items. A read unit for each 4 KB of it alone.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn get_delivery(
        &self,
        tenant: &TenantId,
        id: &DeliveryId,
    ) -> Result<Option<Delivery>, Fault> {
        let rows = self.row(tenant, id.event, delivery_key(id)).await?;
        let found = rows.all(|item| match read_part(item, tenant)? {
            Part::Delivery(delivery) => Ok(Some(*delivery)),
            _ => Ok(None),
        })?;
        Ok(found.into_iter().flatten().next())
    }

    /// An event with one of its deliveries, strongly consistent, however many items the event has.
    /// Two requests.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn get_stored_delivery(
        &self,
        tenant: &TenantId,
        id: &DeliveryId,
    ) -> Result<Option<StoredEvent>, Fault> {
        let event = self.row(tenant, id.event, id.event.to_string()).await?;
        let delivery = self.row(tenant, id.event, delivery_key(id)).await?;
        assemble(event.and(delivery), tenant)
    }

    async fn row(&self, tenant: &TenantId, event: Ulid, key: String) -> Result<Rows, Fault> {
        let page = Query::new(&self.table, "pk = :pk AND sk = :sk")
            .value(":pk", s(partition(tenant, event)))
            .value(":sk", s(key))
            .consistent()
            .page(&self.dynamo, Stage::ReadStore)
            .await?;
        Ok(page.rows)
    }
}

/// The same, but an unreadable delivery is only logged, and does not affect readers of others.
fn read_part_or_tell(item: Item, tenant: &TenantId) -> Result<Part, Fault> {
    let place = RowKey::of(&item);
    match read_part(item, tenant) {
        Err(_) if place.is_of_delivery() => {
            place.tell();
            Ok(Part::Unreadable)
        }
        read => read,
    }
}

/// An event and its deliveries. A delivery's separate item is newer than its inline form in the
/// event's item.
fn assemble(rows: Rows, tenant: &TenantId) -> Result<Option<StoredEvent>, Fault> {
    let mut event: Option<(Event, Vec<StoredDelivery>)> = None;
    let mut again = None;
    let mut deliveries = Vec::<StoredDelivery>::new();
    let mut is_complete = true;
    for part in rows.all(|item| read_part_or_tell(item, tenant))? {
        match part {
            Part::Unreadable => is_complete = false,
            Part::Event(read, announced_again) => {
                again = announced_again;
                event = Some(*read);
            }
            Part::Delivery(delivery) => deliveries.push(StoredDelivery {
                delivery: *delivery,
                is_inline: false,
            }),
            Part::Nothing => {}
        }
    }
    let Some((event, inline)) = event else {
        return Ok(None);
    };
    for recorded in inline {
        if !deliveries
            .iter()
            .any(|d| d.delivery.id == recorded.delivery.id)
        {
            deliveries.push(recorded);
        }
    }
    // A response recorded by a process that read the event before its erasure is erased by the next
    // sweep. Until then it is not shown.
    if let Some(at) = event.payload.erased_at() {
        for StoredDelivery { delivery, .. } in &mut deliveries {
            *delivery = delivery.clone().erased(at);
        }
    }
    Ok(Some(StoredEvent {
        event,
        deliveries,
        first_attempts_need_lease_since: again,
        is_complete,
    }))
}
