//! `postel deliveries`.

use serde_json::Value;

use super::list::{DELIVERIES, Extent, Period};
use super::tenants::show;
use crate::api::{Call, operations};
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::member::Member as _;
use crate::output::{fields, note, paint_of, shown, shown_lines, text};

/// Deliveries of a tenant: an event to a webhook.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Deliveries {
    /// List them, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        extent: Extent,
    },
    /// Show one with its request and every attempt
    Get {
        /// The delivery's id
        id: String,
    },
    /// Make one more attempt now
    Retry {
        /// The delivery's id
        id: String,
    },
}

/// Which deliveries.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only with one of these statuses: pending, processing, retrying, completed, failed
    #[arg(long, value_delimiter = ',')]
    pub(super) status: Vec<String>,
    /// Only to this webhook
    #[arg(long)]
    pub(super) webhook: Option<String>,
    /// Only of this event
    #[arg(long)]
    pub(super) event: Option<String>,
    /// Only of this type, or of a component's types (`item.*`)
    #[arg(long = "type")]
    pub(super) kind: Option<String>,
    /// Only if the last response had one of these codes (503) or classes (5xx)
    #[arg(long, value_delimiter = ',')]
    pub(super) code: Vec<String>,
    /// Only if the last attempt was automatic, manual or a test
    #[arg(long, value_delimiter = ',')]
    pub(super) trigger: Vec<String>,
    #[command(flatten)]
    pub(super) period: Period,
}

impl Filter {
    pub(super) fn call(&self, tenant: &str) -> Call {
        let list = |values: &[String]| (!values.is_empty()).then(|| values.join(","));
        operations::DELIVERIES
            .call()
            .at("tenantId", tenant)
            .query("status", list(&self.status))
            .query("webhookId", self.webhook.as_ref())
            .query("eventId", self.event.as_ref())
            .query("type", self.kind.as_ref())
            .query("responseCode", list(&self.code))
            .query("trigger", list(&self.trigger))
            .query("since", self.period.since.as_ref())
            .query("until", self.period.until.as_ref())
    }
}

impl Deliveries {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        match self {
            Self::List { filter, extent } => {
                extent
                    .print(context, &filter.call(&tenant), DELIVERIES)
                    .await
            }
            Self::Get { id } => {
                let call = operations::DELIVERY
                    .call()
                    .at("tenantId", &tenant)
                    .at("deliveryId", &id);
                let delivery = context.client.json(&call).await?;
                match context.out.json {
                    true => context.out.json(&delivery)?,
                    false => detail(context, delivery)?,
                }
                Ok(Exit::Done)
            }
            Self::Retry { id } => {
                let call = operations::DELIVERY_RETRY
                    .call()
                    .at("tenantId", &tenant)
                    .at("deliveryId", &id);
                let done = show(context, call.repeatable()).await;
                if done.is_ok() && !context.out.json {
                    note(&format!(
                        "The attempt follows. `postel deliveries get {id}` shows its result."
                    ));
                }
                done
            }
        }
    }
}

fn detail(context: &Context, mut delivery: Value) -> Result<(), Failure> {
    let out = context.out;
    let (request, attempts) = (
        delivery.take_member("request"),
        delivery.take_member("attemptLog"),
    );
    if let Some(members) = delivery.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    out.line(&fields(&delivery))?;
    if request.is_object() {
        out.line(&format!(
            "\nrequest\n{} {}",
            shown(&text(&request, "method")),
            shown(&text(&request, "url"))
        ))?;
        let headers = fields(request.member("headers"));
        out.line(&headers)?;
        out.line(&format!("\n{}", shown_lines(&text(&request, "body"))))?;
    }
    for attempt in attempts.as_array().into_iter().flatten() {
        let code = match text(attempt, "responseCode") {
            code if code.is_empty() => {
                out.paint(paint_of("failed"), &shown(&text(attempt, "error.code")))
            }
            code => shown(&code),
        };
        let (number, at) = (text(attempt, "number"), shown(&text(attempt, "at")));
        out.line(&format!(
            "\nattempt {number}  {at}  {code}  {} ms  {}",
            text(attempt, "durationMs"),
            shown(&text(attempt, "trigger"))
        ))?;
        for member in ["error.message", "responseBody"] {
            let told = text(attempt, member);
            if !told.is_empty() {
                out.line(&shown_lines(&told))?;
            }
        }
    }
    Ok(())
}
