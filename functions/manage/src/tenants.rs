//! Tenants, by the operator.

mod wire;

use std::sync::Arc;

use adapters::clock::now;
use adapters::config::{Written, place_in_list};
use api::caller::{AuthenticatedCaller, JsonBody, TenantCaller, json, located};
use api::conditional::{Conditions, shown, tagged};
use api::document::responses::{
    BodyResponses, ConflictResponses, ListResponses, NotFoundResponses, OperatorResponses,
};
use api::document::schemas::TenantId as Id;
use api::problem::{ProblemBody, mistake_of};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::rejection::{Rejection, Together as _};
use domain::strict_json::Members;
use domain::tenant::{Tenant, TenantPatch, new_tenant_id};
use serde_json::value::RawValue;

use self::wire::{Change, Put, TenantResponse};
use crate::document::parameters::Paging;
use crate::inbox::told_if_left;
use crate::lists::{List, ListQuery};
use crate::{App, HandlerResult, MAX_RACES};

type TenantList = List<TenantResponse>;

/// Create or replace a tenant
///
/// A member that the body leaves out gets its default. For the operator.
#[utoipa::path(
    put,
    path = "/v1/tenants/{tenantId}",
    operation_id = "tenants.upsert",
    tag = "tenants",
    params(("tenantId" = Id, Path, description = "Which tenant.")),
    request_body = Put,
    responses(
        (status = 200, description = "Replaced.", body = TenantResponse),
        (status = 201, description = "Made.", body = TenantResponse),
        (status = 422, description = "The id is invalid (`invalid_tenant_id`), the contract does not exist (`invalid_contract`), the name is too long or has a character that is not allowed (`invalid_name`), or another value is not allowed (`invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        ConflictResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn put(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(tenant): Path<String>,
    Conditions(expected): Conditions,
    State(app): App,
    JsonBody(body): JsonBody<Put>,
) -> HandlerResult {
    principal.is_operator()?;
    let put = body.into_put();
    let contract = mistake_of(app.contract(put.contract()).await)?;
    let ((id, ()), contract) = new_tenant_id(&tenant)
        .and_also(put.check())
        .and_also(contract)?;
    let contract = contract.name;
    for round in 0..MAX_RACES {
        let before = app.config.tenant(&id).await?;
        expected.check(before.as_ref().map(Tenant::tag).as_ref())?;
        let sealing_keys = match &before {
            // Whatever its webhooks have was sealed with them.
            Some(before) => Arc::clone(&before.sealing_keys),
            None => Arc::new(app.key_maker.new_keys(&id).await?),
        };
        let tenant = put.tenant(
            id.clone(),
            contract.clone(),
            before.as_ref(),
            sealing_keys,
            now(),
        )?;
        let status = match app.config.put_tenant(&tenant, before.as_ref()).await? {
            Written::Created => {
                if round > 0 {
                    // Where the deletion of an earlier tenant of the same id was cut short, this
                    // has ended it in an earlier round.
                    let by = principal.author();
                    app.dead_letters.cancel_jobs(&id, &by).await?;
                }
                StatusCode::CREATED
            }
            Written::Replaced => StatusCode::OK,
            Written::Overtaken => continue,
        };
        let response = json(status, TenantResponse::new(&tenant));
        let response = located(response, format!("/v1/tenants/{}", tenant.id));
        return Ok(tagged(response, &tenant.tag()));
    }
    Err(Rejection::overtaken().into())
}

/// Update a tenant
///
/// The body is a JSON merge patch (RFC 7396): null gives a member its default. Members that the
/// patch does not name are not checked again, even if a rule has become stricter. For the operator.
#[utoipa::path(
    patch,
    path = "/v1/tenants/{tenantId}",
    operation_id = "tenants.update",
    tag = "tenants",
    params(("tenantId" = Id, Path, description = "Which tenant.")),
    request_body(content = Change, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The tenant as it is now.", body = TenantResponse),
        (status = 422, description = "The contract does not exist (`invalid_contract`), the name is too long or has a character that is not allowed (`invalid_name`), or another value is not allowed (`invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        ConflictResponses,
        NotFoundResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn patch(
    caller: TenantCaller,
    Conditions(expected): Conditions,
    State(app): App,
    JsonBody(patch): JsonBody<Members<Box<RawValue>>>,
) -> HandlerResult {
    caller.principal.is_operator()?;
    let patch = TenantPatch::read(patch)?;
    for _ in 0..MAX_RACES {
        let before = app.config.tenant(&caller.tenant).await?;
        let before = before.ok_or_else(Rejection::no_tenant)?;
        expected.check(Some(&before.tag()))?;
        let put = patch.clone().on(&before)?;
        let contract = match patch.takes_contract() {
            true => app.contract(put.contract()).await?.name,
            false => before.contract.clone(),
        };
        let (id, keys) = (before.id.clone(), Arc::clone(&before.sealing_keys));
        let after = put.tenant(id, contract, Some(&before), keys, now())?;
        let is_the_same = Tenant {
            updated_at: before.updated_at,
            ..after.clone()
        } == before;
        // What changes nothing is not written: the version that others have seen stays.
        let after = if is_the_same { before.clone() } else { after };
        if is_the_same || app.config.put_tenant(&after, Some(&before)).await? == Written::Replaced {
            let response = json(StatusCode::OK, TenantResponse::new(&after));
            return Ok(tagged(response, &after.tag()));
        }
    }
    Err(Rejection::overtaken().into())
}

/// Get a tenant
///
/// For the operator.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}",
    operation_id = "tenants.get",
    tag = "tenants",
    params(("tenantId" = Id, Path, description = "Which tenant.")),
    responses((status = 200, description = "The tenant.", body = TenantResponse), NotFoundResponses, OperatorResponses)
)]
pub(crate) async fn get(
    caller: TenantCaller,
    conditions: Conditions,
    State(app): App,
) -> HandlerResult {
    caller.principal.is_operator()?;
    let tenant = app
        .config
        .tenant(&caller.tenant)
        .await?
        .ok_or_else(Rejection::not_found)?;
    Ok(shown(&conditions, &tenant.tag(), || {
        json(StatusCode::OK, TenantResponse::new(&tenant))
    }))
}

/// Delete a tenant
///
/// Deletes its keys, sessions, webhooks and inboxes and cancels its redrives, which takes two
/// seconds or more. Its log stays until its retention ends, visible only in the operator's list of
/// dead letters: a later tenant with the same id does not see it. For the operator.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenantId}",
    operation_id = "tenants.delete",
    tag = "tenants",
    params(("tenantId" = Id, Path, description = "Which tenant.")),
    responses((status = 204, description = "Deleted."), NotFoundResponses, OperatorResponses)
)]
pub(crate) async fn delete(
    caller: TenantCaller,
    Conditions(expected): Conditions,
    State(app): App,
) -> HandlerResult {
    caller.principal.is_operator()?;
    let by = caller.principal.author();
    let deleted = app
        .config
        .delete_tenant(&caller.tenant, now(), &expected, &by)
        .await??;
    if !deleted {
        return Err(Rejection::not_found().into());
    }
    told_if_left(
        app.inboxes.delete_all(&caller.tenant).await,
        &caller.tenant,
        None,
    );
    app.dead_letters.cancel_jobs(&caller.tenant, &by).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// List the tenants
///
/// For the operator.
#[utoipa::path(
    get,
    path = "/v1/tenants",
    operation_id = "tenants.list",
    tag = "tenants",
    params(Paging),
    responses((status = 200, description = "The tenants.", body = TenantList), ListResponses, OperatorResponses)
)]
pub(crate) async fn list(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let query = ListQuery::new(query, "tenants", &[])?;
    let page = app
        .config
        .tenants(query.cursor(&app)?.as_deref(), query.limit()?)
        .await?;
    Ok(query.answer(&app, page, place_in_list, TenantResponse::new))
}
