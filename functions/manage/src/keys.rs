//! API keys. The key itself is in the answer to its creation and nowhere else.

use adapters::clock::{now, random};
use adapters::config::{Created, KeyPlace};
use api::admission::done;
use api::caller::{TenantCaller, json, located};
use api::creation::{Creation, Repeatable, replayed};
use api::document::responses::{BodyResponses, ListResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{KeyId as Id, KeyScope, TenantId, Timestamp};
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::{self, ApiKey, KeyGrantor, MAX_KEYS, NewKey, Scope, too_many_keys};
use domain::idempotency::{CreationKind, CreationName};
use domain::ids::{KeyId, TenantId as OwnerId};
use domain::rejection::Rejection;
use domain::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{App, HandlerResult};

/// A key to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = KeyCreate)]
pub(crate) struct Create {
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// What it may do, each scope once. A key cannot grant a scope that it does not have.
    #[schema(value_type = Vec<KeyScope>, min_items = 1)]
    scopes: Vec<Scope>,
    /// When it expires: in the future, and no later than the key that creates it. Default: when
    /// that key expires; never for the operator.
    #[schema(value_type = Option<Timestamp>)]
    expires_at: Option<String>,
}

/// A key, without the key itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub(crate) struct KeyResponse {
    #[schema(value_type = Id)]
    id: KeyId,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// What it may do.
    #[schema(value_type = Vec<KeyScope>)]
    scopes: Vec<Scope>,
    #[schema(value_type = Timestamp)]
    created_at: String,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    expires_at: Option<String>,
    /// Its last use, accurate to an hour, or to a sixtieth of its lifetime if that is shorter.
    /// Absent if it was never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    last_used_at: Option<String>,
}

/// A new key.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyWithSecret {
    #[serde(flatten)]
    shown: KeyResponse,
    /// The key itself, shown only in this response. Empty in the response to a repeated request:
    /// delete the key then, and create another.
    #[schema(pattern = "^(postel_|$)")]
    key: String,
}

impl KeyResponse {
    fn new(key: &ApiKey) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            created_at: key.created_at.rfc3339(),
            expires_at: key.expires_at.map(Time::rfc3339),
            last_used_at: key.last_used_at.map(Time::rfc3339),
        }
    }
}

type KeyList = List<KeyResponse>;

/// Create a key
///
/// The key is shown only in this response. A key that creates another can grant only its own scopes
/// and no later expiry than its own. A request that is repeated with its `Idempotency-Key` makes no
/// second key, and its response does not show the key. Scope `keys`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/keys",
    operation_id = "keys.create",
    tag = "keys",
    params(("tenantId" = TenantId, Path, description = "Whose key it will be."), Repeatable),
    request_body = Create,
    responses(
        (status = 201, description = "The key.", body = KeyWithSecret),
        (status = 409, description = "The tenant has the maximum number of keys (`key_limit`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`expiresAt` is not a time or has passed (`invalid_timestamp`), the name is too long or has a character that is not allowed (`invalid_name`), the scopes are not valid (`invalid_value`), or the `Idempotency-Key` was used for another request (`idempotency_key_reused`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        TenantResponses,
    )
)]
pub(crate) async fn create(
    caller: TenantCaller,
    State(app): App,
    Creation { body, key, content }: Creation<Create>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::Keys).await?;
    let now = now();
    let tenant = &authority.tenant.id;
    let derived = key.map(|key| KeyId::new(key.entropy(tenant, CreationKind::Key)));
    let named = derived.as_ref().map_or("", KeyId::as_str);
    let content = app.fingerprints.of_request(tenant, named, &content);
    if let Some(id) = &derived
        && let Some(made) = app.config.created_key(id).await?
    {
        return repeated(&made, tenant, &content);
    }
    let kept = derived.as_ref().map(|_| content.as_str());
    let id = derived.clone().unwrap_or_else(|| KeyId::new(random()));
    let text = api_key::write(&id, random());
    let asked = NewKey {
        name: body.name,
        scopes: body.scopes,
        expires_at: body.expires_at,
    };
    let grantor = KeyGrantor::of(&caller.principal);
    let key = grantor.key(asked, &authority.tenant, id, &text, now)?;
    let written = app
        .config
        .create_key(&authority, &key, kept, MAX_KEYS, now)
        .await?;
    if !done(written)? {
        // Refused by the limit, or by what the same request has made meanwhile.
        let made = match &derived {
            Some(id) => app.config.created_key(id).await?,
            None => None,
        };
        return match made {
            Some(made) => repeated(&made, tenant, &content),
            None => Err(too_many_keys().into()),
        };
    }
    let answer = KeyWithSecret {
        shown: KeyResponse::new(&key),
        key: text,
    };
    let path = format!("/v1/tenants/{}/keys/{}", caller.tenant, key.id);
    Ok(located(json(StatusCode::CREATED, answer), path))
}

/// Get a key
///
/// Without the key itself. Scope `keys`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/keys/{keyId}",
    operation_id = "keys.get",
    tag = "keys",
    params(
        ("tenantId" = TenantId, Path, description = "Whose key."),
        ("keyId" = Id, Path, description = "Which key."),
    ),
    responses((status = 200, description = "The key.", body = KeyResponse), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn get(
    caller: TenantCaller,
    Path((_, key)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    app.authorize(&caller, Scope::Keys).await?;
    let id: KeyId = key.parse().map_err(|_| Rejection::not_found())?;
    let key = app.config.key(&id).await?;
    let key = key.filter(|key| key.tenant == caller.tenant);
    let key = key.ok_or_else(Rejection::not_found)?;
    Ok(json(StatusCode::OK, KeyResponse::new(&key)))
}

/// Answers a repetition with the key that it made; refuses another request of the same key.
fn repeated(made: &Created<ApiKey>, tenant: &OwnerId, content: &str) -> HandlerResult {
    let kept = made.content.as_deref();
    CreationName::Key.check(kept.filter(|_| made.resource.tenant == *tenant), content)?;
    let answer = KeyWithSecret {
        shown: KeyResponse::new(&made.resource),
        key: String::new(),
    };
    Ok(replayed(json(StatusCode::CREATED, answer)))
}

/// List the keys
///
/// Newest first. Scope `keys`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/keys",
    operation_id = "keys.list",
    tag = "keys",
    params(("tenantId" = TenantId, Path, description = "Whose keys."), Paging),
    responses((status = 200, description = "The keys.", body = KeyList), ListResponses, TenantResponses)
)]
pub(crate) async fn list(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    app.authorize(&caller, Scope::Keys).await?;
    let query = ListQuery::new(query, format!("keys/{}", caller.tenant), &[])?;
    let place = |key: &ApiKey| format!("{:013}{}", key.created_at.millis(), key.id);
    let keys = app.config.keys(&caller.tenant).await?;
    let page = query.page_of(&app, keys, place)?;
    Ok(query.answer(&app, page, place, KeyResponse::new))
}

/// Delete a key
///
/// The key stops managing at once, and so do the sessions that it has created. They can publish for
/// as long as the gateway caches their authorization, 30 seconds by default. A key can delete only
/// keys whose scopes it has. Scope `keys`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenantId}/keys/{keyId}",
    operation_id = "keys.delete",
    tag = "keys",
    params(
        ("tenantId" = TenantId, Path, description = "Whose key."),
        ("keyId" = Id, Path, description = "Which key."),
    ),
    responses((status = 204, description = "Deleted."), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn delete(
    caller: TenantCaller,
    Path((_, key)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::Keys).await?;
    let id: KeyId = key.parse().map_err(|_| Rejection::not_found())?;
    let (place, scopes) = match app.config.key(&id).await {
        Ok(key) => {
            let key = key.filter(|key| key.tenant == caller.tenant);
            let key = key.ok_or_else(Rejection::not_found)?;
            (KeyPlace::of(&key), key.scopes)
        }
        // It cannot be read, and goes all the same. It may have had any scope.
        Err(fault) if fault.is_corrupt() => {
            let place = app.config.key_place(&caller.tenant, &id).await?;
            let place = place.ok_or_else(Rejection::not_found)?;
            (place, Scope::ALL.to_vec())
        }
        Err(fault) => return Err(fault.into()),
    };
    KeyGrantor::of(&caller.principal).may_delete(&scopes)?;
    // Its sessions first: a deletion that is cut short is repeated. Then those that it has made
    // meanwhile: from the deletion on it makes none.
    let end_sessions = || {
        let tenant = Some(&caller.tenant);
        app.config.end_sessions(tenant, Some(&id), now())
    };
    end_sessions().await?;
    let by = caller.principal.author();
    let deleted = app.config.delete_key(&authority, &id, place, &by);
    if !done(deleted.await?)? {
        return Err(Rejection::not_found().into());
    }
    end_sessions().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
