//! Webhooks, by their tenant.

use std::time::Duration;

use adapters::clock::{now, random};
use adapters::http::caller::{Body, Caller, json};
use adapters::http::problem::Problem;
use adapters::log::Page;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::contract::{Contract, Overrides, builtin};
use domain::event_type::EventFilter;
use domain::ids::WebhookId;
use domain::rejection::{Code, Rejection};
use domain::tenant::{SealedSecret, WEBHOOKS_PER_TENANT, Webhook};
use domain::time::Time;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::lists::{ListQuery, compact};
use crate::{Answer, App, Function, secrets};

const MOST_FILTERS: usize = 100;
const LONGEST_NAME: usize = 256;
/// How long the old secret still signs after a rotation, unless the caller says otherwise, and at most.
const USUAL_OVERLAP: u64 = 24 * 3600;
const LONGEST_OVERLAP: u64 = 7 * 24 * 3600;
/// Old secrets that still sign, at most: each adds a signature to the header.
const MOST_OLD_SECRETS: usize = 2;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Create {
    name: Option<String>,
    url: String,
    events: Vec<String>,
    active: Option<bool>,
    contract: Option<String>,
    secret: Option<String>,
    #[serde(default)]
    overrides: Overrides,
}

/// A merge patch after it has been applied to what can be changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Editable {
    name: Option<String>,
    url: String,
    events: Vec<String>,
    active: bool,
    contract: String,
    #[serde(default)]
    overrides: Overrides,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rotate {
    secret: Option<String>,
    overlap_seconds: Option<u64>,
}

fn show(webhook: &Webhook) -> Value {
    compact(json!({
        "id": webhook.id.as_str(),
        "name": webhook.name,
        "url": webhook.url,
        "events": webhook.events,
        "active": webhook.active,
        "contract": webhook.contract,
        "overrides": webhook.overrides,
        "createdAt": webhook.created_at.rfc3339(),
        "updatedAt": webhook.updated_at.rfc3339(),
        "disabledReason": webhook.disabled.map(|reason| reason.as_str()),
    }))
}

fn with_secret(webhook: &Webhook, secret: Option<&domain::contract::Secret>) -> Value {
    let mut answer = show(webhook);
    if let (Some(members), Some(secret)) = (answer.as_object_mut(), secret) {
        members.insert("secret".to_owned(), Value::from(secret.expose()));
    }
    answer
}

impl Function {
    fn check_url(&self, raw: &str) -> Result<String, Rejection> {
        self.egress
            .parse(raw)
            .map(|target| target.as_str().to_owned())
            .map_err(|denied| Rejection {
                reason: Some(denied.code()),
                ..Rejection::new(Code::InvalidUrl, denied.to_string()).field("url")
            })
    }

    async fn own_webhook(&self, caller: &Caller, id: &str) -> Result<Webhook, Problem> {
        let id: WebhookId = id.parse().map_err(|_| Rejection::not_found())?;
        Ok(self
            .config
            .webhook(&caller.tenant, &id)
            .await?
            .ok_or_else(Rejection::not_found)?)
    }
}

fn check_name(name: Option<&String>) -> Result<(), Rejection> {
    if name.is_some_and(|name| name.len() > LONGEST_NAME) {
        return Err(
            Rejection::new(Code::InvalidRequest, "A name has at most 256 bytes.").field("name"),
        );
    }
    Ok(())
}

fn check_events(events: Vec<String>) -> Result<Vec<EventFilter>, Rejection> {
    let wrong = |detail: String| Rejection::new(Code::InvalidEvents, detail).field("events");
    if !(1..=MOST_FILTERS).contains(&events.len()) {
        return Err(wrong(format!(
            "A webhook has 1 to {MOST_FILTERS} event filters: a type, a component (item.*) or *."
        )));
    }
    events
        .into_iter()
        .map(|text| EventFilter::try_from(text).map_err(wrong))
        .collect()
}

fn check_contract(name: &str) -> Result<Contract, Rejection> {
    builtin(name).ok_or_else(|| {
        Rejection::new(Code::InvalidContract, "There is no contract of this name.")
            .field("contract")
    })
}

fn check_overrides(overrides: &Overrides, longest: Duration) -> Result<(), Rejection> {
    let wrong = |(field, detail)| Rejection::new(Code::InvalidContract, detail).field(field);
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

pub(crate) async fn create(caller: Caller, State(app): App, Body(body): Body<Create>) -> Answer {
    caller.principal.may(&caller.tenant, Scope::WebhooksWrite)?;
    let tenant = app
        .config
        .tenant(&caller.tenant)
        .await?
        .ok_or_else(Rejection::not_found)?;
    let contract = check_contract(body.contract.as_deref().unwrap_or(&tenant.contract))?;
    check_name(body.name.as_ref())?;
    check_overrides(&body.overrides, app.longest_timeout)?;
    let (url, events) = (app.check_url(&body.url)?, check_events(body.events)?);
    let secret = secrets::choose(body.secret, &contract)?;
    let limit = tenant.limits.webhooks.unwrap_or(WEBHOOKS_PER_TENANT);
    if app.config.webhooks(&tenant.id).await?.len() >= usize::try_from(limit).unwrap_or(usize::MAX)
    {
        let detail = format!(
            "A tenant has at most {limit} webhooks: delete one, or ask the operator for more."
        );
        return Err(Rejection::new(Code::WebhookLimit, detail).into());
    }
    let id = WebhookId::new(random());
    let mut sealed = Vec::new();
    if let Some(secret) = &secret {
        sealed.push(secrets::seal(&app, &tenant.id, &id, secret).await?);
    }
    let now = now();
    let webhook = Webhook {
        id,
        tenant: tenant.id,
        name: body.name,
        url,
        events,
        active: body.active.unwrap_or(true),
        contract: contract.name,
        overrides: body.overrides,
        secrets: sealed,
        created_at: now,
        updated_at: now,
        disabled: None,
    };
    // The id is new; a refused condition is our own write whose answer was lost.
    app.config.put_webhook(&webhook, None).await?;
    Ok(json(
        StatusCode::CREATED,
        with_secret(&webhook, secret.as_ref()),
    ))
}

/// There are few, so a page is cut from all of them.
pub(crate) async fn list(
    caller: Caller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    caller.principal.may(&caller.tenant, Scope::WebhooksRead)?;
    let query = ListQuery::new(query, format!("webhooks/{}", caller.tenant), &[])?;
    let (limit, cursor) = (query.limit()?, query.cursor(&app)?);
    let place = |webhook: &Webhook| format!("{:013}{}", webhook.created_at.millis(), webhook.id);
    let mut items = app.config.webhooks(&caller.tenant).await?;
    items.retain(|webhook| {
        cursor
            .as_ref()
            .is_none_or(|cursor| place(webhook) < *cursor)
    });
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(place);
    Ok(query.answer(&app, Page { items, next }, show))
}

pub(crate) async fn get(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    caller.principal.may(&caller.tenant, Scope::WebhooksRead)?;
    Ok(json(
        StatusCode::OK,
        show(&app.own_webhook(&caller, &id).await?),
    ))
}

/// JSON merge patch (RFC 7396).
pub(crate) async fn patch(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    Body(patch): Body<Map<String, Value>>,
) -> Answer {
    caller.principal.may(&caller.tenant, Scope::WebhooksWrite)?;
    let before = app.own_webhook(&caller, &id).await?;
    let mut merged = json!({
        "name": before.name,
        "url": before.url,
        "events": before.events,
        "active": before.active,
        "contract": before.contract,
        "overrides": before.overrides,
    });
    merge(&mut merged, Value::Object(patch));
    let wish: Editable = serde_json::from_value(merged).map_err(|e| Rejection::of_json(&e))?;
    let contract = check_contract(&wish.contract)?;
    if contract.name != before.contract
        && contract.signature != check_contract(&before.contract)?.signature
    {
        let detail = "The new contract signs in another way, and the secret may not suit it: make a new webhook for it.";
        return Err(Rejection::new(Code::InvalidContract, detail)
            .field("contract")
            .into());
    }
    check_name(wish.name.as_ref())?;
    check_overrides(&wish.overrides, app.longest_timeout)?;
    let url = if wish.url == before.url {
        wish.url
    } else {
        app.check_url(&wish.url)?
    };
    let after = Webhook {
        name: wish.name,
        url,
        events: check_events(wish.events)?,
        active: wish.active,
        contract: contract.name,
        overrides: wish.overrides,
        disabled: before.disabled.filter(|_| !wish.active),
        updated_at: later(&before),
        ..before.clone()
    };
    replace(&app, &after, &before).await?;
    Ok(json(StatusCode::OK, show(&after)))
}

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

/// A time later than the webhook's last change: that time is also its version.
fn later(before: &Webhook) -> Time {
    now().max(before.updated_at.plus(Duration::from_millis(1)))
}

async fn replace(app: &Function, after: &Webhook, before: &Webhook) -> Result<(), Problem> {
    if app.config.put_webhook(after, Some(before)).await? {
        return Ok(());
    }
    let lost = "somebody else changed the webhook at the same time";
    Err(domain::ports::Fault::new(domain::ports::Stage::WriteConfig, lost).into())
}

pub(crate) async fn delete(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    caller.principal.may(&caller.tenant, Scope::WebhooksWrite)?;
    let id: WebhookId = id.parse().map_err(|_| Rejection::not_found())?;
    if !app.config.delete_webhook(&caller.tenant, &id).await? {
        return Err(Rejection::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A new secret, shown once. The old one signs beside it for a while where the contract allows several signatures.
pub(crate) async fn rotate(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    Body(body): Body<Rotate>,
) -> Answer {
    caller.principal.may(&caller.tenant, Scope::WebhooksWrite)?;
    let before = app.own_webhook(&caller, &id).await?;
    let overlap = body.overlap_seconds.unwrap_or(USUAL_OVERLAP);
    if overlap > LONGEST_OVERLAP {
        let detail = format!("An overlap is at most {LONGEST_OVERLAP} seconds, seven days.");
        return Err(Rejection::new(Code::InvalidRequest, detail)
            .field("overlapSeconds")
            .into());
    }
    let contract = check_contract(&before.contract)?;
    let Some(secret) = secrets::choose(body.secret, &contract)? else {
        return Err(Rejection::new(
            Code::InvalidSecret,
            "The contract of this webhook signs nothing.",
        )
        .into());
    };
    let newest = secrets::seal(&app, &caller.tenant, &before.id, &secret).await?;
    let end = newest.since.plus(Duration::from_secs(overlap));
    let old = before.secrets_at(newest.since).take(MOST_OLD_SECRETS);
    let old = old.map(|s| SealedSecret {
        until: Some(s.until.map_or(end, |until| until.min(end))),
        ..s.clone()
    });
    let secrets: Vec<_> = std::iter::once(newest).chain(old).collect();
    let after = Webhook {
        secrets,
        updated_at: later(&before),
        ..before.clone()
    };
    replace(&app, &after, &before).await?;
    Ok(json(StatusCode::OK, with_secret(&after, Some(&secret))))
}

#[cfg(test)]
mod tests {
    use super::*;

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
