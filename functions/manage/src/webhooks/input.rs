//! What a webhook may be made of.

use std::collections::BTreeMap;
use std::time::Duration;

use api::caller::{object, object_or_null, parse};
use api::document::text::{ContractName, EventFilter as Filter, headers, headers_or_null};
use api::problem::Problem;
use api::publishing;
use domain::context::Given;
use domain::contract::{Contract, Overrides, Secret};
use domain::event_type::EventFilter;
use domain::object::{Members, parse_any};
use domain::rejection::{Code, Rejection};
use domain::tenant::Webhook;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::credentials::BasicAuth;
use super::wire::OwnRules;
use crate::Function;

const MOST_FILTERS: usize = 100;

/// A webhook that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub(crate) struct Create {
    /// For people.
    #[schema(max_length = 256)]
    pub(super) name: Option<String>,
    /// Where it delivers to: https, and http where the operator allows it.
    #[schema(
        format = "uri",
        min_length = 1,
        max_length = 2048,
        examples("https://example.com/hooks")
    )]
    pub(super) url: String,
    /// Which events it wants.
    #[schema(value_type = Vec<Filter>, min_items = 1, max_items = 100)]
    pub(super) events: Vec<String>,
    /// Whether it gets events; yes, if nothing is said.
    pub(super) active: Option<bool>,
    /// How it talks to its receiver; as the tenant's contract says, if nothing is said.
    #[schema(value_type = Option<ContractName>)]
    pub(super) contract: Option<String>,
    /// What signs, as the contract reads it: as it is, or `whsec_` and the base64 of 24 to 64 bytes. Made, if nothing is said.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    pub(super) secret: Option<Secret>,
    #[serde(default, deserialize_with = "object_or_null")]
    pub(super) basic_auth: Option<BasicAuth>,
    /// Headers of its own, kept like secrets: 32 of 4,096 bytes in all, counting names, values and 4 bytes for each. Not those of HTTP, of the contract, of a proxy,
    /// of a cloud or of Postel. Names are alike in upper and lower case, and with `_` for `-`.
    #[serde(default)]
    #[schema(schema_with = headers)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = OwnRules)]
    pub(super) overrides: Overrides,
    /// What envelopes find where the event does not say it.
    #[serde(default)]
    #[schema(schema_with = publishing::own_context)]
    pub(super) context: Given,
}

/// What is to change, as a JSON merge patch: null takes a member away. [`Editable::patched`], [`domain::context::patched`] and
/// [`super::credentials::Patch`] read it; this is its shape.
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

/// What can be changed, as it is after a merge patch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Editable {
    pub(super) name: Option<String>,
    pub(super) url: String,
    pub(super) events: Vec<String>,
    pub(super) active: bool,
    pub(super) contract: String,
    #[serde(default, deserialize_with = "object")]
    pub(super) overrides: Overrides,
}

impl Editable {
    pub(super) fn patched(before: &Webhook, patch: Map<String, Value>) -> Result<Self, Rejection> {
        let mut merged = json!({
            "name": before.name,
            "url": before.url,
            "events": before.events,
            "active": before.active,
            "contract": before.contract,
            "overrides": before.overrides,
        });
        merge(&mut merged, Value::Object(patch));
        parse(&merged.to_string())
    }
}

/// What a patch may name; a test compares it with [`Change`].
const PATCHED: [&str; 9] = [
    "name",
    "url",
    "events",
    "active",
    "contract",
    "basicAuth",
    "headers",
    "overrides",
    "context",
];
/// What a webhook cannot be without.
const NEEDED: [&str; 4] = ["url", "events", "active", "contract"];

/// A patch, part by part.
#[derive(Clone)]
pub(super) struct Patch {
    /// None in place of the whole: all names are taken away.
    pub(super) context: Option<Option<Given>>,
    /// What is left of it.
    pub(super) rest: Map<String, Value>,
}

impl Patch {
    pub(super) fn read(mut members: Members<Box<RawValue>>) -> Result<Self, Rejection> {
        let context = members.remove("context");
        let rest = members
            .0
            .into_iter()
            .map(|(name, raw)| Ok((name, parse_any(raw.get())?)))
            .collect::<Result<_, Rejection>>()?;
        check_patch(&rest)?;
        Ok(Self {
            context: context.map(|raw| parse_any(raw.get())).transpose()?,
            rest,
        })
    }
}

/// Refuses a patch for what it names: the merged webhook could only be blamed for what the caller did not send.
pub(super) fn check_patch(patch: &Map<String, Value>) -> Result<(), Rejection> {
    let wrong =
        |name: &str, detail: String| Err(Rejection::new(Code::InvalidRequest, detail).field(name));
    for (name, value) in patch {
        if name == "secret" {
            let detail = "A secret is changed by POST \u{2026}/webhooks/{webhook}/secret/rotate.";
            return wrong(name, detail.to_owned());
        }
        if !PATCHED.contains(&name.as_str()) {
            let allowed = PATCHED.map(|name| format!("`{name}`")).join(", ");
            let detail = format!("`{name}` cannot be changed here. Allowed: {allowed}.");
            return wrong(name, detail);
        }
        if value.is_null() && NEEDED.contains(&name.as_str()) {
            return wrong(
                name,
                format!("`{name}` cannot be removed: give it another value."),
            );
        }
    }
    Ok(())
}

/// JSON merge patch (RFC 7396).
fn merge(into: &mut Value, patch: Value) {
    match patch {
        Value::Object(members) => {
            if !into.is_object() {
                *into = json!({});
            }
            let Some(target) = into.as_object_mut() else {
                return;
            };
            for (name, value) in members {
                if value.is_null() {
                    target.remove(&name);
                } else {
                    merge(target.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        other => *into = other,
    }
}

impl Function {
    /// A contract that can be chosen.
    pub(crate) async fn contract(&self, name: &str) -> Result<Contract, Problem> {
        let missing = || {
            Rejection::new(Code::InvalidContract, "There is no contract of this name.")
                .field("contract")
        };
        if !Contract::is_name(name) {
            return Err(missing().into());
        }
        Ok(self.config.contract(name).await?.ok_or_else(missing)?)
    }

    /// A contract that a webhook has, even if it cannot be chosen any more.
    pub(super) async fn contract_in_use(&self, name: &str) -> Result<Contract, Problem> {
        let missing = || {
            Rejection::new(Code::InvalidContract, "There is no contract of this name.")
                .field("contract")
        };
        Ok(self.config.contract_of(name).await?.ok_or_else(missing)?)
    }

    /// The URL as it is stored, if the guard lets it pass.
    pub(super) fn check_url(&self, raw: &str, contract: &Contract) -> Result<String, Rejection> {
        let refuse = |reason, detail: String| Rejection {
            reason: Some(reason),
            ..Rejection::new(Code::InvalidUrl, detail).field("url")
        };
        let target = self.egress.parse(raw).map_err(|denied| {
            let also = self.egress.also_denied(raw, denied);
            let all = [Some(denied), also].into_iter().flatten();
            let detail: Vec<_> = all.map(|denied| denied.to_string()).collect();
            refuse(denied.code(), detail.join(" "))
        })?;
        if contract.https_only
            && target.url().scheme() != "https"
            && !self.egress.is_own_place(&target)
        {
            return Err(refuse(
                "scheme",
                format!("The contract {} is for https only.", contract.name),
            ));
        }
        Ok(target.as_str().to_owned())
    }
}

pub(super) fn check_events(events: Vec<String>) -> Result<Vec<EventFilter>, Rejection> {
    let wrong = |detail: String| Rejection::new(Code::InvalidEvents, detail).field("events");
    if !(1..=MOST_FILTERS).contains(&events.len()) {
        return Err(wrong(format!(
            "A webhook has 1 to {MOST_FILTERS} event filters: a type, a component (item.*) or *."
        )));
    }
    events
        .into_iter()
        .map(|text| EventFilter::try_from(text).map_err(|told| wrong(told.words().to_owned())))
        .collect()
}

pub(super) fn check_overrides(overrides: &Overrides, longest: Duration) -> Result<(), Rejection> {
    let wrong = |(field, detail): (&str, String)| {
        Rejection::new(Code::InvalidContract, detail).field(field)
    };
    overrides.check().map_err(wrong)?;
    if overrides
        .timeout_seconds
        .is_some_and(|s| u64::from(s) > longest.as_secs())
    {
        let detail = format!(
            "The operator allows timeouts of at most {} seconds.",
            longest.as_secs()
        );
        return Err(wrong(("overrides.timeoutSeconds", detail)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch_refused(patch: Value) -> Option<(String, String)> {
        let rejection = check_patch(patch.as_object().unwrap()).err()?;
        Some((rejection.field.unwrap().into(), rejection.detail.into()))
    }

    #[test]
    fn a_patch_is_refused_in_words_about_what_was_sent() {
        use utoipa::PartialSchema as _;
        let schema = serde_json::to_value(Change::schema()).unwrap();
        let described: std::collections::BTreeSet<_> =
            schema["properties"].as_object().unwrap().keys().collect();
        let named: Vec<_> = PATCHED.map(str::to_owned).into();
        assert_eq!(described, named.iter().collect());
        let (field, detail) = patch_refused(json!({"id": "wh_x"})).unwrap();
        assert_eq!(field, "id");
        assert!(PATCHED.iter().all(|name| detail.contains(name)), "{detail}");
        let (_, detail) = patch_refused(json!({"secret": "s"})).unwrap();
        assert!(detail.contains("secret/rotate"), "{detail}");
        for needed in NEEDED {
            let (field, detail) = patch_refused(json!({needed: null})).unwrap();
            assert_eq!(field, needed);
            assert!(detail.contains("cannot be removed"), "{detail}");
        }
        let nulls = json!({"name": null, "basicAuth": null, "headers": null, "overrides": null});
        assert_eq!(patch_refused(nulls), None);
    }

    #[test]
    fn a_merge_patch_follows_rfc_7396() {
        let mut value = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(
            &mut value,
            json!({"a": {"b": null, "e": {"f": null, "g": 1}}, "d": [2], "h": 3}),
        );
        assert_eq!(
            value,
            json!({"a": {"c": 2, "e": {"g": 1}}, "d": [2], "h": 3})
        );
    }
}
