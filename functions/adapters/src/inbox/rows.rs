//! A request as it is stored.

use domain::delivery::Trigger;
use domain::event::MAX_EVENT_BYTES;
use domain::ids::{DeliveryId, EventId, WebhookId};
use domain::inbox::{InboxRequest, RETENTION};
use domain::ports::{Fault, OrFault as _, Stage};
use domain::tenant::Webhook;
use domain::time::Time;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::{partition, slot, slot_key};
use crate::delivery_store::Packed;
use crate::dynamo::{Item, from_item, from_json, to_item};

/// An envelope adds less than this to an event: its own text and the values of contexts.
const MAX_BODY_BYTES: usize = MAX_EVENT_BYTES * 2;

#[derive(Serialize, Deserialize)]
struct RequestRow {
    pk: String,
    sk: String,
    seq: u64,
    id: Ulid,
    at: Time,
    of_event: Ulid,
    event_id: EventId,
    attempt: u32,
    trigger: Trigger,
    /// In JSON, as are the check and the response.
    headers: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<Packed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verified: Option<String>,
    response: String,
    late: bool,
    expires_at: i64,
}

/// A request as an item.
pub(super) fn write(request: &InboxRequest, webhook: &Webhook) -> Result<Item, Fault> {
    let json = |value: serde_json::Result<String>| value.or_bug(Stage::WriteOutcome);
    let verified = request.signature.as_ref().map(serde_json::to_string);
    let row = RequestRow {
        pk: partition(&webhook.tenant),
        sk: slot_key(webhook, slot(request.number)),
        seq: request.number,
        id: request.id,
        at: request.received_at,
        of_event: request.delivery.event,
        event_id: request.event_id.clone(),
        attempt: request.attempt,
        trigger: request.trigger,
        headers: json(serde_json::to_string(&request.headers))?,
        payload: request.body.as_deref().map(Packed::data),
        verified: verified.map(json).transpose()?,
        response: json(serde_json::to_string(&request.response))?,
        late: request.is_late,
        expires_at: request.received_at.plus(RETENTION).seconds(),
    };
    to_item(&row, Stage::WriteOutcome)
}

/// A stored request.
pub(super) fn read(item: Item, webhook: &WebhookId) -> Result<InboxRequest, Fault> {
    let row: RequestRow = from_item(item, Stage::ReadStore)?;
    let verified = row.verified.as_deref();
    Ok(InboxRequest {
        number: row.seq,
        id: row.id,
        received_at: row.at,
        delivery: DeliveryId {
            event: row.of_event,
            webhook: webhook.clone(),
        },
        event_id: row.event_id,
        attempt: row.attempt,
        trigger: row.trigger,
        headers: from_json(&row.headers, Stage::ReadStore)?,
        body: row
            .payload
            .map(|payload| payload.into_text(MAX_BODY_BYTES))
            .transpose()?,
        signature: verified
            .map(|text| from_json(text, Stage::ReadStore))
            .transpose()?,
        response: from_json(&row.response, Stage::ReadStore)?,
        is_late: row.late,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::contract::{Check, CheckKind, SignatureCheck};
    use domain::inbox::ScriptedResponse;

    use super::*;
    use crate::dynamo::n;

    fn request(number: u64, body: Option<String>) -> InboxRequest {
        let at = Time::from_millis(1_800_000_000_000);
        InboxRequest {
            number,
            id: Ulid::floor(at),
            received_at: at,
            delivery: DeliveryId {
                event: Ulid::floor(at),
                webhook: webhook().id,
            },
            event_id: "order-17".parse().unwrap(),
            attempt: 2,
            trigger: Trigger::Manual,
            headers: vec![("webhook-id".to_owned(), "order-17".to_owned())],
            body,
            signature: Some(SignatureCheck {
                is_valid: false,
                header: "webhook-signature".to_owned(),
                checks: vec![Check {
                    kind: CheckKind::Header,
                    has_passed: false,
                    detail: "none".to_owned(),
                }],
            }),
            response: ScriptedResponse {
                status: 503,
                delay_seconds: 3,
                headers: BTreeMap::from([("Retry-After".to_owned(), "5".to_owned())]),
                body: "later".to_owned(),
                times: 2,
            },
            is_late: true,
        }
    }

    fn webhook() -> Webhook {
        let text = r#"{"id": "wh_1", "tenant": "t", "url": "postel:inbox", "events": ["*"],
            "active": true, "contract": "standard", "overrides": {}, "secrets": {},
            "created_at": 5, "updated_at": 5, "version": 1}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_request_reads_as_it_was_written() {
        let largest = "\u{e4}\\u0000".repeat(MAX_EVENT_BYTES / 8);
        for body in [None, Some("{}".to_owned()), Some(largest)] {
            let request = request(7, body);
            let item = write(&request, &webhook()).unwrap();
            assert_eq!(read(item, &webhook().id).unwrap(), request);
        }
    }

    #[test]
    fn a_request_takes_the_place_of_the_one_a_hundred_before_and_expires_after_a_day() {
        let place = |number| {
            let item = write(&request(number, None), &webhook()).unwrap();
            assert_eq!(item["expires_at"], n(1_800_000_000 + 24 * 3600));
            (item["pk"].clone(), item["sk"].clone())
        };
        assert_eq!(place(7), place(107));
        assert_ne!(place(7), place(8));
    }
}
