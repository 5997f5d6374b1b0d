//! The caller, as the authorizer identified it.
//!
//! Except in a flood, the authorizer also admits a wrong key, and its context says who the caller
//! is, or that the key is not valid. Only this way can a wrong key get a `problem+json` response,
//! since the format of an HTTP API's own denial is fixed. A handler therefore assumes nothing: a
//! context that is missing, broken or does not clearly name a caller is rejected.

use serde_json::{Map, Value, json};

use crate::api_key::{ApiKey, Scope};
use crate::ids::{KeyId, TenantId};
use crate::rejection::{Code, Rejection};
use crate::time::Time;

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The operator, who deployed the stack.
    Operator,
    /// A tenant, identified by one of its keys.
    Tenant(TenantKey),
}

/// A tenant's key, as the authorizer read it: up to `AuthorizerTtlSeconds` ago, so the key and its
/// tenant may have been deleted since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantKey {
    /// The key's public part.
    pub id: KeyId,
    /// The key's tenant.
    pub tenant: TenantId,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was created: a tenant that was created later is another tenant with the same id.
    pub created_at: Time,
    /// When it expires.
    pub expires_at: Option<Time>,
}

impl TenantKey {
    /// Whether the key has all of these scopes.
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
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let mut context = json!({
            "role": "tenant",
            "tenant": key.tenant.as_str(),
            "scopes": scopes.join(" "),
            "key": key.id.as_str(),
            "createdAt": key.created_at.millis().to_string(),
        });
        if let (Some(end), Some(fields)) = (key.expires_at, context.as_object_mut()) {
            fields.insert("expiresAt".to_owned(), end.millis().to_string().into());
        }
        context
    }

    /// The authorizer's context for a key that is not valid.
    #[must_use]
    pub fn anonymous_context() -> Value {
        json!({"role": "nobody"})
    }

    /// Reads the authorizer's context. A key that has expired since the authorizer's check names no
    /// caller: the gateway caches the context longer than the key lasts. `None` if the context does
    /// not clearly name a caller.
    #[must_use]
    pub fn read(fields: &Map<String, Value>, now: Time) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let time = |text: &str| text.parse().ok().map(Time::from_millis);
        match text("role")? {
            "operator" => Some(Self::Operator),
            "tenant" => {
                let scopes = text("scopes")?
                    .split_whitespace()
                    .map(Scope::parse)
                    .collect::<Option<_>>()?;
                let expires_at = match fields.get("expiresAt") {
                    Some(end) => Some(time(end.as_str()?)?),
                    None => None,
                };
                let key = TenantKey {
                    id: text("key")?.parse().ok()?,
                    tenant: text("tenant")?.parse().ok()?,
                    scopes,
                    created_at: time(text("createdAt")?)?,
                    expires_at,
                };
                let has_ended = key.expires_at.is_some_and(|end| end <= now);
                (!has_ended).then_some(Self::Tenant(key))
            }
            _ => None,
        }
    }

    /// Admits the operator, and the tenant itself if its key has the scope. Another tenant's path
    /// answers like a missing resource.
    ///
    /// # Errors
    /// 404 for another tenant, 403 for a missing scope.
    pub fn may(&self, tenant: &TenantId, scope: Scope) -> Result<(), Rejection> {
        match self {
            Self::Operator => Ok(()),
            Self::Tenant(key) if key.tenant != *tenant => Err(Rejection::no_tenant()),
            Self::Tenant(key) if key.has(&[scope]) => Ok(()),
            Self::Tenant(..) => Err(Rejection::new(
                Code::Forbidden,
                format!("This key lacks the scope {}.", scope.as_str()),
            )),
        }
    }

    /// Admits the operator.
    ///
    /// # Errors
    /// 403 for all others.
    pub fn is_operator(&self) -> Result<(), Rejection> {
        match self {
            Self::Operator => Ok(()),
            Self::Tenant(..) => Err(Rejection::new(
                Code::Forbidden,
                "Only the operator's key may do this.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    fn read(context: &Value) -> Option<Principal> {
        Principal::read(context.as_object().unwrap(), NOW)
    }

    fn key(expires_at: Option<Time>) -> ApiKey {
        ApiKey {
            id: KeyId::new([7; 16]),
            tenant: "a".parse().unwrap(),
            name: None,
            hash: String::new(),
            scopes: vec![Scope::WebhooksRead, Scope::Keys],
            created_at: Time::from_millis(1_700_000_000_000),
            expires_at,
            last_used_at: None,
        }
    }

    #[test]
    fn whatever_does_not_clearly_name_a_caller_names_none() {
        let with = |changes: Value| {
            let mut context = Principal::key_context(&key(None));
            let fields = context.as_object_mut().unwrap();
            for (name, value) in changes.as_object().unwrap() {
                match value {
                    Value::Null => fields.remove(name),
                    value => fields.insert(name.clone(), value.clone()),
                };
            }
            context
        };
        assert!(read(&with(json!({}))).is_some());
        for context in [
            json!({}),
            json!({"role": "nobody"}),
            json!({"role": "Operator"}),
            json!({"role": true}),
            json!({"role": "tenant"}),
            with(json!({"role": null})),
            with(json!({"tenant": null})),
            with(json!({"tenant": ""})),
            with(json!({"scopes": null})),
            with(json!({"scopes": "keys everything"})),
            with(json!({"key": null})),
            with(json!({"key": "?"})),
            with(json!({"createdAt": null})),
            with(json!({"createdAt": "today"})),
            with(json!({"expiresAt": "never"})),
            with(json!({"expiresAt": 1_900_000_000_000_i64})),
            Principal::anonymous_context(),
        ] {
            assert_eq!(read(&context), None, "{context}");
        }
        assert_eq!(
            read(&Principal::operator_context()),
            Some(Principal::Operator)
        );
    }

    #[test]
    fn a_remembered_key_ends_at_its_own_time() {
        let end = |millis: i64| key(Some(Time::from_millis(NOW.millis() + millis)));
        let named = read(&Principal::key_context(&end(1)));
        assert!(
            matches!(named, Some(Principal::Tenant(key)) if key.expires_at == end(1).expires_at)
        );
        for millis in [0, -1] {
            assert_eq!(read(&Principal::key_context(&end(millis))), None);
        }
    }

    #[test]
    fn a_tenant_sees_itself_only_and_needs_the_scope() {
        let (own, other): (TenantId, TenantId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let caller = read(&Principal::key_context(&key(None))).unwrap();
        assert!(caller.may(&own, Scope::WebhooksRead).is_ok());
        assert_eq!(
            caller.may(&own, Scope::WebhooksWrite).unwrap_err().code,
            Code::Forbidden
        );
        assert_eq!(
            caller.may(&other, Scope::WebhooksRead).unwrap_err(),
            Rejection::no_tenant()
        );
        assert!(caller.is_operator().is_err());
    }
}
