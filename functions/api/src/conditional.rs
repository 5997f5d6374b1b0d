//! `ETag`, `If-Match` and `If-None-Match`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::precondition::{EntityTag, Precondition};

/// The conditions of a request.
pub struct Conditions(pub Precondition);

impl<S: Sync> FromRequestParts<S> for Conditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let if_match = whole(&parts.headers, IF_MATCH);
        let if_none_match = whole(&parts.headers, IF_NONE_MATCH);
        let precondition = Precondition::read(if_match.as_deref(), if_none_match.as_deref());
        Ok(Self(precondition))
    }
}

/// All lines of a header as one list. What is no text is no tag, and matches nothing.
fn whole(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let lines = headers.get_all(name).into_iter();
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// A response with the version that it shows.
pub fn tagged(mut response: Response, tag: &EntityTag) -> Response {
    if let Ok(value) = HeaderValue::try_from(tag.quoted()) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}

/// The response to a GET: 304 without a body if the caller has this version.
pub fn shown(
    Conditions(precondition): &Conditions,
    tag: &EntityTag,
    response: impl FnOnce() -> Response,
) -> Response {
    let response = match precondition.is_known(tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => response(),
    };
    tagged(response, tag)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn conditions(headers: &[(HeaderName, &str)]) -> Conditions {
        let request = headers
            .iter()
            .fold(Request::builder(), |request, (name, value)| {
                request.header(name, *value)
            });
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let Ok(conditions) = Conditions::from_request_parts(&mut parts, &()).await;
        conditions
    }

    #[tokio::test]
    async fn a_reader_that_has_the_version_gets_no_body() {
        let tag = EntityTag::new("7".to_owned());
        let body = || "whole".into_response();
        for (sent, status) in [(r#""7""#, 304), (r#""6""#, 200)] {
            let conditions = conditions(&[(IF_NONE_MATCH, sent)]).await;
            let response = shown(&conditions, &tag, body);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[ETAG], r#""7""#);
        }
    }

    #[tokio::test]
    async fn several_lines_of_a_header_are_one_list() {
        let Conditions(precondition) =
            conditions(&[(IF_MATCH, r#""1""#), (IF_MATCH, r#""2", "3""#)]).await;
        for tag in ["1", "2", "3"] {
            let tag = EntityTag::new(tag.to_owned());
            assert!(precondition.check(Some(&tag)).is_ok());
        }
    }
}
