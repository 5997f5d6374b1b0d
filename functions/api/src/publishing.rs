//! Publishing by HTTP: where, what goes in, what comes out.
//!
//! Two functions need it, which never import each other: publish answers these paths, and manage
//! serves the document that describes them.

use std::collections::BTreeMap;

use axum::Router;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::post;
use domain::flow::Published;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::document::responses::{BodyResponses, TenantResponses};
use super::document::schemas::{EventId, EventType, TenantId, Timestamp};
use super::problem::ProblemBody;
use super::query::refuse_parameters;

/// Where one event is published.
pub const EVENTS: &str = "/v1/tenants/{tenantId}/events";
/// Where up to a hundred are.
pub const BATCHES: &str = "/v1/tenants/{tenantId}/events/batch";

/// The routes, with what answers them: the only ones, so that the document knows them all.
pub fn routes<S, A, B>(one: impl Handler<A, S>, batch: impl Handler<B, S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    A: 'static,
    B: 'static,
{
    Router::new()
        .route(EVENTS, post(one).route_layer(from_fn(refuse_parameters)))
        .route(BATCHES, post(batch).route_layer(from_fn(refuse_parameters)))
}

/// An event to publish.
// It is read by `domain::event::parse`, which keeps the bytes of `data`; this is its shape.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventCreate)]
pub struct Event {
    /// The caller's own id. An event that is published again within 24 hours is a duplicate and is
    /// not delivered again.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", examples("order-17"))]
    pub id: Option<String>,
    /// What happened.
    #[schema(value_type = EventType)]
    pub r#type: String,
    /// When it happened. Default: now.
    #[schema(value_type = Option<Timestamp>)]
    pub timestamp: Option<String>,
    /// The payload, delivered byte for byte. The whole event can have 256 KiB and 128 levels.
    pub data: Value,
    /// Values for the contract's envelope, beside the data: plain values by name.
    #[schema(schema_with = context_or_null)]
    pub context: Option<BTreeMap<String, Value>>,
}

/// Up to sixteen plain values by name.
#[must_use]
pub fn context() -> Object {
    context_of(&[Type::Object])
}

/// The same of a tenant or a webhook, for all its deliveries.
#[must_use]
pub fn own_context() -> Object {
    with_description(
        context_of(&[Type::Object]),
        "Values for envelopes that the event does not give: plain values by name, up to 1,024 bytes of names and values. A webhook's value takes precedence over its tenant's.",
    )
}

/// The same in a merge patch: null takes a name away, null in place of the whole all of them.
#[must_use]
pub fn own_context_or_null() -> Object {
    with_description(
        context_of(&[Type::Object, Type::Null]),
        "Values for envelopes that the event does not give. Null removes a name; null for the whole member removes all.",
    )
}

fn with_description(mut object: Object, description: &str) -> Object {
    object.description = Some(description.to_owned());
    object
}

fn context_or_null() -> Object {
    context_of(&[Type::Object, Type::Null])
}

fn context_of(types: &[Type]) -> Object {
    let names = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(64))
        .build();
    let plain = [Type::String, Type::Number, Type::Boolean, Type::Null];
    let values = ObjectBuilder::new().schema_type(SchemaType::from_iter(plain));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types.iter().cloned()))
        .description(Some(
            "Values for the contract's envelope, beside the data: plain values by name.",
        ))
        .max_properties(Some(16))
        .property_names(Some(names))
        .additional_properties(Some(values))
        .build()
}

/// Events to publish.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventBatchCreate)]
pub struct Events {
    /// Each event is checked and accepted separately: an invalid one has an error in its result and
    /// does not affect the others.
    #[schema(min_items = 1, max_items = 100)]
    pub events: Vec<Event>,
}

/// An accepted event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventAccepted)]
pub struct Accepted {
    /// The event's id: the caller's own, or a new one.
    #[schema(value_type = EventId)]
    id: String,
    /// Whether it was accepted before.
    duplicate: bool,
    /// How many active webhooks want its type at this moment; their filters may leave it out. A
    /// duplicate goes to none of them again.
    webhook_count: usize,
}

/// The result of one event of a batch. An event that was not accepted has `error`; all others have
/// what the response to a single event has.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventBatchResult)]
pub struct BatchResult {
    /// The status of the response that the event would have had by itself. 202: accepted.
    #[schema(minimum = 202, maximum = 599)]
    status: u16,
    /// The event's id: the caller's own, or a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EventId>)]
    id: Option<String>,
    /// Whether it was accepted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<bool>,
    /// How many active webhooks want its type at this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_count: Option<usize>,
    /// Why it was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ProblemBody>,
}

impl From<Accepted> for BatchResult {
    fn from(accepted: Accepted) -> Self {
        Self {
            status: StatusCode::ACCEPTED.as_u16(),
            id: Some(accepted.id),
            duplicate: Some(accepted.duplicate),
            webhook_count: Some(accepted.webhook_count),
            error: None,
        }
    }
}

impl From<ProblemBody> for BatchResult {
    fn from(error: ProblemBody) -> Self {
        Self {
            status: error.status(),
            id: None,
            duplicate: None,
            webhook_count: None,
            error: Some(error),
        }
    }
}

/// The results of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = EventBatchAccepted)]
pub struct BatchResults {
    /// One for each event, in order.
    pub results: Vec<BatchResult>,
}

impl Accepted {
    /// An accepted event, wanted by so many webhooks.
    #[must_use]
    pub fn new(published: &Published, webhook_count: usize) -> Self {
        Self {
            id: published.id.to_string(),
            duplicate: published.duplicate,
            webhook_count,
        }
    }
}

/// Publish an event
///
/// When the response arrives, the event is stored and on its way to every webhook that subscribes
/// to its type. It counts as one of the tenant's requests per minute. Scope `events:write`.
#[utoipa::path(
    post,
    path = EVENTS,
    operation_id = "events.publish",
    tag = "events",
    params(("tenantId" = TenantId, Path, description = "Whose event it is.")),
    request_body(content = Event, description = "The event."),
    responses(
        (status = 202, description = "Accepted.", body = Accepted),
        (status = 409, description = "The id was used for another event within the last 24 hours (`id_conflict`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value is invalid (`invalid_event_type`, `invalid_event_id`, `invalid_timestamp`, `invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        TenantResponses,
    )
)]
pub fn publish_event() {}

/// Publish up to 100 events
///
/// Each event has its own result: an invalid one does not affect the others. Each event counts as
/// one of the tenant's requests per minute, and a batch counts as at least one for each 256 KiB or
/// part of it. Scope `events:write`.
#[utoipa::path(
    post,
    path = BATCHES,
    operation_id = "events.publishBatch",
    tag = "events",
    params(("tenantId" = TenantId, Path, description = "Whose events they are.")),
    request_body(content = Events, description = "The events."),
    responses(
        (status = 202, description = "The result of each event, in order.", body = BatchResults),
        (status = 422, description = "The batch has no event, or more than 100 (`invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        TenantResponses,
    )
)]
pub fn publish_events() {}
