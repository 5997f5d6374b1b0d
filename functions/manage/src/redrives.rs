//! Redrives of many: jobs over a tenant's dead letters.

mod start;

use api::caller::{JsonBody, TenantCaller, json};
use api::creation::{Creation, Repeatable};
use api::document::responses::{BodyResponses, ListResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{
    DeadLetterReason, EventFilter as Filter, RedriveId as JobId, RedriveKind, RedriveStatus, TenantId, Timestamp,
    WebhookId as Id,
};
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::dead_letter::Reason;
use domain::event_type::EventFilter;
use domain::ids::{RedriveId, WebhookId};
use domain::ports::{RedriveJob, RedriveJobStatus, RedriveJobStore as _};
use domain::redrive::RedriveRequest;
use domain::rejection::Rejection;
use domain::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{App, HandlerResult};

/// The dead letters to redrive.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RedriveCreate)]
pub(crate) struct Create {
    /// Only of this webhook.
    #[schema(value_type = Option<Id>)]
    webhook_id: Option<WebhookId>,
    /// Only of events of this type, or of a component's types (`item.*`).
    #[schema(value_type = Option<Filter>)]
    r#type: Option<EventFilter>,
    /// Only with this reason.
    #[schema(value_type = Option<DeadLetterReason>)]
    reason: Option<Reason>,
    /// Only those that died at or after this time.
    #[schema(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Only those that died before this time. Default: when the job is created.
    #[schema(value_type = Option<Timestamp>)]
    until: Option<String>,
    /// How many per second. Default: 50.
    #[schema(minimum = 1, maximum = 500)]
    rate_per_second: Option<u32>,
    /// Whether to count them only: the older form of `redrives/estimate`.
    #[serde(default)]
    #[schema(ignore)]
    dry_run: bool,
}

/// The dead letters to count.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RedriveFilter)]
pub(crate) struct Estimate {
    /// Only of this webhook.
    #[schema(value_type = Option<Id>)]
    webhook_id: Option<WebhookId>,
    /// Only of events of this type, or of a component's types (`item.*`).
    #[schema(value_type = Option<Filter>)]
    r#type: Option<EventFilter>,
    /// Only with this reason.
    #[schema(value_type = Option<DeadLetterReason>)]
    reason: Option<Reason>,
    /// Only those that died at or after this time.
    #[schema(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Only those that died before this time. Default: now.
    #[schema(value_type = Option<Timestamp>)]
    until: Option<String>,
}

/// Which failures of a webhook to redrive.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RetryFailed {
    /// Only of events of this type, or of a component's types (`item.*`).
    #[schema(value_type = Option<Filter>)]
    r#type: Option<EventFilter>,
    /// Only with this reason.
    #[schema(value_type = Option<DeadLetterReason>)]
    reason: Option<Reason>,
    /// How many per second. Default: 50.
    #[schema(minimum = 1, maximum = 500)]
    rate_per_second: Option<u32>,
    /// Only those that died at or after this time.
    #[schema(value_type = Timestamp)]
    since: String,
    /// Only those that died before this time. Default: when the job is created.
    #[schema(value_type = Option<Timestamp>)]
    until: Option<String>,
}

/// A redrive of many dead letters.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Redrive)]
pub(crate) struct RedriveResponse {
    #[schema(value_type = RedriveId)]
    id: String,
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
    webhook_id: Option<WebhookId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Filter>, nullable = false)]
    r#type: Option<EventFilter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeadLetterReason>, nullable = false)]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    until: Option<String>,
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
struct EstimateResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    dry_run: Option<bool>,
    /// How many would be redriven.
    count: u64,
    /// False if there are more: counting stops after ten seconds or 80 MB.
    complete: bool,
}

impl RedriveResponse {
    fn new(job: &RedriveJob) -> Self {
        Self {
            id: RedriveId(job.id).to_string(),
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

type RedriveList = List<RedriveResponse>;

/// Redrive many dead letters
///
/// Starts a job for dead deliveries, and for the messages that Postel itself failed on
/// (`undeliverable`). It runs in the background, at the given rate. A request that is repeated with
/// its `Idempotency-Key` gets the job that it started. `dryRun: true` in the body starts nothing,
/// and is answered with 200 as `redrives/estimate` is. Scope `deliveries:retry`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/redrives",
    operation_id = "redrives.create",
    tag = "redrives",
    params(("tenantId" = TenantId, Path, description = "Whose dead letters."), Repeatable),
    request_body = Create,
    responses(
        (
            status = 202,
            description = "The job.",
            body = RedriveResponse,
            headers(
                ("Location" = String, description = "The path of the job."),
                ("Retry-After" = u32, description = "Seconds to wait before asking for its progress."),
            )
        ),
        (status = 409, description = "The tenant has the maximum number of running redrives (`redrive_limit`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value is invalid (`invalid_timestamp`, `invalid_limit`), or the `Idempotency-Key` was used for another request (`idempotency_key_reused`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        TenantResponses,
    )
)]
pub(crate) async fn create(
    caller: TenantCaller,
    State(app): App,
    creation: Creation<Create>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRetry).await?;
    let repeatable = app.repeatable(&authority.tenant, "", &creation);
    let body = creation.body;
    let request = RedriveRequest {
        webhook: body.webhook_id,
        event_type: body.r#type,
        reason: body.reason,
        since: body.since,
        until: body.until,
        rate_per_second: body.rate_per_second,
    };
    let redrive = request.read()?;
    if body.dry_run {
        return app.estimate(&authority.tenant, redrive, Some(true)).await;
    }
    app.start(&authority.tenant, redrive, repeatable).await
}

/// Count the dead letters of a redrive
///
/// Redrives nothing. Scope `deliveries:read`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/redrives/estimate",
    operation_id = "redrives.estimate",
    tag = "redrives",
    params(("tenantId" = TenantId, Path, description = "Whose dead letters.")),
    request_body = Estimate,
    responses(
        (status = 200, description = "How many dead letters it would redrive.", body = EstimateResponse),
        (status = 422, description = "A time is invalid (`invalid_timestamp`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        TenantResponses,
    )
)]
pub(crate) async fn estimate(
    caller: TenantCaller,
    State(app): App,
    JsonBody(body): JsonBody<Estimate>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let request = RedriveRequest {
        webhook: body.webhook_id,
        event_type: body.r#type,
        reason: body.reason,
        since: body.since,
        until: body.until,
        rate_per_second: None,
    };
    app.estimate(&authority.tenant, request.read()?, None).await
}

/// Redrive the failures of a webhook
///
/// Starts a redrive job, as `redrives` does, over the dead letters of this webhook. Scope `deliveries:retry`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}/retry-failed",
    operation_id = "webhooks.retryFailed",
    tag = "webhooks",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = Id, Path, description = "Which webhook."),
        Repeatable,
    ),
    request_body = RetryFailed,
    responses(
        (
            status = 202,
            description = "The job.",
            body = RedriveResponse,
            headers(
                ("Location" = String, description = "The path of the job."),
                ("Retry-After" = u32, description = "Seconds to wait before asking for its progress."),
            )
        ),
        (status = 409, description = "The tenant has the maximum number of running redrives (`redrive_limit`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The time is invalid (`invalid_timestamp`), or the `Idempotency-Key` was used for another request (`idempotency_key_reused`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn retry_failed(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    creation: Creation<RetryFailed>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRetry).await?;
    let id: WebhookId = id.parse().map_err(|_| Rejection::not_found())?;
    let webhook = app
        .config
        .webhook(&caller.tenant, &id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    let repeatable = app.repeatable(&authority.tenant, webhook.id.as_str(), &creation);
    let body = creation.body;
    let request = RedriveRequest {
        webhook: Some(webhook.id),
        event_type: body.r#type,
        reason: body.reason,
        since: Some(body.since),
        until: body.until,
        rate_per_second: body.rate_per_second,
    };
    app.start(&authority.tenant, request.read()?, repeatable)
        .await
}

/// List the redrives
///
/// Newest first. A redrive is kept for 30 days. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/redrives",
    operation_id = "redrives.list",
    tag = "redrives",
    params(("tenantId" = TenantId, Path, description = "Whose redrives."), Paging),
    responses((status = 200, description = "The jobs.", body = RedriveList), ListResponses, TenantResponses)
)]
pub(crate) async fn list(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let query = ListQuery::new(query, format!("redrives/{}", caller.tenant), &[])?;
    let cursor = query.cursor(&app)?;
    let page = app
        .dead_letters
        .jobs(&authority.tenant, cursor.as_deref(), query.limit()?)
        .await?;
    Ok(query.answer(&app, page, |job| job.id.to_string(), RedriveResponse::new))
}

/// Get a redrive
///
/// Shows its progress. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/redrives/{redriveId}",
    operation_id = "redrives.get",
    tag = "redrives",
    params(
        ("tenantId" = TenantId, Path, description = "Whose redrive."),
        ("redriveId" = RedriveId, Path, description = "Which redrive."),
    ),
    responses((status = 200, description = "The job.", body = RedriveResponse), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn get(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let RedriveId(id) = id.parse().map_err(|_| Rejection::not_found())?;
    authority.may_see(id)?;
    let job = app
        .dead_letters
        .job(&caller.tenant, id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    Ok(json(StatusCode::OK, RedriveResponse::new(&job)))
}

/// Cancel a redrive
///
/// What it has redriven stays redriven. A job that has ended stays as it is, so the request can be
/// repeated. Scope `deliveries:retry`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/redrives/{redriveId}/cancel",
    operation_id = "redrives.cancel",
    tag = "redrives",
    params(
        ("tenantId" = TenantId, Path, description = "Whose redrive."),
        ("redriveId" = RedriveId, Path, description = "Which redrive."),
    ),
    responses((status = 200, description = "The job.", body = RedriveResponse), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn cancel(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let id = app.cancel_redrive(&caller, &id).await?;
    let job = app.dead_letters.job(&caller.tenant, id).await?;
    let job = job.ok_or_else(Rejection::not_found)?;
    Ok(json(StatusCode::OK, RedriveResponse::new(&job)))
}

/// The same by `DELETE …/redrives/{redriveId}`, as it was once: not in the document.
pub(crate) async fn delete(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    app.cancel_redrive(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
