//! Counts of a tenant's deliveries.
//!
//! Counted when asked, from the log itself: delivering costs no write for it, and the answer is as fresh as the log. The price is a read unit for each
//! 8 KB of log since `since`, so it is bounded: beyond [`MOST_COUNTED`] deliveries the newest are counted, and the answer says from when.

use std::collections::BTreeMap;
use std::time::Duration;

use adapters::clock::now;
use adapters::http::caller::{Caller, json};
use adapters::log::DeliveryFilter;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::delivery::{Delivery, Status};
use domain::time::Time;
use serde_json::{Value, json};

use crate::lists::{ListQuery, compact};
use crate::{Answer, App};

/// The most deliveries that one answer counts.
const MOST_COUNTED: usize = 20_000;
const PAGE: usize = 1000;
/// From when, if the caller says nothing.
const USUAL_PERIOD: Duration = Duration::from_secs(24 * 3600);

#[derive(Default)]
struct Counts {
    pending: u64,
    completed: u64,
    failed: u64,
    in_progress: u64,
    last: Option<Time>,
}

impl Counts {
    fn add(&mut self, delivery: &Delivery) {
        let counter = match delivery.status {
            Status::Pending => &mut self.pending,
            Status::Processing | Status::Retrying => &mut self.in_progress,
            Status::Completed => &mut self.completed,
            Status::Failed | Status::Cancelled => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
        self.last = self
            .last
            .max(delivery.last.as_ref().map(|attempt| attempt.at));
    }

    fn show(&self) -> Value {
        let ended = self.completed.saturating_add(self.failed);
        // To a thousandth, which is what people read.
        let rate =
            (ended > 0).then(|| (self.completed.saturating_mul(1000) / ended) as f64 / 1000.0);
        compact(json!({
            "pending": self.pending,
            "completed": self.completed,
            "failed": self.failed,
            "inProgress": self.in_progress,
            "lastTriggeredAt": self.last.map(Time::rfc3339),
            "successRate": rate,
        }))
    }
}

pub(crate) async fn get(
    caller: Caller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    let query = ListQuery::new(query, "stats", &["since"])?;
    let now = now();
    let usual =
        Time::from_millis(now.millis() - i64::try_from(USUAL_PERIOD.as_millis()).unwrap_or(0));
    let since = query.time("since")?.unwrap_or(usual);
    let filter = DeliveryFilter {
        since: Some(since),
        ..DeliveryFilter::default()
    };
    let (mut all, mut by_webhook) = (Counts::default(), BTreeMap::<String, Counts>::new());
    for webhook in app.config.webhooks(&caller.tenant).await? {
        by_webhook.insert(webhook.id.to_string(), Counts::default());
    }
    let (mut cursor, mut counted, mut from) = (None, 0usize, since);
    loop {
        let page = app
            .log
            .deliveries(&caller.tenant, &filter, cursor.as_deref(), PAGE)
            .await?;
        for delivery in page.items.iter().filter(|delivery| !delivery.test) {
            all.add(delivery);
            by_webhook
                .entry(delivery.id.webhook.to_string())
                .or_default()
                .add(delivery);
        }
        counted = counted.saturating_add(page.items.len());
        let oldest = page.items.last().map(|delivery| delivery.id.event.time());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        if counted >= MOST_COUNTED {
            from = oldest.unwrap_or(from);
            break;
        }
    }
    let mut answer = all.show();
    if let Some(members) = answer.as_object_mut() {
        let webhooks: BTreeMap<_, _> = by_webhook
            .iter()
            .map(|(id, counts)| (id.clone(), counts.show()))
            .collect();
        members.insert("webhooks".to_owned(), json!(webhooks));
        members.insert("since".to_owned(), Value::from(from.rfc3339()));
        members.insert("complete".to_owned(), Value::from(cursor.is_none()));
    }
    Ok(json(StatusCode::OK, answer))
}
