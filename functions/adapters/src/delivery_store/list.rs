//! The event log as a list of deliveries, newest event first.
//!
//! Each partition of the tenant is read backwards and the pages are merged. A filter is applied
//! after reading, so a page may need several reads; the number of rounds is limited, and a short
//! page has a cursor to continue from.
//!
//! Cost: a read unit for each 8 KB read (eventually consistent), payloads included. A page reads
//! until it is full, for at most [`MAX_ROUNDS`] rounds or [`MAX_UNITS`]: including the last round,
//! in which each partition returns a megabyte, at most 1,512 units.

use std::cmp::Reverse;
use std::collections::HashSet;

use domain::delivery::{Delivery, Status};
use domain::event_type::{EventFilter, EventType};
use domain::ids::{DeliveryId, TenantId, WebhookId};
use domain::ports::{Fault, Stage};
use domain::time::Time;
use domain::ulid::Ulid;
use futures::future::try_join_all;

use super::rows::{DeliveryRow, EventRow};
use super::{DeliveryTable, SHARDS_PER_TENANT, is_expired};
use crate::clock::now;
use crate::dynamo::{Item, Query, from_item, number, s, text};

/// The maximum number of rounds of reads for one page.
const MAX_ROUNDS: usize = 12;
/// After this many read units for one page, no further round begins. Twelve rounds of small items
/// take half of it.
const MAX_UNITS: f64 = 1_000.0;

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// With one of these statuses; an empty list means any.
    pub statuses: Vec<Status>,
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// Of events of these types.
    pub event_type: Option<EventFilter>,
    /// Of events accepted at or after.
    pub since: Option<Time>,
    /// When the log of the tenant begins: see [`domain::tenant::log_begins`].
    pub log_begins: Option<Time>,
    /// Of events accepted before.
    pub until: Option<Time>,
}

/// One page of a list.
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// An entry of the log.
pub enum Entry {
    /// A delivery.
    Delivery(Box<Delivery>),
    /// An event without a delivery (yet).
    WithoutDelivery(Ulid, EventType),
}

/// The position of an entry in the list: its item's sort key, and its webhook if the item contains
/// several deliveries. An event without a delivery comes after all items under its key.
type Position = (String, String);

impl DeliveryFilter {
    fn wants(&self, delivery: &Delivery) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&delivery.status))
            && self
                .webhook
                .as_ref()
                .is_none_or(|webhook| *webhook == delivery.id.webhook)
            && self
                .event_type
                .as_ref()
                .is_none_or(|wanted| wanted.matches(&delivery.event_type))
    }
}

impl DeliveryTable {
    /// A page of deliveries, newest event first, each with the cursor that continues after it.
    /// `cursor` is one of these, or a [`Page::next`], of the same tenant.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn deliveries(
        &self,
        tenant: &TenantId,
        filter: &DeliveryFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<(String, Delivery)>, Fault> {
        let wanted =
            |entry: &Entry| matches!(entry, Entry::Delivery(delivery) if filter.wants(delivery));
        let (page, _) = self.entries(tenant, filter, cursor, limit, wanted).await?;
        let delivery = |(place, entry)| match entry {
            Entry::Delivery(delivery) => Some((join(&place), *delivery)),
            Entry::WithoutDelivery(..) => None,
        };
        Ok(Page {
            items: page.items.into_iter().filter_map(delivery).collect(),
            next: page.next,
        })
    }

    /// A page of all entries in the log within the filter's time: deliveries, and events without
    /// any. Also returns the read units.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn everything(
        &self,
        tenant: &TenantId,
        filter: &DeliveryFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Page<Entry>, f64), Fault> {
        let (page, units) = self
            .entries(tenant, filter, cursor, limit, |_| true)
            .await?;
        let items = page.items.into_iter().map(|(_, entry)| entry).collect();
        let next = page.next;
        Ok((Page { items, next }, units))
    }

    async fn entries(
        &self,
        tenant: &TenantId,
        filter: &DeliveryFilter,
        cursor: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<(Page<(Position, Entry)>, f64), Fault> {
        let floor = filter
            .since
            .max(filter.log_begins)
            .map_or_else(|| "0".to_owned(), |since| Ulid::floor(since).to_string());
        let ceiling = filter
            .until
            .map_or_else(|| "~".to_owned(), |until| Ulid::floor(until).to_string());
        let mut after: Position = cursor.and_then(split).unwrap_or((ceiling, "~".to_owned()));
        let mut found: Vec<(Position, Entry)> = Vec::new();
        let mut units = 0.0;
        for _ in 0..MAX_ROUNDS {
            // Start at the top of the event: its separate items show which of its inline deliveries
            // are outdated.
            let from = if after.1.is_empty() {
                after.0.clone()
            } else {
                format!("{}~", after.0.get(..26).unwrap_or(&after.0))
            };
            if from < floor {
                return Ok((whole(found), units));
            }
            let pages = try_join_all(
                (0..SHARDS_PER_TENANT).map(|shard| self.backwards(tenant, shard, &floor, &from)),
            )
            .await?;
            units += pages.iter().map(|page| page.units).sum::<f64>();
            // The complete part: above the highest key at which a partition stopped, nothing can be
            // missing.
            let frontier = pages
                .iter()
                .filter_map(|page| page.stopped_at.clone())
                .max();
            let mut batch: Vec<(Position, Entry)> = pages
                .into_iter()
                .flat_map(|page| page.entries)
                .filter(|(place, _)| Some(place.0.as_str()) >= frontier.as_deref())
                .collect();
            let own: HashSet<DeliveryId> = batch
                .iter()
                .filter_map(|(place, entry)| match entry {
                    Entry::Delivery(delivery) if is_own(place) => Some(delivery.id.clone()),
                    _ => None,
                })
                .collect();
            let events: HashSet<Ulid> = own.iter().map(|id| id.event).collect();
            batch.retain(|(place, entry)| {
                let is_current = match entry {
                    Entry::Delivery(delivery) => is_own(place) || !own.contains(&delivery.id),
                    Entry::WithoutDelivery(event, _) => !events.contains(event),
                };
                is_current && *place < after && wanted(entry)
            });
            batch.sort_by(|a, b| b.0.cmp(&a.0));
            found.extend(batch);
            match frontier {
                _ if found.len() > limit => break,
                None => return Ok((whole(found), units)),
                Some(sk) => after = (sk, String::new()),
            }
            if units >= MAX_UNITS {
                break;
            }
        }
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|(place, _)| join(place))
        } else {
            Some(join(&after))
        };
        Ok((Page { items: found, next }, units))
    }

    /// At least [`PAGE`] items, if there are as many, down to the end of an event: half an event
    /// would be read again and again.
    async fn backwards(
        &self,
        tenant: &TenantId,
        shard: u8,
        floor: &str,
        from: &str,
    ) -> Result<Part, Fault> {
        let mut page = Part {
            entries: Vec::new(),
            stopped_at: None,
            units: 0.0,
        };
        let mut start = None;
        loop {
            let found = Query::new(&self.table, "pk = :pk AND sk BETWEEN :floor AND :from")
                .value(":pk", s(format!("{tenant}#{shard}")))
                .value(":floor", s(floor))
                .value(":from", s(from))
                .newest_first()
                .limit(PAGE)
                .from(start)
                .page(&self.dynamo, Stage::ReadStore)
                .await?;
            let read = found.rows.readable(|item| entries(item, tenant));
            page.entries.extend(read.into_iter().flatten());
            page.units += found.units;
            start = found.next;
            page.stopped_at = start
                .as_ref()
                .and_then(|key| text(key, "sk"))
                .map(str::to_owned);
            if !page.stopped_at.as_ref().is_some_and(|sk| sk.contains('#')) {
                return Ok(page);
            }
        }
    }
}

/// Items read from one partition in one round.
const PAGE: i32 = 100;

/// The result of one round in one partition.
struct Part {
    entries: Vec<(Position, Entry)>,
    stopped_at: Option<String>,
    units: f64,
}

/// The end of a list.
fn whole(items: Vec<(Position, Entry)>) -> Page<(Position, Entry)> {
    Page { items, next: None }
}

/// The deliveries of one item, with their positions. An inline delivery that has got a separate
/// item since is shown from that item.
fn entries(item: Item, tenant: &TenantId) -> Result<Vec<(Position, Entry)>, Fault> {
    if number(&item, "expires_at").is_some_and(|at| is_expired(at, now())) {
        return Ok(Vec::new());
    }
    let sk = text(&item, "sk").unwrap_or_default().to_owned();
    match sk.split('#').count() {
        1 => {
            let (event, inline) = from_item::<EventRow>(item, Stage::ReadStore)?.read(tenant)?;
            if inline.is_empty() {
                let bare = Entry::WithoutDelivery(event.key, event.event_type);
                return Ok(vec![((sk, String::new()), bare)]);
            }
            let mut deliveries: Vec<Delivery> = inline.into_iter().map(|r| r.delivery).collect();
            deliveries.sort_by_key(|d| Reverse(d.id.webhook.clone()));
            Ok(deliveries
                .into_iter()
                .map(|d| {
                    let place = (sk.clone(), d.id.webhook.to_string());
                    (place, Entry::Delivery(Box::new(d)))
                })
                .collect())
        }
        _ => {
            let delivery = from_item::<DeliveryRow>(item, Stage::ReadStore)?.read(tenant)?;
            Ok(vec![(
                (sk, "~".to_owned()),
                Entry::Delivery(Box::new(delivery)),
            )])
        }
    }
}

/// Whether a position is that of a delivery's separate item.
fn is_own((sk, _): &Position) -> bool {
    sk.contains('#')
}

fn join((sk, webhook): &Position) -> String {
    format!("{sk} {webhook}")
}

fn split(cursor: &str) -> Option<Position> {
    cursor
        .split_once(' ')
        .map(|(sk, webhook)| (sk.to_owned(), webhook.to_owned()))
}
