//! Whether the API stands.

use api::caller::json;
use api::document::responses::OpenResponses;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthResponse {
    #[schema(examples("ok"))]
    status: &'static str,
    /// Postel's version, as in the header `Postel-Version` of each response.
    version: &'static str,
}

/// Check that the API is up
///
/// It calls nothing else: a response shows that the gateway and this function work.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "health.get",
    tag = "service",
    security(()),
    responses((status = 200, description = "The API is up.", body = HealthResponse), OpenResponses),
)]
pub(crate) async fn health() -> Response {
    let health = HealthResponse {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    };
    json(StatusCode::OK, health)
}
