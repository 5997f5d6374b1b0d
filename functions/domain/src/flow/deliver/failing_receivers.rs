//! Marks the webhooks whose receivers fail, so that owners and the operator see them in a list.
//!
//! A webhook fails from the second failed attempt of one delivery on, or if a delivery dies; it
//! stops failing with the next success. A first failure alone is no sign: most of them are gone
//! with the first retry.
//!
//! The mark on the webhook is written on a change only, so that a success costs nothing while the
//! webhook has no mark. It tells people something and decides nothing: a mark that could not be
//! written is detected again with the next attempt.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::dispatch::{Dispatcher, DispatcherDeps};
use crate::delivery::{Delivery, Status, Trigger};
use crate::ports::ConfigStore as _;
use crate::tenant::{Subscription, WebhookVersion};
use crate::time::Time;

/// How many failed attempts in a row of one delivery mark its webhook.
const FAILED_ATTEMPTS: u32 = 2;

/// A process changes a webhook's mark at most once in this time: a receiver that refuses one event
/// in ten must not cost two writes for each. It is as long as the dispatchers' snapshots are old,
/// so that a process does not undo or repeat what it cannot see yet.
const CHANGE_INTERVAL: Duration = Duration::from_secs(10);

/// How many webhooks a process remembers to have changed.
const MAX_REMEMBERED: usize = 10_000;

/// A mark to set or to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    of: WebhookVersion,
    is_failing: bool,
    since: Time,
}

#[derive(Default)]
struct Known {
    changes: Vec<Change>,
    /// When this process last asked for a change.
    asked: HashMap<WebhookVersion, Time>,
}

/// The changes of marks that the outcomes of a process ask for.
#[derive(Default)]
pub struct FailingReceivers(Mutex<Known>);

impl FailingReceivers {
    /// The lock guards only lists, which a panic elsewhere never leaves half updated.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges an attempt by the delivery before and after it.
    pub(super) fn observe(&self, to: &Subscription, before: &Delivery, after: &Delivery) {
        let Some(change) = change(to, before, after) else {
            return;
        };
        let Some(ended) = after.processed_at() else {
            return;
        };
        let mut known = self.lock();
        let is_recent = |at: &Time| *at <= ended && ended.since(*at) < CHANGE_INTERVAL;
        if known.asked.get(&change.of).is_some_and(is_recent) {
            return;
        }
        if known.asked.len() >= MAX_REMEMBERED {
            known.asked.clear();
        }
        known.asked.insert(change.of.clone(), ended);
        known.changes.push(change);
    }

    fn changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.lock().changes)
    }
}

fn change(to: &Subscription, before: &Delivery, after: &Delivery) -> Option<Change> {
    let attempt = after.last_attempt.as_ref()?;
    if after.is_test || attempt.webhook_version != to.webhook.version {
        return None;
    }
    let change = |is_failing, since| Change {
        of: to.webhook.configuration(),
        is_failing,
        since,
    };
    match (after.status, to.webhook.failing_since) {
        (Status::Completed, Some(since)) => Some(change(false, since)),
        (Status::Retrying | Status::Failed, None) if attempt.trigger == Trigger::Automatic => {
            let is_enough =
                after.status == Status::Failed || after.attempts_this_round >= FAILED_ATTEMPTS;
            // The first of the failed attempts that are known.
            let first = before.last_attempt.as_ref();
            let first = first.filter(|_| before.attempts_this_round > 0);
            is_enough.then(|| change(true, first.unwrap_or(attempt).at))
        }
        _ => None,
    }
}

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Writes the changed marks, after the message's own work: no record and no next attempt waits
    /// for a mark or fails with it.
    pub(super) async fn publish_failing(&self) {
        for change in self.failing_receivers.changes() {
            let (config, of) = (self.deps.config(), &change.of);
            let written = match change.is_failing {
                true => config.mark_failing(of, change.since).await,
                false => config.unmark_failing(of, change.since).await,
            };
            // A mark that could not be written is detected again.
            drop(written);
        }
    }
}

#[cfg(test)]
mod tests;
