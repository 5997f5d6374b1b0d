//! Rejections and faults as `application/problem+json` (RFC 9457).
//!
//! Every error has two faces: what the caller sees here, and for faults what the log gets. A
//! fault's caller learns no more than that it is ours.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use domain::ports::{Fault, FaultKind};
use domain::rejection::{Code, Rejection};
use domain::safe_text::SafeText;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::document::schemas::open;
use adapters::{invocation, telemetry};

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
        Code::EmptyBody
        | Code::InvalidJson
        | Code::InvalidRequest
        | Code::InvalidUtf8
        | Code::InvalidCursor
        | Code::UnknownParameter => StatusCode::BAD_REQUEST,
        Code::InvalidKey => StatusCode::UNAUTHORIZED,
        // Not 508, which says the same: a 5xx would be tried again, and counted as a fault of ours.
        Code::Forbidden | Code::LoopDetected => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::IdConflict
        | Code::ConcurrentChange
        | Code::AlreadyRedriven
        | Code::WebhookLimit
        | Code::RedriveLimit
        | Code::RetryLimit
        | Code::WebhookInactive
        | Code::TestUnderWay
        | Code::NotRedrivable
        | Code::EventErased
        | Code::BuiltinContract => StatusCode::CONFLICT,
        Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::IdempotencyKeyReused
        | Code::InvalidEventType
        | Code::InvalidEventId
        | Code::InvalidTimestamp
        | Code::InvalidTenantId
        | Code::InvalidUrl
        | Code::InvalidEvents
        | Code::InvalidSecret
        | Code::InvalidHeader
        | Code::MaskedValue
        | Code::InvalidContract
        | Code::InvalidLimit
        | Code::InvalidFilter
        | Code::InvalidName
        | Code::TooDeep => StatusCode::UNPROCESSABLE_ENTITY,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// An error.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Names the kind of problem: the code as a URN.
    #[serde(rename = "type")]
    #[schema(
        pattern = "^urn:postel:problem:[a-z0-9_]+$",
        examples("urn:postel:problem:not_found")
    )]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The stable code of the error, for programs.
    #[schema(schema_with = codes)]
    code: &'static str,
    /// What is wrong and what to do, for people. Quoted values have no control or invisible
    /// characters.
    #[schema(value_type = String)]
    pub(super) detail: SafeText,
    /// The member or parameter that is wrong, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    field: Option<SafeText>,
    /// A more specific code, from the address guard for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
    /// The gateway's id of the request, which is also in Postel's log. Quote it when you ask about
    /// this error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
}

/// The codes of our own failures: a bug, and what passes.
pub const FAULT_CODES: [&str; 2] = ["internal", "unavailable"];

/// Every code that there is.
fn codes() -> Object {
    open(Code::ALL.into_iter().map(Code::as_str).chain(FAULT_CODES))
        .description(Some("The stable code of the error, for programs. Extensible enum: treat a code that you do not know by its HTTP status."))
        .build()
}

impl ProblemBody {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<SafeText>) -> Self {
        Self {
            kind: format!("urn:postel:problem:{code}"),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: None,
            reason: None,
            request_id: invocation::gateway_request_id(),
        }
    }

    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// Names the field to blame, if none is named.
    pub(super) fn blame(&mut self, field: &str) {
        self.field.get_or_insert_with(|| field.into());
    }
}

/// A rejection as JSON, for answers that hold several.
#[must_use]
pub fn body(rejection: &Rejection) -> ProblemBody {
    ProblemBody {
        field: rejection.field.clone(),
        reason: rejection.reason,
        ..ProblemBody::new(
            status(rejection.code),
            rejection.code.as_str(),
            rejection.detail.clone(),
        )
    }
}

/// A fault as the caller may see it: that it is ours, and what to do. The log gets the rest.
#[must_use]
pub fn fault_problem(fault: &Fault) -> ProblemBody {
    telemetry::fault("request.failed", fault, &json!({}));
    let [internal, unavailable] = FAULT_CODES;
    let (status, code, detail) = match fault.kind {
        FaultKind::Bug => (
            StatusCode::INTERNAL_SERVER_ERROR,
            internal,
            "This is a bug in Postel; its log says more.",
        ),
        FaultKind::Corrupt => (
            StatusCode::INTERNAL_SERVER_ERROR,
            internal,
            "Postel cannot read what it has stored. Repeating does not help; its log says more.",
        ),
        FaultKind::Transient => (
            StatusCode::SERVICE_UNAVAILABLE,
            unavailable,
            "Temporarily unavailable. Repeat the request; publish an event with the same `id` again to avoid duplicates.",
        ),
    };
    ProblemBody::new(status, code, detail)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::Rejection(rejection) => response(body(&rejection)),
            Self::Wait(rejection, seconds) => {
                let mut response = response(body(&rejection));
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Self::Fault(fault) => {
                let mut response = response(fault_problem(&fault));
                if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                    response
                        .headers_mut()
                        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                }
                response
            }
        }
    }
}

/// The answer where no route is.
pub async fn no_such_path(path: Uri) -> Problem {
    let detail = match path.path().strip_suffix('/') {
        Some(before) if !before.is_empty() => {
            "There is no such path. No path has a slash at its end: leave it away."
        }
        _ => "There is no such path. GET /openapi.json has all of them.",
    };
    Rejection::new(Code::NotFound, detail).into()
}

/// The answer where a route does not take the method. [`super::response`] adds which it takes.
pub async fn not_allowed() -> Problem {
    let detail = "This path does not take this method.";
    Rejection::new(Code::MethodNotAllowed, detail).into()
}

/// A problem as an answer. It stays beside its text, for what is still to be added to it.
pub(super) fn response(body: ProblemBody) -> Response {
    let status = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(&body)).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response.extensions_mut().insert(body);
    response
}

#[cfg(test)]
mod tests {
    use domain::ports::Stage;

    use super::*;

    #[test]
    fn what_repeating_may_mend_is_503_and_the_rest_500() {
        for stage in [Stage::ReadConfig, Stage::AcquireLease, Stage::Respond] {
            for (fault, passes) in [
                (Fault::transient(stage, "why"), true),
                (Fault::corrupt(stage, "why"), false),
                (Fault::bug(stage, "why"), false),
            ] {
                let told = format!("{fault:?}");
                let response = Problem::from(fault).into_response();
                let status = if passes { 503 } else { 500 };
                assert_eq!(response.status().as_u16(), status, "{told}");
                let says_when = response.headers().contains_key(header::RETRY_AFTER);
                assert_eq!(says_when, passes, "{told}");
            }
        }
    }

    #[test]
    fn every_code_is_a_client_error_with_its_own_type() {
        for code in Code::ALL {
            let body = body(&Rejection::new(code, "why"));
            assert!(status(code).is_client_error(), "{code:?}");
            assert_eq!(body.status, status(code).as_u16());
            assert!(body.kind.ends_with(code.as_str()));
        }
    }
}
