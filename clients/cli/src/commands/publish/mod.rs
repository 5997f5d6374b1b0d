//! `postel publish`: one event, or a file of events in batches.

mod batches;
mod door;
mod lines;
mod patience;
mod queue;

use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use self::batches::Job;
use self::door::{Door, Outcome};
use self::queue::Queue;
use crate::api::operations;
use crate::context::{Context, Options};
use crate::failure::{Done, Exit, Failure};
use crate::member::Member as _;
use crate::output::{Output, note, text};
use crate::{input, when};

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
    /// How many events are sent at a time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    batch: u8,
    /// A file: how long to go on trying while nothing is accepted
    #[arg(long, default_value = "10m", value_parser = when::length)]
    patience: Duration,
    #[command(flatten)]
    queue: Queue,
}

impl Publish {
    pub(super) async fn run(self, options: &Options) -> Done {
        let found = self.queue.find().await?;
        let (door, tenant) = match (found, &options.tenant) {
            // No key is needed: AWS decides who may send.
            (Some((aws, url)), Some(tenant)) => (Door::Sqs(aws, url), tenant.clone()),
            (Some((aws, url)), None) => {
                let tenant = Context::new(options.clone())?.tenant().await?;
                (Door::Sqs(aws, url), tenant)
            }
            (None, _) => {
                let context = Context::new(options.clone())?;
                let tenant = context.tenant().await?;
                (Door::Http(Box::new(context.client)), tenant)
            }
        };
        let out = Output::new(options.json);
        match (&self.file, &self.kind) {
            (Some(file), _) => {
                let job = Job {
                    out,
                    door,
                    options: self.queue.spelled(&tenant),
                    tenant,
                    file: file.clone(),
                    resume: self.resume,
                    size: usize::from(self.batch),
                    patience: self.patience,
                };
                batches::publish(job).await
            }
            (None, Some(kind)) => one(out, &door, &tenant, self.event(kind)?).await,
            (None, None) => Err(Failure::usage("Name a file of events, or --type.")),
        }
    }

    /// The event of the command line; its data is sent as it was written.
    fn event(&self, kind: &str) -> Result<(String, Box<RawValue>), Failure> {
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
            .clone()
            .map_or_else(|| Ok(format!("cli-{}", input::random()?)), Ok::<_, Failure>)?;
        let mut event = Map::from_iter([
            ("id".to_owned(), Value::from(id.as_str())),
            ("type".to_owned(), Value::from(kind)),
        ]);
        let at = self.timestamp.clone();
        event.extend(at.map(|at| ("timestamp".to_owned(), Value::from(at))));
        event.extend(input::pairs(&self.context).map(|pairs| ("context".to_owned(), pairs)));
        let members = Value::Object(event).to_string();
        let open = members.strip_suffix('}').unwrap_or(&members);
        let event = RawValue::from_string(format!("{open},\"data\":{}}}", data.get()))
            .map_err(|error| Failure::usage(error.to_string()))?;
        Ok((id, event))
    }
}

async fn one(out: Output, door: &Door, tenant: &str, (id, event): (String, Box<RawValue>)) -> Done {
    let Door::Http(client) = door else {
        return match door.send(tenant, &[&event]).await?.pop() {
            Some(Outcome::Accepted { .. }) => {
                let sentence = format!(
                    "{id} is sent to the queue. `postel events get {id}` shows it after its first attempt."
                );
                out.done(&sentence, &json!({"id": id}))?;
                Ok(Exit::Done)
            }
            Some(Outcome::Refused { code, detail }) => {
                Err(Failure::new(Exit::Refused, &code, detail))
            }
            Some(Outcome::Later { why, .. }) => Err(why),
            None => Err(Failure::new(
                Exit::Unavailable,
                "unavailable",
                "SQS said nothing.",
            )),
        };
    };
    let call = operations::PUBLISH
        .call()
        .at("tenantId", tenant)
        .raw(event.get().to_owned())
        .repeatable();
    let accepted = client.json(&call).await?;
    let count = text(&accepted, "webhookCount");
    let is_duplicate = accepted.member("duplicate") == true;
    let sentence = match (is_duplicate, count.as_str()) {
        (true, _) => format!("{id} was accepted before: nothing was published again."),
        (false, "0") => format!("{id} is accepted. No webhook wants it."),
        (false, "1") => format!("{id} is accepted. 1 webhook gets it."),
        (false, count) => format!("{id} is accepted. {count} webhooks get it."),
    };
    out.done(&sentence, &accepted)?;
    if !out.json && count == "0" && !is_duplicate {
        note(&format!("`postel events explain {id}` says why."));
    }
    Ok(Exit::Done)
}
