//! The management API: everything but publishing. One file per resource, named as in the path.

mod contracts;
mod dead_letters;
mod deliveries;
mod event_types;
mod events;
mod function;
mod keys;
mod lists;
mod masked;
mod redrives;
mod secrets;
mod stats;
mod tenants;
mod webhooks;

use std::sync::Arc;

use adapters::http::caller::json;
use adapters::http::problem::Problem;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use domain::rejection::{Code, Rejection};

pub use function::Function;

/// What handlers share.
pub(crate) type App = axum::extract::State<Arc<Function>>;

/// What handlers answer.
pub(crate) type Answer = Result<Response, Problem>;

/// The routes.
pub fn router(function: Function) -> Router {
    Router::new()
        .route(
            "/health",
            get(|| async { json(StatusCode::OK, serde_json::json!({"status": "ok"})) }),
        )
        .merge(operators())
        .nest("/v1/tenants/{tenant}", tenants_own())
        .fallback(|| async {
            Problem::from(Rejection::new(Code::NotFound, "There is no such path.")).into_response()
        })
        .method_not_allowed_fallback(|| async {
            Problem::from(Rejection::new(
                Code::MethodNotAllowed,
                "This path does not take this method.",
            ))
            .into_response()
        })
        .with_state(Arc::new(function))
}

/// What only the operator may do, the catalogue's reading aside.
fn operators() -> Router<Arc<Function>> {
    Router::new()
        .route("/v1/tenants", get(tenants::list))
        .route(
            "/v1/tenants/{tenant}",
            get(tenants::get).put(tenants::put).delete(tenants::delete),
        )
        .route("/v1/contracts", get(contracts::list))
        .route(
            "/v1/contracts/{name}",
            get(contracts::get)
                .put(contracts::put)
                .delete(contracts::delete),
        )
        .route("/v1/event-types", get(event_types::list))
        .route(
            "/v1/event-types/{type}",
            get(event_types::get)
                .put(event_types::put)
                .delete(event_types::delete),
        )
        .route("/v1/dead-letters", get(dead_letters::list_all))
        .route(
            "/v1/dead-letters/{letter}",
            get(dead_letters::get_any).delete(dead_letters::delete_any),
        )
        .route(
            "/v1/dead-letters/{letter}/redrive",
            post(dead_letters::redrive_any),
        )
}

/// What a tenant may do below its own path.
fn tenants_own() -> Router<Arc<Function>> {
    Router::new()
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{key}", delete(keys::delete))
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route(
            "/webhooks/{webhook}",
            get(webhooks::get)
                .patch(webhooks::patch)
                .delete(webhooks::delete),
        )
        .route("/webhooks/{webhook}/test", post(webhooks::test))
        .route("/webhooks/{webhook}/secret/rotate", post(webhooks::rotate))
        .route(
            "/webhooks/{webhook}/retry-failed",
            post(redrives::retry_failed),
        )
        .route("/events/{event}", get(events::get))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{delivery}", get(deliveries::get))
        .route("/deliveries/{delivery}/retry", post(deliveries::retry))
        .route("/stats", get(stats::get))
        .route("/dead-letters", get(dead_letters::list))
        .route(
            "/dead-letters/{letter}",
            get(dead_letters::get).delete(dead_letters::delete),
        )
        .route(
            "/dead-letters/{letter}/redrive",
            post(dead_letters::redrive),
        )
        .route("/redrives", post(redrives::create))
        .route(
            "/redrives/{job}",
            get(redrives::get).delete(redrives::cancel),
        )
}
