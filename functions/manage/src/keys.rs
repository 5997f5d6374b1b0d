//! API keys. The key itself is in the answer to its creation and nowhere else.

use std::time::Duration;

use adapters::clock::{now, random};
use adapters::config::KeyPlace;
use api::admission::done;
use api::caller::{Body, Caller, json};
use api::document::answers::{Lists, One, Tenants, WithBody};
use api::document::text::{KeyId as Id, KeyScope, Moment, TenantId};
use api::problem::Shown as Problem;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::{self, ApiKey, Scope};
use domain::ids::KeyId;
use domain::names::check_name;
use domain::ports::Stage;
use domain::principal::{Principal, TenantKey};
use domain::rejection::{Code, Rejection};
use domain::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{Answer, App};

/// The most keys of one tenant: rotation needs two for each of its programs.
const MOST_KEYS: usize = 50;

/// How far away the time is that an error shows as an example.
const EXAMPLE_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

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
    /// When it ends: a time to come, and not after its maker ends. If nothing is said, it ends with its maker; the operator's never.
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

/// Who makes or deletes a key: what a key makes has no more rights and no later end than itself.
struct Maker<'a>(Option<&'a TenantKey>);

impl<'a> Maker<'a> {
    const fn of(principal: &'a Principal) -> Self {
        match principal {
            Principal::Operator => Self(None),
            Principal::Tenant(key) => Self(Some(key)),
        }
    }

    fn may_give(&self, scopes: &[Scope]) -> bool {
        self.0.is_none_or(|own| own.has(scopes))
    }

    fn scopes(&self, asked: Option<Vec<Scope>>) -> Result<Vec<Scope>, Rejection> {
        let scopes = asked.unwrap_or_else(|| Scope::ALL.to_vec());
        let refuse = |code, detail| Err(Rejection::new(code, detail).field("scopes"));
        if scopes.is_empty() {
            return refuse(Code::InvalidRequest, "A key needs at least one scope.");
        }
        if !self.may_give(&scopes) {
            return refuse(
                Code::Forbidden,
                "A key cannot give a scope that it has not.",
            );
        }
        Ok(scopes)
    }

    fn end(&self, asked: Option<&str>, now: Time) -> Result<Option<Time>, Rejection> {
        let latest = self.0.and_then(|own| own.expires_at);
        let Some(text) = asked else {
            return Ok(latest);
        };
        let refuse = |code, detail| Err(Rejection::new(code, detail).field("expiresAt"));
        let Some(end) = Time::parse_rfc3339(text) else {
            let detail = format!(
                "expiresAt is a date, a time and an offset as in RFC 3339, such as {}.",
                now.plus(EXAMPLE_LIFE).rfc3339()
            );
            return refuse(Code::InvalidTimestamp, detail);
        };
        if end <= now {
            let detail = format!(
                "expiresAt has passed: it is {} now. Give a later time, or none for a key that does not end.",
                now.rfc3339()
            );
            return refuse(Code::InvalidTimestamp, detail);
        }
        if let Some(latest) = latest.filter(|latest| end > *latest) {
            let detail = format!(
                "A key cannot make one that ends after itself, at {}.",
                latest.rfc3339()
            );
            return refuse(Code::Forbidden, detail);
        }
        Ok(Some(end))
    }
}

/// Makes a key
///
/// The key itself is in this answer and nowhere else. What a key makes has no more scopes and no later end than itself. Scope `keys`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/keys",
    operation_id = "create_key",
    tag = "keys",
    params(("tenant" = TenantId, Path, description = "Whose key it will be.")),
    request_body = Create,
    responses(
        (status = 201, description = "The key.", body = KeyWithSecret),
        (status = 422, description = "`expiresAt` is no time, or has passed (`invalid_timestamp`), or the name holds a character that it cannot (`invalid_name`).", body = Problem, content_type = "application/problem+json"),
        WithBody,
        Tenants,
    )
)]
pub(crate) async fn create(caller: Caller, State(app): App, Body(body): Body<Create>) -> Answer {
    let authority = app.admit(&caller, Scope::Keys).await?;
    check_name("name", body.name.as_deref().unwrap_or_default())?;
    let now = now();
    let maker = Maker::of(&caller.principal);
    let scopes = maker.scopes(body.scopes)?;
    let expires_at = maker.end(body.expires_at.as_deref(), now)?;
    let id = KeyId::new(random());
    let text = api_key::write(&id, random());
    let key = ApiKey {
        id,
        tenant: caller.tenant,
        name: body.name,
        hash: api_key::hash(&text),
        scopes,
        // A key that is older than its tenant is another's: see `belongs_to`.
        created_at: now.max(authority.tenant.created_at),
        expires_at,
        last_used_at: None,
    };
    let written = app
        .config
        .create_key(&authority, &key, MOST_KEYS, now)
        .await?;
    if !done(written)? {
        let detail = format!("A tenant has at most {MOST_KEYS} keys: delete one first.");
        return Err(Rejection::new(Code::InvalidRequest, detail).into());
    }
    let answer = KeyWithSecret {
        shown: show(&key),
        key: text,
    };
    Ok(json(StatusCode::CREATED, answer))
}

/// Lists the keys
///
/// Newest first. Scope `keys`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/keys",
    operation_id = "list_keys",
    tag = "keys",
    params(("tenant" = TenantId, Path, description = "Whose keys."), Paging),
    responses((status = 200, description = "The keys.", body = List<Shown>), Lists, Tenants)
)]
pub(crate) async fn list(
    caller: Caller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::Keys).await?;
    let query = ListQuery::new(query, format!("keys/{}", caller.tenant), &[])?;
    let place = |key: &ApiKey| format!("{:013}{}", key.created_at.millis(), key.id);
    let keys = app.config.keys(&caller.tenant).await?;
    let page = query.page_of(&app, keys, place)?;
    Ok(query.answer(&app, page, place, show))
}

/// Deletes a key
///
/// It manages nothing from now on, and publishes no longer than the gateway keeps a verdict on a key, half a minute by default. A key deletes only keys
/// without a scope that it lacks. Scope `keys`.
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
    let authority = app.admit(&caller, Scope::Keys).await?;
    let id: KeyId = key.parse().map_err(|_| Rejection::not_found())?;
    let (place, scopes) = match app.config.key(&id).await {
        Ok(key) => {
            let key = key.filter(|key| key.tenant == caller.tenant);
            let key = key.ok_or_else(Rejection::not_found)?;
            (KeyPlace::of(&key), key.scopes)
        }
        // It cannot be read, and goes all the same. It may have had any scope.
        Err(fault) if fault.stage == Stage::Corrupt => {
            let place = app.config.key_place(&caller.tenant, &id).await?;
            let place = place.ok_or_else(Rejection::not_found)?;
            (place, Scope::ALL.to_vec())
        }
        Err(fault) => return Err(fault.into()),
    };
    if !Maker::of(&caller.principal).may_give(&scopes) {
        let detail = "A key cannot delete one that has a scope which it lacks itself.";
        return Err(Rejection::new(Code::Forbidden, detail).into());
    }
    if !done(app.config.delete_key(&authority, &id, place).await?)? {
        return Err(Rejection::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    fn own(expires_at: Option<Time>) -> TenantKey {
        TenantKey {
            id: KeyId::new([7; 16]),
            tenant: "t".parse().unwrap(),
            scopes: vec![Scope::Keys, Scope::WebhooksRead],
            created_at: NOW,
            expires_at,
        }
    }

    fn after(seconds: i64) -> Time {
        Time::from_millis(NOW.millis() + seconds * 1000)
    }

    #[test]
    fn what_a_key_makes_has_no_more_scopes_than_itself() {
        let own = own(None);
        let maker = Maker(Some(&own));
        assert_eq!(maker.scopes(Some(own.scopes.clone())).unwrap(), own.scopes);
        // None means all.
        for asked in [Some(vec![Scope::Keys, Scope::EventsWrite]), None] {
            assert_eq!(maker.scopes(asked).unwrap_err().code, Code::Forbidden);
        }
        assert_eq!(Maker(None).scopes(None).unwrap(), Scope::ALL);
        assert!(maker.scopes(Some(Vec::new())).is_err());
    }

    #[test]
    fn what_a_key_makes_has_no_later_end_than_itself() {
        let own = own(Some(after(60)));
        let maker = Maker(Some(&own));
        let end = |seconds| maker.end(Some(&after(seconds).rfc3339()), NOW);
        assert_eq!(maker.end(None, NOW).unwrap(), Some(after(60)));
        assert_eq!(end(60).unwrap(), Some(after(60)));
        assert_eq!(end(59).unwrap(), Some(after(59)));
        assert_eq!(end(61).unwrap_err().code, Code::Forbidden);
        assert_eq!(Maker(None).end(None, NOW).unwrap(), None);
    }

    #[test]
    fn a_time_that_is_none_and_one_that_has_passed_are_told_apart() {
        let refusal = |text: &str| Maker(None).end(Some(text), NOW).unwrap_err();
        for malformed in ["2027-12-01", "tomorrow", "", "2027-01-15T08:00:00"] {
            let refusal = refusal(malformed);
            assert_eq!(refusal.code, Code::InvalidTimestamp);
            assert!(refusal.detail.contains("such as 20"), "{}", refusal.detail);
        }
        let past = refusal(&NOW.rfc3339());
        assert_eq!(past.code, Code::InvalidTimestamp);
        assert!(past.detail.contains("has passed"), "{}", past.detail);
    }
}
