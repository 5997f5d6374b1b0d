//! API keys. The key itself is in the answer to its creation and nowhere else.

use adapters::clock::{now, random};
use adapters::http::caller::{Body, Caller, json};
use adapters::http::document::answers::{One, Tenants, WithBody};
use adapters::http::document::text::{KeyId as Id, KeyScope, Moment, TenantId};
use adapters::http::principal::Principal;
use adapters::http::problem::Shown as Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::{self, ApiKey, Scope};
use domain::ids::KeyId;
use domain::names::check_name;
use domain::rejection::{Code, Rejection};
use domain::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lists::List;
use crate::{Answer, App};

/// The most keys of one tenant: rotation needs two for each of its programs.
const MOST_KEYS: usize = 50;

/// A key that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewKey)]
pub(crate) struct Create {
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// What it may do; everything, if nothing is said. A key cannot give what it has not.
    #[schema(value_type = Option<Vec<KeyScope>>, min_items = 1)]
    scopes: Option<Vec<Scope>>,
    /// When it ends, a time to come; never, if nothing is said.
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<String>,
}

/// A key, without the key itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub(crate) struct Shown {
    #[schema(value_type = Id)]
    id: KeyId,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// What it may do.
    #[schema(value_type = Vec<KeyScope>)]
    scopes: Vec<Scope>,
    #[schema(value_type = Moment)]
    created_at: String,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Moment>, nullable = false)]
    expires_at: Option<String>,
    /// When it was last used: a minute late at most, and what the gateway remembers of it later still. Nothing, if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Moment>, nullable = false)]
    last_used_at: Option<String>,
}

/// A key as it is made.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyWithSecret {
    #[serde(flatten)]
    shown: Shown,
    /// The key itself, in this answer alone.
    #[schema(pattern = "^postel_")]
    key: String,
}

fn show(key: &ApiKey) -> Shown {
    Shown {
        id: key.id.clone(),
        name: key.name.clone(),
        scopes: key.scopes.clone(),
        created_at: key.created_at.rfc3339(),
        expires_at: key.expires_at.map(Time::rfc3339),
        last_used_at: key.last_used_at.map(Time::rfc3339),
    }
}

/// Makes a key
///
/// The key itself is in this answer and nowhere else. Scope `keys`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/keys",
    operation_id = "create_key",
    tag = "keys",
    params(("tenant" = TenantId, Path, description = "Whose key it will be.")),
    request_body = Create,
    responses(
        (status = 201, description = "The key.", body = KeyWithSecret),
        (status = 422, description = "It would have ended already (`invalid_timestamp`), or the name holds a character that it cannot (`invalid_name`).", body = Problem, content_type = "application/problem+json"),
        WithBody,
        Tenants,
    )
)]
pub(crate) async fn create(caller: Caller, State(app): App, Body(body): Body<Create>) -> Answer {
    app.admit(&caller, Scope::Keys).await?;
    check_name("name", body.name.as_deref().unwrap_or_default())?;
    let scopes = body.scopes.unwrap_or_else(|| Scope::ALL.to_vec());
    if scopes.is_empty() {
        return Err(
            Rejection::new(Code::InvalidRequest, "A key needs at least one scope.")
                .field("scopes")
                .into(),
        );
    }
    if let Principal::Tenant(_, own) = &caller.principal
        && !scopes.iter().all(|scope| own.contains(scope))
    {
        return Err(Rejection::new(
            Code::Forbidden,
            "A key cannot give a scope that it has not.",
        )
        .field("scopes")
        .into());
    }
    let wrong = || {
        Rejection::new(
            Code::InvalidTimestamp,
            "expiresAt is a time to come, in RFC 3339.",
        )
        .field("expiresAt")
    };
    let expires_at = match &body.expires_at {
        Some(text) => Some(
            Time::parse_rfc3339(text)
                .filter(|end| *end > now())
                .ok_or_else(wrong)?,
        ),
        None => None,
    };
    if app.config.keys(&caller.tenant).await?.len() >= MOST_KEYS {
        let detail = format!("A tenant has at most {MOST_KEYS} keys: delete one first.");
        return Err(Rejection::new(Code::InvalidRequest, detail).into());
    }
    let id = KeyId::new(random());
    let text = api_key::write(&id, random());
    let key = ApiKey {
        id,
        tenant: caller.tenant,
        name: body.name,
        hash: api_key::hash(&text),
        scopes,
        created_at: now(),
        expires_at,
        last_used_at: None,
    };
    app.config.put_key(&key).await?;
    let answer = KeyWithSecret {
        shown: show(&key),
        key: text,
    };
    Ok(json(StatusCode::CREATED, answer))
}

/// Lists the keys
///
/// All of them: there are few. Scope `keys`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/keys",
    operation_id = "list_keys",
    tag = "keys",
    params(("tenant" = TenantId, Path, description = "Whose keys.")),
    responses((status = 200, description = "The keys.", body = List<Shown>), Tenants)
)]
pub(crate) async fn list(caller: Caller, State(app): App) -> Answer {
    app.admit(&caller, Scope::Keys).await?;
    let items: Vec<_> = app
        .config
        .keys(&caller.tenant)
        .await?
        .iter()
        .map(show)
        .collect();
    Ok(json(StatusCode::OK, List::whole(items)))
}

/// Deletes a key
///
/// It ends within the time that the gateway keeps a verdict on a key, half a minute by default. Scope `keys`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}/keys/{key}",
    operation_id = "delete_key",
    tag = "keys",
    params(
        ("tenant" = TenantId, Path, description = "Whose key."),
        ("key" = Id, Path, description = "Which key."),
    ),
    responses((status = 204, description = "Deleted."), One, Tenants)
)]
pub(crate) async fn delete(
    caller: Caller,
    Path((_, key)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::Keys).await?;
    let id: KeyId = key.parse().map_err(|_| Rejection::not_found())?;
    let key = app
        .config
        .key(&id)
        .await?
        .filter(|key| key.tenant == caller.tenant)
        .ok_or_else(Rejection::not_found)?;
    app.config.delete_key(&key).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
