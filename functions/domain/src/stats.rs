//! Counts of a tenant's deliveries, computed from the log.
//!
//! An event without a delivery counts once for each webhook that it waits for:
//! [`EventSummary::awaited`].

mod buckets;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::delivery::{Delivery, Status};
use crate::event_summary::EventSummary;
use crate::ids::WebhookId;
use crate::messages::NamedEvent;
use crate::strict_json;
use crate::tenant::Webhook;
use crate::time::Time;
use crate::ulid::Ulid;

pub use buckets::{Bucket, BucketLength, Buckets};

/// The maximum number of log entries that one answer counts.
const MAX_COUNTED: usize = 20_000;
/// The maximum read units for one answer: twice what that many entries of average size take.
const MAX_READ_UNITS: f64 = 5_000.0;
/// The default period over which deliveries are counted.
const DEFAULT_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// The start of the period over which deliveries are counted.
#[must_use]
pub fn counted_since(asked: Option<Time>, now: Time) -> Time {
    asked.unwrap_or_else(|| now.minus(DEFAULT_PERIOD))
}

/// The number of deliveries per status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted and not attempted yet, or still in the first attempt.
    pub pending: u64,
    /// Delivered.
    pub completed: u64,
    /// Given up, or cancelled.
    pub failed: u64,
    /// In an attempt, or waiting for the next one.
    pub in_progress: u64,
    /// When the last attempt started.
    pub last_attempt_at: Option<Time>,
    /// When the last attempt that succeeded ended.
    pub last_success_at: Option<Time>,
}

impl Counts {
    fn add(&mut self, delivery: &Delivery) {
        let counter = match delivery.status {
            Status::Pending => &mut self.pending,
            Status::Processing | Status::Retrying => &mut self.in_progress,
            Status::Completed => &mut self.completed,
            Status::Failed => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
        let at = delivery.last_attempt.as_ref().map(|attempt| attempt.at);
        self.last_attempt_at = self.last_attempt_at.max(at);
        if delivery.status == Status::Completed {
            self.last_success_at = self.last_success_at.max(delivery.processed_at());
        }
    }

    /// The share of completed deliveries among those that have ended, rounded down to a thousandth.
    /// `None` if none has ended.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        let ended = self.completed.saturating_add(self.failed);
        let thousandths = self.completed.saturating_mul(1000).checked_div(ended)?;
        Some(thousandths as f64 / 1000.0)
    }
}

/// The counters of one answer, while the log is read from the newest entry on.
pub struct Counting<'a> {
    webhooks: &'a [Webhook],
    all: Counts,
    by_webhook: BTreeMap<WebhookId, Counts>,
    unmatched: u64,
    buckets: Option<Buckets>,
    /// Events that have no delivery yet, and wait for one.
    undelivered: Vec<EventSummary>,
    entries: usize,
    units: f64,
    /// The time of the oldest entry.
    oldest: Option<Time>,
}

/// The result of counting.
#[derive(Debug, PartialEq)]
pub struct Counted {
    /// All of the tenant's deliveries.
    pub all: Counts,
    /// The deliveries of each webhook.
    pub by_webhook: BTreeMap<WebhookId, Counts>,
    /// The events that no webhook gets.
    pub unmatched: u64,
    /// The deliveries by time, if that was asked for.
    pub buckets: Option<Buckets>,
    /// The start of the counted period.
    pub from: Time,
    /// Whether the log was read back to the requested start.
    pub is_complete: bool,
}

impl<'a> Counting<'a> {
    /// Counts the deliveries of a tenant that has these webhooks.
    #[must_use]
    pub fn new(webhooks: &'a [Webhook]) -> Self {
        let counts = |webhook: &Webhook| (webhook.id.clone(), Counts::default());
        Self {
            webhooks,
            all: Counts::default(),
            by_webhook: webhooks.iter().map(counts).collect(),
            unmatched: 0,
            buckets: None,
            undelivered: Vec::new(),
            entries: 0,
            units: 0.0,
            oldest: None,
        }
    }

    /// Counts them by time as well.
    #[must_use]
    pub fn by_time(self, length: Option<BucketLength>) -> Self {
        Self {
            buckets: length.map(Buckets::new),
            ..self
        }
    }

    /// Adds a delivery. A test event's delivery counts only as an entry.
    pub fn add_delivery(&mut self, delivery: &Delivery) {
        self.add_entry(delivery.id.event);
        self.count(delivery);
    }

    fn count(&mut self, delivery: &Delivery) {
        if delivery.is_test {
            return;
        }
        self.all.add(delivery);
        if let Some(buckets) = &mut self.buckets {
            buckets.add(delivery);
        }
        let webhook = delivery.id.webhook.clone();
        self.by_webhook.entry(webhook).or_default().add(delivery);
    }

    /// Adds an event that has no delivery yet.
    pub fn add_event(&mut self, event: EventSummary) {
        self.add_entry(event.key);
        if self.webhooks.iter().any(|webhook| event.awaits(webhook)) {
            self.undelivered.push(event);
        } else {
            self.unmatched = self.unmatched.saturating_add(1);
        }
    }

    fn add_entry(&mut self, event: Ulid) {
        self.entries = self.entries.saturating_add(1);
        self.oldest = Some(event.time());
    }

    /// Adds the read units of a log page. Returns whether this answer reads no further page.
    pub fn is_full_after(&mut self, units: f64) -> bool {
        self.units += units;
        self.entries >= MAX_COUNTED || self.units >= MAX_READ_UNITS
    }

    /// Whether the status of an event depends on dead letters.
    #[must_use]
    pub fn needs_dead_letters(&self) -> bool {
        !self.undelivered.is_empty()
    }

    /// The result. `dead` are the events whose messages are dead letters, `since` is the requested
    /// start, and `is_complete` tells whether the log was read back to it.
    #[must_use]
    pub fn finish(mut self, dead: &HashSet<Ulid>, since: Time, is_complete: bool) -> Counted {
        for event in std::mem::take(&mut self.undelivered) {
            for delivery in event.awaited(self.webhooks, dead) {
                self.count(&delivery);
            }
        }
        let from = if is_complete {
            since
        } else {
            self.oldest.unwrap_or(since)
        };
        Counted {
            all: self.all,
            by_webhook: self.by_webhook,
            unmatched: self.unmatched,
            buckets: self.buckets,
            from,
            is_complete,
        }
    }
}

/// The event in the log that a dead message announced, if any.
#[must_use]
pub fn announced_event(message: &str) -> Option<Ulid> {
    let named: NamedEvent = strict_json::from_str(message).ok()?;
    named.stored
}

#[cfg(test)]
mod tests;
