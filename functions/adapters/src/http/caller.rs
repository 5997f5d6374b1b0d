//! Extractors: the caller, the tenant of the path, the body.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::Method;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use domain::guard::HOP_HEADER;
use domain::ids::TenantId;
pub use domain::object::Object;
use domain::rejection::{Code, Rejection};
use lambda_http::request::RequestContext;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::principal::Principal;
use super::problem::Problem;

/// Who calls, and the tenant that the path names.
pub struct Caller {
    /// Who calls.
    pub principal: Principal,
    /// The tenant of the path.
    pub tenant: TenantId,
}

/// Who calls, on a path that names no tenant.
pub struct Anyone(pub Principal);

/// A JSON body, at most [`LONGEST_BODY_BYTES`] long, parsed with the errors that Postel answers.
pub struct Body<T>(pub T);

/// The most bytes of a management request.
pub const LONGEST_BODY_BYTES: usize = 64 * 1024;

impl<S: Sync> FromRequestParts<S> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Every request that needs a key comes by here; reading makes no loop. Test: test_no_delivery_becomes_a_call_of_the_api.
        if parts.method != Method::GET && parts.headers.contains_key(HOP_HEADER.0) {
            let detail = "This is a delivery of Postel's (it has a postel-hop): to be one of its own calls would make a loop.";
            return Err(Rejection::new(Code::LoopDetected, detail).into());
        }
        Ok(Self(Principal::of(
            parts.extensions.get::<RequestContext>(),
        )?))
    }
}

impl<S: Sync + Send> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Anyone(principal) = Anyone::from_request_parts(parts, state).await?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Rejection::not_found())?;
        let tenant = params
            .iter()
            .find(|(name, _)| *name == "tenant")
            .and_then(|(_, value)| value.parse().ok());
        // An id that cannot exist answers as one that does not.
        Ok(Self {
            principal,
            tenant: tenant.ok_or_else(Rejection::not_found)?,
        })
    }
}

impl<S: Sync + Send, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = whole(request, state).await?;
        if bytes.len() > LONGEST_BODY_BYTES {
            let detail = format!("A request of this kind has at most {LONGEST_BODY_BYTES} bytes.");
            return Err(Rejection::new(Code::PayloadTooLarge, detail).into());
        }
        read(&bytes).map(Self).map_err(Problem::from)
    }
}

/// The bytes of a body, whatever its content type: clients mislabel JSON too often to refuse them for it.
///
/// An HTTP API hands JSON to a function as text and puts a substitute for every byte that is not UTF-8, which makes the text longer than what was sent.
/// Only a body sent without its length (chunked) can slip through so changed.
///
/// # Errors
/// If the body cannot be read, or was changed on its way.
pub async fn whole<S: Sync + Send>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let sent = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let unreadable = |_| Rejection::new(Code::InvalidRequest, "The body could not be read.");
    let bytes = Bytes::from_request(request, state)
        .await
        .map_err(unreadable)?;
    if sent.is_some_and(|sent| sent != bytes.len()) {
        return Err(Rejection::new(Code::InvalidUtf8, "The body is not UTF-8.").into());
    }
    Ok(bytes)
}

/// Parses a JSON body. None at all counts as `{}`, for the requests that need nothing.
///
/// # Errors
/// What is wrong with it.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejection> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Rejection::new(
            Code::InvalidUtf8,
            format!("The body is not UTF-8 from byte {} on.", e.valid_up_to()),
        )
    })?;
    parse::<Object<T>>(text).map(|Object(value)| value)
}

/// For fields: `#[serde(deserialize_with = "object")]`.
///
/// # Errors
/// If it is no object, or not of this shape.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// The same where null is as good as nothing.
///
/// # Errors
/// If it is neither null nor an object, or not of this shape.
pub fn object_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(value)| value))
}

/// Parses JSON, naming the field to blame.
///
/// # Errors
/// What is wrong with it.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Rejection> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|e| {
        let parent = e.path().to_string();
        let rejection = Rejection::of_json(e.inner());
        // The path leads to what was read; a member that is missing was not, and only the text names it. If the text should change, the field is
        // named less exactly.
        let message = e.inner().to_string();
        let missing = message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next());
        match (parent.as_str(), missing) {
            (".", None) => rejection,
            (".", Some(name)) => rejection.field(name),
            (parent, None) => rejection.field(parent),
            (parent, Some(name)) => rejection.field(format!("{parent}.{name}")),
        }
    })?;
    deserializer.end().map_err(|e| Rejection::of_json(&e))?;
    Ok(value)
}

/// An answer in JSON.
pub fn json<T: Serialize>(status: axum::http::StatusCode, body: T) -> Response {
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default, deserialize_with = "object_or_null")]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        number: u32,
    }

    fn field(text: &str) -> Option<String> {
        read::<Outer>(text.as_bytes()).unwrap_err().field
    }

    #[test]
    fn a_list_is_no_object() {
        assert!(read::<Outer>(b"[null]").is_err());
        assert_eq!(field(r#"{"inner": [1]}"#).as_deref(), Some("inner"));
    }

    #[test]
    fn the_field_to_blame_is_named_through_objects() {
        assert_eq!(
            field(r#"{"inner": {"number": "x"}}"#).as_deref(),
            Some("inner.number")
        );
        assert_eq!(field(r#"{"inner": {}}"#).as_deref(), Some("inner.number"));
        let right: Outer = read(br#"{"inner": {"number": 1}}"#).unwrap();
        assert_eq!(right.inner.map(|inner| inner.number), Some(1));
        assert!(read::<Outer>(b"").unwrap().inner.is_none());
    }
}
