//! The event log: deliveries, each with its attempts; and the manual retry.

mod wire;

use std::cmp::Reverse;

use adapters::clock::SystemClock;
use adapters::delivery_store::{
    AwaitedDeliveries as _, BareEvent, DeliveryFilter, ListedDelivery, Span,
};
use api::caller::{TenantCaller, json, located};
use api::conditional::Conditions;
use api::document::responses::{ListResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{DeliveryId as Id, TenantId};
use api::problem::{Problem, ProblemBody};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::delivery::{Delivery, Status, Trigger, check_not_erased};
use domain::flow::request_manual_attempt;
use domain::ids::{DeliveryId, EventId};
use domain::ports::{DeliveryStore as _, Fault, StoredEvent};
use domain::rejection::Rejection;
use domain::tenant::Tenant;

pub(crate) use self::wire::DeliveryResponse;
use self::wire::{Detail, MAX_SHOWN_ATTEMPTS, Retry, show_attempts};
use crate::document::parameters::{Deliveries, Paging};
use crate::lists::{List, ListQuery};
use crate::sent_request;
use crate::{App, AppState, HandlerResult};

type DeliveryList = List<DeliveryResponse>;

/// The filters that [`list`] knows.
pub(crate) const FILTERS: [&str; 8] = [
    "status",
    "webhookId",
    "eventId",
    "type",
    "responseCode",
    "trigger",
    "since",
    "until",
];

/// List the deliveries
///
/// Newest event first. A delivery that has not been attempted is listed as soon as its event was
/// accepted by HTTP. Scope `deliveries:read`.
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
    conditions: Conditions,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let query = ListQuery::new(query, format!("deliveries/{}", caller.tenant), &FILTERS)?;
    let tenant = &authority.tenant;
    let filter = DeliveryFilter {
        statuses: query.words("status", &Status::ALL, Status::as_str)?,
        webhook: query.webhook("webhookId")?,
        event_type: query.event_type("type")?,
        response_codes: query.response_codes("responseCode")?,
        triggers: query.words("trigger", &Trigger::ALL, Trigger::as_str)?,
        span: Span {
            since: query.time("since")?,
            log_begins: Some(tenant.log_begins()),
            until: query.time("until")?,
        },
    };
    let page = match query.event_id("eventId")? {
        Some(event) => {
            let found = app.deliveries_of(tenant, &event, &filter).await?;
            query.page_of(&app, found, ListedDelivery::place)?
        }
        None => {
            let (cursor, limit) = (query.cursor(&app)?, query.limit()?);
            let awaited = app.awaited(tenant);
            app.store
                .deliveries(&tenant.id, &filter, &awaited, cursor.as_deref(), limit)
                .await?
        }
    };
    Ok(
        query.answer_if_new((&app, &conditions), page, ListedDelivery::place, |listed| {
            DeliveryResponse::new(&listed.delivery, listed.event_timestamp.as_deref())
        }),
    )
}

impl AppState {
    /// The deliveries of the events that have had an id, in the order of the list.
    async fn deliveries_of(
        &self,
        tenant: &Tenant,
        id: &EventId,
        filter: &DeliveryFilter,
    ) -> Result<Vec<ListedDelivery>, Problem> {
        let mut keys = self.event_keys(&tenant.id, id.as_str()).await?;
        keys.retain(|key| filter.span.contains(*key));
        let mut found = Vec::new();
        for key in keys {
            let Some(record) = self.store.get_stored_event(&tenant.id, key).await? else {
                continue;
            };
            let timestamp = record.event.timestamp.clone();
            let deliveries = self.deliveries_or_awaited(tenant, record).await?;
            let wanted = deliveries.into_iter().filter(|one| filter.wants(one));
            found.extend(wanted.map(|delivery| ListedDelivery {
                delivery,
                event_timestamp: Some(timestamp.clone()),
            }));
        }
        found.sort_by_key(|listed| Reverse(listed.place()));
        Ok(found)
    }

    /// The deliveries of an event, or those that it waits for if it has none yet.
    async fn deliveries_or_awaited(
        &self,
        tenant: &Tenant,
        record: StoredEvent,
    ) -> Result<Vec<Delivery>, Fault> {
        if !record.deliveries.is_empty() {
            let recorded = record.deliveries.into_iter();
            return Ok(recorded.map(|recorded| recorded.delivery).collect());
        }
        let event = BareEvent::from(&record.event);
        self.awaited(tenant).of_events(vec![event]).await
    }
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
        .await?;
    let Some(detail) = detail else {
        let (delivery, timestamp) = app.awaited_delivery(&authority.tenant, &id).await?;
        let answer = Detail {
            delivery: DeliveryResponse::new(&delivery, Some(&timestamp)),
            request: None,
            attempt_log: Vec::new(),
        };
        return Ok(json(StatusCode::OK, answer));
    };
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
    let timestamp = &detail.event.timestamp;
    let answer = Detail {
        delivery: DeliveryResponse::new(&detail.delivery, Some(timestamp)),
        request,
        attempt_log: show_attempts(&detail.attempts, is_erased),
    };
    Ok(json(StatusCode::OK, answer))
}

impl AppState {
    /// A delivery that its event waits for, and when the event happened.
    async fn awaited_delivery(
        &self,
        tenant: &Tenant,
        id: &DeliveryId,
    ) -> Result<(Delivery, String), Problem> {
        let record = self.store.get_stored_event(&tenant.id, id.event).await?;
        let record = record.ok_or_else(Rejection::not_found)?;
        let timestamp = record.event.timestamp.clone();
        let mut deliveries = self.deliveries_or_awaited(tenant, record).await?;
        deliveries.retain(|delivery| delivery.id == *id);
        let found = deliveries.pop().ok_or_else(Rejection::not_found)?;
        Ok((found, timestamp))
    }
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
    let event = record.event.clone();
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
        json(StatusCode::ACCEPTED, Retry::of(&waiting, &event)),
        path,
    ))
}
