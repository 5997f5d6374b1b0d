//! `postel portal`: a link that opens a tenant's portal.

use std::time::Duration;

use super::tenants::show;
use crate::api::operations;
use crate::context::Context;
use crate::failure::{Done, Exit};
use crate::output::{note, text};
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
        context
            .out
            .line(&crate::output::shown(&text(&session, "url")))?;
        note(&format!(
            "Open it within 60 seconds; it works once. The session ends at {}.",
            text(&session, "expiresAt")
        ));
        Ok(Exit::Done)
    }
}
