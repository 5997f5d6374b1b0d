//! Query strings of operations that have no parameters.

use axum::extract::{Query, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::rejection::Rejection;

use super::caller::Admitted;
use super::problem::Problem;

/// Refuses a query parameter, since no operation behind this layer has any. A caller without a
/// valid key learns only that.
pub async fn refuse_parameters(request: Request, next: Next) -> Response {
    let is_admitted = request.extensions().get::<Admitted>().is_some();
    match first_parameter(&request) {
        Some(name) if is_admitted => {
            Problem::from(Rejection::unknown_parameter(&name, &[])).into_response()
        }
        _ => next.run(request).await,
    }
}

fn first_parameter(request: &Request) -> Option<String> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).ok()?;
    query.0.into_iter().next().map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn the_first_parameter_is_named_as_it_is_meant() {
        let first = |uri: &str| {
            let request = Request::builder().uri(uri).body(Body::empty());
            first_parameter(&request.unwrap())
        };
        assert_eq!(first("/v1/x"), None);
        assert_eq!(first("/v1/x?"), None);
        assert_eq!(first("/v1/x?limit=1&y=2").as_deref(), Some("limit"));
        assert_eq!(first("/v1/x?a%20b").as_deref(), Some("a b"));
    }
}
