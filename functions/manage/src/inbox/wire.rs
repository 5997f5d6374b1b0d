//! Requests and scripts of inboxes as callers see them.

use std::collections::BTreeMap;

use api::document::schemas::{
    AttemptTrigger, DeliveryId as Delivery, EventId as Event, InboxCheckName, Timestamp,
};
use domain::contract::SignatureCheck;
use domain::inbox::{InboxRequest, Script, ScriptedResponse};
use domain::rejection::Rejection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::sent_request::Headers;

/// A request that an inbox received.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InboxRequestEntry)]
pub(super) struct RequestResponse {
    /// Opaque.
    #[schema(examples("req_01J9ZQ5X3N8V7K2M4R6T8W0Y1B"))]
    id: String,
    #[schema(value_type = Timestamp)]
    received_at: String,
    /// The delivery, for more in the log.
    #[schema(value_type = Delivery)]
    delivery_id: String,
    #[schema(value_type = Event)]
    event_id: String,
    /// The number of the delivery's attempt, from 1 on.
    attempt: u32,
    /// Who asked for the attempt.
    #[schema(value_type = AttemptTrigger)]
    trigger: &'static str,
    #[schema(examples("POST"))]
    method: &'static str,
    /// In the order of sending; the webhook's own as `***`. Several values of one name are joined
    /// with a comma and a space, in their order.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: Headers,
    /// The exact bytes; absent after the event was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    signature: Option<SignatureResponse>,
    response: GivenResponse,
}

/// What a receiver that verifies the request finds, from its headers and bytes and with the
/// webhook's secrets. Absent if the contract does not sign.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InboxSignature)]
struct SignatureResponse {
    /// Whether all checks passed.
    valid: bool,
    /// The header that has the signature.
    header: String,
    /// In their order.
    checks: Vec<CheckResponse>,
}

/// One check of a signature.
#[derive(Serialize, ToSchema)]
#[schema(as = InboxCheck)]
struct CheckResponse {
    #[schema(value_type = InboxCheckName)]
    name: &'static str,
    passed: bool,
    /// What was found, in a sentence.
    detail: String,
}

/// What the inbox answered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InboxResponse)]
struct GivenResponse {
    status_code: u16,
    headers: BTreeMap<String, String>,
    body: String,
    /// How long the sender waited for it.
    delay_ms: u64,
    /// Whether the attempt's timeout was over by then, so that the sender got no response.
    timed_out: bool,
}

/// What an inbox answers.
#[derive(Serialize, ToSchema)]
#[schema(as = InboxResponses)]
pub(crate) struct Responses {
    /// In their order; the last one repeats.
    responses: Vec<Scripted>,
}

/// A response of a script.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InboxScriptedResponse)]
struct Scripted {
    status: u16,
    /// How long the sender waits for it.
    delay_seconds: u32,
    headers: BTreeMap<String, String>,
    body: String,
    /// How many requests get it.
    times: u32,
}

/// What an inbox shall answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InboxResponsesUpsert)]
pub(crate) struct PutResponses {
    /// In their order; the last one repeats. Together up to 32 KiB of JSON.
    #[schema(min_items = 1, max_items = 20)]
    responses: Vec<PutScripted>,
}

/// A response of a script to set.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InboxScriptedResponseUpsert)]
struct PutScripted {
    #[schema(minimum = 200, maximum = 599)]
    status: u16,
    /// How long the sender waits for it. Default: 0. From the attempt's timeout on, the sender gets
    /// no response.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 60)]
    delay_seconds: u32,
    /// Up to 20, `Retry-After` for instance: names of up to 64 characters, values of up to 256
    /// printable ASCII characters.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Up to 16 KiB.
    #[serde(default)]
    #[schema(max_length = 16384)]
    body: String,
    /// How many requests get it. Default: 1.
    #[serde(default = "once")]
    #[schema(minimum = 1, maximum = 1000)]
    times: u32,
}

const fn once() -> u32 {
    1
}

impl RequestResponse {
    pub(super) fn new(request: &InboxRequest) -> Self {
        let InboxRequest {
            id,
            received_at,
            delivery,
            event_id,
            attempt,
            trigger,
            headers,
            body,
            signature,
            response,
            is_late,
            number: _,
        } = request;
        Self {
            id: format!("req_{id}"),
            received_at: received_at.rfc3339(),
            delivery_id: delivery.to_string(),
            event_id: event_id.to_string(),
            attempt: *attempt,
            trigger: trigger.as_str(),
            method: "POST",
            headers: Headers::of(headers.iter().cloned()),
            body: body.clone(),
            signature: signature.as_ref().map(SignatureResponse::new),
            response: GivenResponse {
                status_code: response.status,
                headers: response.headers.clone(),
                body: response.body.clone(),
                delay_ms: u64::from(response.delay_seconds) * 1000,
                timed_out: *is_late,
            },
        }
    }
}

impl SignatureResponse {
    fn new(found: &SignatureCheck) -> Self {
        let checks = found.checks.iter().map(|check| CheckResponse {
            name: check.kind.as_str(),
            passed: check.has_passed,
            detail: check.detail.clone(),
        });
        Self {
            valid: found.is_valid,
            header: found.header.clone(),
            checks: checks.collect(),
        }
    }
}

impl Responses {
    pub(super) fn of(script: &Script) -> Self {
        let responses = script.responses().iter().cloned();
        Self {
            responses: responses
                .map(|response| Scripted {
                    status: response.status,
                    delay_seconds: response.delay_seconds,
                    headers: response.headers,
                    body: response.body,
                    times: response.times,
                })
                .collect(),
        }
    }
}

impl PutResponses {
    pub(super) fn script(self) -> Result<Script, Rejection> {
        let responses = self.responses.into_iter();
        let responses = responses.map(|response| ScriptedResponse {
            status: response.status,
            delay_seconds: response.delay_seconds,
            headers: response.headers,
            body: response.body,
            times: response.times,
        });
        Script::new(responses.collect())
    }
}
