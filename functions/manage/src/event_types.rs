//! The catalogue of event types: written by the operator, read by everybody.

pub(crate) mod operational;

use adapters::config::CatalogueEntry;
use api::caller::{AuthenticatedCaller, JsonBody, json, located};
use api::conditional::{Conditions, shown, tagged};
use api::document::responses::{
    AnyKeyResponses, BodyResponses, ListResponses, NotFoundResponses, OperatorResponses,
};
use api::document::schemas::EventType as Type;
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::event_type::{EventType, check_catalogue_texts};
use domain::rejection::{Rejection, Together as _};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use self::operational::{entry_of, merged};
use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{App, HandlerResult};

/// An event type to create or replace.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventTypeUpsert)]
pub(crate) struct Put {
    /// Ignored, so that an entry can be sent back as it was read.
    #[serde(default)]
    #[schema(read_only, value_type = Value)]
    r#type: IgnoredAny,
    /// The display name; the envelope's `{typeName}`.
    #[schema(max_length = 1024)]
    name: Option<String>,
    /// What it means.
    #[schema(max_length = 1024)]
    description: Option<String>,
    /// The group that it is shown in.
    #[schema(max_length = 1024)]
    group: Option<String>,
    /// A typical `data`, which test events carry.
    #[schema(value_type = Option<Value>)]
    example: Option<Box<RawValue>>,
}

/// An entry of the catalogue.
#[derive(Serialize, ToSchema)]
#[schema(as = EventTypeEntry)]
pub(crate) struct EventTypeResponse {
    #[schema(value_type = Type)]
    r#type: EventType,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// The group that it is shown in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    group: Option<String>,
    /// A typical `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    example: Option<Box<RawValue>>,
}

impl EventTypeResponse {
    fn new(entry: &CatalogueEntry) -> Self {
        let example = entry.example.clone();
        Self {
            r#type: entry.event_type.clone(),
            name: entry.name.clone(),
            description: entry.description.clone(),
            group: entry.group.clone(),
            example: example.and_then(|raw| RawValue::from_string(raw).ok()),
        }
    }
}

type EventTypeList = List<EventTypeResponse>;

/// Create or replace an event type
///
/// Types that are not in the catalogue can be published too. For the operator.
#[utoipa::path(
    put,
    path = "/v1/event-types/{eventType}",
    operation_id = "eventTypes.upsert",
    tag = "eventTypes",
    params(("eventType" = Type, Path, description = "Which type.")),
    request_body = Put,
    responses(
        (status = 200, description = "Replaced.", body = EventTypeResponse),
        (status = 201, description = "Made.", body = EventTypeResponse),
        (status = 422, description = "The type is invalid (`invalid_event_type`), a text has a character that is not allowed (`invalid_name`), or the example is nested deeper than 127 levels (`too_deep`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn put(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(event_type): Path<String>,
    Conditions(expected): Conditions,
    State(app): App,
    JsonBody(body): JsonBody<Put>,
) -> HandlerResult {
    principal.is_operator()?;
    let texts = check_catalogue_texts(
        body.name.as_deref(),
        body.description.as_deref(),
        body.group.as_deref(),
    );
    let event_type = EventType::from_path(&event_type);
    let (event_type, ()) = event_type.and_also(texts)?;
    let Put {
        name,
        description,
        group,
        example,
        r#type: IgnoredAny,
    } = body;
    let entry = CatalogueEntry {
        event_type,
        name,
        description,
        group,
        example: example.map(|raw| raw.get().to_owned()),
    };
    let status = match app.config.put_event_type(&entry, &expected).await?? {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    let response = json(status, EventTypeResponse::new(&entry));
    let response = located(response, format!("/v1/event-types/{}", entry.event_type));
    Ok(tagged(response, &entry.tag()))
}

/// Get an event type
///
/// With any key.
#[utoipa::path(
    get,
    path = "/v1/event-types/{eventType}",
    operation_id = "eventTypes.get",
    tag = "eventTypes",
    params(("eventType" = Type, Path, description = "Which type.")),
    responses((status = 200, description = "The entry.", body = EventTypeResponse), NotFoundResponses, AnyKeyResponses)
)]
pub(crate) async fn get(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(event_type): Path<String>,
    conditions: Conditions,
    State(app): App,
) -> HandlerResult {
    let event_type: EventType = event_type.parse().map_err(|_| Rejection::not_found())?;
    let entry = app
        .config
        .event_type(&event_type)
        .await?
        .or_else(|| {
            let is_shown = app.shows_operational_types(&principal);
            is_shown.then(|| entry_of(&event_type)).flatten()
        })
        .ok_or_else(Rejection::not_found)?;
    Ok(shown(&conditions, &entry.tag(), || {
        json(StatusCode::OK, EventTypeResponse::new(&entry))
    }))
}

/// Delete an event type
///
/// Events of the type can still be published. For the operator.
#[utoipa::path(
    delete,
    path = "/v1/event-types/{eventType}",
    operation_id = "eventTypes.delete",
    tag = "eventTypes",
    params(("eventType" = Type, Path, description = "Which type.")),
    responses((status = 204, description = "Deleted."), NotFoundResponses, OperatorResponses)
)]
pub(crate) async fn delete(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(event_type): Path<String>,
    Conditions(expected): Conditions,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let event_type: EventType = event_type.parse().map_err(|_| Rejection::not_found())?;
    let deleted = app
        .config
        .delete_event_type(&event_type, &expected)
        .await??;
    if !deleted {
        return Err(Rejection::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// List the event types of the catalogue
///
/// In alphabetical order. With any key.
#[utoipa::path(
    get,
    path = "/v1/event-types",
    operation_id = "eventTypes.list",
    tag = "eventTypes",
    params(Paging),
    responses((status = 200, description = "The entries.", body = EventTypeList), ListResponses, AnyKeyResponses)
)]
pub(crate) async fn list(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    let query = ListQuery::new(query, "event-types", &[])?;
    let cursor = query.cursor(&app)?;
    let limit = query.limit()?;
    let page = app.config.event_types(cursor.as_deref(), limit).await?;
    let page = match app.shows_operational_types(&principal) {
        true => merged(page, cursor.as_deref(), limit),
        false => page,
    };
    let place = |entry: &CatalogueEntry| entry.event_type.to_string();
    Ok(query.answer(&app, page, place, EventTypeResponse::new))
}
