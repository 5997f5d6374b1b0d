//! Counts of a tenant's deliveries.
//!
//! Counted when asked, from the log itself: delivering costs no write for it, and the answer is as
//! fresh as the log. The price is a read unit for each 8 KB of log since `since`, so it is bounded
//! by [`Counting::is_full_after`]: beyond that the newest are counted, and the answer says from
//! when. The last page and the dead letters added, one answer costs no more than 8,100 units.
//!
//! What Postel itself has given up on lies among the dead letters: they are looked at only where an
//! event has no delivery yet, and count as failed. An event sent by SQS is not in the log before
//! its first attempts, and cannot be counted. Test: tests/e2e/test_lists.py.

use std::collections::{BTreeMap, HashSet};

use adapters::clock::now;
use adapters::delivery_store::Span;
use api::caller::{TenantCaller, json};
use api::document::responses::{FilterResponses, TenantResponses};
use api::document::schemas::{TenantId, Timestamp};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::ports::Fault;
use domain::stats::{Bucket, BucketLength, Counted, Counting, Counts, counted_since};
use domain::tenant::Tenant;
use domain::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

use crate::document::parameters;
use crate::lists::ListQuery;
use crate::{App, AppState, HandlerResult};

/// How many deliveries stand how.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryCounts)]
struct CountsResponse {
    /// Accepted by HTTP and not tried yet, or still in its first attempt.
    pending: u64,
    completed: u64,
    /// Given up, or cancelled.
    failed: u64,
    /// Being tried, or waiting to be tried again.
    in_progress: u64,
    /// When the last attempt started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    last_triggered_at: Option<String>,
    /// When the last successful attempt ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    last_success_at: Option<String>,
    /// The completed among those that have ended, to a thousandth.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    success_rate: Option<f64>,
}

/// A tenant's counts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stats)]
struct StatsResponse {
    #[serde(flatten)]
    all: CountsResponse,
    /// The same for each webhook, by its id.
    webhooks: BTreeMap<String, CountsResponse>,
    /// The events that no webhook gets.
    unmatched_events: u64,
    /// The time from which deliveries were counted.
    #[schema(value_type = Timestamp)]
    since: String,
    /// Whether the counts go back to the requested time.
    complete: bool,
    /// The deliveries by the time at which their events were accepted, the oldest first. Empty
    /// buckets are included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    buckets: Option<Vec<BucketResponse>>,
}

/// The deliveries of a part of the time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StatsBucket)]
struct BucketResponse {
    /// When it starts. It ends where the next one starts.
    #[schema(value_type = Timestamp)]
    start: String,
    completed: u64,
    failed: u64,
    pending: u64,
    in_progress: u64,
    /// How many deliveries got which status code last, or which error where no response came.
    codes: BTreeMap<String, u64>,
    /// How long the last attempts took. Absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    latency_ms: Option<LatencyResponse>,
}

/// How long attempts took, in milliseconds.
#[derive(Serialize, ToSchema)]
#[schema(as = Latency)]
struct LatencyResponse {
    /// Half of them took no longer.
    p50: u128,
    /// 95 of 100 took no longer.
    p95: u128,
}

impl BucketResponse {
    fn new(start: Time, bucket: &Bucket) -> Self {
        let millis = |hundredths| Some(bucket.percentile(hundredths)?.as_millis());
        Self {
            start: start.rfc3339(),
            completed: bucket.counts.completed,
            failed: bucket.counts.failed,
            pending: bucket.counts.pending,
            in_progress: bucket.counts.in_progress,
            codes: bucket.codes.clone(),
            latency_ms: millis(50)
                .zip(millis(95))
                .map(|(p50, p95)| LatencyResponse { p50, p95 }),
        }
    }
}

/// The filters that [`get`] knows.
pub(crate) const FILTERS: [&str; 3] = ["since", "until", "bucket"];

impl CountsResponse {
    fn new(counts: &Counts) -> Self {
        Self {
            pending: counts.pending,
            completed: counts.completed,
            failed: counts.failed,
            in_progress: counts.in_progress,
            last_triggered_at: counts.last_attempt_at.map(Time::rfc3339),
            last_success_at: counts.last_success_at.map(Time::rfc3339),
            success_rate: counts.success_rate(),
        }
    }
}

/// Count the deliveries
///
/// As current as the log. Includes deleted webhooks that had deliveries. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/stats",
    operation_id = "stats.get",
    tag = "deliveries",
    params(("tenantId" = TenantId, Path, description = "Whose deliveries."), parameters::Counted),
    responses((status = 200, description = "The counts.", body = StatsResponse), FilterResponses, TenantResponses)
)]
pub(crate) async fn get(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    let tenant = app.authorize(&caller, Scope::DeliveriesRead).await?.tenant;
    let query = ListQuery::whole(query, &FILTERS)?;
    let until = query.time("until")?;
    let end = until.unwrap_or_else(now);
    let since = counted_since(query.time("since")?, end);
    let length = query.word("bucket", &BucketLength::ALL, BucketLength::as_str)?;
    length.map_or(Ok(()), |length| length.check(since, end))?;
    let counted = app.count(&tenant, (since, until), length).await?;
    let buckets = counted.buckets.as_ref().map(|buckets| {
        let shown = buckets.between(counted.from, end);
        shown
            .map(|(start, bucket)| BucketResponse::new(start, &bucket))
            .collect()
    });
    let answer = StatsResponse {
        all: CountsResponse::new(&counted.all),
        webhooks: counted
            .by_webhook
            .iter()
            .map(|(id, counts)| (id.to_string(), CountsResponse::new(counts)))
            .collect(),
        unmatched_events: counted.unmatched,
        since: counted.from.rfc3339(),
        complete: counted.is_complete,
        buckets,
    };
    Ok(json(StatusCode::OK, answer))
}

impl AppState {
    async fn count(
        &self,
        tenant: &Tenant,
        (since, until): (Time, Option<Time>),
        length: Option<BucketLength>,
    ) -> Result<Counted, Fault> {
        let (tenant, log_begins) = (&tenant.id, Some(tenant.log_begins()));
        let span = Span {
            since: Some(since),
            log_begins,
            until,
        };
        let webhooks = self.config.webhooks(tenant).await?;
        let mut counting = Counting::new(&webhooks).by_time(length);
        let mut cursor = None;
        loop {
            let (page, units) = self.store.next_events(tenant, &span, cursor).await?;
            for logged in &page.items {
                let deliveries = logged.deliveries.iter();
                deliveries.for_each(|delivery| counting.add_delivery(delivery));
                if logged.deliveries.is_empty()
                    && let Some(event) = logged.summary(&webhooks)
                {
                    counting.add_event(event);
                }
            }
            cursor = page.next;
            if counting.is_full_after(units) || cursor.is_none() {
                break;
            }
        }
        let dead = if counting.needs_dead_letters() {
            self.dead_events(tenant, log_begins.max(Some(since)))
                .await?
        } else {
            HashSet::new()
        };
        Ok(counting.finish(&dead, since, cursor.is_none()))
    }
}
