//! `postel tail`: deliveries as they come.

mod log;

use std::time::Duration;

use domain::time::Time;
use serde_json::Value;
use tokio::time::Instant;

use self::log::Log;
use super::deliveries::Filter;
use crate::api::{operations, page};
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::output::{Output, cell, note, paint_of, text};
use crate::when;

const PAGE: usize = 250;
/// The whole window is read again this often, and not for more than a tenth of the time.
const WHOLE: Duration = Duration::from_secs(10);
/// How many open deliveries outside of the window are asked about at a time.
const ASKED: usize = 10;
/// How many open deliveries are followed that are older than the window when it starts.
const MAX_OPEN: usize = 2_000;

/// Show deliveries as they come: a line for each attempt's result.
///
/// A delivery that is retried has a line whenever its state changes, however late. Errors of the
/// network are waited out; Ctrl-C ends it.
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    /// Only with one of these statuses: pending, processing, retrying, completed, failed
    #[arg(long, value_delimiter = ',')]
    status: Vec<String>,
    /// Only to this webhook
    #[arg(long)]
    webhook: Option<String>,
    /// Only of this type, or of a component's types (`item.*`)
    #[arg(long = "type")]
    kind: Option<String>,
    /// Begin with what was accepted since then: RFC 3339, or 10m for so long ago
    #[arg(long, value_parser = when::time)]
    since: Option<String>,
    /// How often to look
    #[arg(long, value_parser = when::length, default_value = "2s")]
    every: Duration,
    /// How long after its acceptance a delivery may enter the log: events over SQS enter it after
    /// their first attempt
    #[arg(long, value_parser = when::length, default_value = "10m")]
    lookback: Duration,
    /// End after so long
    #[arg(long = "for", value_parser = when::length)]
    length: Option<Duration>,
    /// End after so many lines
    #[arg(long)]
    count: Option<u64>,
}

struct Follower<'a> {
    context: &'a Context,
    tenant: String,
    tail: &'a Tail,
    log: Log,
    /// What is there when it begins and was accepted before is not shown.
    from: Time,
    left: u64,
}

impl Tail {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        // Postel's clock, not this machine's: a wrong clock must not hide what comes.
        let date = context.client.send(&operations::HEALTH.call()).await?.date;
        let now = date
            .as_deref()
            .and_then(Time::parse_http_date)
            .unwrap_or_else(when::now);
        let from = self
            .since
            .as_deref()
            .and_then(Time::parse_rfc3339)
            .unwrap_or(now);
        let mut follower = Follower {
            context,
            tenant,
            tail: &self,
            log: Log::default(),
            from,
            left: self.count.unwrap_or(u64::MAX),
        };
        let end = self.length.map(|length| Instant::now() + length);
        if !context.out.json {
            note(&format!(
                "Deliveries of {} from {} on. Ctrl-C ends it.",
                follower.tenant,
                from.rfc3339()
            ));
        }
        let clock = (now, Instant::now());
        follower.begin(now).await?;
        let mut whole_at = Instant::now() + WHOLE;
        while follower.left > 0 && end.is_none_or(|end| Instant::now() < end) {
            let now = clock.0.plus(clock.1.elapsed());
            let is_whole = Instant::now() >= whole_at;
            let began = Instant::now();
            match follower.look(now, is_whole).await {
                Ok(()) => {}
                Err(failure) if failure.exit == Exit::Unavailable => {
                    note(&format!("{failure}\n  Still trying."))
                }
                Err(failure) => return Err(failure),
            }
            if is_whole {
                whole_at = Instant::now() + WHOLE.max(began.elapsed() * 10);
            }
            tokio::time::sleep(self.every.max(Duration::from_millis(200))).await;
        }
        Ok(Exit::Done)
    }

    fn is_shown(&self, delivery: &Value) -> bool {
        let status = text(delivery, "status");
        match self.status.is_empty() {
            // A line for each result; what waits for its first attempt has none.
            true => !matches!(status.as_str(), "pending" | "processing"),
            false => self.status.contains(&status),
        }
    }
}

impl Follower<'_> {
    /// Notes what is there already: all of the window, and what is still open.
    async fn begin(&mut self, now: Time) -> Result<(), Failure> {
        let since = self.from.min(now.minus(self.tail.lookback));
        let mut found = self.window(since, now, true).await?;
        let from = self.from;
        found.retain(|delivery| {
            let created = Time::parse_rfc3339(&text(delivery, "createdAt"));
            created.is_none_or(|created| created >= from)
        });
        self.show(found)?;
        let filter = Filter {
            status: ["pending", "processing", "retrying"]
                .map(str::to_owned)
                .into(),
            webhook: self.tail.webhook.clone(),
            kind: self.tail.kind.clone(),
            ..Filter::default()
        };
        let open = crate::api::pages(
            &self.context.client,
            &filter.call(&self.tenant),
            MAX_OPEN,
            None,
        )
        .await?;
        if open.next.is_some() {
            note(&format!(
                "More than {MAX_OPEN} older deliveries are open; only the newest of them are followed."
            ));
        }
        self.log.news(open.items, now);
        Ok(())
    }

    /// Looks for what is new, and for what has become of open deliveries.
    async fn look(&mut self, now: Time, is_whole: bool) -> Result<(), Failure> {
        let window = now.minus(self.tail.lookback);
        let mut found = self.window(window, now, is_whole).await?;
        for event in self.log.due(now, window, ASKED) {
            let filter = Filter {
                event: Some(event),
                webhook: self.tail.webhook.clone(),
                ..Filter::default()
            };
            let listed =
                crate::api::pages(&self.context.client, &filter.call(&self.tenant), PAGE, None)
                    .await?;
            found.extend(self.log.news(listed.items, now));
        }
        self.log.forget(window);
        self.show(found)
    }

    /// What is new since a time; unless it is the whole window, only to the first page that has
    /// nothing new.
    async fn window(
        &mut self,
        since: Time,
        now: Time,
        is_whole: bool,
    ) -> Result<Vec<Value>, Failure> {
        let filter = Filter {
            webhook: self.tail.webhook.clone(),
            kind: self.tail.kind.clone(),
            period: super::list::Period {
                since: Some(since.rfc3339()),
                until: None,
            },
            ..Filter::default()
        };
        let call = filter.call(&self.tenant);
        let (mut pages, mut cursor): (Vec<Vec<Value>>, Option<String>) = (Vec::new(), None);
        loop {
            let found = page(&self.context.client, &call, PAGE, cursor.as_deref()).await?;
            let has_news = found.items.iter().any(|entry| self.log.is_news(entry));
            pages.push(found.items);
            cursor = found.next;
            if cursor.is_none() || !(has_news || is_whole) {
                break;
            }
        }
        // Taken as seen only when all pages are read: an error in between loses nothing.
        Ok(pages
            .into_iter()
            .rev()
            .flat_map(|page| self.log.news(page, now))
            .collect())
    }

    fn show(&mut self, found: Vec<Value>) -> Result<(), Failure> {
        for delivery in found {
            if self.left == 0 || !self.tail.is_shown(&delivery) {
                continue;
            }
            self.left -= 1;
            match self.context.out.json {
                true => self.context.out.json_line(&delivery)?,
                false => self.context.out.line(&line(self.context.out, &delivery))?,
            }
        }
        Ok(())
    }
}

/// One line: when, what became of it, which event, to where.
fn line(out: Output, delivery: &Value) -> String {
    let shown = |member: &str| cell(&text(delivery, member));
    let status = shown("status");
    let at = match shown("processedAt") {
        at if at.is_empty() => shown("createdAt"),
        at => at,
    };
    let code = match (shown("lastResponseCode"), shown("errorCode")) {
        (code, _) if !code.is_empty() => code,
        (_, error) if !error.is_empty() => error,
        _ => "-".to_owned(),
    };
    let painted = out.paint(paint_of(&status), &format!("{status:<10}"));
    let duration = match shown("lastDurationMs") {
        ms if ms.is_empty() => String::new(),
        ms => format!("{ms} ms"),
    };
    format!(
        "{at}  {painted}  {code:<4}  {duration:>8}  {}  {}  {}  {}",
        shown("eventType"),
        shown("eventId"),
        shown("webhookId"),
        shown("id"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_has_what_a_person_looks_for_and_no_control_character() {
        let delivery = json!({"id": "d", "eventId": "e\u{1b}[2J", "eventType": "item.created", "webhookId": "w", "status": "failed",
            "createdAt": "2026-01-31T12:00:00.000Z", "lastResponseCode": 503, "lastDurationMs": 12});
        let out = Output {
            json: false,
            colours: false,
        };
        let line = line(out, &delivery);
        assert_eq!(
            line,
            "2026-01-31T12:00:00.000Z  failed      503      12 ms  item.created  e\\u{1b}[2J  w  d"
        );
    }
}
