//! Redrives as callers ask for them and see them.

use api::document::schemas::{
    DeadLetterReason, EventFilter as Filter, RedriveId as JobId, RedriveKind, RedriveStatus,
    TenantId as Owner, Timestamp, WebhookId as Id,
};
use domain::dead_letter::Reason;
use domain::event_type::EventFilter;
use domain::ids::{RedriveId, TenantId, WebhookId};
use domain::ports::{RedriveJob, RedriveJobStatus};
use domain::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The dead letters to redrive.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RedriveCreate)]
pub(crate) struct Create {
    /// Only of this webhook.
    #[schema(value_type = Option<Id>)]
    pub(super) webhook_id: Option<WebhookId>,
    /// Only of events of this type, or of a component's types (`item.*`).
    #[schema(value_type = Option<Filter>)]
    pub(super) r#type: Option<EventFilter>,
    /// Only with this reason.
    #[schema(value_type = Option<DeadLetterReason>)]
    pub(super) reason: Option<Reason>,
    /// Only those that died at or after this time.
    #[schema(value_type = Option<Timestamp>)]
    pub(super) since: Option<String>,
    /// Only those that died before this time. Default: when the job is created.
    #[schema(value_type = Option<Timestamp>)]
    pub(super) until: Option<String>,
    /// How many per second. Default: 50.
    #[schema(minimum = 1, maximum = 500)]
    pub(super) rate_per_second: Option<u32>,
    /// Whether to count them only: the older form of `redrives/estimate`.
    #[serde(default)]
    #[schema(ignore)]
    pub(super) dry_run: bool,
}

// The members that it shares with `Create` are repeated: serde cannot flatten a part and refuse
// unknown members at once.
/// The dead letters to count.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RedriveFilter)]
pub(crate) struct Estimate {
    /// Only of this webhook.
    #[schema(value_type = Option<Id>)]
    pub(super) webhook_id: Option<WebhookId>,
    /// Only of events of this type, or of a component's types (`item.*`).
    #[schema(value_type = Option<Filter>)]
    pub(super) r#type: Option<EventFilter>,
    /// Only with this reason.
    #[schema(value_type = Option<DeadLetterReason>)]
    pub(super) reason: Option<Reason>,
    /// Only those that died at or after this time.
    #[schema(value_type = Option<Timestamp>)]
    pub(super) since: Option<String>,
    /// Only those that died before this time. Default: now.
    #[schema(value_type = Option<Timestamp>)]
    pub(super) until: Option<String>,
}

/// Which failures of a webhook to redrive.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RetryFailed {
    /// Only of events of this type, or of a component's types (`item.*`).
    #[schema(value_type = Option<Filter>)]
    pub(super) r#type: Option<EventFilter>,
    /// Only with this reason.
    #[schema(value_type = Option<DeadLetterReason>)]
    pub(super) reason: Option<Reason>,
    /// How many per second. Default: 50.
    #[schema(minimum = 1, maximum = 500)]
    pub(super) rate_per_second: Option<u32>,
    /// Only those that died at or after this time.
    #[schema(value_type = Timestamp)]
    pub(super) since: String,
    /// Only those that died before this time. Default: when the job is created.
    #[schema(value_type = Option<Timestamp>)]
    pub(super) until: Option<String>,
}

/// A redrive of many dead letters.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Redrive)]
pub(crate) struct RedriveResponse {
    #[schema(value_type = JobId)]
    id: String,
    #[schema(value_type = Owner)]
    tenant_id: TenantId,
    #[schema(value_type = RedriveKind)]
    kind: &'static str,
    #[schema(value_type = RedriveStatus)]
    status: RedriveJobStatus,
    /// How many there were when it was created, or a lower bound if there were too many to count.
    /// When the job is completed: the sum of `done`, `failed` and `skipped`.
    total: u64,
    /// How many it has redriven.
    done: u64,
    /// How many cannot be redriven: the delivery is no longer in the log or cannot be read, or the
    /// message cannot be published now.
    failed: u64,
    /// How many were redriven or deleted by another caller in the meantime.
    skipped: u64,
    rate_per_second: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Id>, nullable = false)]
    pub(super) webhook_id: Option<WebhookId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Filter>, nullable = false)]
    pub(super) r#type: Option<EventFilter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeadLetterReason>, nullable = false)]
    pub(super) reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    pub(super) since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    pub(super) until: Option<String>,
    #[schema(value_type = Timestamp)]
    created_at: String,
    /// When it was completed or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    ended_at: Option<String>,
}

/// How many dead letters a redrive would send again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RedriveEstimate)]
pub(super) struct EstimateResponse {
    /// True in the answer to a request with `dryRun`, which the document tells in prose alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub(super) dry_run: Option<bool>,
    /// How many would be redriven.
    pub(super) count: u64,
    /// False if there are more: counting stops after ten seconds or 80 MB.
    pub(super) complete: bool,
}

impl RedriveResponse {
    pub(super) fn new(job: &RedriveJob) -> Self {
        Self {
            id: RedriveId(job.id).to_string(),
            tenant_id: job.tenant.clone(),
            kind: "redrive",
            status: job.status,
            total: job.total_known(),
            done: job.tally.done,
            failed: job.tally.failed,
            skipped: job.skipped_known(),
            rate_per_second: job.rate,
            webhook_id: job.filter.webhook.clone(),
            r#type: job.filter.event_type.clone(),
            reason: job.filter.reasons.first().copied(),
            since: job.filter.since.map(Time::rfc3339),
            until: job.filter.until.map(Time::rfc3339),
            created_at: job.id.time().rfc3339(),
            ended_at: job.ended_at.map(Time::rfc3339),
        }
    }
}
