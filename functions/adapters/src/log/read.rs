//! Reading one event, or one delivery with all its attempts.

use domain::delivery::{Attempt, Delivery};
use domain::event::Event;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::{Fault, Record, Recorded, Stage};
use domain::ulid::Ulid;

use super::rows::{AttemptItem, DeliveryRow, EventRow, read_attempt};
use super::{LogTable, delivery_key, is_expired, partition};
use crate::clock::now;
use crate::dynamo::{Item, from_item, number, s, text};

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

/// What the third part of a sort key tells.
enum Kind {
    Event,
    Delivery,
    Attempt,
}

fn kind(item: &Item) -> Kind {
    match text(item, "sk").unwrap_or_default().split('#').count() {
        1 => Kind::Event,
        2 => Kind::Delivery,
        _ => Kind::Attempt,
    }
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
        let Some(recorded) = record.deliveries.into_iter().find(|d| d.delivery.id == *id) else {
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
            event: record.event,
            delivery: recorded.delivery,
            attempts,
        }))
    }

    /// A delivery with a life of its own, strongly consistent. A read unit for each 4 KB of it alone.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn own_delivery(
        &self,
        tenant: &TenantId,
        id: &DeliveryId,
    ) -> Result<Option<Delivery>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant, id.event)))
            .key("sk", s(delivery_key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadLog, e))?;
        answer
            .item
            .map(|item| from_item::<DeliveryRow>(item, Stage::ReadLog)?.read(tenant))
            .transpose()
    }

    async fn items_of(&self, tenant: &TenantId, event: Ulid) -> Result<Vec<Item>, Fault> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .dynamo
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :event)")
                .expression_attribute_values(":pk", s(partition(tenant, event)))
                .expression_attribute_values(":event", s(event.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|e| Fault::new(Stage::ReadLog, e))?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(items);
            }
        }
    }
}

/// An event, its deliveries, and the earlier attempts by webhook. An own item of a delivery is newer than what its event's item says of it.
fn assemble(items: Vec<Item>, tenant: &TenantId) -> Result<Option<(Record, History)>, Fault> {
    let mut event: Option<(Event, Vec<Recorded>)> = None;
    let mut again = false;
    let (mut deliveries, mut history) = (Vec::<Recorded>::new(), Vec::new());
    for item in items {
        if number(&item, "expires_at").is_some_and(|at| is_expired(at, now())) {
            continue;
        }
        match kind(&item) {
            Kind::Event => {
                let row: EventRow = from_item(item, Stage::ReadLog)?;
                again = row.again;
                event = Some(row.read(tenant)?);
            }
            Kind::Delivery => {
                let delivery = from_item::<DeliveryRow>(item, Stage::ReadLog)?.read(tenant)?;
                deliveries.push(Recorded {
                    delivery,
                    embedded: false,
                });
            }
            Kind::Attempt => {
                let row: AttemptItem = from_item(item, Stage::ReadLog)?;
                let mut parts = row.sk.split('#');
                let key = parts.next().and_then(|key| key.parse().ok());
                if let (Some(key), Some(webhook)) = (key, parts.next()) {
                    history.push((webhook.to_owned(), read_attempt(&row.attempt, key)?));
                }
            }
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
    let record = Record {
        event,
        deliveries,
        again,
    };
    Ok(Some((record, history)))
}
