//! What every answer of the API has, whichever handler gives it: the ids of its request, the
//! version of Postel, and what only the place of a failure can tell.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use domain::rejection::Code;
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;

use super::problem::{self, ProblemBody};
use adapters::invocation::{self, Invocation};

/// Each operator runs a version of their own, so each answer says which.
const VERSION: HeaderName = HeaderName::from_static("postel-version");

/// Wraps a function's routes, fallbacks included.
pub fn all(routes: Router) -> Router {
    // axum adds `Allow` to what a router answers, after the router's own layers: hence one around
    // it.
    Router::new()
        .fallback_service(routes.layer(from_fn(name_place)))
        .layer(from_fn(complete))
}

/// The last parameter of a path: of all that it names, what was not found.
#[derive(Clone)]
struct Place(String);

/// Notes on a failure which part of the path it is about.
async fn name_place(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let last = matched.and_then(|path| {
        let (_, last) = path.as_str().rsplit_once('{')?;
        Some(Place(last.split('}').next()?.to_owned()))
    });
    let mut response = next.run(request).await;
    if let Some(last) = last {
        response.extensions_mut().insert(last);
    }
    response
}

async fn complete(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let is_private = request.uri().path().starts_with("/v1/");
    let gateway = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    let lambda = request
        .lambda_context_ref()
        .map(|context| context.request_id.clone())
        .filter(|id| !id.is_empty());
    let invocation = Invocation { lambda, gateway };
    let mut response = invocation::within(invocation, next.run(request)).await;
    if let Some(shown) = response.extensions_mut().remove::<ProblemBody>() {
        let place = response.extensions_mut().remove::<Place>();
        response = explain(response, shown, place, &method);
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let version = HeaderValue::from_static(env!("CARGO_PKG_VERSION"));
    headers.insert(VERSION, version);
    if is_private {
        // Responses hold secrets, payloads and what a key may see.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Adds to a failure what only its place can tell: which part of the path was not found, which
/// methods a path takes.
fn explain(
    response: Response,
    mut shown: ProblemBody,
    place: Option<Place>,
    sent: &Method,
) -> Response {
    let allowed = response.headers().get(ALLOW);
    match (shown.code(), place, allowed.and_then(|a| a.to_str().ok())) {
        (code, Some(Place(name)), _) if code == Code::NotFound.as_str() => shown.blame(&name),
        (code, _, Some(allowed)) if code == Code::MethodNotAllowed.as_str() => {
            let allowed = allowed.replace(',', ", ");
            shown.detail = format!("This path takes {allowed}, not {sent}.").into();
        }
        _ => return response,
    }
    let mut explained = problem::response(shown);
    for (name, value) in response.headers() {
        // The text is another one now.
        if name != CONTENT_LENGTH {
            explained.headers_mut().insert(name, value.clone());
        }
    }
    explained
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use domain::rejection::Rejection;
    use lambda_http::Service as _;
    use serde_json::Value;

    use super::super::problem::{Problem, no_such_path, not_allowed};
    use super::*;

    async fn ask(method: &str, path: &str) -> (Response, Value) {
        let missing = || async { Problem::from(Rejection::not_found()) };
        let no_tenant = || async { Problem::from(Rejection::not_found().field("tenantId")) };
        let routes = Router::new()
            .route("/t/{tenantId}/w/{webhookId}", get(missing).put(no_tenant))
            .route("/health", get(|| async { "ok" }))
            .fallback(no_such_path)
            .method_not_allowed_fallback(not_allowed);
        let request = Request::builder().method(method).uri(path);
        let mut response = all(routes)
            .call(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let told = response.headers().get(CONTENT_LENGTH).cloned();
        let body = to_bytes(std::mem::take(response.body_mut()), 10_000).await;
        if let Some(told) = told.filter(|_| method != "HEAD") {
            let length = body.as_ref().map(|body| body.len().to_string());
            assert_eq!(told.to_str().unwrap(), length.unwrap());
        }
        let json = serde_json::from_slice(&body.unwrap()).unwrap_or_default();
        (response, json)
    }

    #[tokio::test]
    async fn an_answer_says_which_part_of_the_path_is_missing() {
        let (response, body) = ask("GET", "/t/acme/w/x").await;
        assert_eq!(
            (response.status().as_u16(), &body["field"]),
            (404, &"webhookId".into())
        );
        let (_, body) = ask("PUT", "/t/acme/w/x").await;
        assert_eq!(body["field"], "tenantId", "what a handler names stays");
        let (_, body) = ask("GET", "/t/acme").await;
        assert_eq!(
            (&body["code"], &body["field"]),
            (&"not_found".into(), &Value::Null)
        );
    }

    #[tokio::test]
    async fn a_method_that_is_not_taken_is_told_those_that_are() {
        let (response, body) = ask("DELETE", "/t/acme/w/x").await;
        assert_eq!(response.status(), 405);
        assert_eq!(
            body["detail"],
            "This path takes GET, HEAD, PUT, not DELETE."
        );
        assert_eq!(response.headers()[ALLOW], "GET,HEAD,PUT");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
    }

    #[tokio::test]
    async fn every_answer_says_its_version_and_what_needs_a_key_is_not_stored() {
        for (path, is_stored) in [("/health", true), ("/x", true), ("/v1/x", false)] {
            let (response, _) = ask("GET", path).await;
            let headers = response.headers();
            assert_eq!(
                headers["postel-version"],
                env!("CARGO_PKG_VERSION"),
                "{path}"
            );
            let stored = headers.get(CACHE_CONTROL).map(|value| value.as_bytes());
            let expected: Option<&[u8]> = if is_stored { None } else { Some(b"no-store") };
            assert_eq!(stored, expected, "{path}");
        }
    }

    #[tokio::test]
    async fn every_answer_forbids_to_guess_its_type() {
        for (method, path) in [
            ("GET", "/health"),
            ("HEAD", "/health"),
            ("POST", "/health"),
            ("GET", "/x/"),
        ] {
            let (response, _) = ask(method, path).await;
            assert_eq!(
                response.headers()[X_CONTENT_TYPE_OPTIONS],
                "nosniff",
                "{method} {path}"
            );
        }
    }

    #[tokio::test]
    async fn a_slash_at_the_end_is_told() {
        let (response, body) = ask("GET", "/health/").await;
        assert_eq!(response.status(), 404);
        assert!(body["detail"].as_str().unwrap().contains("slash"), "{body}");
    }
}
