//! Extractors: the caller, the tenant of the path, the body.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::guard::HOP_HEADER;
use domain::ids::TenantId;
use domain::principal::Principal;
use domain::rejection::{Code, Rejection};
use domain::strict_json;
pub use domain::strict_json::{Object, object_field, parse_any as parse};
use domain::tenant::Tenant;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::admission::unnamed;
use super::problem::Problem;

/// A caller that the function's admission has let in. Without it among a request's extensions no
/// extractor of a caller answers: a route that admission does not see lets nobody in.
#[derive(Clone)]
pub struct Admitted {
    /// Who calls.
    pub principal: Principal,
    /// The tenant of the caller's key, if it was read whole.
    pub tenant: Option<Arc<Tenant>>,
}

/// Who calls, and the tenant that the path names.
pub struct TenantCaller {
    /// Who calls.
    pub principal: Principal,
    /// The tenant of the path.
    pub tenant: TenantId,
    /// The tenant of the caller's key, if it was read whole.
    pub own: Option<Arc<Tenant>>,
}

/// Who calls, on a path that names no tenant.
pub struct AuthenticatedCaller(pub Principal);

/// A JSON body, at most [`MAX_BODY_BYTES`] long, parsed with the errors that Postel answers. None
/// at all is refused: an empty variable in a script must not do what `{}` does, which is often the
/// most that an operation can do.
pub struct JsonBody<T>(pub T);

/// The same where no body at all is as good as `{}`, since that is the plain form of the operation.
/// The document asks for a body here too: this is for callers without a client of it. Test:
/// test_an_empty_body_is_refused_but_where_it_is_the_plain_form.
pub struct OptionalBody<T>(pub T);

/// The most bytes of a management request.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Any caller, for an operation that needs no key.
#[derive(Debug)]
pub struct AnyCaller;

impl<S: Sync> FromRequestParts<S> for AnyCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Every request that writes comes by here; reading makes no loop. Test:
        // test_no_delivery_becomes_a_call_of_the_api.
        if parts.method != Method::GET && parts.headers.contains_key(HOP_HEADER.0) {
            let detail = "This is a delivery of Postel's (it has a postel-hop): to be one of its own calls would make a loop.";
            return Err(Rejection::new(Code::LoopDetected, detail).into());
        }
        Ok(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for AuthenticatedCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        AnyCaller::from_request_parts(parts, state).await?;
        Ok(Self(admitted(parts)?.principal))
    }
}

impl<S: Sync + Send> FromRequestParts<S> for TenantCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AuthenticatedCaller(principal) =
            AuthenticatedCaller::from_request_parts(parts, state).await?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Rejection::no_tenant())?;
        let tenant = params
            .iter()
            .find(|(name, _)| *name == "tenantId")
            .and_then(|(_, value)| value.parse().ok());
        // An id that cannot exist answers as one that does not.
        Ok(Self {
            principal,
            tenant: tenant.ok_or_else(Rejection::no_tenant)?,
            own: admitted(parts)?.tenant,
        })
    }
}

/// For an operation that reads what every caller may know of itself.
impl<S: Sync> FromRequestParts<S> for Admitted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        AuthenticatedCaller::from_request_parts(parts, state).await?;
        Ok(admitted(parts)?)
    }
}

fn admitted(parts: &Parts) -> Result<Admitted, Rejection> {
    let admitted = parts.extensions.get::<Admitted>();
    admitted.cloned().ok_or_else(|| unnamed(&parts.extensions))
}

impl<S: Sync + Send, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = bounded(request, state).await?;
        checked(&bytes).map(Self).map_err(Problem::from)
    }
}

impl<S: Sync + Send, T: DeserializeOwned> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = bounded(request, state).await?;
        let bytes = if bytes.is_empty() { b"{}" } else { &*bytes };
        checked(bytes).map(Self).map_err(Problem::from)
    }
}

pub(super) async fn bounded<S: Sync + Send>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let bytes = read_body(request, state).await?;
    if bytes.len() > MAX_BODY_BYTES {
        let detail = format!(
            "A request of this kind has at most {MAX_BODY_BYTES} bytes; this one has {}.",
            bytes.len()
        );
        return Err(Rejection::new(Code::PayloadTooLarge, detail).into());
    }
    Ok(bytes)
}

/// Parses what is kept as it is: every such body is bounded in depth, and names no member twice.
pub(super) fn checked<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejection> {
    refuse_empty(bytes)?;
    strict_json::check(text(bytes)?)?;
    from_json(bytes)
}

/// The bytes of a body, whatever its content type: clients mislabel JSON too often to refuse them
/// for it.
///
/// An HTTP API hands JSON to a function as text and puts a substitute for every byte that is not
/// UTF-8, which makes the text longer than what was sent. Only a body sent without its length
/// (chunked) can slip through so changed.
///
/// # Errors
/// If the body is compressed, cannot be read, or was changed on its way.
pub async fn read_body<S: Sync + Send>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let codings = request.headers().get_all(CONTENT_ENCODING);
    if codings.iter().any(|coding| coding != "identity") {
        let detail = "The body has a Content-Encoding: send it without one, as JSON in UTF-8.";
        return Err(Rejection::new(Code::UnsupportedEncoding, detail).into());
    }
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

/// Parses a JSON body.
///
/// # Errors
/// What is wrong with it.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejection> {
    refuse_empty(bytes)?;
    let text = text(bytes)?;
    let shape = |text: &str| strict_json::parse::<T>(text).err();
    strict_json::parse(text).map_err(|first| strict_json::all_mistakes(first, text, shape))
}

/// Refuses a body without anything in it.
///
/// # Errors
/// `empty_body`.
pub fn refuse_empty(bytes: &[u8]) -> Result<(), Rejection> {
    if bytes.trim_ascii().is_empty() {
        let detail =
            "The body is empty: send a JSON object. Send {} if you mean one without members.";
        return Err(Rejection::new(Code::EmptyBody, detail));
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(bytes).map_err(|e| {
        Rejection::new(
            Code::InvalidUtf8,
            format!("The body is not UTF-8 from byte {} on.", e.valid_up_to()),
        )
    })
}

/// For fields, as [`object_field`] where null is as good as nothing.
///
/// # Errors
/// If it is neither null nor an object, or not of this shape.
pub fn object_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(value)| value))
}

/// An answer in JSON.
pub fn json<T: Serialize>(status: StatusCode, body: T) -> Response {
    (status, Json(body)).into_response()
}

/// An answer that says where what it made, or started, can be read: 201 and 202.
pub fn located(mut response: Response, path: String) -> Response {
    let is_news = matches!(
        response.status(),
        StatusCode::CREATED | StatusCode::ACCEPTED
    );
    // A path of ids has only characters that a header may have.
    if let Ok(path) = HeaderValue::try_from(path)
        && is_news
    {
        response.headers_mut().insert(LOCATION, path);
    }
    response
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
        let rejection = from_json::<Outer>(text.as_bytes()).unwrap_err();
        rejection.field.map(String::from)
    }

    #[test]
    fn a_list_is_no_object() {
        assert!(from_json::<Outer>(b"[null]").is_err());
        assert_eq!(field(r#"{"inner": [1]}"#).as_deref(), Some("inner"));
    }

    #[test]
    fn the_field_to_blame_is_named_through_objects() {
        assert_eq!(
            field(r#"{"inner": {"number": "x"}}"#).as_deref(),
            Some("inner.number")
        );
        assert_eq!(field(r#"{"inner": {}}"#).as_deref(), Some("inner.number"));
        let right: Outer = from_json(br#"{"inner": {"number": 1}}"#).unwrap();
        assert_eq!(right.inner.map(|inner| inner.number), Some(1));
        assert!(from_json::<Outer>(b"{}").unwrap().inner.is_none());
    }

    #[test]
    fn every_member_of_the_wrong_shape_is_told() {
        let told = from_json::<Outer>(br#"{"a": 1, "inner": 5, "b": 2}"#).unwrap_err();
        let others: Vec<_> = told.others.iter().map(|one| one.field.as_deref()).collect();
        assert_eq!(told.field.as_deref(), Some("a"));
        assert_eq!(others, [Some("inner"), Some("b")]);
    }

    #[test]
    fn an_answer_says_where_only_what_is_new_can_be_read() {
        for (status, says_where) in [(200, false), (201, true), (202, true), (409, false)] {
            let response = StatusCode::from_u16(status).unwrap().into_response();
            let response = located(response, "/v1/x".to_owned());
            assert_eq!(
                response.headers().contains_key(LOCATION),
                says_where,
                "{status}"
            );
        }
    }

    #[tokio::test]
    async fn a_compressed_body_is_refused_as_such() {
        for (coding, is_read) in [("identity", true), ("gzip", false), ("br", false)] {
            let request = Request::builder().header(CONTENT_ENCODING, coding);
            let request = request.body(axum::body::Body::from("{}")).unwrap();
            match read_body(request, &()).await {
                Ok(bytes) => assert!(is_read && bytes == "{}", "{coding}"),
                Err(Problem::Rejection(refusal)) => {
                    assert!(!is_read, "{coding}");
                    assert_eq!(refusal.code, Code::UnsupportedEncoding);
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn no_body_is_no_empty_object() {
        for empty in ["", " ", "\n"] {
            let rejection = from_json::<Outer>(empty.as_bytes()).unwrap_err();
            assert_eq!(rejection.code, Code::EmptyBody);
            assert!(rejection.detail.contains("{}"), "{}", rejection.detail);
        }
    }

    #[test]
    fn a_body_that_is_kept_names_nothing_twice_and_is_not_too_deep() {
        type Any = std::collections::BTreeMap<String, Box<serde_json::value::RawValue>>;
        let code = |text: &str| checked::<Any>(text.as_bytes()).err().map(|r| r.code);
        assert_eq!(code(r#"{"a":1,"a":2}"#), Some(Code::InvalidRequest));
        assert_eq!(
            code(&format!(r#"{{"a":{}}}"#, "[".repeat(5_000))),
            Some(Code::TooDeep)
        );
        assert_eq!(code(r#"{"a":1}"#), None);
    }
}
