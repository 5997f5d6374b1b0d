//! Which webhooks keep the others waiting, and are therefore delivered on the slow lane.
//!
//! A batch lasts as long as its slowest attempt, and only so many dispatchers work at a time: what
//! an attempt takes is paid for by everybody behind it. So each process counts, for each webhook
//! and each tenant, the time beyond [`PROMPT`] that their attempts kept it busy, whatever came of
//! them: neither the timeout, which the tenant chooses, nor an answer, which the receiver chooses,
//! counts. Each count is a [`Bucket`] that leaks. So over any time t one process gives a tenant no
//! more than [`TENANT_FULL`], the one invocation that filled it, and what leaks in t: a tenth, and
//! as each process leaks a little slower or faster than the others, 0.11 of t at most.
//!
//! Who always takes just a little longer than [`PROMPT`] never fills a bucket: one attempt after
//! the other adds what is beyond it and leaks a tenth of all that time, so what takes up to
//! `PROMPT * 10 / 9`, about 1.1 s, is within the tenth that anybody may take for good. That is
//! meant: a receiver that works for a second is no slow one, and the neighbours' share is the
//! events queue's to see to, which is fair by tenant.
//!
//! What a process has counted decides at once for itself. A mark on the webhook tells the other
//! processes, and those that come after it.

mod bucket;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::bucket::{Bucket, Kept, Leak, Shelf};
use super::dispatch::{Dispatcher, DispatcherDeps, QueueKind};
use crate::delivery::Attempt;
use crate::ids::{TenantId, WebhookId};
use crate::ports::{Clock as _, ConfigStore as _, Telemetry as _};
use crate::tenant::{Subscription, WebhookVersion};
use crate::time::Time;

/// So much of an attempt is nobody's fault: a connection, TLS, a receiver that does its work.
pub const PROMPT: Duration = Duration::from_secs(1);

/// Above this a webhook is slow.
pub const WEBHOOK_FULL: Duration = Duration::from_secs(8);

/// Above this each webhook of the tenant is slow that takes longer than [`PROMPT`] once: many
/// webhooks may share what one may not take.
const TENANT_CROWDS: Duration = Duration::from_secs(20);

/// Above this all of the tenant's webhooks are treated as slow by this process: one that is new has
/// no count of its own yet. More than the longest timeout, so that one receiver that hangs does not
/// take its tenant's others along.
pub const TENANT_FULL: Duration = Duration::from_secs(60);

/// What a webhook takes on the slow lane fills its bucket up to here: one that hung for days is not
/// kept there for days after.
const SLOWLY_FULL: Duration = Duration::from_secs(16);

/// Who has a mark loses it by attempts of this length at most,
const QUICK: Duration = Duration::from_secs(2);
/// so many of them in a row, as one process sees them,
const QUICK_ATTEMPTS: u32 = 5;
/// for this long,
const QUICK_FOR: Duration = Duration::from_secs(30);
/// once its bucket is no fuller than this.
const DRAINED: Duration = Duration::from_secs(4);

/// A change is not undone, nor tried again by the same process, before all dispatchers know of it:
/// their snapshots are as old at most.
const MARK_PROPAGATION: Duration = Duration::from_secs(10);

/// How many webhooks, and how many tenants, a process remembers.
const MAX_TRACKED: usize = 10_000;

/// A mark to be set, or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    of: WebhookVersion,
    /// The mark that stands, if it is to go.
    since: Option<Time>,
}

/// What a process knows of a webhook.
struct WebhookUsage {
    bucket: Bucket,
    /// Since when its attempts are quick, and how many were.
    quick: Option<(Time, u32)>,
    /// When this process last asked for a change.
    asked: Option<Time>,
}

impl Kept for WebhookUsage {
    fn new(now: Time, leak: Leak) -> Self {
        Self {
            bucket: Bucket::new(now, leak),
            quick: None,
            asked: None,
        }
    }

    fn level(&self, now: Time) -> Duration {
        self.bucket.level(now)
    }
}

struct Known {
    /// By webhook and version: what a webhook was says nothing about what it has become. Its
    /// tenant's bucket remembers.
    webhooks: Shelf<(WebhookId, u32), WebhookUsage>,
    tenants: Shelf<TenantId, Bucket>,
    changes: Vec<Change>,
}

/// What a process knows of its receivers' pace.
pub struct SlowReceiverDetector(Mutex<Known>);

impl Default for SlowReceiverDetector {
    fn default() -> Self {
        Self::varied(0.5)
    }
}

impl SlowReceiverDetector {
    /// Of a process that drew a number from 0 to 1: its buckets leak up to a tenth slower or faster
    /// than the middle.
    #[must_use]
    pub fn varied(fraction: f64) -> Self {
        Self::with_room(MAX_TRACKED, Leak::varied(fraction))
    }

    fn with_room(room: usize, leak: Leak) -> Self {
        Self(Mutex::new(Known {
            webhooks: Shelf::new(room, leak),
            tenants: Shelf::new(room, leak),
            changes: Vec::new(),
        }))
    }

    /// Only counts are behind the lock: nothing is half done in them when a neighbour panics.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a webhook's attempts are made from the slow lane: by its mark, or by what this
    /// process has counted itself. A new URL, or a new webhook of the same tenant, has neither mark
    /// nor count of its own, and takes nothing out of its tenant's bucket.
    pub(super) fn is_slow(&self, to: &Subscription, now: Time) -> bool {
        if to.webhook.is_slow() {
            return true;
        }
        let known = self.lock();
        known.webhooks.level(&version(to), now) > WEBHOOK_FULL
            || known.tenants.level(&to.webhook.tenant, now) > TENANT_FULL
    }

    /// Takes note of an attempt that was just made for a message of this queue.
    pub(super) fn observe(&self, to: &Subscription, attempt: &Attempt, source: QueueKind) {
        let is_prompt = attempt.duration <= PROMPT;
        let slow_since = to.webhook.slow_since;
        if is_prompt && slow_since.is_none() {
            // By far the most attempts: nothing is kept of them.
            return;
        }
        let ended = attempt.at.plus(attempt.duration);
        let known = &mut *self.lock();
        let pace = known.webhooks.of(&version(to), ended);
        let mut is_crowding = false;
        if !is_prompt {
            let from = attempt.at.plus(PROMPT);
            let most = match source {
                QueueKind::Slow => SLOWLY_FULL,
                QueueKind::Events | QueueKind::Deliveries => Duration::MAX,
            };
            pace.bucket.add(from, ended, most);
            if source != QueueKind::Slow {
                let tenant = known.tenants.of(&to.webhook.tenant, ended);
                tenant.add(from, ended, Duration::MAX);
            }
            is_crowding = known.tenants.level(&to.webhook.tenant, ended) > TENANT_CROWDS;
        }
        pace.quick = (attempt.duration <= QUICK).then(|| {
            let (since, number) = pace.quick.unwrap_or((ended, 0));
            (since, number.saturating_add(1))
        });
        let is_wanted = match slow_since {
            None => is_crowding || pace.level(ended) > WEBHOOK_FULL,
            Some(since) => {
                ended.since(since) >= MARK_PROPAGATION
                    && pace.level(ended) <= DRAINED
                    && pace.quick.is_some_and(|(since, number)| {
                        number >= QUICK_ATTEMPTS && ended.since(since) >= QUICK_FOR
                    })
            }
        };
        let is_known = pace
            .asked
            .is_some_and(|at| ended.since(at) < MARK_PROPAGATION && at <= ended);
        if is_wanted && !is_known {
            pace.asked = Some(ended);
            pace.quick = None;
            known.changes.push(Change {
                of: to.webhook.configuration(),
                since: slow_since,
            });
        }
    }

    fn changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.lock().changes)
    }
}

fn version(to: &Subscription) -> (WebhookId, u32) {
    (to.webhook.id.clone(), to.webhook.version)
}

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Writes what has changed. After a message's own work: no record and no next attempt waits for
    /// a mark, and none fails with it.
    pub(super) async fn publish_changes(&self) {
        for Change { of, since } in self.slow_receivers.changes() {
            let done = match since {
                None => {
                    self.deps
                        .config()
                        .mark_slow(&of, self.deps.clock().now())
                        .await
                }
                Some(since) => self.deps.config().unmark_slow(&of, since).await,
            };
            // A mark that could not be written is noticed again.
            if done.unwrap_or(false) {
                self.deps
                    .telemetry()
                    .slow_lane_changed(&of.webhook, since.is_none());
            }
        }
    }
}

#[cfg(test)]
mod tests;
