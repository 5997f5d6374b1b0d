//! `postel publish`: one event, or a file of events in batches.

mod batches;
mod lines;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::api::operations;
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::input;
use crate::member::Member as _;
use crate::output::{note, text};

/// Publish one event (--type), or a file of events: one JSON object a line.
///
/// Events without an id get one from the run and their line. So what an interruption leaves is
/// published with --resume, and nothing twice.
#[derive(Debug, clap::Args)]
pub(crate) struct Publish {
    /// A file of events, one JSON object a line; `-` for standard input
    #[arg(required_unless_present = "kind", conflicts_with_all = ["kind", "data", "id", "context", "timestamp"])]
    file: Option<String>,
    /// One event: its type
    #[arg(long = "type")]
    kind: Option<String>,
    /// One event: its data as JSON, @FILE or `-` for standard input
    #[arg(long, default_value = "{}")]
    data: String,
    /// One event: its id; the same id with the same content is published once
    #[arg(long)]
    id: Option<String>,
    /// One event: when it happened, in RFC 3339
    #[arg(long)]
    timestamp: Option<String>,
    /// One event: what an envelope needs, name=value; several times for several
    #[arg(long, value_parser = input::pair)]
    context: Vec<(String, Value)>,
    /// Go on where an interrupted run ended: RUN:LINE, as it printed
    #[arg(long, requires = "file", value_parser = batches::Resume::parse)]
    resume: Option<batches::Resume>,
    /// How many events a request has
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    batch: u8,
}

impl Publish {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        match (self.file, self.kind) {
            (Some(file), _) => {
                batches::publish(
                    context,
                    &tenant,
                    &file,
                    self.resume,
                    usize::from(self.batch),
                )
                .await
            }
            (None, Some(kind)) => {
                let data = match self.data.as_str() {
                    "-" => input::text("-")?,
                    text => match text.strip_prefix('@') {
                        Some(file) => input::text(file)?,
                        None => text.to_owned(),
                    },
                };
                let data = RawValue::from_string(data.trim().to_owned())
                    .map_err(|error| Failure::usage(format!("The data is no JSON: {error}.")))?;
                // With an id, the request may be repeated.
                let id = self
                    .id
                    .map_or_else(|| Ok(format!("cli-{}", input::random()?)), Ok::<_, Failure>)?;
                let mut event = Map::from_iter([
                    ("id".to_owned(), Value::from(id)),
                    ("type".to_owned(), Value::from(kind)),
                ]);
                event.extend(
                    self.timestamp
                        .map(|at| ("timestamp".to_owned(), Value::from(at))),
                );
                event
                    .extend(input::pairs(&self.context).map(|pairs| ("context".to_owned(), pairs)));
                one(context, &tenant, &event, &data).await
            }
            (None, None) => Err(Failure::usage("Name a file of events, or --type.")),
        }
    }
}

/// The data is sent as it was written.
async fn one(context: &Context, tenant: &str, event: &Map<String, Value>, data: &RawValue) -> Done {
    let members = Value::Object(event.clone()).to_string();
    let open = members.strip_suffix('}').unwrap_or(&members);
    let body = format!("{open},\"data\":{}}}", data.get());
    let call = operations::PUBLISH
        .call()
        .at("tenantId", tenant)
        .raw(body)
        .repeatable();
    let accepted = context.client.json(&call).await?;
    let (id, count) = (text(&accepted, "id"), text(&accepted, "webhookCount"));
    let is_duplicate = accepted.member("duplicate") == true;
    let sentence = match (is_duplicate, count.as_str()) {
        (true, _) => format!("{id} was accepted before: nothing was published again."),
        (false, "0") => format!("{id} is accepted. No webhook wants it."),
        (false, "1") => format!("{id} is accepted. 1 webhook gets it."),
        (false, count) => format!("{id} is accepted. {count} webhooks get it."),
    };
    context.out.done(&sentence, &accepted)?;
    if !context.out.json && count == "0" && !is_duplicate {
        note(&format!("`postel events explain {id}` says why."));
    }
    Ok(Exit::Done)
}
