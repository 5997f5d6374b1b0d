//! The management API: everything but publishing. One file per resource, named as in the path.

mod awaited;
mod backlog;
mod context;
mod contracts;
mod dead_letters;
mod deliveries;
mod document;
mod event_types;
mod events;
mod inbox;
mod keys;
mod lists;
mod me;
mod operations;
mod redrives;
mod sent_request;
mod sessions;
mod state;
mod stats;
mod tenants;
mod webhooks;

use std::sync::Arc;

use api::problem::{Problem, no_such_path, not_allowed};
use api::query::refuse_parameters;
use api::{publishing, response};
use axum::Router;
use axum::http::header::ALLOW;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, delete, get};

use utoipa::Path as _;

pub use state::AppState;

/// How often a change is made again of what somebody else has just written. More would mean that
/// writers keep meeting, and no try helps.
pub(crate) const MAX_RACES: u32 = 3;

/// What handlers share.
pub(crate) type App = axum::extract::State<Arc<AppState>>;

/// What handlers answer.
pub(crate) type HandlerResult = Result<Response, Problem>;

/// The routes.
pub fn router(function: AppState) -> Router {
    let function = Arc::new(function);
    let events_have = || async { ([(ALLOW, "GET,HEAD,POST")], not_allowed().await) };
    let routes = operations::routes()
        // The gateway takes POST to publishing; what else comes to its path comes here.
        .route(publishing::EVENTS, any(events_have))
        // An event may have this id.
        .route(
            &events::explain::__path_explain_draft::path(),
            get(events::get_called_explain).route_layer(from_fn(refuse_parameters)),
        )
        // Cancelling was once spelled so.
        .route(
            &redrives::__path_get::path(),
            delete(redrives::delete).route_layer(from_fn(refuse_parameters)),
        )
        .fallback(no_such_path)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(
            Arc::clone(&function),
            AppState::authenticate_and_count,
        ))
        .with_state(function);
    response::all(routes)
}
