//! Explanations as callers see them.

use std::collections::BTreeMap;

use api::document::schemas::{
    DeliveryId, DeliveryStatus, EventId, EventType, ExplanationReason, ExplanationResult,
    Timestamp, WebhookId,
};
use domain::contract::Contract;
use domain::event::Event;
use domain::explain::Explanation;
use domain::ports::{Fault, OrFault as _, Stage};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use crate::sent_request::{Headers, USER_AGENT};
use crate::webhooks::filter::FilterField;
use crate::webhooks::last_change::LastChangeResponse;

/// How much of an answer the requests may take. A function may answer 6 MB (AWS Lambda Developer
/// Guide, "Lambda quotas"), and a quote or a backslash of an event takes up to four bytes there,
/// both in the body and in the text to sign. Test:
/// an_explanation_of_maximum_size_fits_into_an_answer.
const MAX_REQUEST_BYTES: usize = 5 * 1024 * 1024 / 2;
/// How many webhooks are answered; a tenant has 25 unless the operator allows more.
const MAX_WEBHOOKS: usize = 1_000;

/// What becomes of an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Explanation)]
pub(super) struct ExplanationResponse {
    /// The event's id; absent if an event that is not published has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EventId>, nullable = false)]
    event_id: Option<String>,
    #[schema(value_type = EventType)]
    r#type: String,
    /// One for each webhook of the tenant, the newest first; then one for each deleted webhook that
    /// has a delivery of the event. Up to 1,000.
    #[schema(value_type = Vec<WebhookExplanation>)]
    webhooks: Vec<Box<RawValue>>,
    /// Whether there are more webhooks: ask for one by `webhookId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    has_more: Option<bool>,
}

/// What becomes of an event for one webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookExplanation {
    /// It may be deleted.
    #[schema(value_type = WebhookId)]
    webhook_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    webhook_name: Option<String>,
    #[schema(value_type = ExplanationResult)]
    result: &'static str,
    #[schema(value_type = ExplanationReason)]
    reason: &'static str,
    /// The reason in a sentence or two.
    detail: String,
    /// The webhook's filter that is most like the type, if none selects it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    nearest_filter: Option<String>,
    /// What the fields of the webhook's filter say, if the filter leaves the event out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    filter_fields: Option<Vec<FilterField>>,
    /// The webhook's last change, if the reason follows from its settings: perhaps the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_change: Option<LastChangeResponse>,
    /// The delivery, if it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeliveryId>, nullable = false)]
    delivery_id: Option<String>,
    /// The delivery's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeliveryStatus>, nullable = false)]
    status: Option<&'static str>,
    /// The next attempt's request as it would be sent now, or the last one's as it was sent if no
    /// other follows. Absent if nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request: Option<ExplainedRequest>,
    /// Whether the request is left out because the requests before it are large: ask for this
    /// webhook alone by `webhookId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_omitted: Option<bool>,
    /// When attempts are due, the next one first, if each one fails. An attempt may be later: by
    /// the time that the one before takes, by the contract's jitter, and by the receiver's
    /// `Retry-After`.
    #[schema(value_type = Vec<Timestamp>)]
    next_attempts: Vec<String>,
}

/// A request without its signature and the values of credentials.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RequestExplanation)]
struct ExplainedRequest {
    #[schema(examples("POST"))]
    method: &'static str,
    /// Where it goes.
    url: String,
    /// In the order of sending; the signature and the webhook's own as `***`. Those with a time
    /// have the time at which the attempt is due.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: Headers,
    /// The exact bytes; absent after the event was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    body: Option<String>,
    /// The text that the signature is computed from; absent if the contract does not sign, and
    /// after the event was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    signed_text: Option<String>,
}

/// What is needed to show requests.
pub(super) struct RequestInputs<'a> {
    pub(super) event: &'a Event,
    /// The event type's name in the catalogue.
    pub(super) type_name: Option<String>,
    /// The contracts that last attempts followed, by their references.
    pub(super) contracts: BTreeMap<String, Contract>,
}

impl RequestInputs<'_> {
    fn request(&self, of: &Explanation<'_>) -> Option<ExplainedRequest> {
        let recorded = of.recorded_contract();
        let recorded = recorded.and_then(|reference| self.contracts.get(reference));
        let request = of.request(self.event, self.type_name.as_deref(), recorded, USER_AGENT)?;
        Some(ExplainedRequest {
            method: "POST",
            url: request.url,
            headers: Headers::of(request.headers.into_iter()),
            body: request.body,
            signed_text: request.signed_text,
        })
    }
}

impl ExplanationResponse {
    /// Requests are shown until they take [`MAX_REQUEST_BYTES`], one at least.
    pub(super) fn new(
        inputs: &RequestInputs<'_>,
        webhooks: &[Explanation<'_>],
    ) -> Result<Self, Fault> {
        let mut left = Some(MAX_REQUEST_BYTES);
        let mut all = Vec::new();
        for one in webhooks.iter().take(MAX_WEBHOOKS) {
            let mut entry = WebhookExplanation::new(one);
            if let Some(bytes) = left
                && let Some(request) = inputs.request(one)
            {
                left = bytes.checked_sub(bytes_in_answer(&request)?);
                entry.request = left.is_some().then_some(request);
            }
            entry.request_omitted = (left.is_none() && one.has_request()).then_some(true);
            all.push(to_raw_value(&entry).or_bug(Stage::Respond)?);
        }
        Ok(Self {
            event_id: Some(inputs.event.id.to_string()),
            r#type: inputs.event.event_type.to_string(),
            has_more: (webhooks.len() > all.len()).then_some(true),
            webhooks: all,
        })
    }

    /// Without the id that an event got for this answer only.
    pub(super) fn with_event_id(self, is_own: bool) -> Self {
        Self {
            event_id: self.event_id.filter(|_| is_own),
            ..self
        }
    }
}

/// A function's answer has the body as a string within JSON: quotes and backslashes are escaped
/// once more.
fn bytes_in_answer(request: &ExplainedRequest) -> Result<usize, Fault> {
    let json = serde_json::to_vec(request).or_bug(Stage::Respond)?;
    let escaped = json.iter().filter(|byte| matches!(byte, b'"' | b'\\'));
    Ok(json.len() + escaped.count())
}

impl WebhookExplanation {
    fn new(one: &Explanation<'_>) -> Self {
        Self {
            webhook_id: one.webhook.to_string(),
            webhook_name: one.to.and_then(|to| to.webhook.name.clone()),
            result: one.result.as_str(),
            reason: one.reason.as_str(),
            detail: one.detail.clone(),
            nearest_filter: one.nearest_filter.clone(),
            filter_fields: one.filter.as_ref().map(FilterField::all),
            last_change: one.changed_webhook().map(LastChangeResponse::new),
            delivery_id: one.delivery.map(|delivery| delivery.id.to_string()),
            status: one.delivery.map(|delivery| delivery.status.as_str()),
            request: None,
            request_omitted: None,
            next_attempts: one.next_attempts.iter().map(|at| at.rfc3339()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::author::Author;
    use domain::contract::{MAX_RETRY_DELAYS, Overrides, builtin};
    use domain::credential::SealingKeys;
    use domain::event::{self, MAX_EVENT_BYTES};
    use domain::event_type::EventFilter;
    use domain::explain::Explained;
    use domain::guard::MAX_URL_BYTES;
    use domain::ids::{KeyId, WebhookId};
    use domain::signing_secrets::SigningSecrets;
    use domain::tenant::{Limits, Subscription, Tenant, TenantSnapshot, Webhook};
    use domain::time::Time;
    use domain::ulid::Ulid;
    use domain::webhook::{ChangedMember, LastChange};

    use super::*;

    /// AWS Lambda Developer Guide, "Lambda quotas": the payload of a synchronous answer.
    const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

    fn tenant(keys: &Arc<SealingKeys>) -> Tenant {
        Tenant {
            id: "t".parse().unwrap(),
            name: None,
            contract: "standard".to_owned(),
            contact_email: None,
            publishers: vec![],
            limits: Limits::default(),
            context: BTreeMap::new(),
            sealing_keys: Arc::clone(keys),
            created_at: Time::from_millis(0),
            updated_at: Time::from_millis(0),
        }
    }

    fn subscription(number: usize, filter: &str, keys: &Arc<SealingKeys>) -> Subscription {
        let mut contract = builtin("standard").unwrap();
        contract.retry_delays_seconds = vec![1; MAX_RETRY_DELAYS];
        let webhook = Webhook {
            id: format!("{number:0>64}").parse::<WebhookId>().unwrap(),
            tenant: "t".parse().unwrap(),
            name: Some("\"".repeat(100)),
            url: "/".repeat(MAX_URL_BYTES),
            events: vec![EventFilter::try_from(filter.to_owned()).unwrap()],
            filter: None,
            active: true,
            contract: "standard".to_owned(),
            overrides: Overrides::default(),
            context: BTreeMap::new(),
            secrets: SigningSecrets::new("sealed".to_owned()),
            basic_auth: None,
            headers: BTreeMap::new(),
            created_at: Time::from_millis(0),
            updated_at: Time::from_millis(0),
            version: 1,
            disabled: None,
            switched: vec![],
            slow_since: Some(Time::from_millis(0)),
            failing_since: None,
            since: None,
            written: Some(LastChange {
                at: Time::from_millis(0),
                by: Author::Key {
                    id: KeyId::new([1; 16]),
                    name: Some("\"".repeat(256)),
                },
                changed: ChangedMember::ALL.to_vec(),
            }),
        };
        Subscription {
            webhook,
            contract,
            sealing_keys: Arc::clone(keys),
            context: BTreeMap::new(),
        }
    }

    /// The answer about an event whose data are quotes, for so many webhooks.
    fn answer(webhooks: usize, filter: &str) -> ExplanationResponse {
        let event_type = "x".repeat(256);
        // Quotes, which each JSON around them escapes again.
        let data = "\\\"".repeat((MAX_EVENT_BYTES - 300) / 2);
        let text = format!(r#"{{"type":"{event_type}","data":"{data}"}}"#);
        let key = Ulid::derived(Time::from_millis(1), "x");
        let event = event::parse(text.as_bytes()).unwrap();
        let event = event.accept("t".parse().unwrap(), key);
        let keys = Arc::new(SealingKeys {
            public: String::new(),
            sealed_private: String::new(),
        });
        let subscriptions = (0..webhooks).map(|number| subscription(number, filter, &keys));
        let snapshot = TenantSnapshot {
            tenant: tenant(&keys),
            subscriptions: subscriptions.collect(),
            unreadable: vec![],
        };
        let explained = Explained {
            event: &event,
            record: None,
            is_message_dead: false,
            snapshot: &snapshot,
            now: Time::from_millis(1),
        };
        let inputs = RequestInputs {
            event: &event,
            type_name: None,
            contracts: BTreeMap::new(),
        };
        ExplanationResponse::new(&inputs, &explained.webhooks()).unwrap()
    }

    #[test]
    fn an_explanation_of_maximum_size_fits_into_an_answer() {
        let near = format!("{}y", "x".repeat(255));
        for filter in ["*", &near] {
            let answer = answer(MAX_WEBHOOKS + 1, filter);
            assert_eq!(answer.webhooks.len(), MAX_WEBHOOKS);
            assert_eq!(answer.has_more, Some(true));
            let body = serde_json::to_string(&answer).unwrap();
            let requests = body.matches("\"request\":").count();
            let left_out = body.matches("\"requestOmitted\":true").count();
            let sent = if filter == "*" { MAX_WEBHOOKS } else { 0 };
            assert_eq!(requests + left_out, sent);
            assert_eq!(requests, usize::from(sent > 0), "the first is always shown");
            // The gateway is answered in JSON that has the body as a string.
            let whole = serde_json::json!({"statusCode": 200, "body": body}).to_string();
            assert!(whole.len() + 4096 < MAX_ANSWER_BYTES, "{}", whole.len());
        }
        assert_eq!(answer(2, "*").has_more, None);
    }
}
