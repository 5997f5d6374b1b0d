//! Detects which webhooks delay the others; these are delivered from the slow lane.
//!
//! A batch lasts as long as its slowest attempt, and the number of concurrent dispatchers is
//! limited, so a slow attempt delays everything queued behind it. Each process therefore counts,
//! per webhook and per tenant, the time beyond [`PROMPT`] that their attempts kept it busy,
//! whatever their outcome: neither the timeout, which the tenant chooses, nor the response, which
//! the receiver chooses, matters. Each count is a [`Bucket`] that leaks. So over any time t one
//! process gives a tenant at most [`TENANT_FULL`], the one invocation that filled the bucket, and
//! what leaks in t: a tenth, and, since each process leaks a little slower or faster than the
//! others, at most 0.11 of t.
//!
//! A receiver that always takes just a little longer than [`PROMPT`] never fills a bucket: its
//! attempts, one after another, add the time beyond `PROMPT` while a tenth of the whole time leaks.
//! So up to `PROMPT * 10 / 9`, about 1.1 s, is within the tenth that every receiver may use
//! permanently. This is intended: a receiver that works for a second is not slow, and the events
//! queue, which is fair by tenant, protects the share of the others.
//!
//! The count of a process takes effect at once in that process. A mark on the webhook informs the
//! other processes, and those that start later.

mod bucket;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::bucket::{Bucket, Kept, Leak, Shelf};
use super::dispatch::{Dispatcher, DispatcherDeps, QueueKind};
use crate::delivery::Attempt;
use crate::ids::TenantId;
use crate::ports::{Clock as _, ConfigStore as _, Telemetry as _};
use crate::tenant::{Subscription, WebhookVersion};
use crate::time::Time;

/// The part of an attempt that never counts: a connection, TLS, a receiver that does its work.
pub const PROMPT: Duration = Duration::from_secs(1);

/// Above this level a webhook is slow.
pub const WEBHOOK_FULL: Duration = Duration::from_secs(8);

/// Above this level of the tenant's bucket, each webhook of the tenant that once takes longer than
/// [`PROMPT`] is slow: many webhooks may together use only as much as one.
const TENANT_CROWDS: Duration = Duration::from_secs(20);

/// Above this level this process treats all of the tenant's webhooks as slow, since a new webhook
/// has no count of its own yet. It is more than the longest timeout, so that one receiver that
/// hangs does not move its tenant's other webhooks.
pub const TENANT_FULL: Duration = Duration::from_secs(60);

/// Attempts on the slow lane fill the webhook's bucket only up to here: a receiver that hung for
/// days must not stay on the slow lane for days afterwards.
const SLOWLY_FULL: Duration = Duration::from_secs(16);

/// A webhook loses its mark by attempts of at most this length,
const QUICK: Duration = Duration::from_secs(2);
/// this many of them in a row, as one process sees them,
const QUICK_ATTEMPTS: u32 = 5;
/// over at least this time,
const QUICK_FOR: Duration = Duration::from_secs(30);
/// once its bucket is at or below this level.
const DRAINED: Duration = Duration::from_secs(4);

/// A process does not undo or repeat a change before all dispatchers know of it: their snapshots
/// are at most this old.
const MARK_PROPAGATION: Duration = Duration::from_secs(10);

/// How many webhooks, and how many tenants, a process tracks.
const MAX_TRACKED: usize = 10_000;

/// A mark to set or to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    of: WebhookVersion,
    /// The current mark, if it must be removed.
    since: Option<Time>,
}

/// What a process has counted for a webhook.
struct WebhookUsage {
    bucket: Bucket,
    /// When its run of quick attempts began, and how many there were.
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
    /// By version of a webhook: the count of an earlier version does not apply to the current one.
    /// The tenant's bucket keeps it.
    webhooks: Shelf<WebhookVersion, WebhookUsage>,
    tenants: Shelf<TenantId, Bucket>,
    changes: Vec<Change>,
}

/// How slow this process has found its receivers to be.
pub struct SlowReceiverDetector(Mutex<Known>);

impl Default for SlowReceiverDetector {
    fn default() -> Self {
        Self::varied(0.5)
    }
}

impl SlowReceiverDetector {
    /// A detector whose buckets leak up to a tenth slower or faster than the average, by a random
    /// number from 0 to 1.
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

    /// The lock guards only counts, which a panic elsewhere never leaves half updated.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a webhook's attempts are made from the slow lane: by its mark, or by the count of
    /// this process. A new URL, or a new webhook of the same tenant, has neither mark nor count of
    /// its own, and leaves its tenant's bucket as it is.
    pub(super) fn is_slow(&self, to: &Subscription, now: Time) -> bool {
        if to.webhook.is_slow() {
            return true;
        }
        let known = self.lock();
        known.webhooks.level(&to.webhook.configuration(), now) > WEBHOOK_FULL
            || known.tenants.level(&to.webhook.tenant, now) > TENANT_FULL
    }

    /// Counts an attempt that was just made for a message of this queue.
    pub(super) fn observe(&self, to: &Subscription, attempt: &Attempt, source: QueueKind) {
        let is_prompt = attempt.duration <= PROMPT;
        let slow_since = to.webhook.slow_since;
        if is_prompt && slow_since.is_none() {
            // Nearly all attempts end here; nothing is stored for them.
            return;
        }
        let ended = attempt.at.plus(attempt.duration);
        let known = &mut *self.lock();
        let pace = known.webhooks.of(&to.webhook.configuration(), ended);
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

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Writes the changed marks. It runs after the message's own work, so that no record and no
    /// next attempt waits for a mark or fails with it.
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
            // A mark that could not be written is detected again.
            if done.unwrap_or(false) {
                self.deps
                    .telemetry()
                    .slow_lane_changed(&of, since.is_none());
            }
        }
    }
}

#[cfg(test)]
mod tests;
