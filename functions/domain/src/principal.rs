//! The caller, as the authorizer identified it.
//!
//! Except in a flood, the authorizer also admits a wrong key or session, and its context says who
//! the caller is, or that the key is not valid. Only this way can a wrong key get a `problem+json`
//! response, since the format of an HTTP API's own denial is fixed. A handler therefore assumes
//! nothing: a context that is missing, broken or does not clearly name a caller is rejected.

use serde_json::{Map, Value, json};

use crate::api_key::{ApiKey, Scope};
use crate::author::Author;
use crate::ids::{KeyId, TenantId};
use crate::rejection::{Code, Rejection};
use crate::session::{Session, SessionId, SessionName};
use crate::time::Time;

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The operator, who deployed the stack, by its key.
    Operator,
    /// The operator, by a session: it may do what the key may, except for making further sessions
    /// of the operator.
    OperatorSession(OperatorSession),
    /// A tenant, identified by one of its keys or sessions.
    Tenant(TenantAccess),
}

/// What a caller holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// A tenant's key.
    Key(KeyId),
    /// A session.
    Session(SessionName),
}

impl Bearer {
    /// What it is, for people.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Session(_) => "session",
        }
    }
}

/// A session of the operator, as the authorizer read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSession {
    /// Its id.
    pub id: SessionId,
    /// When it ends.
    pub expires_at: Time,
}

/// A tenant's key or session, as the authorizer read it: up to `AuthorizerTtlSeconds` ago, so it
/// and its tenant may have been deleted since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantAccess {
    /// The key's public part, or the session's name.
    pub bearer: Bearer,
    /// The key's name, once its row is read: the authorizer's context does not have it.
    pub name: Option<String>,
    /// The tenant.
    pub tenant: TenantId,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was created: a tenant that was created later is another tenant with the same id.
    pub created_at: Time,
    /// When it expires.
    pub expires_at: Option<Time>,
}

impl TenantAccess {
    /// Whether it has all of these scopes.
    #[must_use]
    pub fn has(&self, scopes: &[Scope]) -> bool {
        scopes.iter().all(|scope| self.scopes.contains(scope))
    }
}

/// The rejection of a key that is not valid.
#[must_use]
pub fn invalid_key() -> Rejection {
    Rejection::new(
        Code::InvalidKey,
        "The key in the Authorization header is not valid: send Bearer and an unexpired key.",
    )
}

/// The rejection of a session that has ended, or that there never was.
#[must_use]
pub fn invalid_session() -> Rejection {
    Rejection::new(
        Code::InvalidKey,
        "The session in the Authorization header has ended or is not valid: open a new one.",
    )
}

/// The rejection of a caller whose context names none.
#[must_use]
pub fn unnamed(fields: &Map<String, Value>) -> Rejection {
    match fields.contains_key(SESSION) {
        true => invalid_session(),
        false => invalid_key(),
    }
}

/// The member of the context that names a session.
const SESSION: &str = "session";

impl Principal {
    /// The authorizer's context for the operator.
    #[must_use]
    pub fn operator_context() -> Value {
        json!({"role": "operator"})
    }

    /// The authorizer's context for a tenant's key. Values are strings: the context of an HTTP API
    /// cannot contain lists.
    #[must_use]
    pub fn key_context(key: &ApiKey) -> Value {
        let mut context = json!({
            "role": "tenant",
            "tenant": key.tenant.as_str(),
            "scopes": joined(&key.scopes),
            "key": key.id.as_str(),
            "createdAt": key.created_at.millis().to_string(),
        });
        if let (Some(end), Some(fields)) = (key.expires_at, context.as_object_mut()) {
            fields.insert("expiresAt".to_owned(), end.millis().to_string().into());
        }
        context
    }

    /// The authorizer's context for a session.
    #[must_use]
    pub fn session_context(session: &Session) -> Value {
        let mut context = json!({
            "role": "operator",
            SESSION: session.name.id.to_string(),
            "expiresAt": session.expires_at.millis().to_string(),
        });
        if let (Some(tenant), Some(fields)) = (&session.name.tenant, context.as_object_mut()) {
            let created_at = session.created_at.millis().to_string();
            fields.insert("role".to_owned(), "tenant".into());
            fields.insert("tenant".to_owned(), tenant.as_str().into());
            fields.insert("scopes".to_owned(), joined(&session.scopes).into());
            fields.insert("createdAt".to_owned(), created_at.into());
        }
        context
    }

    /// The authorizer's context for a key or session that is not valid.
    #[must_use]
    pub fn anonymous_context(is_session: bool) -> Value {
        match is_session {
            true => json!({"role": "nobody", SESSION: ""}),
            false => json!({"role": "nobody"}),
        }
    }

    /// Reads the authorizer's context. A key or session that has expired since the authorizer's
    /// check names no caller: the gateway caches the context longer than it lasts. `None` if the
    /// context does not clearly name a caller.
    #[must_use]
    pub fn read(fields: &Map<String, Value>, now: Time) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let time = |text: &str| text.parse().ok().map(Time::from_millis);
        let expires_at = match fields.get("expiresAt") {
            Some(end) => Some(time(end.as_str()?)?),
            None => None,
        };
        if expires_at.is_some_and(|end| end <= now) {
            return None;
        }
        let session = match fields.get(SESSION) {
            Some(id) => Some(id.as_str()?.parse::<SessionId>().ok()?),
            None => None,
        };
        match (text("role")?, session) {
            ("operator", None) => Some(Self::Operator),
            ("operator", Some(id)) => Some(Self::OperatorSession(OperatorSession {
                id,
                expires_at: expires_at?,
            })),
            ("tenant", session) => {
                let tenant: TenantId = text("tenant")?.parse().ok()?;
                let bearer = match (text("key"), session) {
                    (Some(key), None) => Bearer::Key(key.parse().ok()?),
                    (None, Some(id)) => Bearer::Session(SessionName {
                        tenant: Some(tenant.clone()),
                        id,
                    }),
                    _ => return None,
                };
                let scopes = text("scopes")?
                    .split_whitespace()
                    .map(Scope::parse)
                    .collect::<Option<_>>()?;
                Some(Self::Tenant(TenantAccess {
                    bearer,
                    name: None,
                    tenant,
                    scopes,
                    created_at: time(text("createdAt")?)?,
                    expires_at,
                }))
            }
            _ => None,
        }
    }

    /// What the caller holds; `None` for the operator's key.
    #[must_use]
    pub fn bearer(&self) -> Option<Bearer> {
        match self {
            Self::Operator => None,
            Self::OperatorSession(session) => Some(Bearer::Session(SessionName {
                tenant: None,
                id: session.id,
            })),
            Self::Tenant(access) => Some(access.bearer.clone()),
        }
    }

    /// Who makes the changes that this caller asks for.
    #[must_use]
    pub fn author(&self) -> Author {
        match self {
            Self::Operator => Author::Operator { id: None },
            Self::OperatorSession(session) => Author::Operator {
                id: Some(session.id),
            },
            Self::Tenant(access) => match &access.bearer {
                Bearer::Key(id) => Author::Key {
                    id: id.clone(),
                    name: access.name.clone(),
                },
                Bearer::Session(name) => Author::Session { id: name.id },
            },
        }
    }

    /// Admits the operator, and the tenant itself if its key or session has the scope. Another
    /// tenant's path answers like a missing resource.
    ///
    /// # Errors
    /// 404 for another tenant, 403 for a missing scope.
    pub fn may(&self, tenant: &TenantId, scope: Scope) -> Result<(), Rejection> {
        match self {
            Self::Operator | Self::OperatorSession(_) => Ok(()),
            Self::Tenant(access) if access.tenant != *tenant => Err(Rejection::no_tenant()),
            Self::Tenant(access) if access.has(&[scope]) => Ok(()),
            Self::Tenant(access) => {
                let (noun, scope) = (access.bearer.noun(), scope.as_str());
                let detail = format!("This {noun} lacks the scope {scope}.");
                Err(Rejection::new(Code::Forbidden, detail))
            }
        }
    }

    /// Admits the operator.
    ///
    /// # Errors
    /// 403 for all others.
    pub fn is_operator(&self) -> Result<(), Rejection> {
        match self {
            Self::Operator | Self::OperatorSession(_) => Ok(()),
            Self::Tenant(..) => Err(Rejection::new(
                Code::Forbidden,
                "Only the operator's key may do this.",
            )),
        }
    }
}

/// Scopes in one text.
fn joined(scopes: &[Scope]) -> String {
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    scopes.join(" ")
}

#[cfg(test)]
mod tests;
