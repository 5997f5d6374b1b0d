//! The codes of rejections: one table of names and titles.

macro_rules! codes {
    ($($variant:ident = $code:literal, $title:literal;)+) => {
        /// The kind of a rejection. Codes are stable; add, never rename.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(
            missing_docs,
            reason = "each is its code in camel case, explained by its title"
        )]
        pub enum Code {
            $($variant,)+
        }

        impl Code {
            /// All codes, for the tests that walk them.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$variant),+];

            /// The code as callers see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What it means, in a few words that are the same in each response.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

codes! {
    EmptyBody = "empty_body", "The body is empty";
    InvalidJson = "invalid_json", "The body is not JSON";
    InvalidRequest = "invalid_request", "The body has another shape";
    UnknownField = "unknown_field", "A member is not known";
    MissingField = "missing_field", "A member is missing";
    InvalidUtf8 = "invalid_utf8", "The body is not UTF-8";
    UnknownParameter = "unknown_parameter", "A query parameter is not known";
    InvalidCursor = "invalid_cursor", "The cursor does not belong to this list";
    InvalidLimit = "invalid_limit", "The limit is out of range";
    InvalidFilter = "invalid_filter", "A query parameter is not valid";
    InvalidKey = "invalid_key", "The key is missing or not valid";
    Forbidden = "forbidden", "The key does not allow this";
    LoopDetected = "loop_detected", "A delivery called the API";
    NotFound = "not_found", "Not found";
    MethodNotAllowed = "method_not_allowed", "The path does not take this method";
    IdConflict = "id_conflict", "The id has been used for other content";
    ConcurrentChange = "concurrent_change", "Others changed this at the same time";
    AlreadyRedriven = "already_redriven", "The dead letter has been redriven already";
    WebhookLimit = "webhook_limit", "The webhook limit is reached";
    KeyLimit = "key_limit", "The key limit is reached";
    SessionLimit = "session_limit", "The session limit is reached";
    RedriveLimit = "redrive_limit", "The limit of running redrives is reached";
    RetryLimit = "retry_limit", "The limit of manual retries is reached";
    WebhookInactive = "webhook_inactive", "The webhook is switched off";
    NotAnInbox = "not_an_inbox", "The webhook has no inbox";
    TestUnderWay = "test_under_way", "A test is running";
    NotRedrivable = "not_redrivable", "The dead letter cannot be redriven";
    EventErased = "event_erased", "The event has been erased";
    BuiltinContract = "builtin_contract", "The contract is built in";
    CodeUsed = "code_used", "The code was used or has expired";
    PreconditionFailed = "precondition_failed", "The resource has another version";
    PayloadTooLarge = "payload_too_large", "The body is too large";
    UnsupportedEncoding = "unsupported_encoding", "The body is compressed";
    IdempotencyKeyReused = "idempotency_key_reused", "The Idempotency-Key was used for another request";
    InvalidValue = "invalid_value", "A value is not allowed";
    InvalidEventType = "invalid_event_type", "The event type is not valid";
    InvalidEventId = "invalid_event_id", "The event id is not valid";
    InvalidTimestamp = "invalid_timestamp", "The time is not valid";
    InvalidTenantId = "invalid_tenant_id", "The tenant id is not valid";
    InvalidUrl = "invalid_url", "The URL is not allowed";
    InvalidEvents = "invalid_events", "The event filters are not valid";
    InvalidPattern = "invalid_pattern", "The filter is not an event pattern";
    InvalidSecret = "invalid_secret", "The secret is not valid";
    InvalidHeader = "invalid_header", "A header is not allowed";
    MaskedValue = "masked_value", "A mask is no value";
    InvalidContract = "invalid_contract", "The contract or a setting of it is not valid";
    InvalidName = "invalid_name", "A name or text is not allowed";
    InvalidRate = "invalid_rate", "The rate is out of range";
    TooDeep = "too_deep", "The body is nested too deep";
    TooManyRequests = "too_many_requests", "The request limit is reached";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_spelled_in_its_own_way_and_has_a_title_of_its_own() {
        let codes: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let titles: HashSet<_> = Code::ALL.iter().map(|code| code.title()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert_eq!(titles.len(), Code::ALL.len());
    }
}
