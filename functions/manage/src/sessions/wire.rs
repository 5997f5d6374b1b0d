//! Sessions as they are asked for and shown.

use std::convert::Infallible;

use api::document::schemas::{
    KeyId as MakerId, KeyScope, SessionId as Id, TenantId as Owner, Timestamp,
};
use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use domain::api_key::Scope;
use domain::ids::{KeyId, TenantId};
use domain::session::{Session, SessionId, SessionState};
use domain::time::Time;
use lambda_http::request::RequestContext;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lists::List;

/// A session to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SessionCreate)]
pub(crate) struct Create {
    /// What it may do, each scope once. A key cannot grant a scope that it does not have. Default:
    /// all that its creator may do. Name them: a page that only shows needs `webhooks:read` and
    /// `deliveries:read`.
    #[schema(value_type = Option<Vec<KeyScope>>, min_items = 1)]
    pub(super) scopes: Option<Vec<Scope>>,
    /// How long it lasts, and no later than the key that creates it. Default: 3,600, or until that
    /// key expires.
    #[schema(minimum = 60, maximum = 86_400)]
    pub(super) expires_in_seconds: Option<u64>,
}

/// A session of the operator to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OperatorSessionCreate)]
pub(crate) struct CreateOwn {}

/// A session, without its code and its token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(crate) struct SessionResponse {
    #[schema(value_type = Id)]
    id: SessionId,
    /// Whose session it is. Absent for the operator's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Owner>, nullable = false)]
    tenant_id: Option<TenantId>,
    /// What it may do. A session of the operator has all scopes, for all tenants.
    #[schema(value_type = Vec<KeyScope>)]
    scopes: Vec<Scope>,
    /// The key that created it. Absent if the operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MakerId>, nullable = false)]
    key_id: Option<KeyId>,
    #[schema(value_type = Timestamp)]
    created_at: String,
    /// When its code was exchanged. Absent until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    opened_at: Option<String>,
    /// When it ends.
    #[schema(value_type = Timestamp)]
    expires_at: String,
}

impl SessionResponse {
    pub(super) fn new(session: &Session) -> Self {
        let opened_at = match &session.state {
            SessionState::Waiting { .. } => None,
            SessionState::Open { since, .. } => Some(*since),
        };
        Self {
            id: session.name.id,
            tenant_id: session.name.tenant.clone(),
            scopes: session.scopes.clone(),
            key_id: session.key.clone(),
            created_at: session.created_at.rfc3339(),
            opened_at: opened_at.map(Time::rfc3339),
            expires_at: session.expires_at.rfc3339(),
        }
    }
}

/// A new session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionWithCode {
    #[serde(flatten)]
    shown: SessionResponse,
    /// The code that `POST /v1/sessions/exchange` takes once, within 60 seconds. It is shown only
    /// in this response.
    #[schema(pattern = "^code_")]
    code: String,
    /// The page with the code in its fragment, which no server sees.
    url: String,
}

impl SessionWithCode {
    pub(super) fn new(session: &Session, url: String, code: String) -> Self {
        Self {
            shown: SessionResponse::new(session),
            code,
            url,
        }
    }
}

pub(crate) type SessionList = List<SessionResponse>;

/// The code of a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SessionExchange)]
pub(crate) struct Exchange {
    /// The code, from the fragment of the link.
    #[schema(min_length = 1, max_length = 256)]
    pub(super) code: String,
}

/// An open session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionToken)]
pub(crate) struct TokenResponse {
    #[schema(value_type = Id)]
    id: SessionId,
    /// The token, sent as `Authorization: Bearer` like a key. It is shown only in this response.
    #[schema(pattern = "^postel_ses_")]
    token: String,
    /// Whose session it is. Absent for the operator's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Owner>, nullable = false)]
    tenant_id: Option<TenantId>,
    /// What it may do. A session of the operator has all scopes, for all tenants.
    #[schema(value_type = Vec<KeyScope>)]
    scopes: Vec<Scope>,
    /// When it ends.
    #[schema(value_type = Timestamp)]
    expires_at: String,
}

impl TokenResponse {
    pub(super) fn new(session: Session, token: String) -> Self {
        Self {
            id: session.name.id,
            token,
            tenant_id: session.name.tenant,
            scopes: session.scopes,
            expires_at: session.expires_at.rfc3339(),
        }
    }
}

/// The address of the API, as the caller has called it: the pages are at the same one.
pub(crate) struct Address(String);

impl Address {
    /// The address of a page with a code.
    pub(super) fn page(&self, page: &str, code: &str) -> String {
        format!("{}/{page}/#s={code}", self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    /// The gateway says by which name and that it was called over TLS. The local cloud has no TLS,
    /// and a port.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = |name: &str| parts.headers.get(name)?.to_str().ok();
        let domain = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.as_deref(),
            _ => None,
        };
        let scheme = header("x-forwarded-proto").unwrap_or("http");
        let host = header(HOST.as_str()).unwrap_or_default();
        let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
        let colon = if port.is_empty() { "" } else { ":" };
        let name = domain.unwrap_or(name);
        Ok(Self(format!("{scheme}://{name}{colon}{port}")))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn a_link_leads_to_where_the_api_was_called() {
        for (scheme, host, domain, address) in [
            (
                Some("https"),
                "api.example.com",
                Some("api.example.com"),
                "https://api.example.com/portal/#s=code_x",
            ),
            (
                None,
                "127.0.0.1:4571",
                Some("a.execute-api.localhost"),
                "http://a.execute-api.localhost:4571/portal/#s=code_x",
            ),
            (
                None,
                "localhost:4571",
                None,
                "http://localhost:4571/portal/#s=code_x",
            ),
        ] {
            let mut request = Request::builder().header(HOST, host);
            if let Some(scheme) = scheme {
                request = request.header("x-forwarded-proto", scheme);
            }
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            if let Some(domain) = domain {
                let context = serde_json::json!({"domainName": domain, "timeEpoch": 0, "http": {"method": "POST"}});
                let context = serde_json::from_value(context).unwrap();
                parts
                    .extensions
                    .insert(RequestContext::ApiGatewayV2(context));
            }
            let Ok(found) = Address::from_request_parts(&mut parts, &()).await;
            assert_eq!(found.page("portal", "code_x"), address);
        }
    }
}
