//! Reading one event, or one delivery with all its attempts.

use domain::delivery::{Attempt, Delivery};
use domain::event::Event;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::{Fault, Record, Recorded, Stage};
use domain::ulid::Ulid;

use super::rows::{AttemptItem, DeliveryRow, EventRow, read_attempt};
use super::{LogTable, delivery_key, is_expired, partition};
use crate::clock::now;
use crate::dynamo::{Item, Place, Query, Rows, from_item, number, s, text};

/// A delivery with its event and every attempt, oldest first.
pub struct DeliveryDetail {
    /// The event.
    pub event: Event,
    /// The delivery.
    pub delivery: Delivery,
    /// Its attempts.
    pub attempts: Vec<Attempt>,
}

/// The attempts before each delivery's last, with the webhook's id.
type History = Vec<(String, Attempt)>;

/// What stands under an event's key.
enum Part {
    Event(Box<(Event, Vec<Recorded>)>, bool),
    Delivery(Box<Delivery>),
    Attempt(String, Box<Attempt>),
    /// A delivery that cannot be read.
    Unreadable,
    /// Its time is over, or it is an earlier attempt that cannot be read: nobody decides by it.
    Nothing,
}

/// The number of parts of a sort key tells what it is.
fn read_part(item: Item, tenant: &TenantId) -> Result<Part, Fault> {
    if number(&item, "expires_at").is_some_and(|at| is_expired(at, now())) {
        return Ok(Part::Nothing);
    }
    match text(&item, "sk").unwrap_or_default().split('#').count() {
        1 => {
            let row: EventRow = from_item(item, Stage::ReadLog)?;
            let again = row.again;
            Ok(Part::Event(Box::new(row.read(tenant)?), again))
        }
        2 => {
            let row: DeliveryRow = from_item(item, Stage::ReadLog)?;
            Ok(Part::Delivery(Box::new(row.read(tenant)?)))
        }
        _ => {
            let place = Place::of(&item);
            Ok(earlier_attempt(item).unwrap_or_else(|_| {
                place.tell();
                Part::Nothing
            }))
        }
    }
}

fn earlier_attempt(item: Item) -> Result<Part, Fault> {
    let row: AttemptItem = from_item(item, Stage::ReadLog)?;
    let mut parts = row.sk.split('#');
    let key = parts.next().and_then(|key| key.parse().ok());
    let (Some(key), Some(webhook)) = (key, parts.next()) else {
        return Err(Fault::new(
            Stage::Corrupt,
            "these are no keys of an attempt",
        ));
    };
    let attempt = Box::new(read_attempt(&row.attempt, key)?);
    Ok(Part::Attempt(webhook.to_owned(), attempt))
}

impl LogTable {
    /// One read unit for each 4 KB of the event and all that stands beside it.
    pub(super) async fn record(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> Result<Option<Record>, Fault> {
        Ok(self
            .items_of(tenant, event)
            .await
            .and_then(|items| assemble(items, tenant))?
            .map(|(record, _)| record))
    }

    /// A delivery in full.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delivery(
        &self,
        tenant: &TenantId,
        id: &DeliveryId,
    ) -> Result<Option<DeliveryDetail>, Fault> {
        let items = self.items_of(tenant, id.event).await?;
        let Some((record, history)) = assemble(items, tenant)? else {
            return Ok(None);
        };
        let event = record.event.clone();
        let Some(recorded) = record.delivery(id)? else {
            return Ok(None);
        };
        let mut attempts: Vec<Attempt> = history
            .into_iter()
            .filter(|(of, _)| *of == id.webhook.as_str())
            .map(|(_, attempt)| attempt)
            .collect();
        attempts.extend(recorded.delivery.last.clone());
        attempts.sort_by_key(|attempt| attempt.number);
        attempts.dedup_by_key(|attempt| attempt.number);
        Ok(Some(DeliveryDetail {
            event,
            delivery: recorded.delivery,
            attempts,
        }))
    }

    pub(super) async fn items_of(&self, tenant: &TenantId, event: Ulid) -> Result<Rows, Fault> {
        Query::new(&self.table, "pk = :pk AND begins_with(sk, :event)")
            .value(":pk", s(partition(tenant, event)))
            .value(":event", s(event.to_string()))
            .consistent()
            .whole(&self.dynamo, Stage::ReadLog)
            .await
    }

    /// An event by itself, strongly consistent, whatever stands beside it. A read unit for each 4 KB of it alone.
    ///
    /// # Errors
    /// If the table does not answer, or the event cannot be read.
    pub async fn own_event(&self, tenant: &TenantId, event: Ulid) -> Result<Option<Event>, Fault> {
        let rows = self.row(tenant, event, event.to_string()).await?;
        let found = rows.all(|item| match read_part(item, tenant)? {
            Part::Event(read, _) => Ok(Some(read.0)),
            _ => Ok(None),
        })?;
        Ok(found.into_iter().flatten().next())
    }

    /// A delivery with a life of its own, strongly consistent, whatever became of its neighbours. A read unit for each 4 KB of it alone.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn own_delivery(
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

    /// An event with one of its deliveries, strongly consistent, whatever and however much stands beside them. Two requests.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn own_record(
        &self,
        tenant: &TenantId,
        id: &DeliveryId,
    ) -> Result<Option<Record>, Fault> {
        let event = self.row(tenant, id.event, id.event.to_string()).await?;
        let delivery = self.row(tenant, id.event, delivery_key(id)).await?;
        Ok(assemble(event.and(delivery), tenant)?.map(|(record, _)| record))
    }

    async fn row(&self, tenant: &TenantId, event: Ulid, key: String) -> Result<Rows, Fault> {
        let page = Query::new(&self.table, "pk = :pk AND sk = :sk")
            .value(":pk", s(partition(tenant, event)))
            .value(":sk", s(key))
            .consistent()
            .page(&self.dynamo, Stage::ReadLog)
            .await?;
        Ok(page.rows)
    }
}

/// The same, but a delivery that cannot be read is told, and stops nobody who asks for another.
fn read_part_or_tell(item: Item, tenant: &TenantId) -> Result<Part, Fault> {
    let place = Place::of(&item);
    match read_part(item, tenant) {
        Err(_) if place.is_of_delivery() => {
            place.tell();
            Ok(Part::Unreadable)
        }
        read => read,
    }
}

/// An event, its deliveries, and the earlier attempts by webhook. An own item of a delivery is newer than what its event's item says of it.
fn assemble(rows: Rows, tenant: &TenantId) -> Result<Option<(Record, History)>, Fault> {
    let mut event: Option<(Event, Vec<Recorded>)> = None;
    let mut again = false;
    let (mut deliveries, mut history) = (Vec::<Recorded>::new(), Vec::new());
    let mut is_whole = true;
    for part in rows.all(|item| read_part_or_tell(item, tenant))? {
        match part {
            Part::Unreadable => is_whole = false,
            Part::Event(read, announced_again) => {
                again = announced_again;
                event = Some(*read);
            }
            Part::Delivery(delivery) => deliveries.push(Recorded {
                delivery: *delivery,
                embedded: false,
            }),
            Part::Attempt(webhook, attempt) => history.push((webhook, *attempt)),
            Part::Nothing => {}
        }
    }
    let Some((event, embedded)) = event else {
        return Ok(None);
    };
    for recorded in embedded {
        if !deliveries
            .iter()
            .any(|d| d.delivery.id == recorded.delivery.id)
        {
            deliveries.push(recorded);
        }
    }
    // What was recorded by somebody who had read the event before it was erased goes with the next sweep. Until then it is not shown.
    if let Some(at) = event.payload.erased_at() {
        for Recorded { delivery, .. } in &mut deliveries {
            *delivery = delivery.clone().erased(at);
        }
        for (_, attempt) in &mut history {
            *attempt = attempt.clone().erased();
        }
    }
    let record = Record {
        event,
        deliveries,
        again,
        is_whole,
    };
    Ok(Some((record, history)))
}
