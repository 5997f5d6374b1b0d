//! `postel webhooks`.

use std::time::Duration;

use serde_json::{Value, json};

use super::list::{Extent, WEBHOOKS};
use super::tenants::show;
use crate::api::{Call, operations};
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::member::Member as _;
use crate::output::{fields, note, shown, text};
use crate::{input, when};

/// Webhooks of a tenant.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Webhooks {
    /// List them
    List {
        /// Only in one of these states: active, inactive, failing, slow, disabled
        #[arg(long, value_delimiter = ',')]
        state: Vec<String>,
        /// Only of this contract
        #[arg(long)]
        contract: Option<String>,
        #[command(flatten)]
        extent: Extent,
    },
    /// Show one
    Get {
        /// The webhook's id
        id: String,
    },
    /// Create one; its secret is printed now and never again
    Create(Box<Create>),
    /// Change what is named, and leave the rest
    Update {
        /// The webhook's id
        id: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Switch one on
    Enable {
        /// The webhook's id
        id: String,
    },
    /// Switch one off; its waiting retries become dead letters
    Disable {
        /// The webhook's id
        id: String,
    },
    /// Delete one
    Delete {
        /// The webhook's id
        id: String,
    },
    /// Send a test event now; exit code 1 if it failed
    Test {
        /// The webhook's id
        id: String,
        /// The event's type
        #[arg(long = "type")]
        kind: Option<String>,
    },
    /// Say whether an event matches the webhook's filter, field by field; exit code 1 if not
    FilterTest {
        /// The webhook's id
        id: String,
        /// A published event's id
        #[arg(long, required_unless_present = "event", conflicts_with = "event")]
        event_id: Option<String>,
        /// An event as to publish it: JSON, a file, or `-` for standard input
        #[arg(long)]
        event: Option<String>,
        /// Another filter to try: JSON or a file
        #[arg(long)]
        filter: Option<String>,
    },
    /// Set a new secret; it is printed now and never again
    Rotate {
        /// The webhook's id
        id: String,
        /// The new secret in a file, `-` for standard input; without it, Postel makes one
        #[arg(long)]
        secret_file: Option<String>,
        /// How long the old secret still signs (24h); 0s ends it now
        #[arg(long, value_parser = when::length)]
        overlap: Option<Duration>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    #[command(flatten)]
    fields: Fields,
    /// An id of your own
    #[arg(long)]
    id: Option<String>,
    /// The secret in a file, `-` for standard input; without it, Postel makes one
    #[arg(long)]
    secret_file: Option<String>,
    /// Create it switched off
    #[arg(long)]
    inactive: bool,
    /// Only check it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Fields {
    /// Where it is delivered; `postel:inbox` keeps the requests in Postel
    #[arg(long = "to")]
    to: Option<String>,
    /// An event's type, a component (`item.*`) or `*`; several times for several
    #[arg(long = "event", value_delimiter = ',')]
    events: Vec<String>,
    /// Which of these events, as an event pattern: JSON or a file; `null` for all of them
    #[arg(long)]
    filter: Option<String>,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// The contract, which sets envelope, signature and retries
    #[arg(long)]
    contract: Option<String>,
    /// Other members as a JSON object in a file, `-` for standard input
    #[arg(long)]
    file: Option<String>,
}

impl Fields {
    fn add(self, call: Call) -> Result<Call, Failure> {
        let events = (!self.events.is_empty()).then_some(self.events);
        Ok(call
            .members(input::given(self.file.as_deref())?)
            .field("url", self.to)
            .field("events", events)
            .field(
                "filter",
                self.filter.as_deref().map(input::json).transpose()?,
            )
            .field("name", self.name)
            .field("contract", self.contract))
    }
}

impl Webhooks {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        let one = |operation: &'static operations::Operation, id: &str| {
            operation.call().at("tenantId", &tenant).at("webhookId", id)
        };
        match self {
            Self::List {
                state,
                contract,
                extent,
            } => {
                let state = (!state.is_empty()).then(|| state.join(","));
                let call = operations::WEBHOOKS
                    .call()
                    .at("tenantId", &tenant)
                    .query("state", state)
                    .query("contract", contract);
                extent.print(context, &call, WEBHOOKS).await
            }
            Self::Get { id } => show(context, one(&operations::WEBHOOK, &id)).await,
            Self::Create(create) => create.run(context, &tenant).await,
            Self::Update { id, fields } => {
                show(context, fields.add(one(&operations::WEBHOOK_UPDATE, &id))?).await
            }
            Self::Enable { id } => {
                let call = one(&operations::WEBHOOK_UPDATE, &id);
                show(context, call.field("active", Some(true))).await
            }
            Self::Disable { id } => {
                let call = one(&operations::WEBHOOK_UPDATE, &id);
                show(context, call.field("active", Some(false))).await
            }
            Self::Delete { id } => {
                context.confirm(&format!(
                    "Delete the webhook {id}? Its waiting retries become dead letters."
                ))?;
                context
                    .client
                    .send(&one(&operations::WEBHOOK_DELETE, &id))
                    .await?;
                context.done(
                    &format!("The webhook {id} is deleted."),
                    &json!({"id": id, "deleted": true}),
                )
            }
            Self::Test { id, kind } => {
                tested(
                    context,
                    one(&operations::WEBHOOK_TEST, &id).field("type", kind),
                )
                .await
            }
            Self::FilterTest {
                id,
                event_id,
                event,
                filter,
            } => {
                let call = one(&operations::WEBHOOK_FILTER_TEST, &id)
                    .field("eventId", event_id)
                    .field("event", event.as_deref().map(input::json).transpose()?)
                    .field("filter", filter.as_deref().map(input::json).transpose()?);
                filtered(context, call).await
            }
            Self::Rotate {
                id,
                secret_file,
                overlap,
            } => {
                let call = one(&operations::WEBHOOK_ROTATE, &id)
                    .field("secret", secret(secret_file)?)
                    .field("overlapSeconds", overlap.map(|length| length.as_secs()));
                secret_once(context, call).await
            }
        }
    }
}

impl Create {
    async fn run(self, context: &Context, tenant: &str) -> Done {
        let call = self
            .fields
            .add(operations::WEBHOOK_CREATE.call().at("tenantId", tenant))?;
        let call = call
            .query("dryRun", self.dry_run.then_some(true))
            .field("id", self.id)
            .field("secret", secret(self.secret_file)?)
            .field("active", self.inactive.then_some(false));
        match self.dry_run {
            true => show(context, call).await,
            false => secret_once(context, call).await,
        }
    }
}

/// The secret in a file, without the line break that editors add.
fn secret(file: Option<String>) -> Result<Option<String>, Failure> {
    let text = file.map(|file| input::text(&file)).transpose()?;
    Ok(text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn secret_once(context: &Context, call: Call) -> Done {
    let done = show(context, call).await;
    if done.is_ok() {
        note("`secret` is shown only here. Give it to the receiver now.");
    }
    done
}

async fn tested(context: &Context, call: Call) -> Done {
    let result: Value = context.client.json(&call).await?;
    context.out.object(&result)?;
    if result.member("success") == true {
        return Ok(Exit::Done);
    }
    if !context.out.json {
        note(&format!(
            "The test failed. `postel deliveries get {}` shows the request and the response.",
            text(&result, "deliveryId")
        ));
    }
    Ok(Exit::Refused)
}

async fn filtered(context: &Context, call: Call) -> Done {
    let result: Value = context.client.json(&call).await?;
    if context.out.json {
        context.out.object(&result)?;
    } else {
        for field in result.member("fields").as_array().into_iter().flatten() {
            let is_match = field.member("matches") == true;
            let word = if is_match { "matches" } else { "no match" };
            context
                .out
                .line(&format!("{word:<10}{}", shown(&text(field, "field"))))?;
        }
    }
    match result.member("matches") == true {
        true => Ok(Exit::Done),
        false => {
            note("The event does not match the filter.");
            Ok(Exit::Refused)
        }
    }
}

/// A webhook's explanation for people: used by `postel events explain`.
pub(super) fn explanation(found: &Value) -> String {
    let mut lines = vec![shown(&text(found, "detail"))];
    if !text(found, "nearestFilter").is_empty() {
        lines.push(format!(
            "  The filter most like its type: {}",
            shown(&text(found, "nearestFilter"))
        ));
    }
    for at in found
        .member("nextAttempts")
        .as_array()
        .into_iter()
        .flatten()
        .take(5)
    {
        lines.push(format!(
            "  next attempt  {}",
            shown(at.as_str().unwrap_or_default())
        ));
    }
    if found.member("request").is_object() {
        let request = fields(found.member("request"));
        lines.extend(request.lines().map(|line| format!("  {line}")));
    }
    lines.join("\n")
}
