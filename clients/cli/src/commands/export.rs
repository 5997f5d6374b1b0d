//! `postel export`: a whole list, for other programs.

use std::fs::OpenOptions;
use std::io::{self, Write};

use serde_json::Value;

use super::list::Period;
use crate::api::operations::{self, Operation};
use crate::api::{Call, page};
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::member::Member as _;
use crate::output::{Column, column, note, shown, text, visible_json};

const PAGE: usize = 250;

/// Write a whole list as NDJSON or CSV.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// Which list
    what: What,
    /// The form
    #[arg(long, default_value = "ndjson")]
    format: Format,
    /// The file, which must not exist; without it, standard output
    #[arg(long, short)]
    output: Option<String>,
    /// Only to this webhook
    #[arg(long)]
    webhook: Option<String>,
    /// Only of this type, or of a component's types (`item.*`)
    #[arg(long = "type")]
    kind: Option<String>,
    /// Deliveries only: with one of these statuses
    #[arg(long, value_delimiter = ',')]
    status: Vec<String>,
    #[command(flatten)]
    period: Period,
    /// Go on where an interrupted export ended; prints no heads of columns
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Deliveries
    Deliveries,
    /// Events
    Events,
    /// Dead letters
    DeadLetters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON object a line, with all members
    Ndjson,
    /// For spreadsheets: no cell is taken for a formula
    Csv,
}

pub(super) const DELIVERIES: &[Column] = &[
    column("id", "id"),
    column("createdAt", "createdAt"),
    column("eventTimestamp", "eventTimestamp"),
    column("status", "status"),
    column("eventType", "eventType"),
    column("eventId", "eventId"),
    column("webhookId", "webhookId"),
    column("attempts", "attempts"),
    column("lastResponseCode", "lastResponseCode"),
    column("lastDurationMs", "lastDurationMs"),
    column("lastTrigger", "lastTrigger"),
    column("errorCode", "errorCode"),
    column("error", "error"),
    column("processedAt", "processedAt"),
    column("nextAttemptAt", "nextAttemptAt"),
];
pub(super) const EVENTS: &[Column] = &[
    column("id", "id"),
    column("createdAt", "createdAt"),
    column("timestamp", "timestamp"),
    column("type", "type"),
    column("state", "state"),
    column("webhooks", "webhooks"),
];
pub(super) const DEAD_LETTERS: &[Column] = &[
    column("id", "id"),
    column("createdAt", "createdAt"),
    column("kind", "kind"),
    column("reason", "reason"),
    column("detail", "detail"),
    column("eventType", "eventType"),
    column("eventId", "eventId"),
    column("webhookId", "webhookId"),
    column("deliveryId", "deliveryId"),
    column("attempts", "attempts"),
    column("lastResponseCode", "lastResponseCode"),
    column("lastError", "lastError"),
];

impl Export {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        let (operation, columns): (&'static Operation, _) = match self.what {
            What::Deliveries => (&operations::DELIVERIES, DELIVERIES),
            What::Events => (&operations::EVENTS, EVENTS),
            What::DeadLetters => (&operations::DEAD_LETTERS, DEAD_LETTERS),
        };
        let call = self.call(operation, &tenant)?;
        let mut out = self.open()?;
        if self.format == Format::Csv && self.cursor.is_none() {
            writeln!(
                out,
                "{}",
                columns
                    .iter()
                    .map(|column| column.head)
                    .collect::<Vec<_>>()
                    .join(",")
            )?;
        }
        let (mut written, mut cursor) = (0_u64, self.cursor);
        loop {
            let found = page(&context.client, &call, PAGE, cursor.as_deref()).await;
            let found =
                found.map_err(|failure| interrupted(failure, written, cursor.as_deref()))?;
            for entry in &found.items {
                let line = match self.format {
                    Format::Ndjson => visible_json(&entry.to_string()),
                    Format::Csv => columns
                        .iter()
                        .map(|column| field(entry, column))
                        .collect::<Vec<_>>()
                        .join(","),
                };
                writeln!(out, "{line}")?;
            }
            out.flush()?;
            written += found.items.len() as u64;
            cursor = found.next;
            if cursor.is_none() {
                break;
            }
        }
        if let Some(file) = &self.output {
            note(&format!("{written} entries are in {file}."));
        }
        Ok(Exit::Done)
    }

    fn call(&self, operation: &'static Operation, tenant: &str) -> Result<Call, Failure> {
        let call = operation
            .call()
            .at("tenantId", tenant)
            .query("type", self.kind.as_ref())
            .query("since", self.period.since.as_ref())
            .query("until", self.period.until.as_ref());
        let call = match (&self.webhook, self.what) {
            (None, _) => call,
            (Some(_), What::Events) => {
                return Err(Failure::usage("An event belongs to no webhook.")
                    .hint("Export deliveries with --webhook."));
            }
            (webhook, _) => call.query("webhookId", webhook.as_ref()),
        };
        match (self.status.is_empty(), self.what) {
            (true, _) => Ok(call),
            (false, What::Deliveries) => Ok(call.query("status", Some(self.status.join(",")))),
            (false, _) => Err(Failure::usage("Only deliveries have a status.")),
        }
    }

    fn open(&self) -> Result<Box<dyn Write>, Failure> {
        let Some(name) = &self.output else {
            return Ok(Box::new(io::BufWriter::new(io::stdout().lock())));
        };
        let file = OpenOptions::new().write(true).create_new(true).open(name);
        let file = file.map_err(|error| {
            Failure::usage(format!("{name} cannot be created: {error}."))
                .hint("Name a file that does not exist.")
        })?;
        Ok(Box::new(io::BufWriter::new(file)))
    }
}

/// Says how much is written, and how to write the rest.
fn interrupted(mut failure: Failure, written: u64, cursor: Option<&str>) -> Failure {
    if let Some(cursor) = cursor {
        let go_on = format!(
            "{written} entries are written. Go on with the same command and --cursor {cursor}, and append what it prints."
        );
        failure.hint = Some(
            failure
                .hint
                .map_or(go_on.clone(), |hint| format!("{hint}\n{go_on}")),
        );
    }
    failure
}

/// A field of CSV (RFC 4180). A text that a spreadsheet would take for a formula gets an
/// apostrophe in front: strangers choose names, types and error texts.
fn field(entry: &Value, column: &Column) -> String {
    let text = shown(&text(entry, column.member));
    let is_number = entry.member(column.member).is_number();
    let starts_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '|', '%']);
    let text = match starts_formula && !is_number {
        true => format!("'{text}"),
        false => text,
    };
    match text.contains([',', '"', '\n', '\r', '\'', ';']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_of_strangers_is_a_formula() {
        for (value, written) in [
            (json!("plain"), "plain"),
            (
                json!("=HYPERLINK(\"http://x\",\"y\")"),
                "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"",
            ),
            (json!("@SUM(A1)"), "\"'@SUM(A1)\""),
            (json!("+1"), "\"'+1\""),
            (json!(-1), "-1"),
            (json!("a,b"), "\"a,b\""),
            (json!("a\nb"), "a\\nb"),
            (json!("\t=1"), "\\t=1"),
            (json!(null), ""),
            (json!(true), "yes"),
        ] {
            assert_eq!(field(&json!({"x": value}), &column("x", "x")), written);
        }
    }

    #[test]
    fn an_interruption_says_how_to_go_on() {
        let failure = Failure::new(Exit::Unavailable, "no_answer", "gone").hint("Repeat it.");
        let told = interrupted(failure.clone(), 500, Some("abc")).to_string();
        assert!(
            told.contains("Repeat it.\n  500 entries are written") && told.contains("--cursor abc")
        );
        assert_eq!(interrupted(failure.clone(), 0, None), failure);
    }
}
