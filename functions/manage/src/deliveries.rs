//! The event log: deliveries, each with its attempts; and the manual retry.

use adapters::clock::SystemMoment;
use adapters::http::caller::{Caller, json};
use adapters::http::document::answers::{Lists, One, Tenants};
use adapters::http::document::text::{
    AttemptError, DeliveryId as Id, DeliveryStatus, EventId, EventType, Moment, TenantId, WebhookId,
};
use adapters::http::problem::Shown as Problem;
use adapters::log::DeliveryFilter;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::delivery::{Attempt, Delivery, Status};
use domain::flow::retry_by_hand;
use domain::ids::DeliveryId;
use domain::outcome::Outcome;
use domain::rejection::{Code, Rejection};
use domain::time::Time;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::document::parameters::{Deliveries, Paging};
use crate::lists::{List, ListQuery};
use crate::masked;
use crate::{Answer, App};

/// A delivery as lists show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
pub(crate) struct Shown {
    #[schema(value_type = Id)]
    id: String,
    #[schema(value_type = EventId)]
    event_id: String,
    #[schema(value_type = EventType)]
    event_type: String,
    #[schema(value_type = WebhookId)]
    webhook_id: String,
    #[schema(value_type = DeliveryStatus)]
    status: &'static str,
    /// How many attempts have been made, by the schedule and by hand.
    attempts: u32,
    #[schema(value_type = Moment)]
    created_at: String,
    /// When the last attempt ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Moment>, nullable = false)]
    processed_at: Option<String>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Moment>, nullable = false)]
    next_attempt_at: Option<String>,
    /// Why it has not been delivered yet, or never will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// The last answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_response_code: Option<u16>,
    /// Whether it is a test event's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    test: Option<bool>,
}

/// A delivery with all that is known of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryDetail)]
struct Detail {
    #[serde(flatten)]
    delivery: Shown,
    /// The last attempt's request as it was sent, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request: Option<masked::Request>,
    /// Every attempt, the first one first.
    attempt_log: Vec<ShownAttempt>,
}

/// One request and what came of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Attempt)]
struct ShownAttempt {
    /// From 1 on.
    number: u32,
    /// Who asked for it: the schedule, somebody by the API, or somebody who tries the webhook out.
    #[schema(value_type = AttemptTrigger)]
    trigger: &'static str,
    /// When it started.
    #[schema(value_type = Moment)]
    at: String,
    duration_ms: u128,
    /// Where it went.
    url: String,
    /// The answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_code: Option<u16>,
    /// The answer's headers that are kept, names in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>, nullable = false)]
    response_headers: Option<Map<String, Value>>,
    /// The answer's body, 16 KiB of it at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_body: Option<String>,
    /// Whether there was more of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    truncated: Option<bool>,
    /// Why no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<ShownError>,
}

/// Who asked for an attempt.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "the domain's Trigger for the document")]
enum AttemptTrigger {
    Automatic,
    Manual,
    Test,
}

/// Why no answer came.
#[derive(Serialize, ToSchema)]
#[schema(as = AttemptFailure)]
struct ShownError {
    #[schema(value_type = AttemptError)]
    code: &'static str,
    /// A few words. No addresses.
    message: String,
}

/// A retry that was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Retry {
    #[schema(value_type = Id)]
    delivery_id: String,
    /// Where the delivery stands before it.
    #[schema(value_type = DeliveryStatus)]
    status: &'static str,
}

fn text_of(outcome: &Outcome) -> (Option<u16>, Option<ShownError>) {
    match outcome {
        Outcome::Response { status, .. } => (Some(*status), None),
        Outcome::Failure { kind, detail } => {
            let error = ShownError {
                code: kind.code(),
                message: detail.clone(),
            };
            (None, Some(error))
        }
    }
}

pub(crate) fn show(delivery: &Delivery) -> Shown {
    let (code, error) = delivery
        .last
        .as_ref()
        .map_or((None, None), |attempt| text_of(&attempt.outcome));
    let is_failing = delivery.status != Status::Completed;
    let why = match (delivery.reason, code) {
        _ if !is_failing => None,
        (Some(reason), Some(code)) => {
            Some(format!("{}: the receiver answered {code}", reason.as_str()))
        }
        (Some(reason), None) => Some(reason.as_str().to_owned()),
        (None, Some(code)) => Some(format!("the receiver answered {code}")),
        (None, None) => error.map(|error| error.code.to_owned()),
    };
    let processed = delivery
        .last
        .as_ref()
        .map(|attempt| attempt.at.plus(attempt.duration).rfc3339());
    Shown {
        id: delivery.id.to_string(),
        event_id: delivery.event_id.to_string(),
        event_type: delivery.event_type.to_string(),
        webhook_id: delivery.id.webhook.to_string(),
        status: delivery.status.as_str(),
        attempts: delivery.attempts,
        created_at: delivery.id.event.time().rfc3339(),
        processed_at: processed,
        next_attempt_at: delivery.due.map(Time::rfc3339),
        error: why,
        last_response_code: code,
        test: delivery.test.then_some(true),
    }
}

fn show_attempt(attempt: &Attempt) -> ShownAttempt {
    let (code, error) = text_of(&attempt.outcome);
    let (headers, body, cut) = match &attempt.outcome {
        Outcome::Response {
            headers,
            body,
            truncated,
            ..
        } => {
            let headers: Map<String, Value> = headers
                .iter()
                .map(|(n, v)| (n.clone(), Value::from(v.as_str())))
                .collect();
            (Some(headers), Some(body.clone()), Some(*truncated))
        }
        Outcome::Failure { .. } => (None, None, None),
    };
    ShownAttempt {
        number: attempt.number,
        trigger: attempt.trigger.as_str(),
        at: attempt.at.rfc3339(),
        duration_ms: attempt.duration.as_millis(),
        url: attempt.url.clone(),
        response_code: code,
        response_headers: headers,
        response_body: body,
        truncated: cut,
        error,
    }
}

/// The filters that [`list`] knows.
pub(crate) const FILTERS: [&str; 5] = ["status", "webhookId", "type", "since", "until"];

/// Lists the deliveries
///
/// The log: newest event first. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/deliveries",
    operation_id = "list_deliveries",
    tag = "deliveries",
    params(("tenant" = TenantId, Path, description = "Whose deliveries."), Paging, Deliveries),
    responses((status = 200, description = "The deliveries.", body = List<Shown>), Lists, Tenants)
)]
pub(crate) async fn list(
    caller: Caller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    let query = ListQuery::new(query, format!("deliveries/{}", caller.tenant), &FILTERS)?;
    let filter = DeliveryFilter {
        status: query.filter("status", |text| {
            Status::ALL
                .into_iter()
                .find(|status| status.as_str() == text)
        })?,
        webhook: query.filter("webhookId", |text| text.parse().ok())?,
        event_type: query.filter("type", |text| text.parse().ok())?,
        since: query.time("since")?,
        until: query.time("until")?,
    };
    let page = app
        .log
        .deliveries(
            &caller.tenant,
            &filter,
            query.cursor(&app)?.as_deref(),
            query.limit()?,
        )
        .await?;
    Ok(query.answer(&app, page, show))
}

/// Reads a delivery
///
/// With its last request as it was sent, and every attempt with its answer. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/deliveries/{delivery}",
    operation_id = "get_delivery",
    tag = "deliveries",
    params(
        ("tenant" = TenantId, Path, description = "Whose delivery."),
        ("delivery" = Id, Path, description = "Which delivery."),
    ),
    responses((status = 200, description = "The delivery.", body = Detail), One, Tenants)
)]
pub(crate) async fn get(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    let id: DeliveryId = id.parse().map_err(|_| Rejection::not_found())?;
    let detail = app
        .log
        .delivery(&caller.tenant, &id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    let mut request = None;
    if let Some(attempt) = detail.attempts.last()
        && let Some(contract) = app.config.contract_of(&attempt.contract).await?
    {
        request = Some(masked::request(
            &contract,
            &detail.event,
            &detail.delivery,
            attempt,
        ));
    }
    let answer = Detail {
        delivery: show(&detail.delivery),
        request,
        attempt_log: detail.attempts.iter().map(show_attempt).collect(),
    };
    Ok(json(StatusCode::OK, answer))
}

/// Makes one more attempt
///
/// As soon as possible; asked again while it waits, nothing more happens. The schedule stays as it is. Scope `deliveries:retry`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/deliveries/{delivery}/retry",
    operation_id = "retry_delivery",
    tag = "deliveries",
    params(
        ("tenant" = TenantId, Path, description = "Whose delivery."),
        ("delivery" = Id, Path, description = "Which delivery."),
    ),
    responses(
        (status = 202, description = "It will be made.", body = Retry),
        (status = 409, description = "The webhook is switched off or deleted (`webhook_inactive`).", body = Problem, content_type = "application/problem+json"),
        One,
        Tenants,
    )
)]
pub(crate) async fn retry(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRetry).await?;
    let id: DeliveryId = id.parse().map_err(|_| Rejection::not_found())?;
    let detail = app
        .log
        .delivery(&caller.tenant, &id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    if !app
        .config
        .webhook(&caller.tenant, &id.webhook)
        .await?
        .is_some_and(|webhook| webhook.active)
    {
        let detail = "The webhook of this delivery is switched off or deleted: switch it on first.";
        return Err(Rejection::new(Code::WebhookInactive, detail).into());
    }
    if !retry_by_hand(
        &app.log,
        &app.deliveries,
        &SystemMoment,
        &caller.tenant,
        &id,
    )
    .await?
    {
        return Err(Rejection::not_found().into());
    }
    let answer = Retry {
        delivery_id: id.to_string(),
        status: detail.delivery.status.as_str(),
    };
    Ok(json(StatusCode::ACCEPTED, answer))
}
