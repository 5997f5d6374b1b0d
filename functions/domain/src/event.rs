//! An event as a tenant publishes it and as the log stores it.
//!
//! The tenant's bytes are delivered unchanged: `data` is raw JSON text from the API to the
//! receiver. No key is reordered, no number rewritten, no escape changed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::context;
use crate::event_type::EventType;
use crate::ids::{EventId, TenantId};
use crate::payload::{Content, Payload};
use crate::rejection::{Code, Rejection, Together as _};
use crate::safe_text::SafeText;
use crate::strict_json::{self, Members};
use crate::time::Time;
use crate::ulid::Ulid;

/// The maximum size of one event's JSON, in bytes. SQS takes 1 MiB, a schedule 256 KB, a DynamoDB
/// item 400 KB: the smallest decides.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// The maximum nesting of arrays and objects. Receivers' parsers fail at about this depth;
/// serde_json's own limit is the same.
pub const MAX_JSON_DEPTH: usize = 128;

/// An event that passed the checks and is not in the log yet.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The caller's own id.
    pub id: Option<EventId>,
    /// The type.
    pub event_type: EventType,
    /// When the event happened, in the caller's spelling if that was UTC with `Z`.
    pub timestamp: Option<String>,
    /// The data, as raw JSON.
    pub data: String,
    /// Values for the envelope in addition to the data: raw JSON scalars by name.
    pub context: BTreeMap<String, String>,
    /// SQS's id of the message that contained it. Not part of the event's content.
    pub message_id: Option<String>,
}

/// An event in the log. It never changes, except that its payload may be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its key in the log; the key's time is the time of acceptance.
    pub key: Ulid,
    /// Its id for tenant and receiver.
    pub id: EventId,
    /// The type.
    pub event_type: EventType,
    /// When the event happened, RFC 3339 in UTC.
    pub timestamp: String,
    /// The content.
    pub payload: Payload,
    /// SQS's id of the message that contained it, if any: the only id that a publisher on the
    /// events queue knows of an event without an id of its own.
    pub message_id: Option<String>,
    /// Whether it is a test event. Its deliveries are then test deliveries, whoever requests an
    /// attempt.
    pub test: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire<'a> {
    #[serde(default)]
    tenant_id: Option<String>,
    #[serde(default)]
    id: Option<String>,
    r#type: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow, default)]
    context: Option<Members<&'a RawValue>>,
}

/// Parses the JSON of one event from the HTTP API, where the key identifies the tenant: `tenantId`
/// in the body is rejected.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(body: &[u8]) -> Result<NewEvent, Rejection> {
    let here = |mut rejection: Rejection| {
        let without = |detail: &SafeText| detail.replacen("`tenantId`, ", "", 1).into();
        rejection.detail = without(&rejection.detail);
        for other in rejection.others.iter_mut() {
            other.detail = without(&other.detail);
        }
        rejection
    };
    match parse_with_tenant(body).map_err(here)? {
        (event, None) => Ok(event),
        (_, Some(_)) => Err(Rejection::new(
            Code::UnknownField,
            "The path names the tenant: leave tenantId out of the body.",
        )
        .field("tenantId")),
    }
}

/// Parses the JSON of one event from the events queue, where the body names its tenant.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_with_tenant(body: &[u8]) -> Result<(NewEvent, Option<String>), Rejection> {
    if body.len() > MAX_EVENT_BYTES {
        return Err(Rejection::new(
            Code::PayloadTooLarge,
            format!(
                "An event has at most {MAX_EVENT_BYTES} bytes of JSON; this one has {}.",
                body.len()
            ),
        ));
    }
    let text = std::str::from_utf8(body).map_err(|e| {
        Rejection::new(
            Code::InvalidUtf8,
            format!("The body is not UTF-8 from byte {} on.", e.valid_up_to()),
        )
    })?;
    if strict_json::is_too_deep(text, MAX_JSON_DEPTH) {
        let detail = format!("The body is nested more than {MAX_JSON_DEPTH} levels deep.");
        return Err(Rejection::new(Code::InvalidJson, detail));
    }
    if text.trim_start().starts_with('[') {
        let detail = "Send one object. Several events go to \u{2026}/events/batch, as {\"events\": [\u{2026}]}.";
        return Err(Rejection::new(Code::InvalidRequest, detail));
    }
    let shape = |text: &str| strict_json::parse::<Wire<'_>>(text).err();
    let wire: Wire<'_> =
        strict_json::parse(text).map_err(|first| strict_json::all_mistakes(first, text, shape))?;
    let id = wire.id.as_deref().map(str::parse).transpose().map_err(|_| {
        Rejection::new(
            Code::InvalidEventId,
            "An event id has 1 to 64 letters, digits, underscores or hyphens.",
        )
        .field("id")
    });
    // The contracts promise UTC with `Z`.
    let timestamp = wire
        .timestamp
        .map(|text| Time::utc_rfc3339(&text).ok_or_else(|| Rejection::not_a_time("timestamp")))
        .transpose();
    let context = context::of_event(wire.context.map(|Members(all)| all).unwrap_or_default());
    let (((id, event_type), timestamp), context) = id
        .and_also(wire.r#type.parse::<EventType>())
        .and_also(timestamp)
        .and_also(context)?;
    let event = NewEvent {
        id,
        event_type,
        timestamp,
        data: wire.data.get().to_owned(),
        context,
        message_id: None,
    };
    Ok((event, wire.tenant_id))
}

impl NewEvent {
    /// A hash of the content, 128 bits in hex. Two publications with one id are the same event if
    /// their fingerprints are equal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let context = self
            .context
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        let fields = [
            self.event_type.as_str(),
            self.timestamp.as_deref().unwrap_or_default(),
            &self.data,
        ];
        for field in fields.into_iter().chain(context) {
            // The length first: "ab" + "c" and "a" + "bc" must have different hashes.
            hash.update(field.len().to_be_bytes());
            hash.update(field.as_bytes());
        }
        hex::encode(hash.finalize().get(..16).unwrap_or_default())
    }

    /// Accepts the event under a key of the log.
    #[must_use]
    pub fn accept(self, tenant: TenantId, key: Ulid) -> Event {
        Event {
            tenant,
            key,
            id: self.id.unwrap_or_else(|| EventId::generated(key)),
            event_type: self.event_type,
            timestamp: self.timestamp.unwrap_or_else(|| key.time().rfc3339()),
            payload: Payload::Kept(Content {
                data: self.data,
                context: self.context,
            }),
            message_id: self.message_id,
            test: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(body: &[u8]) -> &'static str {
        parse(body).expect_err("should be refused").code.as_str()
    }

    #[test]
    fn data_is_kept_to_the_byte() {
        let event =
            parse(r#"{"type":"a.b","data": {"z":1.50,"a":1e2,"ü":"\u00fc\/"} }"#.as_bytes())
                .unwrap();
        assert_eq!(event.data, r#"{"z":1.50,"a":1e2,"ü":"\u00fc\/"}"#);
    }

    #[test]
    fn each_mistake_has_its_code() {
        assert_eq!(code(b"{"), "invalid_json");
        assert_eq!(code(b"[]"), "invalid_request");
        // By position, these are an event's values.
        assert_eq!(code(br#"[null,null,"a",null,1,null]"#), "invalid_request");
        assert_eq!(code(b"\xff"), "invalid_utf8");
        assert_eq!(code(br#"{"type":"a","data":1,"more":1}"#), "unknown_field");
        assert_eq!(code(br#"{"type":1,"data":1}"#), "invalid_request");
        assert_eq!(code(br#"{"type":"a b","data":1}"#), "invalid_event_type");
        assert_eq!(code(br#"{"type":"a"}"#), "missing_field");
        assert_eq!(
            code(br#"{"type":"a","data":1,"id":"a.b"}"#),
            "invalid_event_id"
        );
        assert_eq!(
            code(br#"{"type":"a","data":1,"timestamp":"now"}"#),
            "invalid_timestamp"
        );
        assert_eq!(
            code(br#"{"type":"a","data":1,"timestamp":"-002026-01-01T00:00:00Z"}"#),
            "invalid_timestamp"
        );
        assert_eq!(
            code(br#"{"type":"a","data":1,"timestamp":"2026-03-05T12:30:60Z"}"#),
            "invalid_timestamp"
        );
        assert_eq!(
            code(br#"{"type":"a","data":1,"context":{"x":{}}}"#),
            "invalid_value"
        );
        assert_eq!(
            code(br#"{"type":"a","data":1,"tenantId":"t"}"#),
            "unknown_field"
        );
    }

    #[test]
    fn a_mistake_names_its_field_and_what_is_allowed_by_http() {
        for (body, field, detail) in [
            (r#"{"type":"a"}"#, "data", "`data` is missing."),
            (r#"{"data":1}"#, "type", "`type` is missing."),
            (
                r#"{"type":1,"data":1}"#,
                "type",
                "`type` must be a string, not this number.",
            ),
            (
                r#"{"type":"a","data":1,"tpye":1}"#,
                "tpye",
                "`tpye` is not known here. Allowed: `id`, `type`, `timestamp`, `data`, `context`.",
            ),
            (
                r#"{"type":"a","data":1,"context":{"a":1,"a":2}}"#,
                "context.a",
                "`context.a` is given twice.",
            ),
        ] {
            let rejection = parse(body.as_bytes()).unwrap_err();
            assert_eq!(rejection.detail, detail);
            assert_eq!(rejection.field.as_deref(), Some(field));
        }
        let repeated = parse(br#"{"type":"a","data":{"a":1,"a":2}}"#).unwrap();
        assert_eq!(repeated.data, r#"{"a":1,"a":2}"#, "data are the tenant's");
    }

    #[test]
    fn a_byte_over_the_limit_is_too_large() {
        let frame = r#"{"type":"a","data":""}"#.len();
        let body =
            |length: usize| format!(r#"{{"type":"a","data":"{}"}}"#, "x".repeat(length - frame));
        assert!(parse(body(MAX_EVENT_BYTES).as_bytes()).is_ok());
        assert_eq!(
            code(body(MAX_EVENT_BYTES + 1).as_bytes()),
            "payload_too_large"
        );
    }

    #[test]
    fn nesting_is_bounded_and_brackets_in_strings_do_not_count() {
        let nested = |levels: usize| {
            format!(
                r#"{{"type":"a","data":{}{}}}"#,
                "[".repeat(levels),
                "]".repeat(levels)
            )
        };
        assert!(parse(nested(MAX_JSON_DEPTH - 1).as_bytes()).is_ok());
        assert_eq!(code(nested(MAX_JSON_DEPTH).as_bytes()), "invalid_json");
        let quoted = format!(r#"{{"type":"a","data":"\"{}"}}"#, "[".repeat(1000));
        assert!(parse(quoted.as_bytes()).is_ok());
    }

    #[test]
    fn utc_times_keep_their_spelling_and_others_are_turned_into_utc() {
        let time = |text: &str| {
            parse(format!(r#"{{"type":"a","data":1,"timestamp":"{text}"}}"#).as_bytes())
                .unwrap()
                .timestamp
                .unwrap()
        };
        assert_eq!(time("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00Z");
        assert_eq!(
            time("2026-01-31T14:00:00+02:00"),
            "2026-01-31T12:00:00.000Z"
        );
        assert_eq!(
            time("2026-01-31T12:00:00.123456789Z"),
            "2026-01-31T12:00:00.123456789Z"
        );
        assert_eq!(time("9999-12-31T23:59:59Z"), "9999-12-31T23:59:59Z");
        assert_eq!(
            time("2026-01-01T00:00:00.1234567891Z"),
            "2026-01-01T00:00:00.123456789Z"
        );
        assert_eq!(time("2026-01-31t12:00:00z"), "2026-01-31T12:00:00.000Z");
    }

    #[test]
    fn the_fingerprint_tells_bodies_apart() {
        let print = |body: &str| parse(body.as_bytes()).unwrap().fingerprint();
        assert_eq!(
            print(r#"{"type":"a","data":1,"id":"x"}"#),
            print(r#"{"id":"x", "data":1, "type":"a"}"#)
        );
        assert_ne!(
            print(r#"{"type":"a","data":1}"#),
            print(r#"{"type":"a","data":2}"#)
        );
        assert_ne!(
            print(r#"{"type":"ab","data":1}"#),
            print(r#"{"type":"a","data":1}"#)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
            let _ = parse_with_tenant(&body);
        }
    }
}
