//! Rejections and faults as `application/problem+json` (RFC 9457).
//!
//! Every error has two faces: what the caller sees here, and for faults what the log gets. A
//! fault's caller learns no more than that it is ours.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use domain::ports::{Fault, FaultKind};
use domain::rejection::{Code, Rejection};
use domain::safe_text::SafeText;
use domain::tenant::Limits;
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
    Wait(Box<Rejection>, i64),
    /// The requests of a minute are used up.
    RateLimited {
        /// What is told.
        rejection: Box<Rejection>,
        /// Seconds until the next minute.
        wait: u32,
        /// How many requests a minute has.
        limit: u32,
    },
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

/// A result of a handler with the caller's mistake apart, to be told together with others.
///
/// # Errors
/// What is no mistake of the request: a fault, or a wait.
pub fn mistake_of<T>(result: Result<T, Problem>) -> Result<Result<T, Rejection>, Problem> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Problem::Rejection(rejection)) => Ok(Err(rejection)),
        Err(other) => Err(other),
    }
}

/// The status of a code: 400 for what cannot be read and for the query string, 422 for a value of
/// the body that breaks a rule, 409 for what the state or a limit does not allow.
#[must_use]
pub const fn status(code: Code) -> StatusCode {
    match code {
        Code::EmptyBody
        | Code::InvalidJson
        | Code::InvalidRequest
        | Code::UnknownField
        | Code::MissingField
        | Code::InvalidUtf8
        | Code::InvalidCursor
        | Code::UnknownParameter
        | Code::InvalidLimit
        | Code::InvalidFilter => StatusCode::BAD_REQUEST,
        Code::InvalidKey => StatusCode::UNAUTHORIZED,
        // Not 508, which says the same: a 5xx would be tried again, and counted as a fault of ours.
        Code::Forbidden | Code::LoopDetected => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::IdConflict
        | Code::ConcurrentChange
        | Code::AlreadyRedriven
        | Code::WebhookLimit
        | Code::KeyLimit
        | Code::SessionLimit
        | Code::RedriveLimit
        | Code::RetryLimit
        | Code::WebhookInactive
        | Code::NotAnInbox
        | Code::TestUnderWay
        | Code::NotRedrivable
        | Code::EventErased
        | Code::BuiltinContract => StatusCode::CONFLICT,
        Code::CodeUsed => StatusCode::GONE,
        Code::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::InvalidValue
        | Code::IdempotencyKeyReused
        | Code::InvalidEventType
        | Code::InvalidEventId
        | Code::InvalidTimestamp
        | Code::InvalidTenantId
        | Code::InvalidUrl
        | Code::InvalidEvents
        | Code::InvalidPattern
        | Code::InvalidSecret
        | Code::InvalidHeader
        | Code::MaskedValue
        | Code::InvalidContract
        | Code::InvalidName
        | Code::InvalidRate
        | Code::TooDeep => StatusCode::UNPROCESSABLE_ENTITY,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// An error.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The code's place on the page of errors in Postel's documentation. Compare `code` instead.
    #[serde(rename = "type")]
    #[schema(examples("/docs/errors.md#not_found"))]
    kind: String,
    /// The code in words, the same in each response.
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
    /// Every mistake of the request that has a place, up to ten. `code`, `field`, `detail` and
    /// `reason` are those of the first. Of each member of a body that has the wrong shape, only the
    /// first mistake is in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 10)]
    errors: Vec<MistakeBody>,
}

/// A mistake of a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mistake)]
pub struct MistakeBody {
    /// Where it is in the body, as a JSON Pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, examples("/overrides/timeoutSeconds"))]
    pointer: Option<SafeText>,
    /// The parameter of the path or of the query string.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    parameter: Option<SafeText>,
    /// The stable code, for programs.
    #[schema(schema_with = codes)]
    code: &'static str,
    /// What is wrong and what to do, for people.
    #[schema(value_type = String)]
    detail: SafeText,
    /// A more specific code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
}

impl MistakeBody {
    /// None without a place.
    fn new(mistake: &Rejection) -> Option<Self> {
        let field = mistake.field.clone()?;
        let (pointer, parameter) = match mistake.pointer.clone() {
            Some(pointer) => (Some(pointer), None),
            None => (None, Some(field)),
        };
        Some(Self {
            pointer,
            parameter,
            code: mistake.code.as_str(),
            detail: mistake.detail.clone(),
            reason: mistake.reason,
        })
    }
}

/// The codes of our own failures: a bug, and what passes.
pub const FAULT_CODES: [&str; 2] = ["internal", "unavailable"];
/// Their titles.
const FAULT_TITLES: [&str; 2] = ["A bug in Postel", "Temporarily unavailable"];
/// Where the documentation has a heading for each code. Relative, since each operator's API has its
/// own address.
const ERRORS_PAGE: &str = "/docs/errors.md";

/// Every code that there is.
fn codes() -> Object {
    open(Code::ALL.into_iter().map(Code::as_str).chain(FAULT_CODES))
        .description(Some("The stable code of the error, for programs. Extensible enum: treat a code that you do not know by its HTTP status."))
        .build()
}

impl ProblemBody {
    fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<SafeText>,
    ) -> Self {
        Self {
            kind: format!("{ERRORS_PAGE}#{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: None,
            reason: None,
            request_id: invocation::gateway_request_id(),
            errors: Vec::new(),
        }
    }

    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// Names the parameter of the path to blame, if nothing is named.
    pub(super) fn blame(&mut self, parameter: &str) {
        if self.field.is_none() {
            let parameter = SafeText::from(parameter);
            self.field = Some(parameter.clone());
            self.errors.push(MistakeBody {
                pointer: None,
                parameter: Some(parameter),
                code: self.code,
                detail: self.detail.clone(),
                reason: self.reason,
            });
        }
    }
}

/// A rejection as JSON, for answers that hold several.
#[must_use]
pub fn body(rejection: &Rejection) -> ProblemBody {
    let all = [rejection].into_iter().chain(rejection.others.iter());
    ProblemBody {
        field: rejection.field.clone(),
        reason: rejection.reason,
        errors: all.filter_map(MistakeBody::new).collect(),
        ..ProblemBody::new(
            status(rejection.code),
            rejection.code.as_str(),
            rejection.code.title(),
            rejection.detail.clone(),
        )
    }
}

/// A fault as the caller may see it: that it is ours, and what to do. The log gets the rest.
#[must_use]
pub fn fault_problem(fault: &Fault) -> ProblemBody {
    telemetry::fault("request.failed", fault, &json!({}));
    let ([internal, unavailable], [bug, later]) = (FAULT_CODES, FAULT_TITLES);
    let broken = |detail| (StatusCode::INTERNAL_SERVER_ERROR, internal, bug, detail);
    let (status, code, title, detail) = match fault.kind {
        FaultKind::Bug => broken("This is a bug in Postel; its log says more."),
        FaultKind::Corrupt => broken(
            "Postel cannot read what it has stored. Repeating does not help; its log says more.",
        ),
        FaultKind::Newer => broken(
            "A newer version of Postel wrote what this version must read. The operator has to deploy the newer version again.",
        ),
        FaultKind::Transient => (
            StatusCode::SERVICE_UNAVAILABLE,
            unavailable,
            later,
            "Temporarily unavailable. Repeat the request; publish an event with the same `id` again to avoid duplicates.",
        ),
    };
    ProblemBody::new(status, code, title, detail)
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
            Self::RateLimited {
                rejection,
                wait,
                limit,
            } => {
                let mut response = Self::Wait(rejection, wait.into()).into_response();
                let headers = response.headers_mut();
                headers.insert(RATE_LIMIT_POLICY, rate_limit_policy(limit));
                if let Ok(left) = HeaderValue::try_from(format!("\"tenant\";r=0;t={wait}")) {
                    headers.insert(RATE_LIMIT, left);
                }
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

/// The IETF's draft of both headers: the limit in each response to a tenant's key, what is left
/// only where that is known, which is nothing.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

fn rate_limit_policy(limit: u32) -> HeaderValue {
    let policy = format!("\"tenant\";q={limit};w=60");
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("\"tenant\";w=60"))
}

/// A response that says how many requests a minute the caller's tenant has.
#[must_use]
pub fn policed(mut response: Response, limits: Limits) -> Response {
    let policy = rate_limit_policy(limits.requests_a_minute());
    response.headers_mut().insert(RATE_LIMIT_POLICY, policy);
    response
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
mod tests;
