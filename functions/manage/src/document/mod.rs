//! The OpenAPI document, put together from the annotations of all operations when it is first asked for.

pub(crate) mod health;
mod links;
pub(crate) mod parameters;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use adapters::http::document::answers::{self, Gateway};
use adapters::http::problem::Shown as Problem;
use adapters::http::publishing;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, RefOr, Required, Schema};
use utoipa::{Modify, OpenApi};

use crate::Answer;
use crate::operations::Described;

/// What the operations themselves do not say. Publishing is another function's, and in the same document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Postel",
        description = "Sends webhooks. JSON in camelCase, times in RFC 3339. The operator's key does everything; a tenant's key what its scopes allow, for its own tenant. Members without a value are left out of answers; null in a request is as good as leaving a member out, except in a merge patch.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(publishing::publish_event, publishing::publish_events),
    components(schemas(Problem, Gateway)),
    security(("key" = [])),
    tags(
        (name = "tenants", description = "The operator's customers."),
        (name = "keys", description = "API keys of a tenant."),
        (name = "webhooks", description = "Where a tenant's events go."),
        (name = "events", description = "What happened, told once."),
        (name = "deliveries", description = "Each event's way to each webhook: the log."),
        (name = "dead letters", description = "What will not be tried again by itself."),
        (name = "contracts", description = "How a webhook talks to its receiver."),
        (name = "event types", description = "The catalogue."),
        (name = "service", description = "The API itself."),
    ),
    modifiers(&Shared),
)]
struct Whole;

/// The key, and the answers that operations refer to.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        components.responses.extend(answers::components());
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("The operator's key, or a tenant's: `postel_…`.".to_owned());
        components
            .security_schemes
            .insert("key".to_owned(), SecurityScheme::Http(bearer).into());
    }
}

/// The whole document.
fn document() -> Document {
    let mut document = Whole::openapi();
    document.merge(Described::openapi());
    links::add(&mut document);
    let Some(components) = &document.components else {
        return document;
    };
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.post, &mut item.put, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            if let Some(RefOr::T(body)) = &mut operation.request_body
                && needs_nothing(body, &components.schemas)
            {
                body.required = Some(Required::False);
            }
        }
    }
    document
}

/// Whether an object without any member would do for a body: then none at all does.
fn needs_nothing(body: &RequestBody, schemas: &BTreeMap<String, RefOr<Schema>>) -> bool {
    let is_free = |content: &RefOr<Content>| {
        let RefOr::T(Content {
            schema: Some(RefOr::Ref(reference)),
            ..
        }) = content
        else {
            return false;
        };
        let name = reference.ref_location.rsplit('/').next();
        matches!(
            name.and_then(|name| schemas.get(name)),
            Some(RefOr::T(Schema::Object(object))) if object.required.is_empty()
        )
    };
    body.content.values().all(is_free)
}

static TEXT: LazyLock<Result<String, serde_json::Error>> = LazyLock::new(|| document().to_json());

/// Gives this document
///
/// Without a key: it tells nothing of anybody.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "get_openapi",
    tag = "service",
    security(()),
    responses((status = 200, description = "This document.", body = Value, content_type = "application/json")),
)]
pub(crate) async fn openapi() -> Answer {
    let text = TEXT
        .as_deref()
        .map_err(|e| domain::ports::Fault::new(domain::ports::Stage::Panic, e.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}
