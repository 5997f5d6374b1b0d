//! Requests that make something and may be repeated: see [`domain::idempotency`].

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use domain::idempotency::{IDEMPOTENCY_KEY, IdempotencyKey, canonical};
use domain::rejection::{Code, Rejection};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::caller::{bounded, checked};
use super::problem::Problem;

/// Tells that nothing was made: the same request had made it before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A JSON body that asks for something to be made, and the key under which it may be repeated.
pub struct Creation<T> {
    /// What is asked for.
    pub body: T,
    /// The key, if there is one.
    pub key: Option<IdempotencyKey>,
    /// What is asked for, in one spelling.
    pub content: String,
}

/// The header, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described, never filled")]
pub struct Repeatable {
    /// Makes the request repeatable: while what it made exists, the same key with the same body
    /// makes nothing again. The response then has `Idempotent-Replayed: true`, and no secret. The
    /// same key with another body is an error (`idempotency_key_reused`).
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
}

impl<S: Sync + Send, T: DeserializeOwned> FromRequest<S> for Creation<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let key = key(&request)?;
        let bytes = bounded(request, state).await?;
        let body = checked(&bytes)?;
        Ok(Self {
            body,
            key,
            content: canonical(&String::from_utf8_lossy(&bytes)),
        })
    }
}

fn key(request: &Request) -> Result<Option<IdempotencyKey>, Rejection> {
    let mut sent = request.headers().get_all(IDEMPOTENCY_KEY).iter();
    let first = sent.next().map(|value| value.to_str().unwrap_or_default());
    if sent.next().is_some() {
        let detail = "Idempotency-Key is given twice.";
        return Err(Rejection::new(Code::InvalidRequest, detail).parameter("Idempotency-Key"));
    }
    first.map(str::parse).transpose()
}

/// Says of a response that the same request was answered before.
#[must_use]
pub fn replayed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(keys: &[&'static [u8]]) -> Request {
        let mut request = Request::new(Body::empty());
        for key in keys {
            let value = HeaderValue::from_bytes(key).unwrap();
            request.headers_mut().append(IDEMPOTENCY_KEY, value);
        }
        request
    }

    #[test]
    fn a_key_is_given_once_or_not_at_all() {
        assert_eq!(key(&request(&[])), Ok(None));
        assert_eq!(key(&request(&[b"a"])), Ok(Some("a".parse().unwrap())));
        for wrong in [&[&b"a"[..], b"a"][..], &[b""], &[b"a b"], &[b"\xe4"]] {
            let refusal = key(&request(wrong)).unwrap_err();
            assert_eq!(refusal.field.as_deref(), Some("Idempotency-Key"));
        }
    }
}
