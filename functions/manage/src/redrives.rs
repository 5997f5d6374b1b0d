//! Redrives of many: jobs over a tenant's dead letters.

mod start;
mod wire;

use api::caller::{AuthenticatedCaller, JsonBody, TenantCaller, json};
use api::creation::{Creation, Repeatable};
use api::document::responses::{
    BodyResponses, ListResponses, NotFoundResponses, OperatorResponses, TenantResponses,
};
use api::document::schemas::{RedriveId as PathRedrive, TenantId, WebhookId as Id};
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::ids::{RedriveId, WebhookId};
use domain::ports::{RedriveJob, RedriveJobStore as _};
use domain::redrive::RedriveRequest;
use domain::rejection::Rejection;

use self::wire::{Create, Estimate, EstimateResponse, RedriveResponse, RetryFailed};
use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{App, HandlerResult};

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
        (status = 422, description = "A value is invalid (`invalid_timestamp`, `invalid_rate`, `invalid_value`), or the `Idempotency-Key` was used for another request (`idempotency_key_reused`).", body = ProblemBody, content_type = "application/problem+json"),
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
/// Starts a redrive job, as `redrives` does, over the dead letters of this webhook. Scope
/// `deliveries:retry`.
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

/// List the running redrives of all tenants
///
/// By tenant. For the operator.
#[utoipa::path(
    get,
    path = "/v1/redrives",
    operation_id = "operatorRedrives.list",
    tag = "operator",
    params(Paging),
    responses((status = 200, description = "The jobs.", body = RedriveList), ListResponses, OperatorResponses)
)]
pub(crate) async fn list_running(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let query = ListQuery::new(query, "redrives", &[])?;
    let cursor = query.cursor(&app)?;
    let page = app
        .dead_letters
        .running_jobs_page(cursor.as_deref(), query.limit()?)
        .await?;
    let place = |(place, _): &(String, RedriveJob)| place.clone();
    Ok(query.answer(&app, page, place, |(_, job)| RedriveResponse::new(job)))
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
        ("redriveId" = PathRedrive, Path, description = "Which redrive."),
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
        ("redriveId" = PathRedrive, Path, description = "Which redrive."),
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
