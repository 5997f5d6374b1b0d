//! `postel dead-letters`.

use serde_json::json;

use super::list::{DEAD_LETTERS, Extent, Period};
use super::tenants::show;
use crate::api::{Call, operations};
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};

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
    },
    /// Redrive one: its whole schedule starts again
    Redrive {
        /// The dead letter's id
        id: String,
    },
    /// Delete one: it is never delivered
    Delete {
        /// The dead letter's id
        id: String,
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
        let tenant = context.tenant().await?;
        let one = |operation: &'static operations::Operation, id: &str| {
            operation
                .call()
                .at("tenantId", &tenant)
                .at("deadLetterId", id)
        };
        match self {
            Self::List { filter, extent, .. } => {
                let call = filter.query(operations::DEAD_LETTERS.call().at("tenantId", &tenant));
                extent.print(context, &call, DEAD_LETTERS).await
            }
            Self::Get { id } => show(context, one(&operations::DEAD_LETTER, &id)).await,
            Self::Redrive { id } => match context
                .client
                .json(&one(&operations::DEAD_LETTER_REDRIVE, &id).repeatable())
                .await
            {
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
            },
            Self::Delete { id } => {
                context.confirm(&format!(
                    "Delete the dead letter {id}? It is never delivered then."
                ))?;
                context
                    .client
                    .send(&one(&operations::DEAD_LETTER_DELETE, &id))
                    .await?;
                context.out.done(
                    &format!("The dead letter {id} is deleted."),
                    &json!({"id": id, "deleted": true}),
                )?;
                Ok(Exit::Done)
            }
        }
    }
}
