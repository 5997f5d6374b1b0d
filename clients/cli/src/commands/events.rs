//! `postel events`.

use serde_json::{Map, Value, json};

use super::list::{DELIVERIES, EVENTS, Extent, Period};
use super::webhooks::explanation;
use crate::api::operations;
use crate::context::Context;
use crate::failure::{Done, Exit};
use crate::input;
use crate::member::Member as _;
use crate::output::{fields, paint_of, shown, table, text};

/// Events of a tenant.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Events {
    /// List them, newest first
    List {
        /// Only of this type, or of a component's types (`item.*`)
        #[arg(long = "type")]
        kind: Option<String>,
        /// Only those that no webhook wanted
        #[arg(long)]
        unmatched: bool,
        #[command(flatten)]
        period: Period,
        #[command(flatten)]
        extent: Extent,
    },
    /// Show one with its deliveries
    Get {
        /// The event's id
        id: String,
    },
    /// Say for each webhook what becomes of an event, and why
    Explain {
        /// The event's id
        #[arg(required_unless_present_any = ["kind", "file"])]
        id: Option<String>,
        /// An event that is not published: its type
        #[arg(long = "type", conflicts_with = "id")]
        kind: Option<String>,
        /// An event that is not published: its data as JSON
        #[arg(long, requires = "kind", default_value = "{}")]
        data: String,
        /// An event that is not published, as JSON in a file; `-` for standard input
        #[arg(long, conflicts_with_all = ["id", "kind"])]
        file: Option<String>,
        /// Only for this webhook
        #[arg(long)]
        webhook: Option<String>,
    },
}

impl Events {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        match self {
            Self::List {
                kind,
                unmatched,
                period,
                extent,
            } => {
                let call = operations::EVENTS
                    .call()
                    .at("tenantId", &tenant)
                    .query("type", kind)
                    .query("matched", unmatched.then_some(false))
                    .query("since", period.since)
                    .query("until", period.until);
                extent.print(context, &call, EVENTS).await
            }
            Self::Get { id } => {
                let event = context
                    .client
                    .json(
                        &operations::EVENT
                            .call()
                            .at("tenantId", &tenant)
                            .at("eventId", &id),
                    )
                    .await?;
                shown_with_deliveries(context, event)
            }
            Self::Explain {
                id,
                kind,
                data,
                file,
                webhook,
            } => {
                let call = match (id, kind) {
                    (Some(id), _) => operations::EXPLAIN
                        .call()
                        .at("tenantId", &tenant)
                        .at("eventId", &id),
                    (None, kind) => {
                        let event = draft(kind, &data, file.as_deref())?;
                        operations::EXPLAIN_DRAFT
                            .call()
                            .at("tenantId", &tenant)
                            .members(event)
                    }
                };
                let found = context
                    .client
                    .json(&call.query("webhookId", webhook))
                    .await?;
                explained(context, &found)
            }
        }
    }
}

fn draft(
    kind: Option<String>,
    data: &str,
    file: Option<&str>,
) -> Result<Map<String, Value>, crate::failure::Failure> {
    let Some(kind) = kind else {
        return input::given(file);
    };
    let data: Value = serde_json::from_str(data)
        .map_err(|error| crate::failure::Failure::usage(format!("--data is no JSON: {error}.")))?;
    Ok(Map::from_iter([
        ("type".to_owned(), Value::from(kind)),
        ("data".to_owned(), data),
    ]))
}

fn shown_with_deliveries(context: &Context, mut event: Value) -> Done {
    if context.out.json {
        context.out.json(&event)?;
        return Ok(Exit::Done);
    }
    let deliveries = event.take_member("deliveries");
    if let Some(members) = event.as_object_mut() {
        members.remove("deliveries");
    }
    context.out.line(&fields(&event))?;
    let deliveries = deliveries.as_array().cloned().unwrap_or_default();
    match deliveries.is_empty() {
        true => context.out.line("No delivery is recorded yet, or no webhook wanted it: `postel events explain` says why.")?,
        false => {
            for line in table(context.out, DELIVERIES, &deliveries) {
                context.out.line(&line)?;
            }
        }
    }
    Ok(Exit::Done)
}

fn explained(context: &Context, found: &Value) -> Done {
    let webhooks = found
        .member("webhooks")
        .as_array()
        .cloned()
        .unwrap_or_default();
    if context.out.json {
        context.out.json(found)?;
        return Ok(Exit::Done);
    }
    if webhooks.is_empty() {
        return context.done(
            "The tenant has no webhook, so the event goes nowhere.",
            &json!({}),
        );
    }
    for webhook in &webhooks {
        let result = text(webhook, "result");
        let name = match text(webhook, "webhookName") {
            name if name.is_empty() => String::new(),
            name => format!(" ({})", shown(&name)),
        };
        let painted = context.out.paint(paint_of(&result), &shown(&result));
        context.out.line(&format!(
            "{}{name}: {painted}",
            shown(&text(webhook, "webhookId"))
        ))?;
        let lines = explanation(webhook);
        context.out.line(
            &lines
                .lines()
                .map(|line| format!("  {line}"))
                .collect::<Vec<_>>()
                .join("\n"),
        )?;
    }
    if found.member("hasMore") == true {
        crate::output::note("There are more webhooks: name one with --webhook.");
    }
    Ok(Exit::Done)
}
