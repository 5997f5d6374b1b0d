//! The event log as lists of deliveries and of events, newest event first.
//!
//! A filter is applied after reading, so a page may need several rounds of a [`LogWalk`], whose
//! number is limited; a short page has a cursor to continue from.

use std::future::Future;

use domain::delivery::{Delivery, Status, Trigger};
use domain::event_type::EventFilter;
use domain::ids::{TenantId, WebhookId};
use domain::ports::Fault;
use domain::response_codes::ResponseCodes;

use super::DeliveryTable;
use super::log::{BareEvent, LogWalk, LoggedEvent, Span};

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// With one of these statuses; an empty list means any.
    pub statuses: Vec<Status>,
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// Of events of these types.
    pub event_type: Option<EventFilter>,
    /// Whose last response had one of these codes; an empty list means any, and none.
    pub response_codes: Vec<ResponseCodes>,
    /// Whose last attempt was asked for in one of these ways; an empty list means any, and none.
    pub triggers: Vec<Trigger>,
    /// Of events of this time.
    pub span: Span,
}

impl DeliveryFilter {
    /// Whether it wants a delivery, whatever the event's time.
    #[must_use]
    pub fn wants(&self, delivery: &Delivery) -> bool {
        let status = delivery.shown_status();
        (self.statuses.is_empty() || self.statuses.contains(&status))
            && (self.webhook.as_ref()).is_none_or(|webhook| *webhook == delivery.id.webhook)
            && (self.event_type.as_ref()).is_none_or(|wanted| wanted.matches(&delivery.event_type))
            && (self.response_codes.is_empty()
                || delivery.last_status().is_some_and(|code| {
                    let mut wanted = self.response_codes.iter();
                    wanted.any(|codes| codes.contains(code))
                }))
            && (self.triggers.is_empty()
                || (delivery.last_trigger()).is_some_and(|last| self.triggers.contains(&last)))
    }

    /// Whether it may want a delivery that has not been attempted.
    fn wants_unattempted(&self) -> bool {
        let has = |status| self.statuses.is_empty() || self.statuses.contains(&status);
        self.response_codes.is_empty()
            && self.triggers.is_empty()
            && (has(Status::Pending) || has(Status::Failed))
    }
}

/// Knows the deliveries that events wait for which have none yet.
pub trait AwaitedDeliveries: Sync {
    /// All that these events wait for, in any order.
    fn of_events(
        &self,
        events: Vec<BareEvent>,
    ) -> impl Future<Output = Result<Vec<Delivery>, Fault>> + Send;
}

/// One page of a list.
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// A delivery in a list.
#[derive(Debug)]
pub struct ListedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// When its event happened; `None` if the event has expired.
    pub event_timestamp: Option<String>,
}

impl ListedDelivery {
    /// The cursor that continues after it: its event and its webhook. It stays when an awaited
    /// delivery is recorded.
    #[must_use]
    pub fn place(&self) -> String {
        let id = &self.delivery.id;
        format!("{} {}", id.event, id.webhook)
    }
}

impl DeliveryTable {
    /// A page of deliveries, newest event first. `cursor` is a [`ListedDelivery::place`] or a
    /// [`Page::next`] of the same tenant. Events without a delivery are listed with those that they
    /// wait for.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn deliveries(
        &self,
        tenant: &TenantId,
        filter: &DeliveryFilter,
        awaited: &impl AwaitedDeliveries,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<ListedDelivery>, Fault> {
        // An event of which a part is listed is read again as a whole.
        let start = cursor.map(|cursor| match cursor.split_once(' ') {
            Some((event, _)) => format!("{event}~"),
            None => cursor.to_owned(),
        });
        let mut walk = LogWalk::new(self, tenant, &filter.span, start);
        let mut found = Vec::new();
        while found.len() <= limit
            && let Some(mut events) = walk.next().await?
        {
            if filter.wants_unattempted() {
                add_awaited(&mut events, awaited).await?;
            }
            let rows = events.into_iter().flat_map(rows);
            found.extend(rows.filter(|row| {
                filter.wants(&row.delivery) && cursor.is_none_or(|cursor| *row.place() < *cursor)
            }));
        }
        Ok(page(found, limit, &walk, ListedDelivery::place))
    }

    /// A page of events, newest first, as `pick` shows them; it leaves out those that are not
    /// wanted. `cursor` is the key of an event or a [`Page::next`] of the same tenant.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn events<T>(
        &self,
        tenant: &TenantId,
        span: &Span,
        pick: impl Fn(&LoggedEvent) -> Option<T>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<T>, Fault> {
        let mut walk = LogWalk::new(self, tenant, span, cursor.map(str::to_owned));
        let mut found: Vec<(String, T)> = Vec::new();
        while found.len() <= limit
            && let Some(events) = walk.next().await?
        {
            let picked = events.iter().filter_map(|logged| {
                let shown = pick(logged)?;
                Some((logged.key.to_string(), shown))
            });
            found.extend(picked);
        }
        let page = page(found, limit, &walk, |(key, _)| key.clone());
        Ok(Page {
            items: page.items.into_iter().map(|(_, shown)| shown).collect(),
            next: page.next,
        })
    }

    /// The next events of the log with their recorded deliveries, as many as one round of reads
    /// returns, and its read units. `cursor` is the [`Page::next`] of the round before.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn next_events(
        &self,
        tenant: &TenantId,
        span: &Span,
        cursor: Option<String>,
    ) -> Result<(Page<LoggedEvent>, f64), Fault> {
        let mut walk = LogWalk::new(self, tenant, span, cursor);
        let items = walk.next().await?.unwrap_or_default();
        let next = walk.rest().map(str::to_owned);
        Ok((Page { items, next }, walk.units()))
    }
}

/// The first `limit` of what a walk has found.
fn page<T>(
    mut found: Vec<T>,
    limit: usize,
    walk: &LogWalk<'_>,
    place: impl Fn(&T) -> String,
) -> Page<T> {
    let next = if found.len() > limit {
        found.truncate(limit);
        found.last().map(place)
    } else {
        walk.rest().map(str::to_owned)
    };
    Page { items: found, next }
}

/// Adds the deliveries that events wait for which have none.
async fn add_awaited(
    events: &mut [LoggedEvent],
    awaited: &impl AwaitedDeliveries,
) -> Result<(), Fault> {
    let bare: Vec<_> = events.iter().filter_map(LoggedEvent::bare).collect();
    if bare.is_empty() {
        return Ok(());
    }
    let mut pending = awaited.of_events(bare).await?;
    pending.sort_by(|a, b| (b.id.event, &b.id.webhook).cmp(&(a.id.event, &a.id.webhook)));
    let mut pending = pending.into_iter().peekable();
    for logged in events.iter_mut() {
        while let Some(delivery) = pending.next_if(|delivery| delivery.id.event >= logged.key) {
            if delivery.id.event == logged.key {
                logged.deliveries.push(delivery);
            }
        }
    }
    Ok(())
}

fn rows(logged: LoggedEvent) -> impl Iterator<Item = ListedDelivery> {
    let event_timestamp = logged.event.map(|event| event.timestamp);
    (logged.deliveries.into_iter()).map(move |delivery| ListedDelivery {
        delivery,
        event_timestamp: event_timestamp.clone(),
    })
}
