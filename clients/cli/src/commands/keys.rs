//! `postel keys`.

use serde_json::json;

use super::list::{Extent, KEYS};
use super::tenants::show;
use crate::api::operations;
use crate::context::Context;
use crate::failure::Done;
use crate::input;
use crate::output::note;
use crate::when;

/// API keys of a tenant.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Keys {
    /// List them, without the keys themselves
    List(Extent),
    /// Show one, without the key itself
    Get {
        /// The key's id
        id: String,
    },
    /// Create one; the key itself is printed now and never again
    Create {
        /// A scope, several times for several: events:write, events:erase, webhooks:read,
        /// webhooks:write, deliveries:read, deliveries:retry, keys
        #[arg(long = "scope", required = true, value_delimiter = ',')]
        scopes: Vec<String>,
        /// A name for people
        #[arg(long)]
        name: Option<String>,
        /// When it ends: so long from now (30d)
        #[arg(long, value_parser = when::length)]
        expires_in: Option<std::time::Duration>,
    },
    /// Delete one
    Delete {
        /// The key's id
        id: String,
    },
}

impl Keys {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        match self {
            Self::List(extent) => {
                extent
                    .print(
                        context,
                        &operations::KEYS.call().at("tenantId", &tenant),
                        KEYS,
                    )
                    .await
            }
            Self::Get { id } => {
                show(
                    context,
                    operations::KEY
                        .call()
                        .at("tenantId", &tenant)
                        .at("keyId", &id),
                )
                .await
            }
            Self::Create {
                scopes,
                name,
                expires_in,
            } => {
                let expires = expires_in.map(|length| when::now().plus(length).rfc3339());
                let call = operations::KEY_CREATE
                    .call()
                    .at("tenantId", &tenant)
                    .field("name", name)
                    .field("scopes", Some(scopes))
                    .field("expiresAt", expires);
                // No Idempotency-Key: a repeated response would not show the key.
                let done = show(context, call).await;
                if done.is_ok() {
                    note("`key` is shown only here. Store it now.");
                }
                done
            }
            Self::Delete { id } => {
                context.confirm(&format!(
                    "Delete the key {id} of {tenant}? Who uses it cannot call Postel any more."
                ))?;
                let call = operations::KEY_DELETE
                    .call()
                    .at("tenantId", &tenant)
                    .at("keyId", &id);
                context.client.send(&call).await?;
                context.done(
                    &format!("The key {id} is deleted."),
                    &json!({"id": id, "deleted": true}),
                )
            }
        }
    }
}

/// A random name for a request that may be repeated.
pub(super) fn idempotency_key() -> Result<String, crate::failure::Failure> {
    Ok(format!("cli-{}", input::random()?))
}
