//! How tenants share a queue: messages in flight, concurrency of an event source mapping, fair
//! groups.
//!
//! A standard queue has at most 120,000 messages in flight; at the limit it returns no message, and
//! long polling no error (Amazon SQS Developer Guide, "Amazon SQS message quotas"). A mapping
//! invokes its function at most `MaximumConcurrency` times at once (AWS Lambda Developer Guide,
//! services-sqs-scaling.html). In a fair queue a group is noisy while it has more than a tenth of
//! the messages in flight, and at least 30; messages of other groups are returned first, and each
//! message without a group is a group of its own (SQS Developer Guide, sqs-fair-queues.html). The
//! growth of a mapping, 300 a minute, is not here. Histories are small, so their limits are too.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::time::Time;
use serde_json::Value;

use crate::ports::OURSELVES;
use crate::queues::{QueueName, Stored};
use crate::simulation::Simulation;
use crate::world::World;

/// The limits of a history, for each queue other than a dead-letter queue.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// Messages in flight.
    pub in_flight: usize,
    /// `MaximumConcurrency`.
    pub concurrency: usize,
    /// From how many messages in flight on a group may be noisy.
    pub noisy_from: usize,
}

/// Received, and neither deleted nor visible again.
pub(crate) fn in_flight(queue: &[Stored], now: Time) -> impl Iterator<Item = &Stored> {
    queue
        .iter()
        .filter(move |m| m.receives > 0 && m.visible > now)
}

impl Sharing {
    pub(crate) fn is_full(&self, queue: &[Stored], now: Time) -> bool {
        in_flight(queue, now).count() >= self.in_flight
    }

    /// Orders visible messages as a fair queue returns them. Returns how many it may return.
    pub(crate) fn share(
        &self,
        queue: &[Stored],
        visible: &mut [usize],
        most: usize,
        now: Time,
    ) -> usize {
        let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
        let mut all = 0;
        for message in in_flight(queue, now) {
            all += 1;
            if let Some(group) = &message.group {
                *groups.entry(group).or_default() += 1;
            }
        }
        let is_noisy = |at: &usize| {
            let group = queue.get(*at).and_then(|m| m.group.as_deref());
            let held = group.and_then(|group| groups.get(group)).copied();
            held.is_some_and(|held| held >= self.noisy_from && held * 10 > all)
        };
        visible.sort_by_key(is_noisy);
        most.min(self.in_flight.saturating_sub(all))
    }
}

impl World {
    /// Whether a mapping's function runs as often as it may. The next run that ends polls again.
    pub(crate) fn is_at_limit(&self, queue: QueueName) -> bool {
        let running = self.running.values().filter(|run| run.queue == Some(queue));
        let limit = self.queues.sharing.as_ref().map(|s| s.concurrency);
        limit.is_some_and(|most| running.count() >= most)
    }

    /// The `MessageGroupId` that a sender gives a message: its tenant. (Not the Scheduler, whose
    /// messages are like others here.)
    pub(crate) fn group_of(&self, body: &str, sender: &str) -> Option<String> {
        self.queues.sharing.as_ref()?;
        let body: Value = serde_json::from_str(body).ok()?;
        let tenant = body["tenantId"].as_str()?;
        let is_left_out = sender != OURSELVES && self.groupless.iter().any(|one| one == tenant);
        (!is_left_out).then(|| tenant.to_owned())
    }
}

impl Simulation {
    /// Sets the limits of the queues and their mappings.
    pub fn set_sharing(&mut self, sharing: Sharing) {
        self.world().queues.sharing = Some(sharing);
    }

    /// The tenant with this number sends its messages without a group.
    pub fn leave_out_group(&mut self, tenant: usize) {
        let tenant = self.tenants[tenant].to_string();
        self.world().groupless.push(tenant);
    }

    /// The most messages that one queue had in flight.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.world().queues.max_in_flight
    }

    /// How long each event of a tenant waited from its publication to its first POST, the shortest
    /// first.
    #[must_use]
    pub fn waits(&self, tenant: usize) -> Vec<Duration> {
        let world = self.world();
        let mut first: BTreeMap<&str, Time> = BTreeMap::new();
        for post in &world.receivers.posts {
            first.entry(&post.event).or_insert(post.at);
        }
        let tenant = &self.tenants[tenant];
        let own = self.accepted.iter().filter(|one| one.tenant == *tenant);
        let mut waits: Vec<Duration> = own
            .filter_map(|one| Some(first.get(one.event.as_str())?.since(one.begun)))
            .collect();
        waits.sort_unstable();
        waits
    }
}
