//! A request that an inbox received.

use std::time::Duration;

use super::ScriptedResponse;
use crate::contract::SignatureCheck;
use crate::delivery::Trigger;
use crate::ids::{DeliveryId, EventId};
use crate::masking::MASK;
use crate::outcome::OutgoingRequest;
use crate::ports::AttemptContext;
use crate::time::Time;
use crate::ulid::Ulid;

/// The maximum number of requests that an inbox keeps: the newest ones.
pub const MAX_REQUESTS: u64 = 100;

/// How long an inbox keeps a request.
pub const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// A request that an inbox received, and its response.
#[derive(Clone, Debug, PartialEq)]
pub struct InboxRequest {
    /// Counts the inbox's requests from 1; a number may be missing.
    pub number: u64,
    /// Its id.
    pub id: Ulid,
    /// When it arrived.
    pub received_at: Time,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// The event's id for tenant and receiver.
    pub event_id: EventId,
    /// The attempt's number.
    pub attempt: u32,
    /// Who asked for the attempt.
    pub trigger: Trigger,
    /// The headers in the order of sending. The webhook's own have the value [`MASK`].
    pub headers: Vec<(String, String)>,
    /// The body; `None` after the event was erased.
    pub body: Option<String>,
    /// What a receiver that verifies the signature finds; `None` if the contract does not sign.
    pub signature: Option<SignatureCheck>,
    /// The response.
    pub response: ScriptedResponse,
    /// Whether the response came after the attempt's timeout.
    pub is_late: bool,
}

impl InboxRequest {
    /// A request that arrives now. The signature is checked as sent, the webhook's own headers are
    /// masked.
    #[must_use]
    pub fn arrived(
        (number, id): (u64, Ulid),
        received_at: Time,
        request: &OutgoingRequest,
        attempt: &AttemptContext<'_>,
        response: &ScriptedResponse,
    ) -> Self {
        let signature = attempt.contract.verify(
            &request.headers,
            &request.body,
            attempt.secrets,
            received_at,
        );
        let is_own = |name: &String| {
            let mut own = attempt.own_headers.iter();
            own.any(|own| own.eq_ignore_ascii_case(name))
        };
        let headers = request.headers.iter().map(|(name, value)| {
            let shown = if is_own(name) { MASK } else { value };
            (name.clone(), shown.to_owned())
        });
        Self {
            number,
            id,
            received_at,
            delivery: DeliveryId {
                event: attempt.event.key,
                webhook: attempt.webhook.id.clone(),
            },
            event_id: attempt.event.id.clone(),
            attempt: attempt.number,
            trigger: attempt.trigger,
            headers: headers.collect(),
            body: Some(String::from_utf8_lossy(&request.body).into_owned()),
            signature,
            is_late: response.delay() >= request.timeout,
            response: response.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::event;
    use crate::webhook::testing::{at, contract, tenant, webhook};

    use super::*;

    fn arrived(headers: &[(&str, &str)], own: &[&str], delay_seconds: u32) -> InboxRequest {
        let event = event::parse(br#"{"type":"a.b","data":1}"#).unwrap();
        let event = event.accept(tenant().id, Ulid::floor(at(1)));
        let (webhook, contract) = (webhook(), contract());
        let own: Vec<_> = own.iter().map(ToString::to_string).collect();
        let headers = headers.iter();
        let request = OutgoingRequest {
            url: crate::guard::INBOX_URL.to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            body: b"{\"html\":\"<script>\\u0000\"}".to_vec().into(),
            timeout: Duration::from_secs(10),
        };
        let attempt = AttemptContext {
            webhook: &webhook,
            contract: &contract,
            event: &event,
            number: 2,
            trigger: Trigger::Manual,
            secrets: &[],
            own_headers: &own,
        };
        let response = ScriptedResponse {
            delay_seconds,
            ..ScriptedResponse::default()
        };
        let id = (7, Ulid::floor(at(2)));
        InboxRequest::arrived(id, at(2), &request, &attempt, &response)
    }

    #[test]
    fn a_request_is_kept_as_sent_but_for_the_webhooks_own_headers() {
        let sent = [("webhook-id", "x"), ("X-Key", "secret"), ("via", "a")];
        let request = arrived(&sent, &["x-key"], 0);
        let shown: Vec<_> = request.headers.iter().map(|(_, value)| &**value).collect();
        assert_eq!(shown, ["x", "***", "a"]);
        assert_eq!(
            request.body.as_deref(),
            Some("{\"html\":\"<script>\\u0000\"}")
        );
        assert_eq!((request.number, request.attempt), (7, 2));
    }

    #[test]
    fn a_response_is_late_from_the_attempts_timeout_on() {
        for (delay, is_late) in [(0, false), (9, false), (10, true), (60, true)] {
            assert_eq!(arrived(&[], &[], delay).is_late, is_late, "{delay}");
        }
    }

    #[test]
    fn an_unsigned_request_of_a_contract_that_signs_fails_its_check() {
        assert!(!arrived(&[], &[], 0).signature.unwrap().is_valid);
    }
}
