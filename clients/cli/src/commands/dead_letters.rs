//! `postel dead-letters`.

use serde_json::json;

use super::list::{DEAD_LETTERS, Extent, Period};
use super::tenants::show;
use crate::api::Call;
use crate::api::operations::{self, Operation};
use crate::context::Context;
use crate::failure::{Done, Failure};

/// Dead letters: what Postel has given up. `postel redrive` redrives many.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DeadLetters {
    /// List them, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// Of all tenants, and of none; for the operator's key
        #[arg(long)]
        all_tenants: bool,
        #[command(flatten)]
        extent: Extent,
    },
    /// Show one
    Get {
        /// The dead letter's id
        id: String,
        /// Whichever tenant's it is, or nobody's; for the operator's key
        #[arg(long)]
        all_tenants: bool,
    },
    /// Redrive one: its whole schedule starts again
    Redrive {
        /// The dead letter's id
        id: String,
        /// Whichever tenant's it is, or nobody's; for the operator's key
        #[arg(long)]
        all_tenants: bool,
    },
    /// Delete one: it is never delivered
    Delete {
        /// The dead letter's id
        id: String,
        /// Whichever tenant's it is, or nobody's; for the operator's key
        #[arg(long)]
        all_tenants: bool,
    },
}

/// Which dead letters.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only to this webhook
    #[arg(long)]
    webhook: Option<String>,
    /// Only of this type, or of a component's types (`item.*`)
    #[arg(long = "type")]
    kind: Option<String>,
    /// Only for this reason: exhausted, refused, gone, webhook_inactive, …
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    period: Period,
}

impl Filter {
    pub(super) fn query(&self, call: Call) -> Call {
        call.query("webhookId", self.webhook.as_ref())
            .query("type", self.kind.as_ref())
            .query("reason", self.reason.as_ref())
            .query("since", self.period.since.as_ref())
            .query("until", self.period.until.as_ref())
    }

    pub(super) fn body(&self, call: Call) -> Call {
        call.field("webhookId", self.webhook.clone())
            .field("type", self.kind.clone())
            .field("reason", self.reason.clone())
            .field("since", self.period.since.clone())
            .field("until", self.period.until.clone())
    }
}

impl DeadLetters {
    pub(super) async fn run(self, context: &Context) -> Done {
        if let Self::List {
            filter,
            all_tenants: true,
            extent,
        } = self
        {
            return extent
                .print(
                    context,
                    &filter.query(operations::ALL_DEAD_LETTERS.call()),
                    DEAD_LETTERS,
                )
                .await;
        }
        match self {
            Self::List { filter, extent, .. } => {
                let tenant = context.tenant().await?;
                let call = filter.query(operations::DEAD_LETTERS.call().at("tenantId", &tenant));
                extent.print(context, &call, DEAD_LETTERS).await
            }
            Self::Get { id, all_tenants } => {
                let operations = (&operations::DEAD_LETTER, &operations::ANY_DEAD_LETTER);
                show(context, one(context, operations, &id, all_tenants).await?).await
            }
            Self::Redrive { id, all_tenants } => {
                let operations = (
                    &operations::DEAD_LETTER_REDRIVE,
                    &operations::ANY_DEAD_LETTER_REDRIVE,
                );
                let call = one(context, operations, &id, all_tenants).await?;
                match context.client.json(&call.repeatable()).await {
                    // A repetition of a request whose answer was lost.
                    Err(Failure { code, .. }) if code == "already_redriven" => context.done(
                        &format!("The dead letter {id} is redriven already."),
                        &json!({"deadLetterId": id, "alreadyRedriven": true}),
                    ),
                    Err(failure) => Err(failure),
                    Ok(value) => context.done(
                        &format!("The dead letter {id} is redriven: its delivery starts again."),
                        &value,
                    ),
                }
            }
            Self::Delete { id, all_tenants } => {
                context.confirm(&format!(
                    "Delete the dead letter {id}? It is never delivered then."
                ))?;
                let operations = (
                    &operations::DEAD_LETTER_DELETE,
                    &operations::ANY_DEAD_LETTER_DELETE,
                );
                let call = one(context, operations, &id, all_tenants).await?;
                context.client.send(&call).await?;
                context.done(
                    &format!("The dead letter {id} is deleted."),
                    &json!({"id": id, "deleted": true}),
                )
            }
        }
    }
}

/// A call for one dead letter: the tenant's operation, or the operator's on any.
async fn one(
    context: &Context,
    (of_tenant, of_any): (&'static Operation, &'static Operation),
    id: &str,
    any: bool,
) -> Result<Call, Failure> {
    let call = if any {
        of_any.call()
    } else {
        of_tenant.call().at("tenantId", &context.tenant().await?)
    };
    Ok(call.at("deadLetterId", id))
}
