//! Webhooks, by their tenant.

mod credentials;
mod input;
pub(crate) mod rotate;
pub(crate) mod test_event;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use adapters::clock::{now, random};
use adapters::vault;
use api::admission::done;
use api::caller::{Body, Caller, json};
use api::document::answers::{Changing, Lists, One, Tenants, WithBody};
use api::document::text::{TenantId, WebhookId as Id};
use api::problem::{Problem as Failure, Shown as Problem};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::context::{self, Context, of_owner};
use domain::credential::{CredentialUse, SealingKeys};
use domain::ids::{TenantId as OwnerId, WebhookId};
use domain::names::check_name;
use domain::object::Members;
use domain::rejection::{Code, Rejection};
use domain::signing_secrets::SigningSecrets;
use domain::tenant::{WEBHOOKS_PER_TENANT, Webhook};
use serde_json::value::RawValue;

use self::input::{Change, Create, Editable};
use self::wire::{Shown, WebhookCreated, created, show};
use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{Answer, App, Function, MAX_RACES, secrets};

impl Function {
    async fn own_webhook(&self, caller: &Caller, id: &str) -> Result<Webhook, Failure> {
        let id: WebhookId = id.parse().map_err(|_| Rejection::not_found())?;
        Ok(self
            .config
            .webhook(&caller.tenant, &id)
            .await?
            .ok_or_else(Rejection::not_found)?)
    }

    /// What credentials of a tenant's webhooks are sealed with.
    async fn sealing_keys(&self, tenant: &OwnerId) -> Result<Arc<SealingKeys>, Failure> {
        let tenant = self.config.tenant(tenant).await?;
        Ok(tenant.ok_or_else(Rejection::not_found)?.sealing_keys)
    }

    /// The webhook as a merge patch makes it.
    async fn patched(&self, before: &Webhook, mut patch: input::Patch) -> Result<Webhook, Failure> {
        let secrets_patch = credentials::Patch::take(&mut patch.rest)?;
        let wish = Editable::patched(before, patch.rest)?;
        let context = match patch.context {
            Some(Some(changes)) => context::patched(&before.context, &changes)?,
            Some(None) => Context::new(),
            None => before.context.clone(),
        };
        let is_moved = wish.url != before.url;
        let takes_contract = wish.contract != before.contract;
        let contract = if takes_contract {
            self.contract(&wish.contract).await?
        } else {
            self.contract_in_use(&wish.contract).await?
        };
        if takes_contract
            && contract.signature != self.contract_in_use(&before.contract).await?.signature
        {
            let detail = "The new contract signs in another way, and the secret may not suit it: make a new webhook for it.";
            return Err(Rejection::new(Code::InvalidContract, detail)
                .field("contract")
                .into());
        }
        // What stays as it is was right when it came: a rule that has become stricter since does not keep its owner from changing the rest.
        if wish.name != before.name {
            check_name("name", wish.name.as_deref().unwrap_or_default())?;
        }
        if wish.overrides != before.overrides {
            input::check_overrides(&wish.overrides, self.longest_timeout)?;
        }
        let url = if is_moved || takes_contract {
            self.check_url(&wish.url, &contract)?
        } else {
            wish.url
        };
        let known: Vec<String> = before.events.iter().cloned().map(String::from).collect();
        let events = if wish.events == known {
            before.events.clone()
        } else {
            input::check_events(wish.events)?
        };
        let credentials = secrets_patch.judge(Some(before), &url, &contract)?;
        let mut after = Webhook {
            name: wish.name,
            url,
            events,
            active: wish.active,
            contract: contract.name.clone(),
            overrides: wish.overrides,
            context,
            disabled: before.disabled.filter(|_| !wish.active),
            ..before.clone()
        };
        let keys = self.sealing_keys(&before.tenant).await?;
        credentials.seal(&keys, &mut after)?;
        Ok(after.replacing(before, now()))
    }
}

/// Makes a webhook
///
/// The secret is in this answer and nowhere else. Scope `webhooks:write`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/webhooks",
    operation_id = "create_webhook",
    tag = "webhooks",
    params(("tenant" = TenantId, Path, description = "Whose webhook it will be.")),
    request_body = Create,
    responses(
        (status = 201, description = "The webhook, with its secret.", body = WebhookCreated),
        (status = 409, description = "The tenant has as many as it may (`webhook_limit`).", body = Problem, content_type = "application/problem+json"),
        (
            status = 422,
            description = "A value breaks a rule (`invalid_url` with the guard's `reason`, `invalid_events`, `invalid_secret`, `invalid_header`, `invalid_contract`, `invalid_name`).",
            body = Problem, content_type = "application/problem+json"
        ),
        WithBody,
        Tenants,
    )
)]
pub(crate) async fn create(caller: Caller, State(app): App, Body(body): Body<Create>) -> Answer {
    let authority = app.admit(&caller, Scope::WebhooksWrite).await?;
    let tenant = authority.tenant.clone();
    let contract = app
        .contract(body.contract.as_deref().unwrap_or(&tenant.contract))
        .await?;
    check_name("name", body.name.as_deref().unwrap_or_default())?;
    input::check_overrides(&body.overrides, app.longest_timeout)?;
    let (url, events) = (
        app.check_url(&body.url, &contract)?,
        input::check_events(body.events)?,
    );
    let credentials = credentials::Patch::whole(body.basic_auth, body.headers);
    let credentials = credentials.judge(None, &url, &contract)?;
    let secret = secrets::choose(body.secret, &contract)?;
    let of_contract = app
        .config
        .contract_of(&tenant.contract)
        .await?
        .and_then(|contract| contract.webhooks_per_tenant);
    let limit = tenant
        .limits
        .webhooks
        .or(of_contract)
        .unwrap_or(WEBHOOKS_PER_TENANT);
    let too_many = || {
        let detail = format!(
            "A tenant has at most {limit} webhooks: delete one, or ask the operator for more."
        );
        Rejection::new(Code::WebhookLimit, detail)
    };
    // The write below decides. Who is over the limit is told so before anything is sealed, for one read unit.
    if app.config.webhook_count(&tenant.id).await? >= limit {
        return Err(too_many().into());
    }
    let id = WebhookId::new(random());
    let sealed = match &secret {
        Some(secret) => {
            let keys = &tenant.sealing_keys;
            let cipher = vault::seal(keys, &id, CredentialUse::Secret, secret)?;
            let fingerprint = app.fingerprints.of(&cipher, secret);
            SigningSecrets::new(cipher).with_fingerprint(fingerprint)
        }
        None => SigningSecrets::default(),
    };
    let now = now();
    let mut webhook = Webhook {
        id,
        tenant: tenant.id,
        name: body.name,
        url,
        events,
        active: body.active.unwrap_or(true),
        contract: contract.name,
        overrides: body.overrides,
        context: of_owner(&body.context)?,
        secrets: sealed,
        basic_auth: None,
        headers: BTreeMap::new(),
        created_at: now,
        updated_at: now,
        version: 1,
        disabled: None,
        switched: Vec::new(),
        slow_since: None,
    };
    credentials.seal(&tenant.sealing_keys, &mut webhook)?;
    let written = app
        .config
        .create_webhook(&authority, &webhook, limit)
        .await?;
    if !done(written)? {
        return Err(too_many().into());
    }
    Ok(json(
        StatusCode::CREATED,
        created(&webhook, secret.as_ref()),
    ))
}

/// Lists the webhooks
///
/// Newest first. Scope `webhooks:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/webhooks",
    operation_id = "list_webhooks",
    tag = "webhooks",
    params(("tenant" = TenantId, Path, description = "Whose webhooks."), Paging),
    responses((status = 200, description = "The webhooks.", body = List<Shown>), Lists, Tenants)
)]
pub(crate) async fn list(
    caller: Caller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::WebhooksRead).await?;
    let query = ListQuery::new(query, format!("webhooks/{}", caller.tenant), &[])?;
    let place = |webhook: &Webhook| format!("{:013}{}", webhook.created_at.millis(), webhook.id);
    let webhooks = app.config.webhooks(&caller.tenant).await?;
    let page = query.page_of(&app, webhooks, place)?;
    Ok(query.answer(&app, page, place, show))
}

/// Reads a webhook
///
/// Scope `webhooks:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/webhooks/{webhook}",
    operation_id = "get_webhook",
    tag = "webhooks",
    params(
        ("tenant" = TenantId, Path, description = "Whose webhook."),
        ("webhook" = Id, Path, description = "Which webhook."),
    ),
    responses((status = 200, description = "The webhook.", body = Shown), One, Tenants)
)]
pub(crate) async fn get(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::WebhooksRead).await?;
    Ok(json(
        StatusCode::OK,
        show(&app.own_webhook(&caller, &id).await?),
    ))
}

/// Changes a webhook
///
/// A JSON merge patch (RFC 7396). Secrets that cannot be read can be replaced or taken away all the same, each header by its name; they are dropped when
/// the URL's scheme, host or port changes. What the patch leaves as it is is not judged again, even if a rule has become stricter since. What an attempt that is under way
/// comes to switches off only a webhook that is still as the attempt found it (name and events aside). Switched on again, a webhook starts anew. Scope `webhooks:write`.
#[utoipa::path(
    patch,
    path = "/v1/tenants/{tenant}/webhooks/{webhook}",
    operation_id = "patch_webhook",
    tag = "webhooks",
    params(
        ("tenant" = TenantId, Path, description = "Whose webhook."),
        ("webhook" = Id, Path, description = "Which webhook."),
    ),
    request_body(content((Change = "application/merge-patch+json"), (Change = "application/json"))),
    responses(
        (status = 200, description = "The webhook as it is now.", body = Shown),
        (
            status = 422,
            description = "A value breaks a rule (`invalid_url` with the guard's `reason`, `invalid_events`, `invalid_secret`, `invalid_header`, `invalid_contract`, `invalid_name`).",
            body = Problem, content_type = "application/problem+json"
        ),
        WithBody,
        Changing,
        One,
        Tenants,
    )
)]
pub(crate) async fn patch(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    Body(patch): Body<Members<Box<RawValue>>>,
) -> Answer {
    let authority = app.admit(&caller, Scope::WebhooksWrite).await?;
    let patch = input::Patch::read(patch)?;
    for _ in 0..MAX_RACES {
        let before = app.own_webhook(&caller, &id).await?;
        let after = app.patched(&before, patch.clone()).await?;
        if done(app.config.put_webhook(&authority, &after, &before).await?)? {
            return Ok(json(StatusCode::OK, show(&after)));
        }
    }
    Err(Rejection::overtaken().into())
}

/// Deletes a webhook
///
/// Its log stays. What waits for it becomes a dead letter. Scope `webhooks:write`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}/webhooks/{webhook}",
    operation_id = "delete_webhook",
    tag = "webhooks",
    params(
        ("tenant" = TenantId, Path, description = "Whose webhook."),
        ("webhook" = Id, Path, description = "Which webhook."),
    ),
    responses((status = 204, description = "Deleted."), One, Tenants)
)]
pub(crate) async fn delete(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    let authority = app.admit(&caller, Scope::WebhooksWrite).await?;
    let id: WebhookId = id.parse().map_err(|_| Rejection::not_found())?;
    if !done(app.config.delete_webhook(&authority, &id).await?)? {
        return Err(Rejection::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
