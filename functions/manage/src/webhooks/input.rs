//! What callers send to make or to change a webhook.

use std::collections::BTreeMap;

use api::caller::{object_field, object_or_null};
use api::document::schemas::{ContractName, EventFilter as Filter, headers, headers_or_null};
use api::publishing;
use domain::context::Given;
use domain::contract::{Overrides, Secret};
use domain::webhook::{BasicAuth, NewWebhook};
use serde::Deserialize;
use utoipa::ToSchema;

use super::wire::{OwnBasicAuth, OwnRules};

/// A webhook that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub(crate) struct Create {
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// Where it delivers to: https, and http where the operator allows it.
    #[schema(
        format = "uri",
        min_length = 1,
        max_length = 2048,
        examples("https://example.com/hooks")
    )]
    url: String,
    /// Which events it wants.
    #[schema(value_type = Vec<Filter>, min_items = 1, max_items = 100)]
    events: Vec<String>,
    /// Whether it gets events; yes, if nothing is said.
    active: Option<bool>,
    /// How it talks to its receiver; as the tenant's contract says, if nothing is said.
    #[schema(value_type = Option<ContractName>)]
    pub(super) contract: Option<String>,
    /// What signs, as the contract reads it: as it is, or `whsec_` and the base64 of 24 to 64 bytes. Made, if nothing is said.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    secret: Option<Secret>,
    #[serde(default, deserialize_with = "object_or_null")]
    #[schema(value_type = Option<OwnBasicAuth>)]
    basic_auth: Option<BasicAuth>,
    /// Headers of its own, kept like secrets: 32 of 4,096 bytes in all, counting names, values and 4 bytes for each. Not those of HTTP, of the contract, of a proxy,
    /// of a cloud or of Postel. Names are alike in upper and lower case, and with `_` for `-`.
    #[serde(default)]
    #[schema(schema_with = headers)]
    headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "object_field")]
    #[schema(value_type = OwnRules)]
    overrides: Overrides,
    /// What envelopes find where the event does not say it.
    #[serde(default)]
    #[schema(schema_with = publishing::own_context)]
    context: Given,
}

/// What is to change, as a JSON merge patch: null takes a member away. [`domain::webhook::WebhookPatch`] reads
/// it; this is its shape.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookPatch, description = "What is to change, as a JSON merge patch: null takes a member away.")]
#[expect(dead_code, reason = "described, never filled: see above")]
pub(crate) struct Change {
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// Where it delivers to.
    #[serde(default)]
    #[schema(format = "uri", min_length = 1, max_length = 2048)]
    url: String,
    /// Which events it wants.
    #[serde(default)]
    #[schema(value_type = Vec<Filter>, min_items = 1, max_items = 100)]
    events: Vec<String>,
    /// Whether it gets events.
    #[serde(default)]
    active: bool,
    /// Another contract that signs in the same way.
    #[serde(default)]
    #[schema(value_type = ContractName)]
    contract: String,
    #[schema(value_type = Option<OwnBasicAuth>)]
    basic_auth: Option<BasicAuth>,
    /// Headers of its own; null in place of a value takes one away, in place of the whole all. What comes out has at most 32, of 4,096 bytes in all.
    #[serde(default)]
    #[schema(schema_with = headers_or_null)]
    headers: Option<BTreeMap<String, Option<String>>>,
    #[schema(value_type = Option<OwnRules>)]
    overrides: Option<Overrides>,
    /// What envelopes find where the event does not say it; null takes a name away, in place of the whole all of them.
    #[serde(default)]
    #[schema(schema_with = publishing::own_context_or_null)]
    context: Option<Given>,
}

impl Create {
    /// What is asked for, its contract aside.
    pub(super) fn without_contract(self) -> NewWebhook {
        NewWebhook {
            name: self.name,
            url: self.url,
            events: self.events,
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

    use domain::webhook::PATCHED;
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn the_document_has_every_member_that_a_patch_may_name() {
        let schema = serde_json::to_value(Change::schema()).unwrap();
        let described: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().collect();
        let named: Vec<_> = PATCHED.map(str::to_owned).into();
        assert_eq!(described, named.iter().collect());
    }
}
