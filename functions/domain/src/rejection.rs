//! A caller's mistakes, each with a stable code.
//!
//! A rejection leaves no trace: a rejected request was never accepted. `api::problem` has the HTTP
//! status of each code, [`crate::dead_letter::Reason`] the dead-letter reason of those that can
//! occur on the events queue.

use std::fmt;

use crate::safe_text::SafeText;

/// The kind of a rejection. Codes are stable; add, never rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "each is its code in camel case, explained by the detail that goes with it"
)]
pub enum Code {
    EmptyBody,
    InvalidJson,
    InvalidRequest,
    InvalidUtf8,
    InvalidCursor,
    UnknownParameter,
    InvalidKey,
    Forbidden,
    LoopDetected,
    NotFound,
    MethodNotAllowed,
    IdConflict,
    IdempotencyKeyReused,
    ConcurrentChange,
    AlreadyRedriven,
    WebhookLimit,
    RedriveLimit,
    RetryLimit,
    WebhookInactive,
    TestUnderWay,
    NotRedrivable,
    EventErased,
    BuiltinContract,
    PayloadTooLarge,
    InvalidEventType,
    InvalidEventId,
    InvalidTimestamp,
    InvalidTenantId,
    InvalidUrl,
    InvalidEvents,
    InvalidSecret,
    InvalidHeader,
    MaskedValue,
    InvalidContract,
    InvalidLimit,
    InvalidFilter,
    InvalidName,
    TooDeep,
    TooManyRequests,
}

impl Code {
    /// All codes, for tests that iterate over them.
    pub const ALL: [Self; 39] = [
        Self::EmptyBody,
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::InvalidUtf8,
        Self::InvalidCursor,
        Self::UnknownParameter,
        Self::InvalidKey,
        Self::Forbidden,
        Self::LoopDetected,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::IdConflict,
        Self::IdempotencyKeyReused,
        Self::ConcurrentChange,
        Self::AlreadyRedriven,
        Self::WebhookLimit,
        Self::RedriveLimit,
        Self::RetryLimit,
        Self::WebhookInactive,
        Self::TestUnderWay,
        Self::NotRedrivable,
        Self::EventErased,
        Self::BuiltinContract,
        Self::PayloadTooLarge,
        Self::InvalidEventType,
        Self::InvalidEventId,
        Self::InvalidTimestamp,
        Self::InvalidTenantId,
        Self::InvalidUrl,
        Self::InvalidEvents,
        Self::InvalidSecret,
        Self::InvalidHeader,
        Self::MaskedValue,
        Self::InvalidContract,
        Self::InvalidLimit,
        Self::InvalidFilter,
        Self::InvalidName,
        Self::TooDeep,
        Self::TooManyRequests,
    ];

    /// The code in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyBody => "empty_body",
            Self::InvalidJson => "invalid_json",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidCursor => "invalid_cursor",
            Self::UnknownParameter => "unknown_parameter",
            Self::InvalidKey => "invalid_key",
            Self::Forbidden => "forbidden",
            Self::LoopDetected => "loop_detected",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::IdConflict => "id_conflict",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::ConcurrentChange => "concurrent_change",
            Self::AlreadyRedriven => "already_redriven",
            Self::WebhookLimit => "webhook_limit",
            Self::RedriveLimit => "redrive_limit",
            Self::RetryLimit => "retry_limit",
            Self::WebhookInactive => "webhook_inactive",
            Self::TestUnderWay => "test_under_way",
            Self::NotRedrivable => "not_redrivable",
            Self::EventErased => "event_erased",
            Self::BuiltinContract => "builtin_contract",
            Self::PayloadTooLarge => "payload_too_large",
            Self::InvalidEventType => "invalid_event_type",
            Self::InvalidEventId => "invalid_event_id",
            Self::InvalidTimestamp => "invalid_timestamp",
            Self::InvalidTenantId => "invalid_tenant_id",
            Self::InvalidUrl => "invalid_url",
            Self::InvalidEvents => "invalid_events",
            Self::InvalidSecret => "invalid_secret",
            Self::InvalidHeader => "invalid_header",
            Self::MaskedValue => "masked_value",
            Self::InvalidContract => "invalid_contract",
            Self::InvalidLimit => "invalid_limit",
            Self::InvalidFilter => "invalid_filter",
            Self::InvalidName => "invalid_name",
            Self::TooDeep => "too_deep",
            Self::TooManyRequests => "too_many_requests",
        }
    }
}

/// A caller's mistake: its code, a sentence that says what to do, and the field that caused it, if
/// any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The stable code.
    pub code: Code,
    /// For people; contains no secret and nothing of another tenant.
    pub detail: SafeText,
    /// The field that caused it.
    pub field: Option<SafeText>,
    /// A finer code, for instance of the address guard.
    pub reason: Option<&'static str>,
}

impl Rejection {
    /// A rejection without a field.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<SafeText>) -> Self {
        Self {
            code,
            detail: detail.into(),
            field: None,
            reason: None,
        }
    }

    /// Names the field that caused it.
    #[must_use]
    pub fn field(mut self, field: impl AsRef<str>) -> Self {
        self.field = Some(SafeText::bounded(field.as_ref(), MAX_FIELD_BYTES));
        self
    }

    /// The same answer for a resource of another tenant and for one that does not exist.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is no resource with this id.")
    }

    /// A query parameter that the operation does not have. If it were ignored, a misspelt filter
    /// would show too much. `known` are the operation's parameters.
    #[must_use]
    pub fn unknown_parameter(name: &str, known: &[&str]) -> Self {
        let allowed = match known {
            [] => "none".to_owned(),
            known => known.join(", "),
        };
        let detail = format!("There is no parameter {name} here. Allowed: {allowed}.");
        Self::new(Code::UnknownParameter, detail).field(name)
    }

    /// [`Self::not_found`] for the tenant in the path.
    #[must_use]
    pub fn no_tenant() -> Self {
        Self::not_found().field("tenantId")
    }

    /// The request needs the event's content.
    #[must_use]
    pub fn event_erased() -> Self {
        let detail = "The event's content was erased and can no longer be sent. To send it, publish it again with another id.";
        Self::new(Code::EventErased, detail)
    }

    /// A time is expected, and the caller sent another value.
    #[must_use]
    pub fn not_a_time(field: &str) -> Self {
        let detail = format!("{field} is a time in RFC 3339, as in 2026-01-31T12:00:00Z.");
        Self::new(Code::InvalidTimestamp, detail).field(field)
    }

    /// Other callers changed the same resource repeatedly while this caller tried to.
    #[must_use]
    pub fn overtaken() -> Self {
        Self::new(
            Code::ConcurrentChange,
            "Other requests changed this resource at the same time, and nothing of this request is done: read the resource again, and repeat the request.",
        )
    }
}

const MAX_FIELD_BYTES: usize = 200;

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_quoted_in_short() {
        let name = "\u{e9}".repeat(100_000);
        let body = format!(r#"{{"type":"a.b","data":1,"{name}":1}}"#);
        let rejection = crate::event::parse(body.as_bytes())
            .unwrap_err()
            .field(&name);
        assert_eq!(rejection.code, Code::InvalidRequest);
        assert!(rejection.detail.contains('\u{e9}') && rejection.detail.len() < 510);
        assert!(rejection.field.unwrap().len() < 210);
    }

    #[test]
    fn what_a_stranger_wrote_is_quoted_without_what_cannot_be_seen() {
        let name = "a\u{202e}\u{1b}[2J\u{9b}";
        let body = r#"{"type":"a.b","data":1,"a\u202e\u001b[2J\u009b":1}"#;
        let rejection = crate::event::parse(body.as_bytes()).unwrap_err();
        let written = "a\\u{202e}\\u{1b}[2J\\u{9b}";
        assert!(rejection.detail.contains(written), "{}", rejection.detail);
        assert_eq!(rejection.field.as_deref(), Some(written));
        assert_eq!(rejection.field(name).field.as_deref(), Some(written));
    }

    #[test]
    fn every_code_is_listed_once_and_spelled_in_its_own_way() {
        let codes: HashSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
