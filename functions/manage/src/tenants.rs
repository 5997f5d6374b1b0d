//! Tenants, by the operator.

use std::sync::Arc;

use adapters::clock::now;
use adapters::config::{Written, place_in_list};
use api::caller::{AuthenticatedCaller, JsonBody, TenantCaller, json, object_field};
use api::document::responses::{
    BodyResponses, ConflictResponses, ListResponses, NotFoundResponses, OperatorResponses,
};
use api::document::schemas::{ContractName, TenantId as Id, Timestamp};
use api::problem::ProblemBody;
use api::publishing;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::context::Given;
use domain::ids::TenantId;
use domain::rejection::Rejection;
use domain::tenant::{Limits, MAX_PUBLISHERS, PutTenant, Tenant, new_tenant_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{App, HandlerResult, MAX_RACES, context};

/// A tenant as the operator puts it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PutTenant)]
pub(crate) struct Put {
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// The contract of webhooks that name none; `standard`, if nothing is said.
    #[schema(value_type = Option<ContractName>)]
    contract: Option<String>,
    /// Whom to write to when a webhook is switched off.
    #[schema(max_length = 256, pattern = "@")]
    contact_email: Option<String>,
    /// IAM unique ids, the part of SQS's `SenderId` before the colon, that may publish for it on the events queue.
    #[serde(default)]
    #[schema(schema_with = publishers)]
    publishers: Vec<String>,
    /// Limits other than the usual.
    #[serde(default, deserialize_with = "object_field")]
    #[schema(value_type = OwnLimits)]
    limits: Limits,
    /// What envelopes find where neither the event nor the webhook says it.
    #[serde(default)]
    #[schema(schema_with = publishing::own_context)]
    context: Given,
}

impl Put {
    fn into_put(self) -> PutTenant {
        PutTenant {
            name: self.name,
            contract: self.contract,
            contact_email: self.contact_email,
            publishers: self.publishers,
            limits: self.limits,
            context: self.context,
        }
    }
}

fn publishers() -> Array {
    let one = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[!-9;-~]{1,256}$"));
    ArrayBuilder::new()
        .items(one)
        .max_items(Some(MAX_PUBLISHERS))
        .description(Some("IAM unique ids, the part of SQS's `SenderId` before the colon, that may publish for it on the events queue."))
        .build()
}

/// A tenant's own limits.
#[expect(
    dead_code,
    reason = "the shape of the domain's Limits for the document"
)]
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TenantLimits)]
struct OwnLimits {
    /// How many webhooks it may have; the contract's number or 25, if nothing is said.
    #[schema(maximum = 4294967295_u32)]
    webhooks: Option<u32>,
    /// How many API requests a minute it may make; 1,000, if nothing is said.
    #[schema(maximum = 4294967295_u32)]
    requests_per_minute: Option<u32>,
}

/// A tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant)]
pub(crate) struct TenantResponse {
    #[schema(value_type = Id)]
    id: TenantId,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// The contract of webhooks that name none.
    #[schema(value_type = ContractName)]
    contract: String,
    /// Whom to write to when a webhook is switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    contact_email: Option<String>,
    /// IAM unique ids that may publish for it on the events queue.
    publishers: Vec<String>,
    /// Limits other than the usual.
    #[schema(value_type = OwnLimits)]
    limits: Limits,
    /// What envelopes find where neither the event nor the webhook says it.
    #[serde(skip_serializing_if = "context::ContextResponse::is_empty")]
    #[schema(schema_with = publishing::own_context, required = false)]
    context: context::ContextResponse,
    #[schema(value_type = Timestamp)]
    created_at: String,
    #[schema(value_type = Timestamp)]
    updated_at: String,
}

impl TenantResponse {
    fn new(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.clone(),
            name: tenant.name.clone(),
            contract: tenant.contract.clone(),
            contact_email: tenant.contact_email.clone(),
            publishers: tenant.publishers.clone(),
            limits: tenant.limits,
            context: context::ContextResponse(tenant.context.clone()),
            created_at: tenant.created_at.rfc3339(),
            updated_at: tenant.updated_at.rfc3339(),
        }
    }
}

/// Makes or replaces a tenant
///
/// What the body leaves out is as if it had never been set. For the operator.
#[utoipa::path(
    put,
    path = "/v1/tenants/{tenant}",
    operation_id = "put_tenant",
    tag = "tenants",
    params(("tenant" = Id, Path, description = "Which tenant.")),
    request_body = Put,
    responses(
        (status = 200, description = "Replaced.", body = TenantResponse),
        (status = 201, description = "Made.", body = TenantResponse),
        (status = 422, description = "The id cannot be a tenant's (`invalid_tenant_id`), there is no such contract (`invalid_contract`), or the name holds a character that it cannot (`invalid_name`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        ConflictResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn put(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(tenant): Path<String>,
    State(app): App,
    JsonBody(body): JsonBody<Put>,
) -> HandlerResult {
    principal.is_operator()?;
    let id = new_tenant_id(&tenant)?;
    let put = body.into_put();
    put.check()?;
    let contract = app.contract(put.contract()).await?.name;
    for round in 0..MAX_RACES {
        let before = app.config.tenant(&id).await?;
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
                    // Where the deletion of an earlier tenant of the same id was cut short, this has ended it in an earlier round.
                    app.dead_letters.cancel_jobs(&id).await?;
                }
                StatusCode::CREATED
            }
            Written::Replaced => StatusCode::OK,
            Written::Overtaken => continue,
        };
        return Ok(json(status, TenantResponse::new(&tenant)));
    }
    Err(Rejection::overtaken().into())
}

/// Reads a tenant
///
/// For the operator.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}",
    operation_id = "get_tenant",
    tag = "tenants",
    params(("tenant" = Id, Path, description = "Which tenant.")),
    responses((status = 200, description = "The tenant.", body = TenantResponse), NotFoundResponses, OperatorResponses)
)]
pub(crate) async fn get(caller: TenantCaller, State(app): App) -> HandlerResult {
    caller.principal.is_operator()?;
    let tenant = app
        .config
        .tenant(&caller.tenant)
        .await?
        .ok_or_else(Rejection::not_found)?;
    Ok(json(StatusCode::OK, TenantResponse::new(&tenant)))
}

/// Deletes a tenant
///
/// Its keys and webhooks go with it, and its redrives stop; that takes two seconds or more. Its log stays until it is old, for the operator's list of dead
/// letters alone: a tenant made of the same id later sees nothing of it. For the operator.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}",
    operation_id = "delete_tenant",
    tag = "tenants",
    params(("tenant" = Id, Path, description = "Which tenant.")),
    responses((status = 204, description = "Deleted."), NotFoundResponses, OperatorResponses)
)]
pub(crate) async fn delete(caller: TenantCaller, State(app): App) -> HandlerResult {
    caller.principal.is_operator()?;
    if !app.config.delete_tenant(&caller.tenant, now()).await? {
        return Err(Rejection::not_found().into());
    }
    app.dead_letters.cancel_jobs(&caller.tenant).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lists the tenants
///
/// For the operator.
#[utoipa::path(
    get,
    path = "/v1/tenants",
    operation_id = "list_tenants",
    tag = "tenants",
    params(Paging),
    responses((status = 200, description = "The tenants.", body = List<TenantResponse>), ListResponses, OperatorResponses)
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
