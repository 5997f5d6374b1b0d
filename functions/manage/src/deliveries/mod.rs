//! The event log: deliveries, each with its attempts; and the manual retry.

mod wire;

use adapters::clock::SystemClock;
use adapters::delivery_store::DeliveryFilter;
use api::caller::{TenantCaller, json, located};
use api::document::responses::{ListResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{DeliveryId as Id, TenantId};
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::delivery::{Delivery, Status, check_not_erased};
use domain::flow::request_manual_attempt;
use domain::ids::DeliveryId;
use domain::rejection::Rejection;

pub(crate) use self::wire::DeliveryResponse;
use self::wire::{Detail, MAX_SHOWN_ATTEMPTS, Retry, show_attempts};
use crate::document::parameters::{Deliveries, Paging};
use crate::lists::{List, ListQuery};
use crate::sent_request;
use crate::{App, HandlerResult};

type DeliveryList = List<DeliveryResponse>;

/// The filters that [`list`] knows.
pub(crate) const FILTERS: [&str; 5] = ["status", "webhookId", "type", "since", "until"];

/// List the deliveries
///
/// Newest event first. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/deliveries",
    operation_id = "deliveries.list",
    tag = "deliveries",
    params(("tenantId" = TenantId, Path, description = "Whose deliveries."), Paging, Deliveries),
    responses((status = 200, description = "The deliveries.", body = DeliveryList), ListResponses, TenantResponses)
)]
pub(crate) async fn list(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let query = ListQuery::new(query, format!("deliveries/{}", caller.tenant), &FILTERS)?;
    let filter = DeliveryFilter {
        statuses: query.words("status", &Status::ALL, Status::as_str)?,
        webhook: query.webhook("webhookId")?,
        event_type: query.event_type("type")?,
        since: query.time("since")?,
        log_begins: Some(authority.tenant.log_begins()),
        until: query.time("until")?,
    };
    let page = app
        .store
        .deliveries(
            &caller.tenant,
            &filter,
            query.cursor(&app)?.as_deref(),
            query.limit()?,
        )
        .await?;
    let place = |(place, _): &(String, Delivery)| place.clone();
    Ok(query.answer(&app, page, place, |(_, delivery)| {
        DeliveryResponse::new(delivery)
    }))
}

/// Get a delivery
///
/// Includes the last request as it was sent, and the attempts with their responses: the newest 150,
/// up to 3 MiB. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/deliveries/{deliveryId}",
    operation_id = "deliveries.get",
    tag = "deliveries",
    params(
        ("tenantId" = TenantId, Path, description = "Whose delivery."),
        ("deliveryId" = Id, Path, description = "Which delivery."),
    ),
    responses((status = 200, description = "The delivery.", body = Detail), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn get(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let id: DeliveryId = id.parse().map_err(|_| Rejection::not_found())?;
    authority.may_see(id.event)?;
    let detail = app
        .store
        .delivery(&caller.tenant, &id, MAX_SHOWN_ATTEMPTS)
        .await?
        .ok_or_else(Rejection::not_found)?;
    let is_erased = detail.event.payload.erased_at().is_some();
    let mut request = None;
    if let Some(attempt) = detail.attempts.last()
        && let Some(contract) = app.config.contract_of(&attempt.contract).await?
    {
        request = Some(sent_request::request(
            &contract,
            &detail.event,
            &detail.delivery,
            attempt,
        ));
    }
    let answer = Detail {
        delivery: DeliveryResponse::new(&detail.delivery),
        request,
        attempt_log: show_attempts(&detail.attempts, is_erased),
    };
    Ok(json(StatusCode::OK, answer))
}

/// Retry a delivery once
///
/// As soon as possible. Repeating the request while the attempt waits changes nothing. The retry
/// schedule stays as it is. A delivery may be retried 100 times. Scope `deliveries:retry`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/deliveries/{deliveryId}/retry",
    operation_id = "deliveries.retry",
    tag = "deliveries",
    params(
        ("tenantId" = TenantId, Path, description = "Whose delivery."),
        ("deliveryId" = Id, Path, description = "Which delivery."),
    ),
    responses(
        (status = 202, description = "The attempt is scheduled.", body = Retry),
        (status = 409, description = "The webhook is disabled or deleted (`webhook_inactive`), the event's content was erased (`event_erased`), or the delivery was retried 100 times (`retry_limit`).", body = ProblemBody, content_type = "application/problem+json"),
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn retry(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRetry).await?;
    let id: DeliveryId = id.parse().map_err(|_| Rejection::not_found())?;
    authority.may_see(id.event)?;
    let record = app
        .store
        .get_stored_delivery(&caller.tenant, &id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    let not_erased = check_not_erased(&record.event.payload);
    let recorded = record.delivery(&id)?.ok_or_else(Rejection::not_found)?;
    // After the delivery, which may not exist: that answer goes first.
    not_erased?;
    let webhook = app.config.webhook(&caller.tenant, &id.webhook).await?;
    recorded.delivery.check_webhook(webhook.as_ref())?;
    let waiting = request_manual_attempt(&app.store, &app.deliveries, &SystemClock, recorded)
        .await?
        .map_err(Rejection::from)?;
    let path = format!("/v1/tenants/{}/deliveries/{id}", caller.tenant);
    Ok(located(
        json(StatusCode::ACCEPTED, Retry::of(&waiting)),
        path,
    ))
}
