//! Who the caller is.

use api::caller::{Admitted, json};
use api::document::responses::AnyKeyResponses;
use api::document::schemas::{CallerKind, ContractName, KeyScope, TenantId as Owner, Timestamp};
use axum::extract::State;
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::ids::TenantId;
use domain::principal::{Bearer, Principal};
use domain::tenant::Tenant;
use domain::time::Time;
use domain::webhook::WebhookLimit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, HandlerResult};

/// The caller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Me)]
pub(crate) struct MeResponse {
    #[schema(value_type = CallerKind)]
    kind: &'static str,
    /// The id of the key or session. Absent for the operator's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<String>,
    /// The tenant that it belongs to. Absent for the operator's key and sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Owner>, nullable = false)]
    tenant_id: Option<TenantId>,
    /// The tenant's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tenant_name: Option<String>,
    /// The contract of the tenant's webhooks without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ContractName>, nullable = false)]
    contract: Option<String>,
    /// What it may do. The operator's key and sessions have all scopes, for all tenants.
    #[schema(value_type = Vec<KeyScope>)]
    scopes: Vec<Scope>,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    expires_at: Option<String>,
    /// The tenant's limits. Absent for the operator's key and sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limits: Option<EffectiveLimits>,
    /// Postel's version, as in the header `Postel-Version` of each response.
    version: &'static str,
}

/// What a tenant may have, and has.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EffectiveLimits {
    webhooks: WebhookUsage,
    /// How many API requests the tenant may make per minute.
    requests_per_minute: u32,
}

/// How many webhooks there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookUsage {
    /// How many the tenant has.
    used: u32,
    /// How many it may have.
    allowed: u32,
}

/// Get the caller
///
/// Says whose key or session this is and what it may do. With any key.
#[utoipa::path(
    get,
    path = "/v1/me",
    operation_id = "me.get",
    tag = "service",
    responses((status = 200, description = "The caller.", body = MeResponse), AnyKeyResponses)
)]
pub(crate) async fn get(
    Admitted { principal, tenant }: Admitted,
    State(app): App,
) -> HandlerResult {
    let mut answer = MeResponse::new(&principal);
    if let Some(tenant) = tenant {
        answer.contract = Some(tenant.contract.clone());
        answer.tenant_name.clone_from(&tenant.name);
        answer.limits = Some(limits(&app, &tenant).await?);
    }
    Ok(json(StatusCode::OK, answer))
}

impl MeResponse {
    fn new(principal: &Principal) -> Self {
        let (kind, id) = match principal.bearer() {
            None => ("operator", None),
            Some(Bearer::Key(id)) => ("key", Some(id.to_string())),
            Some(Bearer::Session(name)) => ("session", Some(name.id.to_string())),
        };
        let (access, end) = match principal {
            Principal::Operator => (None, None),
            Principal::OperatorSession(session) => (None, Some(session.expires_at)),
            Principal::Tenant(access) => (Some(access), access.expires_at),
        };
        Self {
            kind,
            id,
            tenant_id: access.map(|access| access.tenant.clone()),
            tenant_name: None,
            contract: None,
            scopes: access.map_or_else(|| Scope::ALL.to_vec(), |access| access.scopes.clone()),
            expires_at: end.map(Time::rfc3339),
            limits: None,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

async fn limits(
    app: &crate::AppState,
    tenant: &Tenant,
) -> Result<EffectiveLimits, api::problem::Problem> {
    let contract = app.config.contract(&tenant.contract).await?;
    Ok(EffectiveLimits {
        webhooks: WebhookUsage {
            used: app.config.webhook_count(&tenant.id).await?,
            allowed: WebhookLimit::of(tenant, contract.as_ref()).get(),
        },
        requests_per_minute: tenant.limits.requests_a_minute(),
    })
}
