//! Lists: the columns of each table, and how much of a list is printed.

use serde_json::json;

#[cfg(test)]
use crate::api::operations::{self, Operation};
use crate::api::{Call, pages};
use crate::context::Context;
use crate::failure::{Done, Exit};
use crate::output::{Column, column, note, table};

pub(super) const TENANTS: &[Column] = &[
    column("ID", "id"),
    column("NAME", "name"),
    column("CONTRACT", "contract"),
    column("CREATED", "createdAt"),
];
pub(super) const KEYS: &[Column] = &[
    column("ID", "id"),
    column("NAME", "name"),
    column("SCOPES", "scopes"),
    column("LAST USED", "lastUsedAt"),
    column("EXPIRES", "expiresAt"),
];
pub(super) const WEBHOOKS: &[Column] = &[
    column("ID", "id"),
    column("STATE", "state"),
    column("EVENTS", "events"),
    column("URL", "url"),
    column("CONTRACT", "contract"),
    column("NAME", "name"),
];
pub(super) const EVENTS: &[Column] = &[
    column("ID", "id"),
    column("TYPE", "type"),
    column("STATE", "state"),
    column("WEBHOOKS", "webhooks"),
    column("ACCEPTED", "createdAt"),
];
pub(super) const DELIVERIES: &[Column] = &[
    column("ACCEPTED", "createdAt"),
    column("STATUS", "status"),
    column("CODE", "lastResponseCode"),
    column("TRIES", "attempts"),
    column("TYPE", "eventType"),
    column("EVENT", "eventId"),
    column("WEBHOOK", "webhookId"),
    column("ID", "id"),
];
pub(super) const DEAD_LETTERS: &[Column] = &[
    column("CREATED", "createdAt"),
    column("REASON", "reason"),
    column("TYPE", "eventType"),
    column("EVENT", "eventId"),
    column("WEBHOOK", "webhookId"),
    column("ID", "id"),
];
pub(super) const REDRIVES: &[Column] = &[
    column("ID", "id"),
    column("STATUS", "status"),
    column("TOTAL", "total"),
    column("DONE", "done"),
    column("FAILED", "failed"),
    column("SKIPPED", "skipped"),
    column("CREATED", "createdAt"),
];

/// Every table with the list that it shows, for the test against the document.
#[cfg(test)]
pub(crate) fn tables() -> Vec<(&'static Operation, &'static [Column])> {
    vec![
        (&operations::TENANTS, TENANTS),
        (&operations::KEYS, KEYS),
        (&operations::WEBHOOKS, WEBHOOKS),
        (&operations::EVENTS, EVENTS),
        (&operations::DELIVERIES, DELIVERIES),
        (&operations::DEAD_LETTERS, DEAD_LETTERS),
        (&operations::ALL_DEAD_LETTERS, DEAD_LETTERS),
        (&operations::REDRIVES, REDRIVES),
        (&operations::DELIVERIES, super::export::DELIVERIES),
        (&operations::EVENTS, super::export::EVENTS),
        (&operations::DEAD_LETTERS, super::export::DEAD_LETTERS),
    ]
}

/// How much of a list to print.
#[derive(Debug, clap::Args)]
pub(crate) struct Extent {
    /// At most so many entries
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// All entries
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Go on where the list before ended
    #[arg(long)]
    cursor: Option<String>,
}

impl Extent {
    /// Prints a list, newest first as the API gives it.
    pub(super) async fn print(self, context: &Context, call: &Call, columns: &[Column]) -> Done {
        let limit = if self.all {
            usize::MAX
        } else {
            usize::try_from(self.limit).unwrap_or(usize::MAX)
        };
        let page = pages(&context.client, call, limit, self.cursor).await?;
        if context.out.json {
            let list = match page.next {
                Some(next) => json!({"items": page.items, "nextCursor": next}),
                None => json!({"items": page.items}),
            };
            context.out.json(&list)?;
            return Ok(Exit::Done);
        }
        if page.items.is_empty() {
            note("None.");
            return Ok(Exit::Done);
        }
        for line in table(context.out, columns, &page.items) {
            context.out.line(&line)?;
        }
        if let Some(next) = page.next {
            note(&format!("There are more: --all, or --cursor {next}"));
        }
        Ok(Exit::Done)
    }
}

/// The time filters of lists.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Period {
    /// Only from this time on: RFC 3339, or 90s, 10m, 2h, 3d for so long ago
    #[arg(long, value_parser = crate::when::time)]
    pub(super) since: Option<String>,
    /// Only before this time
    #[arg(long, value_parser = crate::when::time)]
    pub(super) until: Option<String>,
}
