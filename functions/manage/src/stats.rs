//! Counts of a tenant's deliveries.
//!
//! Counted when asked, from the log itself: delivering costs no write for it, and the answer is as fresh as the log. The price is a read unit for each
//! 8 KB of log since `since`, so it is bounded: beyond [`MOST_COUNTED`] entries or [`MOST_UNITS`] the newest are counted, and the answer says from when. The
//! last page and the dead letters added, one answer costs no more than 8,100 units.
//!
//! A delivery is not on record before its first attempt has ended. So what is pending is seen from the other side: an event that was accepted by HTTP and
//! has no delivery yet, for each webhook that wants it. A webhook made or changed since then is left out, since nobody knows any more whether it was to get
//! that event; an event sent by SQS is not in the log before its first attempts, and cannot be counted. What Postel itself has given up on lies among the
//! dead letters: they are looked at only where there is such an event, and count as failed. Test: tests/e2e/test_lists.py.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use adapters::clock::now;
use adapters::log::{DeliveryFilter, Entry};
use api::caller::{Caller, json};
use api::document::answers::{Filtered, Tenants};
use api::document::text::{Moment, TenantId};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::dead_letter::{Body, Reason};
use domain::delivery::{Delivery, Status};
use domain::event_type::EventType;
use domain::ids::TenantId as Owner;
use domain::messages::NamedEvent;
use domain::object;
use domain::ports::{DeadLetterFilter, Fault};
use domain::tenant::{Tenant, Webhook};
use domain::time::Time;
use domain::ulid::Ulid;
use serde::Serialize;
use utoipa::ToSchema;

use crate::document::parameters::Counted;
use crate::lists::ListQuery;
use crate::{Answer, App, Function};

/// The most entries of the log that one answer counts.
const MOST_COUNTED: usize = 20_000;
/// The most read units of the log for one answer: twice what so many entries of the usual size take.
const MOST_UNITS: f64 = 5_000.0;
const PAGE: usize = 1000;
/// The most dead letters that are looked through for events whose message has died.
const MOST_LETTERS: usize = 1000;
/// From when, if the caller says nothing.
const USUAL_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// How many deliveries stand how.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Counts)]
struct ShownCounts {
    /// Accepted by HTTP and not tried yet, or still in its first attempt.
    pending: u64,
    completed: u64,
    /// Given up, or cancelled.
    failed: u64,
    /// Being tried, or waiting to be tried again.
    in_progress: u64,
    /// When the last attempt started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Moment>, nullable = false)]
    last_triggered_at: Option<String>,
    /// The completed among those that have ended, to a thousandth.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    success_rate: Option<f64>,
}

/// A tenant's counts.
#[derive(Serialize, ToSchema)]
#[schema(as = Stats)]
struct Shown {
    #[serde(flatten)]
    all: ShownCounts,
    /// The same for each webhook, by its id.
    webhooks: BTreeMap<String, ShownCounts>,
    /// From when deliveries were counted.
    #[schema(value_type = Moment)]
    since: String,
    /// Whether that is all the way back to the time that was asked for.
    complete: bool,
}

/// The filters that [`get`] knows.
pub(crate) const FILTERS: [&str; 1] = ["since"];

#[derive(Default)]
struct Counts {
    pending: u64,
    completed: u64,
    failed: u64,
    in_progress: u64,
    last: Option<Time>,
}

impl Counts {
    fn add(&mut self, delivery: &Delivery) {
        let counter = match delivery.status {
            Status::Pending => &mut self.pending,
            Status::Processing | Status::Retrying => &mut self.in_progress,
            Status::Completed => &mut self.completed,
            Status::Failed => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
        self.last = self
            .last
            .max(delivery.last.as_ref().map(|attempt| attempt.at));
    }

    fn add_bare(&mut self, is_lost: bool) {
        let counter = if is_lost {
            &mut self.failed
        } else {
            &mut self.pending
        };
        *counter = counter.saturating_add(1);
    }

    fn show(&self) -> ShownCounts {
        let ended = self.completed.saturating_add(self.failed);
        // To a thousandth, which is what people read.
        let rate =
            (ended > 0).then(|| (self.completed.saturating_mul(1000) / ended) as f64 / 1000.0);
        ShownCounts {
            pending: self.pending,
            completed: self.completed,
            failed: self.failed,
            in_progress: self.in_progress,
            last_triggered_at: self.last.map(Time::rfc3339),
            success_rate: rate,
        }
    }
}

/// What one answer counts.
struct Tally {
    all: Counts,
    by_webhook: BTreeMap<String, Counts>,
    from: Time,
    is_complete: bool,
}

/// Counts the deliveries
///
/// As fresh as the log. Of a webhook too that is deleted, if it had any. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/stats",
    operation_id = "get_stats",
    tag = "deliveries",
    params(("tenant" = TenantId, Path, description = "Whose deliveries."), Counted),
    responses((status = 200, description = "The counts.", body = Shown), Filtered, Tenants)
)]
pub(crate) async fn get(
    caller: Caller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    let tenant = app.admit(&caller, Scope::DeliveriesRead).await?.tenant;
    let query = ListQuery::whole(query, &FILTERS)?;
    let now = now();
    let usual =
        Time::from_millis(now.millis() - i64::try_from(USUAL_PERIOD.as_millis()).unwrap_or(0));
    let since = query.time("since")?.unwrap_or(usual);
    let counted = app.count(&tenant, since).await?;
    let answer = Shown {
        all: counted.all.show(),
        webhooks: counted
            .by_webhook
            .iter()
            .map(|(id, counts)| (id.clone(), counts.show()))
            .collect(),
        since: counted.from.rfc3339(),
        complete: counted.is_complete,
    };
    Ok(json(StatusCode::OK, answer))
}

/// Whether an event without a delivery is still to go to a webhook, as far as that can be told.
fn awaits(webhook: &Webhook, event: Ulid, event_type: &EventType) -> bool {
    webhook.wants(event_type) && webhook.updated_at <= event.time()
}

impl Function {
    async fn count(&self, tenant: &Tenant, since: Time) -> Result<Tally, Fault> {
        let (tenant, log_begins) = (&tenant.id, Some(tenant.log_begins()));
        let filter = DeliveryFilter {
            since: Some(since),
            log_begins,
            ..DeliveryFilter::default()
        };
        let webhooks = self.config.webhooks(tenant).await?;
        let mut by_webhook: BTreeMap<String, Counts> = webhooks
            .iter()
            .map(|webhook| (webhook.id.to_string(), Counts::default()))
            .collect();
        let (mut all, mut bare) = (Counts::default(), Vec::new());
        let (mut cursor, mut counted, mut units) = (None, 0usize, 0.0);
        // The time of the oldest that was counted.
        let mut oldest = None;
        loop {
            let (page, cost) = self
                .log
                .everything(tenant, &filter, cursor.as_deref(), PAGE)
                .await?;
            counted = counted.saturating_add(page.items.len());
            units += cost;
            if let Some(last) = page.items.last() {
                oldest = Some(match last {
                    Entry::Delivery(delivery) => delivery.id.event.time(),
                    Entry::Bare(event, _) => event.time(),
                });
            }
            for entry in page.items {
                match entry {
                    Entry::Delivery(delivery) if delivery.test => {}
                    Entry::Delivery(delivery) => {
                        all.add(&delivery);
                        let webhook = delivery.id.webhook.to_string();
                        by_webhook.entry(webhook).or_default().add(&delivery);
                    }
                    Entry::Bare(event, event_type) => bare.extend(
                        webhooks
                            .iter()
                            .filter(|webhook| awaits(webhook, event, &event_type))
                            .map(|webhook| (event, webhook.id.to_string())),
                    ),
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            if counted >= MOST_COUNTED || units >= MOST_UNITS {
                break;
            }
        }
        let from = match cursor {
            None => since,
            Some(_) => oldest.unwrap_or(since),
        };
        let lost = if bare.is_empty() {
            HashSet::new()
        } else {
            self.lost(tenant, log_begins.max(Some(since))).await?
        };
        for (event, webhook) in bare {
            let is_lost = lost.contains(&event);
            all.add_bare(is_lost);
            by_webhook.entry(webhook).or_default().add_bare(is_lost);
        }
        Ok(Tally {
            all,
            by_webhook,
            from,
            is_complete: cursor.is_none(),
        })
    }

    /// Events in the log whose message died in the queue: they wait for somebody to put it back.
    async fn lost(&self, tenant: &Owner, since: Option<Time>) -> Result<HashSet<Ulid>, Fault> {
        let filter = DeadLetterFilter {
            reason: Some(Reason::Undeliverable),
            since,
            ..DeadLetterFilter::default()
        };
        let letters = self
            .dead_letters
            .list(tenant, &filter, None, MOST_LETTERS)
            .await?;
        let stored = letters
            .items
            .iter()
            .filter_map(|kept| match &kept.dead.body {
                Body::Message { text, .. } => {
                    let named: NamedEvent = object::from_str(text.as_deref()?).ok()?;
                    named.stored
                }
                Body::Delivery(_) => None,
            });
        Ok(stored.collect())
    }
}
