//! Deliveries and their attempts as callers see them.

use api::document::schemas::{
    AttemptErrorCode, AttemptTrigger, DeliveryErrorCode, DeliveryId as Id, DeliveryStatus, EventId,
    EventType, TenantId, Timestamp, WebhookId,
};
use domain::delivery::{Attempt, Delivery, Trigger};
use domain::event::Event;
use domain::outcome::Outcome;
use domain::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

use crate::sent_request::{self, Headers};

/// A delivery as lists show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
pub(crate) struct DeliveryResponse {
    #[schema(value_type = Id)]
    id: String,
    /// Whose it is.
    #[schema(value_type = TenantId)]
    tenant_id: String,
    #[schema(value_type = EventId)]
    event_id: String,
    #[schema(value_type = EventType)]
    event_type: String,
    /// When the event happened. Absent if the event has expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    event_timestamp: Option<String>,
    #[schema(value_type = WebhookId)]
    webhook_id: String,
    #[schema(value_type = DeliveryStatus)]
    status: &'static str,
    /// How many attempts have been made, by the schedule and by hand.
    attempts: u32,
    #[schema(value_type = Timestamp)]
    created_at: String,
    /// When the last attempt ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    processed_at: Option<String>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    next_attempt_at: Option<String>,
    /// Why it has not been delivered yet, or never will be, in a sentence: what came of the last
    /// attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// The same for programs: the reason of its dead letter, or why its last attempt got no
    /// response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeliveryErrorCode>, nullable = false)]
    error_code: Option<&'static str>,
    /// The last answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_response_code: Option<u16>,
    /// How long the last attempt took.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_duration_ms: Option<u128>,
    /// Who asked for the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AttemptTrigger>, nullable = false)]
    last_trigger: Option<&'static str>,
    /// Whether an attempt that was asked for by hand has not been made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    manual_attempt_waiting: Option<bool>,
    /// When what its event says was erased: no attempt is made any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    erased_at: Option<String>,
    /// Whether it is a test event's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    test: Option<bool>,
}

/// How many attempts of a delivery are shown: more than a schedule and all that may be asked for by
/// hand.
pub(super) const MAX_SHOWN_ATTEMPTS: usize = 150;

/// How much of an answer they may take. A function may answer 6 MB (AWS Lambda Developer Guide,
/// "Lambda quotas"), and a byte of what a receiver said takes up to seven there. Test:
/// a_delivery_of_maximum_size_fits_into_a_functions_response.
const MAX_SHOWN_BYTES: usize = 3 * 1024 * 1024;

/// A delivery in full.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryDetail)]
pub(super) struct Detail {
    #[serde(flatten)]
    pub(super) delivery: DeliveryResponse,
    /// The last attempt's request as it was sent, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) request: Option<sent_request::Request>,
    /// The attempts, the newest one last: up to 150, and fewer where receivers said more than fits
    /// into 3 MiB. The oldest are left out first. `attempts` is how many there were.
    pub(super) attempt_log: Vec<AttemptResponse>,
}

/// One request and what came of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Attempt)]
pub(super) struct AttemptResponse {
    /// From 1 on.
    number: u32,
    /// Who asked for it: the schedule, somebody by the API, or somebody who tries the webhook out.
    #[schema(value_type = AttemptTrigger)]
    trigger: &'static str,
    /// When it started.
    #[schema(value_type = Timestamp)]
    at: String,
    duration_ms: u128,
    /// Where it went.
    url: String,
    /// The answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_code: Option<u16>,
    /// The answer's headers that are kept, names in lower case; several values of one name are
    /// joined by a comma and a space, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>, nullable = false)]
    response_headers: Option<Headers>,
    /// The answer's body, 16 KiB of it at most. Erased with the event, as are the headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_body: Option<String>,
    /// Whether there was more of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    truncated: Option<bool>,
    /// Why no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<AttemptFailureResponse>,
}

/// Why no answer came.
#[derive(Serialize, ToSchema)]
#[schema(as = AttemptError)]
struct AttemptFailureResponse {
    #[schema(value_type = AttemptErrorCode)]
    code: &'static str,
    /// A short message. No addresses.
    message: String,
}

/// A scheduled retry: the delivery as it is before the attempt.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryRetry)]
pub(super) struct Retry {
    /// The same as `id`.
    #[schema(value_type = Id)]
    delivery_id: String,
    #[serde(flatten)]
    delivery: DeliveryResponse,
}

impl Retry {
    pub(super) fn of(delivery: &Delivery, event: &Event) -> Self {
        Self {
            delivery_id: delivery.id.to_string(),
            delivery: DeliveryResponse::new(delivery, Some(&event.timestamp)),
        }
    }
}

fn text_of(outcome: &Outcome) -> (Option<u16>, Option<AttemptFailureResponse>) {
    match outcome {
        Outcome::Response { status, .. } => (Some(*status), None),
        Outcome::Failure { kind, detail } => {
            let error = AttemptFailureResponse {
                code: kind.code(),
                message: detail.clone(),
            };
            (None, Some(error))
        }
    }
}

impl DeliveryResponse {
    /// `event_timestamp` is when its event happened, if that is still known.
    pub(crate) fn new(delivery: &Delivery, event_timestamp: Option<&str>) -> Self {
        Self {
            id: delivery.id.to_string(),
            tenant_id: delivery.tenant.to_string(),
            event_id: delivery.event_id.to_string(),
            event_type: delivery.event_type.to_string(),
            event_timestamp: event_timestamp.map(str::to_owned),
            webhook_id: delivery.id.webhook.to_string(),
            status: delivery.shown_status().as_str(),
            attempts: delivery.attempt_count,
            created_at: delivery.id.event.time().rfc3339(),
            processed_at: delivery.processed_at().map(Time::rfc3339),
            next_attempt_at: delivery.next_attempt_at.map(Time::rfc3339),
            error: delivery.error(),
            error_code: delivery.error_code(),
            last_response_code: delivery.last_status(),
            last_duration_ms: delivery.last_duration().map(|took| took.as_millis()),
            last_trigger: delivery.last_trigger().map(Trigger::as_str),
            manual_attempt_waiting: delivery.pending_manual_token.is_some().then_some(true),
            erased_at: delivery.erased_at.map(Time::rfc3339),
            test: delivery.is_test.then_some(true),
        }
    }
}

/// The newest of these attempts that may be answered together.
pub(super) fn show_attempts(attempts: &[Attempt], is_erased: bool) -> Vec<AttemptResponse> {
    let mut left = MAX_SHOWN_BYTES;
    let newest_first = attempts.iter().rev().take(MAX_SHOWN_ATTEMPTS);
    let mut shown: Vec<_> = newest_first
        .map(|attempt| show_attempt(attempt, is_erased))
        .map_while(|attempt| {
            left = left.checked_sub(bytes_in_answer(&attempt))?;
            Some(attempt)
        })
        .collect();
    shown.reverse();
    shown
}

/// A function's answer has the body as a string within JSON: quotes and backslashes are escaped
/// once more.
fn bytes_in_answer(attempt: &AttemptResponse) -> usize {
    let json = serde_json::to_vec(attempt).unwrap_or_default();
    let escaped = json.iter().filter(|byte| matches!(byte, b'"' | b'\\'));
    json.len() + escaped.count()
}

fn show_attempt(attempt: &Attempt, is_erased: bool) -> AttemptResponse {
    let (code, error) = text_of(&attempt.outcome);
    let (headers, body, cut) = match &attempt.outcome {
        Outcome::Response {
            headers,
            body,
            truncated,
            ..
        } if !is_erased => (
            Some(Headers::of(headers.iter().cloned())),
            Some(body.clone()),
            Some(*truncated),
        ),
        Outcome::Response { .. } | Outcome::Failure { .. } => (None, None, None),
    };
    AttemptResponse {
        number: attempt.number,
        trigger: attempt.trigger.as_str(),
        at: attempt.at.rfc3339(),
        duration_ms: attempt.duration.as_millis(),
        url: attempt.url.clone(),
        response_code: code,
        response_headers: headers,
        response_body: body,
        truncated: cut,
        error,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use domain::contract::builtin;
    use domain::delivery::{Trigger, Verdict};
    use domain::event;
    use domain::guard::MAX_URL_BYTES;
    use domain::ids::WebhookId;
    use domain::outcome::{MAX_RECORDED_HEADER_BYTES, MAX_RECORDED_RESPONSE_BYTES};
    use domain::ulid::Ulid;

    use super::*;

    /// AWS Lambda Developer Guide, "Lambda quotas": the payload of a synchronous answer.
    const MAX_RECORDED_BYTES: usize = 6 * 1024 * 1024;

    #[test]
    fn a_delivery_of_maximum_size_fits_into_a_functions_response() {
        let key = Ulid::derived(Time::from_millis(1), "x");
        // Of backslashes, which each JSON around it doubles.
        let data = "\\".repeat((event::MAX_EVENT_BYTES - 100) / 2 * 2);
        let text = format!(r#"{{"type":"a.b","data":"{data}"}}"#);
        let event = event::parse(text.as_bytes())
            .unwrap()
            .accept("t".parse().unwrap(), key);
        let last = Attempt {
            number: u32::MAX,
            trigger: Trigger::Manual,
            at: key.time(),
            duration: Duration::from_secs(60),
            webhook_version: 1,
            url: "/".repeat(MAX_URL_BYTES),
            contract: "standard".to_owned(),
            signature: Some("v1,".repeat(100)),
            own_headers: vec!["x".repeat(200); 32],
            type_name: None,
            context: BTreeMap::new(),
            outcome: Outcome::Response {
                status: 500,
                headers: vec![("via".to_owned(), "\"".repeat(MAX_RECORDED_HEADER_BYTES)); 20],
                body: "\u{1}".repeat(MAX_RECORDED_RESPONSE_BYTES),
                truncated: true,
            },
        };
        let delivery = Delivery::new(&event, &WebhookId::new([1; 16]))
            .after_automatic(last.clone(), Verdict::Retry(Duration::ZERO));
        let answer = Detail {
            delivery: DeliveryResponse::new(&delivery, Some(&event.timestamp)),
            request: Some(sent_request::request(
                &builtin("standard").unwrap(),
                &event,
                &delivery,
                &last,
            )),
            attempt_log: show_attempts(&vec![last; MAX_SHOWN_ATTEMPTS], false),
        };
        assert!(answer.attempt_log.len() < MAX_SHOWN_ATTEMPTS);
        let body = serde_json::to_string(&answer).unwrap();
        // The gateway is answered in JSON that has the body as a string.
        let whole = serde_json::json!({"statusCode": 200, "body": body}).to_string();
        assert!(whole.len() > MAX_RECORDED_BYTES / 2, "{}", whole.len());
        assert!(whole.len() + 4096 < MAX_RECORDED_BYTES, "{}", whole.len());
    }
}
