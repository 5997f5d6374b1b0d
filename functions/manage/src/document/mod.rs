//! The OpenAPI document: `functions/api/openapi.json`. It is generated from the annotations of all
//! operations (`make openapi`) and committed, so that a review sees each change of the API; a test
//! fails while it differs from the code. This function only sends the file.

#[cfg(test)]
mod conventions;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod headers;
pub(crate) mod health;
#[cfg(test)]
mod links;
#[cfg(test)]
mod naming;
pub(crate) mod parameters;
#[cfg(test)]
mod receivers;
mod served;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use api::document::JSON;
use api::document::responses::OpenResponses;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use domain::ports::{Fault, Stage};
use serde_json::Value;

use self::served::Served;
use crate::HandlerResult;

/// Without the file's spaces and line breaks, which would double it.
static SERVED: LazyLock<Result<Served, serde_json::Error>> = LazyLock::new(|| {
    serde_json::from_str(JSON).map(|document: Value| Served::new(document.to_string()))
});

/// It changes with a deployment only.
const CACHED_FOR: &str = "public, max-age=300";

/// Get the OpenAPI document
///
/// No key is needed. Compressed with gzip if the request accepts it.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi.get",
    tag = "service",
    security(()),
    responses(
        (status = 200, description = "This document.", body = Value, content_type = "application/json"),
        (status = 304, description = "Not modified since the version in `If-None-Match`."),
        OpenResponses,
    ),
)]
pub(crate) async fn openapi(headers: HeaderMap) -> HandlerResult {
    let served = SERVED
        .as_ref()
        .map_err(|e| Fault::bug(Stage::Respond, e.to_string()))?;
    let told = [
        (ETAG, served.etag.as_str()),
        (CACHE_CONTROL, CACHED_FOR),
        (VARY, "accept-encoding"),
    ];
    if served.is_known(&headers) {
        return Ok((StatusCode::NOT_MODIFIED, told).into_response());
    }
    let json = (CONTENT_TYPE, "application/json");
    Ok(if served::takes_gzip(&headers) {
        let body = served.gzip.as_slice();
        (told, [json, (CONTENT_ENCODING, "gzip")], body).into_response()
    } else {
        (told, [json], served.text.as_str()).into_response()
    })
}
