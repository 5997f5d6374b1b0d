//! Webhooks, by their tenant.

mod create;
pub(crate) mod filter;
mod input;
pub(crate) mod last_change;
pub(crate) mod rotate;
pub(crate) mod test_event;
mod wire;

use std::sync::Arc;

use adapters::clock::now;
use adapters::kms;
use api::admission::done;
use api::caller::{AuthenticatedCaller, JsonBody, TenantCaller, json};
use api::conditional::{Conditions, shown, tagged};
use api::creation::{Creation, Repeatable};
use api::document::responses::{
    BodyResponses, ConflictResponses, ListResponses, NotFoundResponses, OperatorResponses,
    TenantResponses,
};
use api::document::schemas::{TenantId, WebhookId as Id};
use api::problem::{Problem, ProblemBody, mistake_of};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use domain::api_key::Scope;
use domain::author::Author;
use domain::contract::Contract;
use domain::credential::SealingKeys;
use domain::ids::{TenantId as OwnerId, WebhookId};
use domain::precondition::Precondition;
use domain::rejection::Rejection;
use domain::strict_json::Members;
use domain::tenant::Webhook;
use domain::webhook::{WebhookPatch, WebhookRules, WebhookState, no_such_contract};
use serde_json::value::RawValue;

use self::input::{Change, Create};
use self::wire::{WebhookResponse, WebhookWithSecret};
use crate::document::parameters::{Paging, Trial, Troubled, Webhooks};
use crate::inbox::told_if_left;
use crate::lists::{List, ListQuery};
use crate::{App, AppState, HandlerResult, MAX_RACES};

type WebhookList = List<WebhookResponse>;

/// The filters that [`list`] knows.
pub(crate) const FILTERS: [&str; 2] = ["state", "contract"];

/// The filters that [`list_troubled`] knows.
pub(crate) const TROUBLED_FILTERS: [&str; 1] = ["state"];

impl AppState {
    pub(crate) async fn own_webhook(
        &self,
        caller: &TenantCaller,
        id: &str,
    ) -> Result<Webhook, Problem> {
        let id: WebhookId = id.parse().map_err(|_| Rejection::not_found())?;
        Ok(self
            .config
            .webhook(&caller.tenant, &id)
            .await?
            .ok_or_else(Rejection::not_found)?)
    }

    /// What credentials of a tenant's webhooks are sealed with.
    async fn sealing_keys(&self, tenant: &OwnerId) -> Result<Arc<SealingKeys>, Problem> {
        let tenant = self.config.tenant(tenant).await?;
        Ok(tenant.ok_or_else(Rejection::not_found)?.sealing_keys)
    }

    /// A contract that can be chosen.
    pub(crate) async fn contract(&self, name: &str) -> Result<Contract, Problem> {
        if !Contract::is_name(name) {
            return Err(no_such_contract().into());
        }
        let contract = self.config.contract(name).await?;
        Ok(contract.ok_or_else(no_such_contract)?)
    }

    /// A contract that a webhook has, even if it cannot be chosen any more.
    async fn contract_in_use(&self, name: &str) -> Result<Contract, Problem> {
        let contract = self.config.contract_of(name).await?;
        Ok(contract.ok_or_else(no_such_contract)?)
    }

    /// What the operator's settings allow.
    fn webhook_rules(&self) -> WebhookRules<'_> {
        WebhookRules {
            egress: &self.egress,
            max_timeout: self.max_timeout,
        }
    }

    /// The webhook as a merge patch makes it; none if nothing changes.
    async fn patched(
        &self,
        before: &Webhook,
        patch: WebhookPatch,
        by: &Author,
    ) -> Result<Option<Webhook>, Problem> {
        let change = patch.on(before)?;
        let former = self.contract_in_use(&before.contract).await?;
        let chosen = match change.takes_contract() {
            true => mistake_of(self.contract(change.contract()).await)?,
            false => Ok(former.clone()),
        };
        let chosen = chosen.as_ref().map_err(Clone::clone);
        let valid = change.validate(chosen, &former, self.webhook_rules())?;
        let keys = self.sealing_keys(&before.tenant).await?;
        Ok(valid.seal(by, now(), |id, of, credential| {
            kms::encrypt(&keys, id, of, credential)
        })?)
    }
}

/// Create a webhook
///
/// The secret is shown only in this response. To repeat a request after a lost response, give the
/// webhook an `id` of your own or send an `Idempotency-Key`: a repeated request makes no second
/// webhook, and its response has no secret. Scope `webhooks:write`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/webhooks",
    operation_id = "webhooks.create",
    tag = "webhooks",
    params(("tenantId" = TenantId, Path, description = "Whose webhook it will be."), Trial, Repeatable),
    request_body = Create,
    responses(
        (status = 200, description = "A dry run: the webhook as the request would create it, without its secret. An id that it would generate is an example.", body = WebhookWithSecret),
        (status = 201, description = "The webhook, with its secret.", body = WebhookWithSecret),
        (status = 409, description = "The tenant has the maximum number of webhooks (`webhook_limit`), or another webhook with this id (`id_conflict`).", body = ProblemBody, content_type = "application/problem+json"),
        (
            status = 422,
            description = "A value is invalid (`invalid_url` with the guard's `reason`, `invalid_events`, `invalid_pattern`, `invalid_secret`, `invalid_header`, `masked_value`, `invalid_contract`, `invalid_name`, `invalid_value`), or the `Idempotency-Key` was used for another request (`idempotency_key_reused`).",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        BodyResponses,
        TenantResponses,
    )
)]
pub(crate) async fn create(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
    creation: Creation<Create>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::WebhooksWrite).await?;
    let is_dry_run = ListQuery::whole(query, &["dryRun"])?.flag("dryRun")?;
    app.create_webhook(&caller.principal, &authority, creation, is_dry_run)
        .await
}

/// List the webhooks
///
/// Newest first. Scope `webhooks:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/webhooks",
    operation_id = "webhooks.list",
    tag = "webhooks",
    params(("tenantId" = TenantId, Path, description = "Whose webhooks."), Paging, Webhooks),
    responses((status = 200, description = "The webhooks.", body = WebhookList), ListResponses, TenantResponses)
)]
pub(crate) async fn list(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    conditions: Conditions,
    State(app): App,
) -> HandlerResult {
    app.authorize(&caller, Scope::WebhooksRead).await?;
    let query = ListQuery::new(query, format!("webhooks/{}", caller.tenant), &FILTERS)?;
    let states = query.words("state", &WebhookState::ALL, WebhookState::as_str)?;
    let contract = query.contract("contract")?;
    let place = |webhook: &Webhook| format!("{:013}{}", webhook.created_at.millis(), webhook.id);
    let mut webhooks = app.config.webhooks(&caller.tenant).await?;
    webhooks.retain(|webhook| {
        (states.is_empty() || states.contains(&webhook.state()))
            && contract
                .as_ref()
                .is_none_or(|name| *name == webhook.contract)
    });
    let page = query.page_of(&app, webhooks, place)?;
    Ok(query.answer_if_new((&app, &conditions), page, place, WebhookResponse::new))
}

/// List the webhooks of all tenants that are in trouble
///
/// Those that Postel disabled, and those whose receiver fails or is slow; by tenant. For the
/// operator.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    operation_id = "operatorWebhooks.list",
    tag = "operator",
    params(Paging, Troubled),
    responses((status = 200, description = "The webhooks.", body = WebhookList), ListResponses, OperatorResponses)
)]
pub(crate) async fn list_troubled(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let query = ListQuery::new(query, "webhooks", &TROUBLED_FILTERS)?;
    let states = query.words("state", &WebhookState::TROUBLED, WebhookState::as_str)?;
    let wanted = |webhook: &Webhook| match states.is_empty() {
        true => WebhookState::TROUBLED.contains(&webhook.state()),
        false => states.contains(&webhook.state()),
    };
    let (cursor, limit) = (query.cursor(&app)?, query.limit()?);
    let page = app
        .config
        .troubled_webhooks(wanted, cursor.as_deref(), limit)
        .await?;
    let place = |(place, _): &(String, Webhook)| place.clone();
    Ok(query.answer(&app, page, place, |(_, webhook)| {
        WebhookResponse::new(webhook)
    }))
}

/// Get a webhook
///
/// Scope `webhooks:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}",
    operation_id = "webhooks.get",
    tag = "webhooks",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = Id, Path, description = "Which webhook."),
    ),
    responses((status = 200, description = "The webhook.", body = WebhookResponse), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn get(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    conditions: Conditions,
    State(app): App,
) -> HandlerResult {
    app.authorize(&caller, Scope::WebhooksRead).await?;
    let webhook = app.own_webhook(&caller, &id).await?;
    Ok(shown(&conditions, &webhook.shown_tag(), || {
        json(StatusCode::OK, WebhookResponse::new(&webhook))
    }))
}

/// Update a webhook
///
/// The body is a JSON merge patch (RFC 7396); a filter is one value in it, and is replaced as a
/// whole. Secrets cannot be read but can be replaced or removed, each header by its name; they are
/// removed when the URL's scheme, host or port changes. Members that the patch does not change are
/// not checked again, even if a rule has become stricter. The result of an attempt in progress
/// disables the webhook only if it has not changed since that attempt began (name, events and
/// filter aside). A webhook that is enabled again starts without a history. Scope `webhooks:write`.
#[utoipa::path(
    patch,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}",
    operation_id = "webhooks.update",
    tag = "webhooks",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = Id, Path, description = "Which webhook."),
    ),
    request_body(content = Change, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The webhook as it is now.", body = WebhookResponse),
        (
            status = 422,
            description = "A value is invalid (`invalid_url` with the guard's `reason`, `invalid_events`, `invalid_pattern`, `invalid_secret`, `invalid_header`, `masked_value`, `invalid_contract`, `invalid_name`, `invalid_value`).",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        BodyResponses,
        ConflictResponses,
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn patch(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    Conditions(expected): Conditions,
    State(app): App,
    JsonBody(patch): JsonBody<Members<Box<RawValue>>>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::WebhooksWrite).await?;
    let (patch, by) = (WebhookPatch::read(patch)?, caller.principal.author());
    for _ in 0..MAX_RACES {
        let before = app.own_webhook(&caller, &id).await?;
        expected.check(Some(&before.tag()))?;
        let Some(after) = app.patched(&before, patch.clone(), &by).await? else {
            return Ok(now_is(&before));
        };
        if done(app.config.put_webhook(&authority, &after, &before).await?)? {
            return Ok(now_is(&after));
        }
    }
    Err(Rejection::overtaken().into())
}

/// The answer to a change.
fn now_is(webhook: &Webhook) -> Response {
    let response = json(StatusCode::OK, WebhookResponse::new(webhook));
    tagged(response, &webhook.shown_tag())
}

/// Delete a webhook
///
/// Its log stays. Deliveries that wait for it become dead letters. The requests of an inbox are
/// deleted. Scope `webhooks:write`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}",
    operation_id = "webhooks.delete",
    tag = "webhooks",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = Id, Path, description = "Which webhook."),
    ),
    responses((status = 204, description = "Deleted."), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn delete(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    Conditions(expected): Conditions,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::WebhooksWrite).await?;
    let known: WebhookId = id.parse().map_err(|_| Rejection::not_found())?;
    let by = caller.principal.author();
    let deleted = app
        .config
        .delete_webhook(&authority, &known, &expected, &by);
    if !done(deleted.await?)? {
        if expected.is_empty() {
            return Err(Rejection::not_found().into());
        }
        // What does not exist is not found, whatever was expected of it.
        app.own_webhook(&caller, &id).await?;
        return Err(Precondition::failed().into());
    }
    let emptied = app.inboxes.delete(&caller.tenant, &known).await;
    told_if_left(emptied, &caller.tenant, Some(&known));
    Ok(StatusCode::NO_CONTENT.into_response())
}
