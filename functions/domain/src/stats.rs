//! Counts of a tenant's deliveries, as they are read from the log.
//!
//! A delivery is not on record before its first attempt has ended. So what is pending is seen from
//! the other side: an event that has no delivery yet, for each webhook that selects it. A webhook
//! made or changed since then is left out: nobody knows any more whether it was to get that event.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::delivery::{Delivery, Status};
use crate::event_type::EventType;
use crate::ids::WebhookId;
use crate::messages::NamedEvent;
use crate::strict_json;
use crate::tenant::Webhook;
use crate::time::Time;
use crate::ulid::Ulid;

/// The most entries of the log that one answer counts.
const MAX_COUNTED: usize = 20_000;
/// The most read units of the log for one answer: twice what so many entries of the usual size
/// take.
const MAX_READ_UNITS: f64 = 5_000.0;
/// How far back deliveries are counted, unless the caller says otherwise.
const DEFAULT_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// From when on deliveries are counted.
#[must_use]
pub fn counted_since(asked: Option<Time>, now: Time) -> Time {
    asked.unwrap_or_else(|| now.minus(DEFAULT_PERIOD))
}

/// How many deliveries have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted and not tried yet, or still in the first attempt.
    pub pending: u64,
    /// Delivered.
    pub completed: u64,
    /// Given up, or cancelled.
    pub failed: u64,
    /// Being tried, or waiting to be tried again.
    pub in_progress: u64,
    /// When the last attempt started.
    pub last_attempt_at: Option<Time>,
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
    }

    /// Adds an event that has no delivery yet. It has failed if its message is a dead letter.
    fn add_undelivered(&mut self, is_dead: bool) {
        let counter = if is_dead {
            &mut self.failed
        } else {
            &mut self.pending
        };
        *counter = counter.saturating_add(1);
    }

    /// The completed among those that have ended, rounded down to a thousandth. None if none has.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        let ended = self.completed.saturating_add(self.failed);
        let thousandths = self.completed.saturating_mul(1000).checked_div(ended)?;
        Some(thousandths as f64 / 1000.0)
    }
}

/// What one answer counts, while the log is read from the newest entry on.
pub struct Counting<'a> {
    webhooks: &'a [Webhook],
    all: Counts,
    by_webhook: BTreeMap<WebhookId, Counts>,
    /// Events that have no delivery yet, for each webhook that selects them.
    undelivered: Vec<(Ulid, WebhookId)>,
    entries: usize,
    units: f64,
    /// The time of the oldest entry.
    oldest: Option<Time>,
}

/// What one answer has counted.
#[derive(Debug, PartialEq)]
pub struct Counted {
    /// All of the tenant's deliveries.
    pub all: Counts,
    /// The same for each webhook.
    pub by_webhook: BTreeMap<WebhookId, Counts>,
    /// From when on.
    pub from: Time,
    /// Whether that is all the way back.
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
            undelivered: Vec::new(),
            entries: 0,
            units: 0.0,
            oldest: None,
        }
    }

    /// Adds a delivery. A test event's counts as an entry alone.
    pub fn add_delivery(&mut self, delivery: &Delivery) {
        self.add_entry(delivery.id.event);
        if delivery.is_test {
            return;
        }
        self.all.add(delivery);
        let webhook = delivery.id.webhook.clone();
        self.by_webhook.entry(webhook).or_default().add(delivery);
    }

    /// Adds an event that has no delivery yet.
    pub fn add_event(&mut self, event: Ulid, event_type: &EventType) {
        self.add_entry(event);
        let awaits =
            |webhook: &&Webhook| webhook.wants(event_type) && webhook.updated_at <= event.time();
        let wanted = self.webhooks.iter().filter(awaits);
        let wanted = wanted.map(|webhook| (event, webhook.id.clone()));
        self.undelivered.extend(wanted);
    }

    fn add_entry(&mut self, event: Ulid) {
        self.entries = self.entries.saturating_add(1);
        self.oldest = Some(event.time());
    }

    /// Adds what a page of the log cost. Whether no further page is read for this answer.
    pub fn is_full_after(&mut self, units: f64) -> bool {
        self.units += units;
        self.entries >= MAX_COUNTED || self.units >= MAX_READ_UNITS
    }

    /// Whether dead letters decide what became of an event.
    #[must_use]
    pub fn needs_dead_letters(&self) -> bool {
        !self.undelivered.is_empty()
    }

    /// The result. `dead` are the events whose messages are dead letters, `since` is from when on
    /// was asked for, and `is_complete` tells whether the log was read so far back.
    #[must_use]
    pub fn finish(mut self, dead: &HashSet<Ulid>, since: Time, is_complete: bool) -> Counted {
        for (event, webhook) in self.undelivered {
            let is_dead = dead.contains(&event);
            self.all.add_undelivered(is_dead);
            let counts = self.by_webhook.entry(webhook).or_default();
            counts.add_undelivered(is_dead);
        }
        let from = if is_complete {
            since
        } else {
            self.oldest.unwrap_or(since)
        };
        Counted {
            all: self.all,
            by_webhook: self.by_webhook,
            from,
            is_complete,
        }
    }
}

/// The event in the log that a dead message announced, if it announced one.
#[must_use]
pub fn announced_event(message: &str) -> Option<Ulid> {
    let named: NamedEvent = strict_json::from_str(message).ok()?;
    named.stored
}

#[cfg(test)]
mod tests;
