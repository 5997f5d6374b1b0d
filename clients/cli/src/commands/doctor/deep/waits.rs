//! What is waited for: the requests of an inbox, and the state of a delivery.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Deep, Hook};
use crate::api::{Call, operations};
use crate::failure::{Exit, Failure};
use crate::member::Member as _;
use crate::output::text;

/// How long something may take, and how often to look: each look is a request like any other.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) every: Duration,
    pub(super) within: Duration,
}

/// What should take a second, and whose time is told.
pub(super) const SOON: Patience = Patience {
    every: Duration::from_millis(300),
    within: Duration::from_secs(60),
};
/// What waits for a retry.
pub(super) const RETRY: Patience = Patience {
    every: Duration::from_secs(1),
    within: Duration::from_secs(60),
};

impl Deep<'_> {
    pub(super) fn one(&self, operation: &'static operations::Operation) -> Call {
        operation.call().at("tenantId", &self.tenant)
    }

    /// An event's id.
    pub(super) fn event(&self, kind: &str) -> String {
        format!("doctor-{kind}-{}", self.run)
    }

    /// Publishes over HTTP; the event's id.
    pub(super) async fn publish(&self, kind: &str) -> Result<String, Failure> {
        let id = self.event(kind);
        let call = self
            .one(&operations::PUBLISH)
            .field("id", Some(id.as_str()))
            .field("type", Some(format!("doctor.{kind}")))
            .field(
                "data",
                Some(json!({"from": "postel doctor", "run": self.run})),
            );
        self.client.json(&call.repeatable()).await?;
        Ok(id)
    }

    /// The requests that an inbox got for an event, oldest first, as soon as there are so many.
    pub(super) async fn received(
        &self,
        hook: &Hook,
        event: &str,
        count: usize,
        patience: Patience,
    ) -> Result<Vec<Value>, Failure> {
        let call = self
            .one(&operations::INBOX_REQUESTS)
            .at("webhookId", &hook.id);
        let began = Instant::now();
        loop {
            let page = self.client.json(&call).await?;
            let all = page.member("items").as_array().cloned().unwrap_or_default();
            let mut found: Vec<Value> = all
                .into_iter()
                .filter(|request| text(request, "eventId") == event)
                .collect();
            if found.len() >= count {
                found.sort_by_key(|request| text(request, "receivedAt"));
                return Ok(found);
            }
            if began.elapsed() > patience.within {
                return Err(late(format!(
                    "the inbox got {} of {count} requests of {event} within {} s",
                    found.len(),
                    patience.within.as_secs()
                )));
            }
            tokio::time::sleep(patience.every).await;
        }
    }

    /// An event's delivery, as soon as it has one of these statuses.
    pub(super) async fn delivery(
        &self,
        event: &str,
        statuses: &[&str],
        patience: Patience,
    ) -> Result<Value, Failure> {
        let call = self
            .one(&operations::DELIVERIES)
            .query("eventId", Some(event));
        let began = Instant::now();
        loop {
            let page = self.client.json(&call).await?;
            let found = page.pointer("/items/0").cloned().unwrap_or_default();
            let status = text(&found, "status");
            if statuses.contains(&status.as_str()) {
                return Ok(found);
            }
            if began.elapsed() > patience.within {
                let status = if status.is_empty() {
                    "not in the log"
                } else {
                    &status
                };
                return Err(late(format!(
                    "the delivery of {event} is {status} after {} s, not {}: {}",
                    patience.within.as_secs(),
                    statuses.join(" or "),
                    text(&found, "error")
                )));
            }
            tokio::time::sleep(patience.every).await;
        }
    }
}

fn late(detail: String) -> Failure {
    Failure::new(Exit::Unavailable, "late", detail).hint(
        "See `mappings`, `functions` and `concurrency` above, and the log of the function dispatcher.",
    )
}
