//! A change of a webhook, as a JSON merge patch (RFC 7396).

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::credentials::{CredentialsPatch, ValidCredentials};
use super::rules::{WebhookRules, event_filters, filter_of};
use crate::author::Author;
use crate::context::{self, Context, Given};
use crate::contract::{Contract, Overrides, Secret};
use crate::credential::CredentialUse;
use crate::filter::Filter;
use crate::ids::WebhookId;
use crate::merge_patch::merge;
use crate::names::check_name;
use crate::rejection::{BodyPath, Code, Rejection, Together as _, judge};
use crate::strict_json::{Members, all_mistakes, object_field, parse_any};
use crate::tenant::Webhook;
use crate::time::Time;

/// The members that a patch may name.
pub const PATCHED: [&str; 10] = [
    "name",
    "url",
    "events",
    "filter",
    "active",
    "contract",
    "basicAuth",
    "headers",
    "overrides",
    "context",
];
/// The members that a response adds. They may come back with a patch, and are not read.
pub const READ_ONLY: [&str; 11] = [
    "id",
    "tenantId",
    "createdAt",
    "updatedAt",
    "disabledReason",
    "disabledAt",
    "failingSince",
    "slow",
    "state",
    "previousSecrets",
    "lastChange",
];
/// The members that a webhook cannot be without.
const REQUIRED: [&str; 4] = ["url", "events", "active", "contract"];

/// A patch, independent of the webhook.
#[derive(Clone)]
pub struct WebhookPatch {
    /// An outer `Some(None)` removes all names.
    context: Option<Option<Given>>,
    /// A filter replaces the former one as a whole: half of one and half of another would be a
    /// third that nobody wrote.
    filter: Option<Box<RawValue>>,
    /// The other members.
    rest: Map<String, Value>,
}

/// A patch on a webhook: the resulting webhook.
pub struct WebhookChange<'a> {
    before: &'a Webhook,
    wish: Editable,
    credentials: CredentialsPatch,
    context: Context,
    filter: Option<Filter>,
}

/// A change that keeps the rules, with nothing encrypted yet.
pub struct ValidChange<'a> {
    before: &'a Webhook,
    after: Webhook,
    credentials: ValidCredentials,
}

/// The members that can be changed, after a merge patch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Editable {
    name: Option<String>,
    url: String,
    events: Vec<String>,
    active: bool,
    contract: String,
    #[serde(default, deserialize_with = "object_field")]
    overrides: Overrides,
}

impl WebhookPatch {
    /// Reads a patch. Its members are checked here: an error about the merged webhook would blame
    /// members that the caller did not send.
    ///
    /// # Errors
    /// `unknown_field` for a member that cannot be changed, `missing_field` for one that cannot be
    /// removed.
    pub fn read(mut members: Members<Box<RawValue>>) -> Result<Self, Rejection> {
        for name in READ_ONLY {
            members.remove(name);
        }
        let context = members.remove("context");
        let filter = members.remove("filter");
        let rest = members
            .0
            .into_iter()
            .map(|(name, raw)| Ok((name, parse_any(raw.get())?)))
            .collect::<Result<_, Rejection>>()?;
        check(&rest)?;
        Ok(Self {
            context: context.map(|raw| parse_any(raw.get())).transpose()?,
            filter,
            rest,
        })
    }

    /// Applies the patch to a webhook.
    ///
    /// # Errors
    /// If the result does not have the shape of a webhook.
    pub fn on(mut self, before: &Webhook) -> Result<WebhookChange<'_>, Rejection> {
        let credentials = CredentialsPatch::take(&mut self.rest);
        let mut merged = json!({
            "name": before.name,
            "url": before.url,
            "events": before.events,
            "active": before.active,
            "contract": before.contract,
            "overrides": before.overrides,
        });
        merge(&mut merged, Value::Object(self.rest));
        let merged = merged.to_string();
        let shape = |text: &str| parse_any::<Editable>(text).err();
        let wish =
            parse_any::<Editable>(&merged).map_err(|first| all_mistakes(first, &merged, shape));
        let context = match self.context {
            Some(Some(changes)) => context::patched(&before.context, &changes),
            Some(None) => Ok(Context::new()),
            None => Ok(before.context.clone()),
        };
        let filter = match &self.filter {
            Some(given) => filter_of(Some(given)),
            None => Ok(before.filter.clone()),
        };
        let ((credentials, wish), (context, filter)) = credentials
            .and_also(wish)
            .and_also(context.and_also(filter))?;
        Ok(WebhookChange {
            before,
            wish,
            credentials,
            context,
            filter,
        })
    }
}

fn check(patch: &Map<String, Value>) -> Result<(), Rejection> {
    judge(patch.iter().map(|(name, value)| check_member(name, value)))
}

fn check_member(name: &str, value: &Value) -> Result<(), Rejection> {
    let wrong = |code, detail: String| {
        Err(Rejection::new(code, detail).at(&BodyPath::default().member(name)))
    };
    if name == "secret" {
        let detail = "A secret is changed by POST \u{2026}/webhooks/{webhook}/secret/rotate.";
        return wrong(Code::UnknownField, detail.to_owned());
    }
    if !PATCHED.contains(&name) {
        let allowed = PATCHED.map(|name| format!("`{name}`")).join(", ");
        let detail = format!("`{name}` cannot be changed here. Allowed: {allowed}.");
        return wrong(Code::UnknownField, detail);
    }
    if value.is_null() && REQUIRED.contains(&name) {
        let detail = format!("`{name}` cannot be removed: give it another value.");
        return wrong(Code::MissingField, detail);
    }
    Ok(())
}

impl<'a> WebhookChange<'a> {
    /// The name of the contract that the webhook would have.
    #[must_use]
    pub fn contract(&self) -> &str {
        &self.wish.contract
    }

    /// Whether the patch changes the contract.
    #[must_use]
    pub fn takes_contract(&self) -> bool {
        self.wish.contract != self.before.contract
    }

    /// Validates the change. `contract` is the one that the webhook would have, `former` the one
    /// that it has. What stays as it is was right when it came: a rule that has become stricter
    /// since does not keep the owner from changing the rest. Where the contract could not be found,
    /// the rest is judged by the former one.
    ///
    /// # Errors
    /// Each member that breaks a rule.
    pub fn validate(
        self,
        contract: Result<&Contract, Rejection>,
        former: &Contract,
        rules: WebhookRules<'_>,
    ) -> Result<ValidChange<'a>, Rejection> {
        let takes_contract = self.takes_contract();
        let (before, wish) = (self.before, self.wish);
        let judge = contract.as_ref().copied().unwrap_or(former);
        let contract = contract.and_then(|contract| {
            if takes_contract && contract.signature != former.signature {
                let detail = "The new contract signs in another way and may not accept the secret: create a new webhook for it.";
                return Err(Rejection::new(Code::InvalidContract, detail).field("contract"));
            }
            Ok(contract)
        });
        let name = match wish.name == before.name {
            true => Ok(()),
            false => check_name("name", wish.name.as_deref().unwrap_or_default()),
        };
        let overrides = match wish.overrides == before.overrides {
            true => Ok(()),
            false => rules.check_overrides(&wish.overrides),
        };
        let url = match takes_contract || wish.url != before.url {
            true => rules.url(&wish.url, Some(judge)),
            false => Ok(wish.url.clone()),
        };
        let known: Vec<String> = before.events.iter().cloned().map(String::from).collect();
        let events = match wish.events == known {
            true => Ok(before.events.clone()),
            false => event_filters(wish.events),
        };
        let destination = url.as_deref().unwrap_or(&wish.url);
        let credentials = self.credentials.validate(Some(before), destination, judge);
        let ((((), ()), (url, events)), (contract, credentials)) = name
            .and_also(overrides)
            .and_also(url.and_also(events))
            .and_also(contract.and_also(credentials))?;
        let after = Webhook {
            name: wish.name,
            url,
            events,
            filter: self.filter,
            active: wish.active,
            contract: contract.name.clone(),
            overrides: wish.overrides,
            context: self.context,
            // The owner switches it on: the reason for which Postel switched it off no longer
            // applies.
            disabled: before.disabled.filter(|_| !wish.active),
            ..before.clone()
        };
        Ok(ValidChange {
            before,
            after,
            credentials,
        })
    }
}

impl ValidChange<'_> {
    /// The webhook as its owner's change, made `by` somebody, its new credentials sealed: see
    /// [`ValidCredentials::seal`]. None if nothing changes: then nothing is to be written, and the
    /// version that others have seen stays.
    ///
    /// # Errors
    /// The first fault of `seal`.
    pub fn seal<E>(
        self,
        by: &Author,
        now: Time,
        seal: impl Fn(&WebhookId, CredentialUse<'_>, &Secret) -> Result<String, E>,
    ) -> Result<Option<Webhook>, E> {
        let mut after = self.after;
        self.credentials.seal(&mut after, seal)?;
        let is_changed = after != *self.before;
        Ok(is_changed.then(|| after.replacing(self.before, by, now)))
    }
}

#[cfg(test)]
mod tests;
