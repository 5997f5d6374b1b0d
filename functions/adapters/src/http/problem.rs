//! Rejections and faults as `application/problem+json` (RFC 9457).
//!
//! Every error has two faces: what the caller sees here, and for faults what the log gets. A fault's caller learns no more than that it is ours.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ports::{Fault, Stage};
use domain::rejection::{Code, Rejection};
use serde_json::{Value, json};

use crate::telemetry;

/// What a handler fails with.
#[derive(Debug)]
pub enum Problem {
    /// The caller's mistake.
    Rejection(Rejection),
    /// The caller's, who may go on after some seconds.
    Wait(Rejection, i64),
    /// Ours.
    Fault(Fault),
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        Self::Rejection(rejection)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The status of a code.
#[must_use]
pub const fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidJson | Code::InvalidRequest | Code::InvalidUtf8 | Code::InvalidCursor => {
            StatusCode::BAD_REQUEST
        }
        Code::InvalidKey => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::IdConflict
        | Code::AlreadyRedriven
        | Code::WebhookLimit
        | Code::WebhookInactive
        | Code::NotRedrivable
        | Code::BuiltinContract => StatusCode::CONFLICT,
        Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::InvalidEventType
        | Code::InvalidEventId
        | Code::InvalidTimestamp
        | Code::InvalidTenantId
        | Code::InvalidUrl
        | Code::InvalidEvents
        | Code::InvalidSecret
        | Code::InvalidHeader
        | Code::InvalidContract
        | Code::InvalidLimit
        | Code::InvalidFilter => StatusCode::UNPROCESSABLE_ENTITY,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// A rejection as JSON, for answers that hold several.
#[must_use]
pub fn body(rejection: &Rejection) -> Value {
    let status = status(rejection.code);
    let mut body = json!({
        "type": format!("urn:postel:problem:{}", rejection.code.as_str()),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": rejection.code.as_str(),
        "detail": rejection.detail,
    });
    if let Some(members) = body.as_object_mut() {
        members.extend(
            rejection
                .field
                .clone()
                .map(|field| ("field".to_owned(), Value::from(field))),
        );
        members.extend(
            rejection
                .reason
                .map(|reason| ("reason".to_owned(), Value::from(reason))),
        );
    }
    body
}

/// A fault as the caller may see it: that it is ours, and what to do. The log gets the rest.
#[must_use]
pub fn fault_body(fault: &Fault) -> (StatusCode, Value) {
    telemetry::fault("a request failed", fault, &json!({}));
    // What is ours passes: a throttle, a lost connection, a race. Only a bug does not.
    let (status, code, detail) = match fault.stage {
        Stage::Panic => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "This is a bug in Postel; its log says more.",
        ),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not done. Repeat the request, an event with the same id; nothing will double.",
        ),
    };
    let body = json!({
        "type": format!("urn:postel:problem:{code}"),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    (status, body)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::Rejection(rejection) => problem(status(rejection.code), &body(&rejection)),
            Self::Wait(rejection, seconds) => {
                let mut response = problem(status(rejection.code), &body(&rejection));
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Self::Fault(fault) => {
                let (status, body) = fault_body(&fault);
                let mut response = problem(status, &body);
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                response
            }
        }
    }
}

fn problem(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_client_error_with_its_own_type() {
        for code in Code::ALL {
            let body = body(&Rejection::new(code, "why"));
            assert!(status(code).is_client_error(), "{code:?}");
            assert_eq!(body["status"], status(code).as_u16());
            assert!(body["type"].as_str().unwrap().ends_with(code.as_str()));
        }
    }
}
