//! Webhooks as callers see them.

use std::collections::BTreeMap;

use adapters::clock::now;
use api::document::schemas::{
    AnswerOf, ContractName, EventFilter as Filter, TenantId as Owner, Timestamp,
    WebhookDisabledReason, WebhookId as Id, WebhookState as State,
};
use api::publishing;
use domain::contract::{Overrides, Secret};
use domain::event_type::EventFilter;
use domain::ids::{TenantId, WebhookId};
use domain::sent_request::MASK;
use domain::tenant::Webhook;
use domain::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::filter::pattern;
use super::last_change::LastChangeResponse;
use crate::context;
use crate::contracts::{delays, delays_or_null};

type RulesAnswer = AnswerOf<OwnRules>;

/// A webhook. Secrets cannot be read: header values are shown as `***`, which is never a value. In
/// a request `***` means that the value stays as it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(crate) struct WebhookResponse {
    #[schema(value_type = Id)]
    id: WebhookId,
    /// Whose it is.
    #[schema(value_type = Owner)]
    tenant_id: TenantId,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// The URL that gets the deliveries. `postel:inbox` is an inbox in Postel itself.
    url: String,
    #[schema(value_type = Vec<Filter>)]
    events: Vec<EventFilter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = pattern, required = false)]
    filter: Option<Box<RawValue>>,
    /// Whether it gets events.
    active: bool,
    #[schema(value_type = State)]
    state: &'static str,
    #[schema(value_type = ContractName)]
    contract: String,
    /// Settings that differ from its contract.
    #[schema(value_type = RulesAnswer)]
    overrides: Overrides,
    /// What envelopes find where the event does not say it.
    #[serde(skip_serializing_if = "context::ContextResponse::is_empty")]
    #[schema(schema_with = publishing::own_context, required = false)]
    context: context::ContextResponse,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    basic_auth: Option<BasicAuthResponse>,
    /// Its own headers, with masked values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, &'static str>,
    #[schema(value_type = Timestamp)]
    created_at: String,
    #[schema(value_type = Timestamp)]
    updated_at: String,
    /// Why Postel disabled it, if it did: the receiver responded with 410, or the contract disables
    /// a webhook after the last failed attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WebhookDisabledReason>, nullable = false)]
    disabled_reason: Option<&'static str>,
    /// When it was switched off, by Postel or by its owner. Absent if it was created so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    disabled_at: Option<String>,
    /// Since when its receiver fails: the last attempts of a delivery failed, or a delivery became
    /// a dead letter, and no attempt has succeeded since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    failing_since: Option<String>,
    /// Whether its receiver is slow, so that it is delivered to from the slow lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    slow: Option<bool>,
    /// Older secrets that still sign, newest first.
    previous_secrets: Vec<PreviousSecretResponse>,
    /// The last change since the creation. Absent if there was none, or if it is not known who made
    /// it: a version of Postel without this member did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_change: Option<LastChangeResponse>,
}

/// An older secret that still signs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviousSecret)]
struct PreviousSecretResponse {
    /// When it stops signing.
    #[schema(value_type = Timestamp)]
    ends_at: String,
}

/// A webhook with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: WebhookResponse,
    /// The signing secret, shown only in this response. Absent if the contract does not sign, and
    /// in the response to a repeated request or a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Basic authentication without its password.
#[derive(Serialize, ToSchema)]
#[schema(as = BasicAuth)]
struct BasicAuthResponse {
    username: String,
}

/// Basic authentication as it comes in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BasicAuthCreate, description = "Basic authentication (RFC 7617), sent with every delivery.")]
#[expect(
    dead_code,
    reason = "the shape of the domain's BasicAuth for the document"
)]
pub(super) struct OwnBasicAuth {
    /// No colon, no control character.
    #[schema(max_length = 512, pattern = r"^[^:\u0000-\u001f\u007f-\u009f]*$")]
    username: String,
    /// No control character. It cannot be read back.
    #[schema(
        max_length = 512,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$",
        write_only
    )]
    password: String,
}

/// Basic authentication in a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BasicAuthUpdate, description = "Basic authentication (RFC 7617). A member that is left out stays as it is.")]
#[expect(dead_code, reason = "the shape of the domain's patch for the document")]
pub(super) struct OwnBasicAuthPatch {
    /// No colon, no control character.
    #[serde(default)]
    #[schema(max_length = 512, pattern = r"^[^:\u0000-\u001f\u007f-\u009f]*$")]
    username: String,
    /// No control character. `***` keeps it.
    #[serde(default)]
    #[schema(
        max_length = 512,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$",
        write_only
    )]
    password: String,
}

/// Settings of a webhook that differ from its contract.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookOverridesCreate)]
#[expect(
    dead_code,
    reason = "the shape of the domain's Overrides for the document"
)]
pub(super) struct OwnRules {
    /// Replaces the contract's timeout. The operator's limit can be lower.
    #[schema(minimum = 1, maximum = 60)]
    timeout_seconds: Option<u32>,
    /// In place of the contract's delays.
    #[serde(default)]
    #[schema(schema_with = delays)]
    retry_delays_seconds: Vec<u32>,
}

/// Settings of a webhook in a merge patch: null takes one away.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookOverridesUpdate)]
#[expect(
    dead_code,
    reason = "the shape of the domain's Overrides for the document"
)]
pub(super) struct OwnRulesPatch {
    /// Replaces the contract's timeout. The operator's limit can be lower.
    #[schema(minimum = 1, maximum = 60)]
    timeout_seconds: Option<u32>,
    /// In place of the contract's delays.
    #[schema(schema_with = delays_or_null)]
    retry_delays_seconds: Option<Vec<u32>>,
}

impl WebhookResponse {
    pub(super) fn new(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.clone(),
            tenant_id: webhook.tenant.clone(),
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            events: webhook.events.clone(),
            filter: webhook
                .filter
                .as_ref()
                .map(|filter| filter.json().to_owned()),
            active: webhook.active,
            state: webhook.state().as_str(),
            contract: webhook.contract.clone(),
            overrides: webhook.overrides.clone(),
            context: context::ContextResponse(webhook.context.clone()),
            basic_auth: webhook.basic_auth.as_ref().map(|basic| BasicAuthResponse {
                username: basic.username.clone(),
            }),
            headers: webhook
                .headers
                .keys()
                .map(|name| (name.clone(), MASK))
                .collect(),
            created_at: webhook.created_at.rfc3339(),
            updated_at: webhook.updated_at.rfc3339(),
            disabled_reason: webhook.disabled.map(|reason| reason.as_str()),
            disabled_at: webhook.off_since().map(Time::rfc3339),
            failing_since: webhook.failing_since.map(Time::rfc3339),
            slow: webhook.is_slow().then_some(true),
            previous_secrets: webhook
                .secrets
                .previous_ends(now())
                .map(|end| PreviousSecretResponse {
                    ends_at: end.rfc3339(),
                })
                .collect(),
            last_change: webhook
                .last_change()
                .map(|change| LastChangeResponse::new((webhook, change))),
        }
    }
}

pub(super) fn with_secret(webhook: &Webhook, secret: Option<&Secret>) -> WebhookWithSecret {
    WebhookWithSecret {
        webhook: WebhookResponse::new(webhook),
        secret: secret.map(|secret| secret.expose().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use domain::strict_json::parse;
    use domain::webhook::BasicAuth;
    use serde_json::{Map, Value, json};
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn basic_authentication_has_the_members_that_the_document_describes() {
        let schema = serde_json::to_value(OwnBasicAuth::schema()).unwrap();
        let described = schema["properties"].as_object().unwrap().keys();
        let whole: Map<_, _> = described.map(|name| (name.clone(), json!(""))).collect();
        let is_read = |members: &Map<String, Value>| {
            let text = Value::from(members.clone()).to_string();
            parse::<BasicAuth>(&text).is_ok()
        };
        assert!(is_read(&whole));
        for required in schema["required"].as_array().unwrap() {
            let mut less = whole.clone();
            less.remove(required.as_str().unwrap());
            assert!(!is_read(&less), "{required}");
        }
        let mut more = whole.clone();
        more.insert("realm".to_owned(), json!(""));
        assert!(!is_read(&more) && whole.len() == 2);
    }
}
