//! One list of all operations: the router and the OpenAPI document are made from it, so that
//! neither knows an operation that the other does not.
//!
//! Not with utoipa-axum, which makes both at once, at every start of the function. Here the
//! function has the routes only: a test puts the document together and holds the committed file
//! against it.

use std::sync::Arc;

use api::query::refuse_parameters;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, on};
#[cfg(test)]
use utoipa::OpenApi;
use utoipa::Path;
use utoipa::openapi::HttpMethod;

use crate::AppState;
use crate::document::health;
use crate::events::explain;
use crate::sessions::{exchange, operator_sessions};
use crate::webhooks::{filter as filters, rotate, test_event};
use crate::{
    backlog, contracts, dead_letters, deliveries, document, event_types, events, inbox, keys, me,
    redrives,
};
use crate::{sessions, stats, tenants, webhooks};

/// The route of an operation. One without a mark has no query parameters, and refuses all.
macro_rules! with_query {
    (; $route:expr) => {
        $route.route_layer(from_fn(refuse_parameters))
    };
    ($mark:ident; $route:expr) => {
        $route
    };
}

macro_rules! operations {
    ($($module:ident: $($name:ident $([$query:ident])?),+;)+) => { pastey::paste! {
        /// A route for each operation, with the path and the method that its annotation names.
        pub(crate) fn routes() -> Router<Arc<AppState>> {
            Router::new()
                $($(.route(
                    &$module::[<__path_ $name>]::path(),
                    with_query!($($query)?; on(filter(&$module::[<__path_ $name>]::methods()), $module::$name)),
                ))+)+
        }

        /// Their paths and methods, and what becomes of a query.
        #[cfg(test)]
        pub(crate) fn route_table() -> Vec<(String, Vec<HttpMethod>, &'static str)> {
            vec![$($((
                $module::[<__path_ $name>]::path(),
                $module::[<__path_ $name>]::methods(),
                concat!("" $(, stringify!($query))?),
            )),+),+]
        }

        /// Their descriptions.
        #[cfg(test)]
        #[derive(OpenApi)]
        #[openapi(paths($($($module::$name),+),+))]
        pub(crate) struct Operations;
    } };
}

// `[read]`: the operation has query parameters, and refuses others. `[ignored]`: caches and load
// balancers add their own.
operations! {
    health: health [ignored];
    document: openapi [ignored];
    me: get;
    tenants: list [read], get, put, patch, delete;
    keys: list [read], create, get, delete;
    sessions: list [read], create, delete_all, delete;
    exchange: exchange;
    operator_sessions: list [read], create, delete_all, delete;
    webhooks: list [read], list_troubled [read], create [read], get, patch, delete;
    test_event: test;
    filters: test_filter;
    rotate: rotate, end_previous;
    inbox: list [read], get, put;
    events: list [read], get, erase;
    explain: explain_event [read], explain_draft [read];
    deliveries: list [read], get, retry;
    stats: get [read];
    dead_letters: list [read], get, delete, redrive, list_all [read], get_any, delete_any, redrive_any;
    redrives: list [read], list_running [read], create, estimate, retry_failed, get, cancel;
    backlog: get;
    contracts: list [read], get, put, delete;
    event_types: list [read], get, put, delete;
}

/// axum's word for utoipa's methods.
fn filter(methods: &[HttpMethod]) -> MethodFilter {
    let one = |method: &HttpMethod| match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    };
    // An annotation names one method at least.
    methods
        .iter()
        .map(one)
        .reduce(MethodFilter::or)
        .unwrap_or(MethodFilter::GET)
}
