//! `postel portal`: a link that opens a tenant's portal.

use std::time::Duration;

use serde_json::Value;

use super::tenants::show;
use crate::api::operations;
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::output::{note, shown, text};
use crate::when;

/// Print a link that opens a tenant's portal. It works once, for 60 seconds.
#[derive(Debug, clap::Args)]
pub(crate) struct Portal {
    /// What the portal may do; by default all that this key may: webhooks:read, deliveries:read, …
    #[arg(long = "scope", value_delimiter = ',')]
    scopes: Vec<String>,
    /// How long the session lasts once it is open (1h)
    #[arg(long = "for", value_parser = when::length)]
    length: Option<Duration>,
}

impl Portal {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        let scopes = (!self.scopes.is_empty()).then_some(self.scopes);
        let call = operations::SESSION_CREATE
            .call()
            .at("tenantId", &tenant)
            .field("scopes", scopes)
            .field(
                "expiresInSeconds",
                self.length.map(|length| length.as_secs()),
            );
        if context.out.json {
            return show(context, call).await;
        }
        let session = context.client.json(&call).await?;
        context.out.line(&shown(&address(context, &session)))?;
        note(&format!(
            "Open it within 60 seconds; it works once. The session ends at {}.",
            text(&session, "expiresAt")
        ));
        Ok(Exit::Done)
    }
}

/// A link to a tenant's portal with all that this key may do.
pub(super) async fn link(context: &Context, tenant: &str) -> Result<String, Failure> {
    let call = operations::SESSION_CREATE.call().at("tenantId", tenant);
    let session = context.client.json(&call).await?;
    Ok(address(context, &session))
}

/// The session's page. The function sees only the host that it was called at: the local cloud's
/// address has a path, too, which its `url` lacks.
fn address(context: &Context, session: &Value) -> String {
    let base = context.client.target.url.trim_end_matches('/');
    let has_path = base.splitn(4, '/').nth(3).is_some();
    match has_path {
        true => format!("{base}/portal/#s={}", text(session, "code")),
        false => text(session, "url"),
    }
}
