//! The log read from the newest event to the oldest, an event with all its deliveries at a time.
//!
//! Each partition of the tenant is read backwards and the pages are merged.
//!
//! Cost: a read unit for each 8 KB read (eventually consistent), payloads included. One walk reads
//! for at most [`MAX_ROUNDS`] rounds or [`MAX_UNITS`]: including the last round, in which each
//! partition returns a megabyte, at most 1,512 units.

use std::collections::BTreeMap;

use domain::delivery::Delivery;
use domain::event::Event;
use domain::event_summary::EventSummary;
use domain::ids::TenantId;
use domain::ports::{Fault, Stage};
use domain::tenant::Webhook;
use domain::time::Time;
use domain::ulid::Ulid;
use futures::future::try_join_all;

use super::rows::{DeliveryRow, EventRow, StoredContent};
use super::{DeliveryTable, SHARDS_PER_TENANT, is_expired};
use crate::clock::now;
use crate::dynamo::{Item, Query, from_item, number, s, text};

/// The maximum number of rounds of reads for one walk.
const MAX_ROUNDS: usize = 12;
/// After this many read units no further round begins. Twelve rounds of small items take half of
/// it.
const MAX_UNITS: f64 = 1_000.0;
/// Items read from one partition in one round.
const PAGE: i32 = 100;

/// An event in the log with all its recorded deliveries.
pub struct LoggedEvent {
    /// Its key.
    pub key: Ulid,
    /// The event; `None` if it has expired before one of its deliveries, which was still due.
    pub(super) event: Option<EventSummary>,
    content: StoredContent,
    /// Its deliveries, by webhook from the highest id to the lowest.
    pub deliveries: Vec<Delivery>,
}

impl LoggedEvent {
    /// The event. If it has no delivery, with what the filters of these webhooks say: all of its
    /// tenant's.
    #[must_use]
    pub fn summary(&self, webhooks: &[Webhook]) -> Option<EventSummary> {
        match self.deliveries.is_empty() {
            true => self.bare().map(|bare| bare.filtered(webhooks)),
            false => self.event.clone(),
        }
    }

    /// An event without a delivery.
    pub(super) fn bare(&self) -> Option<BareEvent> {
        let event = self.event.as_ref()?;
        self.deliveries.is_empty().then(|| BareEvent {
            event: event.clone(),
            content: self.content.clone(),
        })
    }
}

/// An event without a delivery, before the filters of webhooks are asked.
pub struct BareEvent {
    event: EventSummary,
    content: StoredContent,
}

impl BareEvent {
    /// With what the filters of these webhooks say: all of its tenant's.
    #[must_use]
    pub fn filtered(self, webhooks: &[Webhook]) -> EventSummary {
        self.event.filtered(|| self.content.read(), webhooks)
    }
}

impl From<&Event> for BareEvent {
    fn from(event: &Event) -> Self {
        let content = event.payload.content().map(StoredContent::from);
        Self {
            event: EventSummary::from(event),
            content: content.unwrap_or_default(),
        }
    }
}

/// When the events of a list were accepted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// At or after.
    pub since: Option<Time>,
    /// When the log of the tenant begins: see [`domain::tenant::log_begins`].
    pub log_begins: Option<Time>,
    /// Before.
    pub until: Option<Time>,
}

impl Span {
    fn floor(&self) -> String {
        let since = self.since.max(self.log_begins);
        since.map_or_else(|| "0".to_owned(), |since| Ulid::floor(since).to_string())
    }

    fn ceiling(&self) -> String {
        let until = self.until.map(|until| Ulid::floor(until).to_string());
        until.unwrap_or_else(|| "~".to_owned())
    }

    /// Whether an event was accepted within this time.
    #[must_use]
    pub fn contains(&self, event: Ulid) -> bool {
        let at = event.time();
        self.since.is_none_or(|since| at >= since)
            && self.log_begins.is_none_or(|begins| at >= begins)
            && self.until.is_none_or(|until| at < until)
    }
}

/// Reads the log round by round.
pub(super) struct LogWalk<'a> {
    table: &'a DeliveryTable,
    tenant: &'a TenantId,
    floor: String,
    /// The next round reads events below this; `None` at the end of the log.
    below: Option<String>,
    rounds: usize,
    units: f64,
}

impl<'a> LogWalk<'a> {
    /// Begins at the span's end, or at a place: `<event key>` means below that event,
    /// `<event key>~` with it.
    pub(super) fn new(
        table: &'a DeliveryTable,
        tenant: &'a TenantId,
        span: &Span,
        place: Option<String>,
    ) -> Self {
        Self {
            table,
            tenant,
            floor: span.floor(),
            below: Some(place.unwrap_or_else(|| span.ceiling())),
            rounds: 0,
            units: 0.0,
        }
    }

    /// Where it would go on; `None` at the end of the log.
    pub(super) fn rest(&self) -> Option<&str> {
        self.below.as_deref()
    }

    /// The read units so far.
    pub(super) fn units(&self) -> f64 {
        self.units
    }

    /// The next events, newest first; `None` where it ends or may not read more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<LoggedEvent>>, Fault> {
        if self.rounds >= MAX_ROUNDS || self.units >= MAX_UNITS {
            return Ok(None);
        }
        let Some(below) = self.below.take().filter(|below| *below >= self.floor) else {
            return Ok(None);
        };
        self.rounds += 1;
        let pages =
            try_join_all((0..SHARDS_PER_TENANT).map(|shard| self.backwards(shard, below.as_str())))
                .await?;
        self.units += pages.iter().map(|page| page.units).sum::<f64>();
        // The complete part: above the highest key at which a partition stopped, nothing can be
        // missing.
        self.below = pages
            .iter()
            .filter_map(|page| page.stopped_at.clone())
            .max();
        let frontier = self.below.as_deref();
        let mut events = BTreeMap::<String, Vec<Part>>::new();
        for (key, part) in pages.into_iter().flat_map(|page| page.parts) {
            if Some(key.as_str()) >= frontier && key < below {
                events.entry(key).or_default().push(part);
            }
        }
        let events = events.into_values().rev().filter_map(assemble);
        Ok(Some(events.collect()))
    }

    /// At least [`PAGE`] items, if there are as many, down to the end of an event: half an event
    /// would be read again and again.
    async fn backwards(&self, shard: u8, from: &str) -> Result<Read, Fault> {
        let mut page = Read {
            parts: Vec::new(),
            stopped_at: None,
            units: 0.0,
        };
        let mut start = None;
        loop {
            let found = Query::new(
                &self.table.table,
                "pk = :pk AND sk BETWEEN :floor AND :from",
            )
            .value(":pk", s(format!("{}#{shard}", self.tenant)))
            .value(":floor", s(&self.floor))
            .value(":from", s(from))
            .newest_first()
            .limit(PAGE)
            .from(start)
            .page(&self.table.dynamo, Stage::ReadStore)
            .await?;
            let read = found.rows.readable(|item| part(item, self.tenant));
            page.parts.extend(read.into_iter().flatten());
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

/// The result of one round in one partition.
struct Read {
    /// Each with the key of its event.
    parts: Vec<(String, Part)>,
    stopped_at: Option<String>,
    units: f64,
}

/// An item under an event's key.
enum Part {
    /// With its content and its inline deliveries.
    Event(Box<(EventSummary, StoredContent, Vec<Delivery>)>),
    Delivery(Box<Delivery>),
}

/// `None` if it has expired.
fn part(item: Item, tenant: &TenantId) -> Result<Option<(String, Part)>, Fault> {
    if number(&item, "expires_at").is_some_and(|at| is_expired(at, now())) {
        return Ok(None);
    }
    let sk = text(&item, "sk").unwrap_or_default().to_owned();
    let part = match sk.split_once('#') {
        None => {
            let row = from_item::<EventRow>(item, Stage::ReadStore)?;
            let content = row.content();
            let (event, inline) = row.read(tenant)?;
            let inline = inline.into_iter().map(|recorded| recorded.delivery);
            Part::Event(Box::new((
                EventSummary::from(&event),
                content,
                inline.collect(),
            )))
        }
        Some(_) => {
            let delivery = from_item::<DeliveryRow>(item, Stage::ReadStore)?.read(tenant)?;
            Part::Delivery(Box::new(delivery))
        }
    };
    let key = sk.split('#').next().unwrap_or_default().to_owned();
    Ok(Some((key, part)))
}

/// The parts of one event. An inline delivery that has got a separate item since is shown from that
/// item.
fn assemble(parts: Vec<Part>) -> Option<LoggedEvent> {
    let (mut event, mut inline, mut deliveries) = (None, Vec::new(), Vec::<Delivery>::new());
    let mut content = StoredContent::default();
    for part in parts {
        match part {
            Part::Event(found) => {
                let (summary, stored, recorded) = *found;
                (event, content, inline) = (Some(summary), stored, recorded);
            }
            Part::Delivery(delivery) => deliveries.push(*delivery),
        }
    }
    inline.retain(|older| deliveries.iter().all(|newer| newer.id != older.id));
    deliveries.extend(inline);
    deliveries.sort_by(|a, b| b.id.webhook.cmp(&a.id.webhook));
    let of_delivery = deliveries.first().map(|delivery| delivery.id.event);
    Some(LoggedEvent {
        key: event.as_ref().map(|event| event.key).or(of_delivery)?,
        event,
        content,
        deliveries,
    })
}
