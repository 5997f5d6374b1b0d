//! Tenants, by the operator.

use std::sync::Arc;

use adapters::clock::now;
use adapters::config::{Written, place_in_list};
use api::caller::{AuthenticatedCaller, JsonBody, TenantCaller, json, located, object_field};
use api::conditional::{Conditions, shown, tagged};
use api::document::responses::{
    BodyResponses, ConflictResponses, ListResponses, NotFoundResponses, OperatorResponses,
};
use api::document::schemas::{AnswerOf, ContractName, TenantId as Id, Timestamp};
use api::problem::{ProblemBody, mistake_of};
use api::publishing;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::context::Given;
use domain::ids::TenantId;
use domain::rejection::{Rejection, Together as _};
use domain::tenant::{Limits, MAX_PUBLISHERS, PutTenant, Tenant, new_tenant_id};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{App, HandlerResult, MAX_RACES, context};

/// A tenant to create or replace.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TenantUpsert)]
pub(crate) struct Put {
    /// Ignored, so that a tenant can be sent back as it was read. So are the times.
    #[serde(default)]
    #[schema(read_only, value_type = Value)]
    id: IgnoredAny,
    #[serde(default)]
    #[schema(read_only, value_type = Value)]
    created_at: IgnoredAny,
    #[serde(default)]
    #[schema(read_only, value_type = Value)]
    updated_at: IgnoredAny,
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// The contract of webhooks without one. Default: `standard`.
    #[schema(value_type = Option<ContractName>)]
    contract: Option<String>,
    /// Who gets a mail when a webhook is disabled.
    #[schema(max_length = 256, pattern = "@")]
    contact_email: Option<String>,
    /// IAM unique ids (the part of SQS's `SenderId` before the colon) that are allowed to publish
    /// for it on the events queue.
    #[serde(default)]
    #[schema(schema_with = publishers)]
    publishers: Vec<String>,
    /// Limits that differ from the defaults.
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
        let Self {
            name,
            contract,
            contact_email,
            publishers,
            limits,
            context,
            id: IgnoredAny,
            created_at: IgnoredAny,
            updated_at: IgnoredAny,
        } = self;
        PutTenant {
            name,
            contract,
            contact_email,
            publishers,
            limits,
            context,
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
        .description(Some("IAM unique ids (the part of SQS's `SenderId` before the colon) that are allowed to publish for it on the events queue."))
        .build()
}

/// A tenant's own limits.
#[expect(
    dead_code,
    reason = "the shape of the domain's Limits for the document"
)]
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TenantLimitsUpsert)]
pub(crate) struct OwnLimits {
    /// The maximum number of webhooks. Default: the contract's, or 25.
    #[schema(maximum = 10_000)]
    webhooks: Option<u32>,
    /// The maximum number of API requests per minute. Default: 1,000.
    #[schema(maximum = 1_000_000)]
    requests_per_minute: Option<u32>,
}

type LimitsAnswer = AnswerOf<OwnLimits>;

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
    /// The contract of webhooks without one.
    #[schema(value_type = ContractName)]
    contract: String,
    /// Who gets a mail when a webhook is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    contact_email: Option<String>,
    /// IAM unique ids that are allowed to publish for it on the events queue.
    publishers: Vec<String>,
    /// Limits that differ from the defaults.
    #[schema(value_type = LimitsAnswer)]
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
                    app.dead_letters.cancel_jobs(&id).await?;
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
/// Deletes its keys and webhooks and cancels its redrives, which takes two seconds or more. Its log
/// stays until its retention ends, visible only in the operator's list of dead letters: a later
/// tenant with the same id does not see it. For the operator.
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
    let deleted = app
        .config
        .delete_tenant(&caller.tenant, now(), &expected)
        .await??;
    if !deleted {
        return Err(Rejection::not_found().into());
    }
    app.dead_letters.cancel_jobs(&caller.tenant).await?;
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
