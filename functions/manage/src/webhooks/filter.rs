//! Trying out a filter: what it says about an event, field by field. Nothing is sent or stored.

use api::caller::{JsonBody, TenantCaller, json};
use api::document::responses::{BodyResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{EventId, TenantId, WebhookId};
use api::problem::{ProblemBody, mistake_of};
use api::publishing;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::event;
use domain::event_type::EventType;
use domain::filter::{Document, Filter, Verdict};
use domain::payload::Content;
use domain::rejection::{Code, Rejection};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Object, Schema};

use crate::{App, HandlerResult};

/// A filter in the document: an object of names that nobody but its owner knows.
pub(super) fn pattern() -> Object {
    pattern_of(&[Type::Object])
}

/// The same where null is no filter.
pub(super) fn pattern_or_null() -> Object {
    pattern_of(&[Type::Object, Type::Null])
}

fn pattern_of(types: &[Type]) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types.iter().cloned()))
        .description(Some(
            "Which of the events of these types it gets: an event pattern of Amazon EventBridge over `type`, `data` and `context` of the event. Up to 2,048 bytes, 8 levels and 100 fields with values. Null, or none: all of them. A change replaces the whole filter.",
        ))
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
        .build()
}

/// An event to try a filter with: one of both.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookFilterTest)]
pub(crate) struct FilterTest {
    /// An event as if to publish it. A large one is tried by the id that it was published with.
    #[schema(value_type = Option<publishing::Event>, nullable = false)]
    event: Option<Box<RawValue>>,
    /// A published event.
    #[schema(value_type = Option<EventId>, nullable = false)]
    event_id: Option<String>,
    /// The filter to try. Default: the webhook's.
    #[schema(schema_with = pattern, required = false)]
    filter: Option<Box<RawValue>>,
}

/// What a filter says about an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookFilterTestResult)]
struct FilterTestResult {
    /// Whether the event matches. Whether the webhook gets its type, and is active, is not asked.
    matches: bool,
    /// Whether the evaluation took too many steps, so that the event matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limited: Option<bool>,
    /// Each field with a list of values, in the order of the filter.
    fields: Vec<FilterField>,
}

/// What one field of a filter says.
#[derive(Serialize, ToSchema)]
pub(crate) struct FilterField {
    /// Its names from the event down, with full stops.
    #[schema(examples("data.order.status"))]
    field: String,
    /// Whether the event has one of the field's values, whatever the other fields say.
    matches: bool,
}

impl FilterField {
    pub(crate) fn all(verdict: &Verdict) -> Vec<Self> {
        let fields = verdict.leaves.iter();
        fields
            .map(|leaf| Self {
                field: leaf.field.clone(),
                matches: leaf.is_match,
            })
            .collect()
    }
}

/// Try a filter
///
/// Says whether an event matches the webhook's filter, or another one, and each of its fields.
/// Nothing is sent or stored. Scope `deliveries:read`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}/filter/test",
    operation_id = "webhooks.testFilter",
    tag = "webhooks",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = WebhookId, Path, description = "Which webhook."),
    ),
    request_body = FilterTest,
    responses(
        (status = 200, description = "What the filter says.", body = FilterTestResult),
        (status = 409, description = "The event was erased (`event_erased`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The filter is no event pattern (`invalid_pattern`), the webhook has no filter (`invalid_value`), or a value of the event is invalid (`invalid_event_type`, `invalid_event_id`, `invalid_timestamp`, `invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn test_filter(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    JsonBody(body): JsonBody<FilterTest>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let webhook = app.own_webhook(&caller, &id).await?;
    let filter = match &body.filter {
        Some(given) => Filter::parse(given.get())?,
        None => webhook.filter.ok_or_else(|| {
            let detail = "The webhook has no filter: send the one to try as `filter`.";
            Rejection::new(Code::InvalidValue, detail).field("filter")
        })?,
    };
    let (event_type, content) = match (&body.event, &body.event_id) {
        (Some(event), None) => draft(event)?,
        (None, Some(event)) => {
            let found = mistake_of(app.event(&caller.tenant, event).await)?;
            let record = found.map_err(|missing| missing.field("eventId"))?;
            authority.may_see(record.event.key)?;
            let content = record.event.payload.content().cloned();
            let content = content.ok_or_else(Rejection::event_erased)?;
            (record.event.event_type, content)
        }
        _ => {
            let detail = "Send either `event` or `eventId`.";
            return Err(Rejection::new(Code::InvalidRequest, detail)
                .field("event")
                .into());
        }
    };
    let verdict = filter.verdict(&Document::new(&event_type, &content));
    let answer = FilterTestResult {
        matches: verdict.is_match,
        limited: verdict.is_cut.then_some(true),
        fields: FilterField::all(&verdict),
    };
    Ok(json(StatusCode::OK, answer))
}

/// An event of the request, its mistakes told below `event`.
fn draft(event: &RawValue) -> Result<(EventType, Content), Rejection> {
    let below = |mut refusal: Rejection| {
        let field = refusal.field.as_deref();
        let field = field.map_or("event".to_owned(), |field| format!("event.{field}"));
        refusal.others = Box::default();
        refusal.field(field)
    };
    let event = event::parse(event.get().as_bytes()).map_err(below)?;
    let content = Content {
        data: event.data,
        context: event.context,
    };
    Ok((event.event_type, content))
}
