//! API keys. The key itself is in the answer to its creation and nowhere else.

use adapters::clock::{now, random};
use adapters::http::caller::{Body, Caller, json};
use adapters::http::principal::Principal;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::{self, ApiKey, Scope};
use domain::ids::KeyId;
use domain::rejection::{Code, Rejection};
use domain::time::Time;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lists::compact;
use crate::{Answer, App};

/// The most keys of one tenant: rotation needs two for each of its programs.
const MOST_KEYS: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Create {
    name: Option<String>,
    scopes: Option<Vec<Scope>>,
    expires_at: Option<String>,
}

fn show(key: &ApiKey) -> Value {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    compact(json!({
        "id": key.id.as_str(),
        "name": key.name,
        "scopes": scopes,
        "createdAt": key.created_at.rfc3339(),
        "expiresAt": key.expires_at.map(Time::rfc3339),
    }))
}

pub(crate) async fn create(caller: Caller, State(app): App, Body(body): Body<Create>) -> Answer {
    app.admit(&caller, Scope::Keys).await?;
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
    };
    app.config.put_key(&key).await?;
    let mut answer = show(&key);
    if let Some(members) = answer.as_object_mut() {
        members.insert("key".to_owned(), Value::from(text));
    }
    Ok(json(StatusCode::CREATED, answer))
}

pub(crate) async fn list(caller: Caller, State(app): App) -> Answer {
    app.admit(&caller, Scope::Keys).await?;
    let items: Vec<_> = app
        .config
        .keys(&caller.tenant)
        .await?
        .iter()
        .map(show)
        .collect();
    Ok(json(StatusCode::OK, json!({"items": items})))
}

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
