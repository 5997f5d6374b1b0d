//! `postel tenants`.

use serde_json::{Value, json};

use super::list::{Extent, TENANTS};
use crate::api::{Call, operations};
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::input;

/// Tenants are your customers. For the operator's key.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Tenants {
    /// List them
    List(Extent),
    /// Show one
    Get {
        /// The tenant's id
        id: String,
    },
    /// Create one
    Create {
        /// The new tenant's id
        id: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change what is named, and leave the rest
    Update {
        /// The tenant's id
        id: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Delete one with its keys, sessions and webhooks
    Delete {
        /// The tenant's id
        id: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Fields {
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// The contract of webhooks that name none
    #[arg(long)]
    contract: Option<String>,
    /// Who gets mails about failing webhooks
    #[arg(long)]
    contact_email: Option<String>,
    /// An IAM principal's unique id that may publish over SQS; several times for several
    #[arg(long = "publisher")]
    publishers: Vec<String>,
    /// Other members as a JSON object in a file, `-` for standard input
    #[arg(long)]
    file: Option<String>,
}

impl Fields {
    fn add(self, call: Call) -> Result<Call, Failure> {
        let publishers = (!self.publishers.is_empty()).then_some(self.publishers);
        Ok(call
            .members(input::given(self.file.as_deref())?)
            .field("name", self.name)
            .field("contract", self.contract)
            .field("contactEmail", self.contact_email)
            .field("publishers", publishers))
    }
}

impl Tenants {
    pub(super) async fn run(self, context: &Context) -> Done {
        match self {
            Self::List(extent) => {
                extent
                    .print(context, &operations::TENANTS.call(), TENANTS)
                    .await
            }
            Self::Get { id } => show(context, operations::TENANT.call().at("tenantId", &id)).await,
            Self::Create { id, fields } => {
                // PUT would replace a tenant that is there already.
                let there = context
                    .client
                    .json(&operations::TENANT.call().at("tenantId", &id))
                    .await;
                match there {
                    Err(failure) if failure.exit == Exit::NotFound => {}
                    Err(failure) => return Err(failure),
                    Ok(_) => {
                        return Err(Failure::new(
                            Exit::Refused,
                            "exists",
                            format!("The tenant {id} exists already."),
                        )
                        .hint("`postel tenants update` changes it."));
                    }
                }
                show(
                    context,
                    fields
                        .add(operations::TENANT_UPSERT.call().at("tenantId", &id))?
                        .repeatable(),
                )
                .await
            }
            Self::Update { id, fields } => {
                show(
                    context,
                    fields.add(operations::TENANT_UPDATE.call().at("tenantId", &id))?,
                )
                .await
            }
            Self::Delete { id } => {
                context.confirm(&format!(
                    "Delete the tenant {id} with its keys, sessions and webhooks?"
                ))?;
                context
                    .client
                    .send(&operations::TENANT_DELETE.call().at("tenantId", &id))
                    .await?;
                context.done(
                    &format!("The tenant {id} is deleted."),
                    &json!({"id": id, "deleted": true}),
                )
            }
        }
    }
}

/// Sends a request and shows the object that it gives.
pub(super) async fn show(context: &Context, call: Call) -> Done {
    let value: Value = context.client.json(&call).await?;
    context.out.object(&value)?;
    Ok(Exit::Done)
}
