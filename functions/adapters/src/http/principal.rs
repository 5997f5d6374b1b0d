//! Who calls, as the authorizer found out.
//!
//! The authorizer lets every request through and says in its context who the caller is, or that the key is not valid: only so can a wrong key get a
//! `problem+json` answer, since an HTTP API's own refusal cannot be shaped. Therefore a handler starts from nothing: a context that is missing, broken
//! or not clearly a caller's is a refusal.

use aws_lambda_events::event::apigw::ApiGatewayRequestAuthorizer;
use domain::api_key::{ApiKey, Scope};
use domain::ids::TenantId;
use domain::rejection::{Code, Rejection};
use lambda_http::request::RequestContext;
use serde_json::{Map, Value, json};

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Who deployed the stack.
    Operator,
    /// A tenant, with what its key may do.
    Tenant(TenantId, Vec<Scope>),
}

impl Principal {
    /// What the authorizer says of the operator.
    #[must_use]
    pub fn operator_context() -> Value {
        json!({"role": "operator"})
    }

    /// What the authorizer says of a tenant's key. Values are strings: the context of an HTTP API holds no lists.
    #[must_use]
    pub fn key_context(key: &ApiKey) -> Value {
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        json!({"role": "tenant", "tenant": key.tenant.as_str(), "scopes": scopes.join(" "), "key": key.id.as_str()})
    }

    /// What the authorizer says of a key that is not valid.
    #[must_use]
    pub fn nobody_context() -> Value {
        json!({"role": "nobody"})
    }

    /// Reads the authorizer's word from a request.
    ///
    /// # Errors
    /// 401, if it does not clearly name a caller.
    pub fn of(context: Option<&RequestContext>) -> Result<Self, Rejection> {
        let fields: Option<&ApiGatewayRequestAuthorizer> = match context {
            Some(RequestContext::ApiGatewayV2(context)) => context.authorizer.as_ref(),
            _ => None,
        };
        let fields: Map<String, Value> = fields
            .map(|a| a.fields.clone().into_iter().collect())
            .unwrap_or_default();
        Self::read(&fields).ok_or_else(|| {
            Rejection::new(Code::InvalidKey, "The key in the Authorization header is not valid: send Bearer and a key that has not ended.")
        })
    }

    fn read(fields: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        match text("role")? {
            "operator" => Some(Self::Operator),
            "tenant" => {
                let scopes = text("scopes")?
                    .split_whitespace()
                    .map(Scope::parse)
                    .collect::<Option<_>>()?;
                Some(Self::Tenant(text("tenant")?.parse().ok()?, scopes))
            }
            _ => None,
        }
    }

    /// Lets the operator pass, and the tenant itself if its key has the scope. Another tenant's path answers as if nothing were there.
    ///
    /// # Errors
    /// 404 for another tenant, 403 for a missing scope.
    pub fn may(&self, tenant: &TenantId, scope: Scope) -> Result<(), Rejection> {
        match self {
            Self::Operator => Ok(()),
            Self::Tenant(own, _) if own != tenant => Err(Rejection::no_tenant()),
            Self::Tenant(_, scopes) if scopes.contains(&scope) => Ok(()),
            Self::Tenant(..) => Err(Rejection::new(
                Code::Forbidden,
                format!("This key lacks the scope {}.", scope.as_str()),
            )),
        }
    }

    /// Lets the operator pass.
    ///
    /// # Errors
    /// 403 for everybody else.
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

    fn read(context: &Value) -> Option<Principal> {
        Principal::read(context.as_object().unwrap())
    }

    #[test]
    fn whatever_does_not_clearly_name_a_caller_names_none() {
        for context in [
            json!({}),
            json!({"role": "nobody"}),
            json!({"role": "Operator"}),
            json!({"role": true}),
            json!({"role": "tenant"}),
            json!({"role": "tenant", "tenant": "t"}),
            json!({"role": "tenant", "tenant": "", "scopes": "keys"}),
            json!({"role": "tenant", "tenant": "t", "scopes": "keys everything"}),
            json!({"tenant": "t", "scopes": "keys"}),
            Principal::nobody_context(),
        ] {
            assert_eq!(read(&context), None, "{context}");
        }
        assert_eq!(
            read(&Principal::operator_context()),
            Some(Principal::Operator)
        );
    }

    #[test]
    fn a_tenant_sees_itself_only_and_needs_the_scope() {
        let (own, other): (TenantId, TenantId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let caller =
            read(&json!({"role": "tenant", "tenant": "a", "scopes": "webhooks:read keys"}))
                .unwrap();
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
