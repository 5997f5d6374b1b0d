//! The document as the code has it, put together from the annotations of all operations. Only the
//! tests do that: they compare it with `functions/api/openapi.json`, or write that file anew.

use api::document::responses;
use api::document::schemas::{ResponseCodes, StatsBucketLength};
use api::problem::ProblemBody;
use api::publishing;
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{examples, headers, links, receivers, shape};
use crate::operations::Operations;

/// What the operations themselves do not say. Publishing is another function's, and in the same
/// document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Postel",
        description = "Sends webhooks. JSON in camelCase, times in RFC 3339. The operator's key can do everything; a tenant's key or session can do what its scopes allow, for its own tenant. Members without a value are left out of responses. In a request, null is the same as leaving a member out, except in a merge patch.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(publishing::publish_event, publishing::publish_events),
    components(schemas(ProblemBody, ResponseCodes, StatsBucketLength)),
    servers((
        url = "https://{host}",
        description = "Each operator runs a stack of their own.",
        variables(("host" = (default = "postel.example.com", description = "The host of the stack's API.")))
    )),
    tags(
        (name = "tenants", description = "The operator's customers."),
        (name = "keys", description = "API keys of a tenant."),
        (name = "sessions", description = "Short-lived access of a tenant, for a page in a browser."),
        (name = "webhooks", description = "Where a tenant's events go."),
        (name = "inbox", description = "Webhooks that are delivered into Postel itself, to test with."),
        (name = "events", description = "Facts that tenants publish."),
        (name = "deliveries", description = "The log: each event to each webhook."),
        (name = "deadLetters", description = "Deliveries and messages that are not retried automatically."),
        (name = "redrives", description = "Jobs that redrive many dead letters."),
        (name = "contracts", description = "How requests are built, signed, judged and retried."),
        (name = "eventTypes", description = "The catalogue."),
        (name = "operator", description = "The same as for a tenant, over all tenants."),
        (name = "service", description = "The API itself."),
    ),
    modifiers(&Shared),
)]
struct ApiDoc;

/// The key, and the answers that operations refer to.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        components.responses.extend(responses::components());
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("The operator's key, which may do everything, a tenant's key, which begins with `postel_`, or the token of a session, which begins with `postel_ses_`. Each operation names the scope that a tenant's key or session needs; `operator` means the operator's key, or a session of the operator.".to_owned());
        components
            .security_schemes
            .insert("bearer".to_owned(), SecurityScheme::Http(bearer).into());
    }
}

/// Every operation below `/v1` refuses query parameters that it does not have.
fn add_unknown_parameter(document: &mut Document) {
    let (status, answer) = responses::unknown_parameter();
    for (path, item) in &mut document.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            if path.starts_with("/v1/") {
                let answers = &mut operation.responses.responses;
                answers
                    .entry(status.clone())
                    .or_insert_with(|| answer.clone());
            }
        }
    }
}

/// The whole document.
pub(super) fn document() -> Value {
    let mut document = ApiDoc::openapi();
    document.merge(Operations::openapi());
    links::add(&mut document);
    add_unknown_parameter(&mut document);
    headers::add(&mut document);
    let mut document = serde_json::to_value(document).unwrap();
    shape::finish(&mut document);
    let (webhooks, bodies) = receivers::webhooks();
    document["webhooks"] = webhooks;
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    schemas.extend(bodies);
    schemas.sort_keys();
    examples::add(&mut document);
    document
}
