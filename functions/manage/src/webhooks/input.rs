//! What callers send to make or to change a webhook.

use std::collections::BTreeMap;

use api::caller::{Object, object_field, object_or_null};
use api::document::schemas::{
    ContractName, EventFilter as Filter, Timestamp, WebhookId as Id, headers, headers_or_null,
};
use api::publishing;
use domain::context::Given;
use domain::contract::Overrides;
use domain::webhook::{BasicAuth, FormerSecret, GivenSecret, Import, NewWebhook};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::filter::pattern_or_null;
use super::wire::{OwnBasicAuth, OwnBasicAuthPatch, OwnRules, OwnRulesPatch};

/// A webhook to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookCreate)]
pub(crate) struct Create {
    /// An id of your own, unique among the tenant's webhooks. Default: generated. It makes the
    /// request repeatable, as an `Idempotency-Key` does.
    #[schema(value_type = Option<Id>)]
    pub(super) id: Option<String>,
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// The URL that gets the deliveries: https, or http if the operator allows it. `postel:inbox`
    /// is an inbox in Postel itself, to test with.
    #[schema(
        format = "uri",
        min_length = 1,
        max_length = 2048,
        examples("https://example.com/hooks")
    )]
    url: String,
    /// Which events it gets.
    #[schema(value_type = Vec<Filter>, min_items = 1, max_items = 100)]
    events: Vec<String>,
    #[schema(schema_with = pattern_or_null, required = false)]
    filter: Option<Box<RawValue>>,
    /// Whether it gets events. Default: true.
    active: Option<bool>,
    /// Its contract. Default: the tenant's.
    #[schema(value_type = Option<ContractName>)]
    pub(super) contract: Option<String>,
    /// The signing secret, in the contract's format: plain text, or `whsec_` and the base64 of 24
    /// to 64 bytes. Default: generated.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    secret: Option<GivenSecret>,
    #[serde(default, deserialize_with = "object_or_null")]
    #[schema(value_type = Option<OwnBasicAuth>)]
    basic_auth: Option<BasicAuth>,
    /// Headers of its own, kept like secrets: 32 of 4,096 bytes in all, counting names, values and
    /// 4 bytes for each. Not those of HTTP, of the contract, of a proxy, of a cloud or of Postel.
    /// Names are alike in upper and lower case, and with `_` for `-`.
    #[serde(default)]
    #[schema(schema_with = headers)]
    headers: BTreeMap<String, GivenSecret>,
    #[serde(default, deserialize_with = "object_field")]
    #[schema(value_type = OwnRules)]
    overrides: Overrides,
    /// What envelopes find where the event does not say it.
    #[serde(default)]
    #[schema(schema_with = publishing::own_context)]
    context: Given,
    /// When another system created it, for a webhook that comes from there. Default: now. For the
    /// operator.
    #[schema(value_type = Option<Timestamp>)]
    created_at: Option<String>,
    /// Older secrets that still sign, for a webhook that comes from another system. For the
    /// operator.
    #[schema(value_type = Option<Vec<OwnFormerSecret>>, max_items = 2)]
    previous_secrets: Option<Vec<Object<FormerSecret>>>,
}

/// An older secret of a webhook from another system.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PreviousSecretImport)]
#[expect(
    dead_code,
    reason = "the shape of the domain's FormerSecret for the document"
)]
struct OwnFormerSecret {
    /// The secret, in the contract's format.
    #[schema(min_length = 1, max_length = 1024)]
    secret: String,
    /// When it stops signing: within the next seven days.
    #[schema(value_type = Timestamp)]
    ends_at: String,
}

/// The changes, as a JSON merge patch: null removes a member. [`domain::webhook::WebhookPatch`]
/// reads it; this is its shape.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookUpdate, description = "The changes, as a JSON merge patch: null removes a member.")]
#[expect(dead_code, reason = "described, never filled: see above")]
pub(crate) struct Change {
    /// Ignored, so that a webhook can be sent back as it was read.
    #[serde(default)]
    #[schema(read_only)]
    id: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    tenant_id: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    created_at: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    updated_at: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    disabled_reason: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    disabled_at: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    failing_since: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    slow: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    state: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    previous_secrets: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    last_change: Value,
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// The URL that gets the deliveries, or `postel:inbox`.
    #[serde(default)]
    #[schema(format = "uri", min_length = 1, max_length = 2048)]
    url: String,
    /// Which events it gets.
    #[serde(default)]
    #[schema(value_type = Vec<Filter>, min_items = 1, max_items = 100)]
    events: Vec<String>,
    #[schema(schema_with = pattern_or_null, required = false)]
    filter: Option<Value>,
    /// Whether it gets events.
    #[serde(default)]
    active: bool,
    /// Another contract with the same kind of signature.
    #[serde(default)]
    #[schema(value_type = ContractName)]
    contract: String,
    #[schema(value_type = Option<OwnBasicAuthPatch>)]
    basic_auth: Option<BasicAuth>,
    /// Headers of its own; null in place of a value takes one away, in place of the whole all.
    /// `***` keeps a value. What comes out has at most 32, of 4,096 bytes in all.
    #[serde(default)]
    #[schema(schema_with = headers_or_null)]
    headers: Option<BTreeMap<String, Option<String>>>,
    #[schema(value_type = Option<OwnRulesPatch>)]
    overrides: Option<Overrides>,
    /// Values for envelopes that the event does not give. Null removes a name; null for the whole
    /// member removes all.
    #[serde(default)]
    #[schema(schema_with = publishing::own_context_or_null)]
    context: Option<Given>,
}

impl Create {
    /// What only the operator may say. Takes it out.
    pub(super) fn take_import(&mut self) -> Import {
        let previous = self.previous_secrets.take().unwrap_or_default();
        Import {
            created_at: self.created_at.take(),
            previous_secrets: previous.into_iter().map(|Object(former)| former).collect(),
        }
    }

    /// What is asked for, its contract and [`Self::take_import`] aside.
    pub(super) fn without_contract(self) -> NewWebhook {
        NewWebhook {
            name: self.name,
            url: self.url,
            events: self.events,
            filter: self.filter,
            active: self.active,
            secret: self.secret,
            basic_auth: self.basic_auth,
            headers: self.headers,
            overrides: self.overrides,
            context: self.context,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::webhook::{PATCHED, READ_ONLY};
    use utoipa::PartialSchema as _;

    use super::super::wire::WebhookResponse;

    use super::*;

    #[test]
    fn the_document_has_every_member_that_a_patch_may_name() {
        let schema = serde_json::to_value(Change::schema()).unwrap();
        let described: BTreeSet<_> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let named: Vec<_> = [&PATCHED[..], &READ_ONLY[..]].concat();
        assert_eq!(described, named.iter().map(ToString::to_string).collect());
        let shown = serde_json::to_value(WebhookResponse::schema()).unwrap();
        let shown: BTreeSet<_> = shown["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert!(shown.is_subset(&described), "what is read can be sent back");
    }
}
