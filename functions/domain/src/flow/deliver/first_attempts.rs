//! The first attempts of an event, as many concurrently as memory allows.

use super::dispatch::{Dispatcher, DispatcherDeps, QueueKind};
use super::step::FirstStep;
use crate::delivery::{Delivery, Trigger, evaluate};
use crate::event::Event;
use crate::filter::Selection;
use crate::ids::WebhookId;
use crate::payload::Content;
use crate::ports::{Clock as _, Fault, Telemetry as _};
use crate::tenant::{Subscription, TenantSnapshot};
use crate::time::Time;
use futures::{StreamExt as _, stream};
use std::collections::HashSet;
use std::time::Duration;

/// The memory that the concurrent first attempts of one message may take. A batch has ten messages,
/// and all of them together leave most of a function's 256 MB free. A message waits only for its
/// own attempts, so a tenant's large event delays no other message of the batch. Tests:
/// tests/template checks it against the template's memory sizes, test_hostile_receivers.py against
/// a process.
const MAX_ATTEMPTS_BYTES: usize = 6 * 1024 * 1024;

/// The memory of an attempt in addition to its body: connection, TLS, the read part of the
/// response.
const ATTEMPT_BYTES: usize = 80 * 1024;

/// How many first attempts of an event run concurrently. A body that the receiver does not read is
/// held twice: in Postel's memory and in the socket's buffer. The next attempt begins when one
/// ends; its time and its timeout begin then.
fn attempts_at_a_time(event: &Event) -> usize {
    let data = event.payload.content().map_or(0, Content::bytes);
    (MAX_ATTEMPTS_BYTES / (ATTEMPT_BYTES + 2 * data)).max(1)
}

/// The webhooks that have no delivery of the event yet, and get one. A parsed event may take some
/// megabytes: it is gone before the first attempt begins.
fn wanted<'a, 'e>(
    event: &'e Event,
    snapshot: &'a TenantSnapshot,
    recorded: &HashSet<WebhookId>,
) -> Vec<(&'a Subscription, FirstStep<'e>)> {
    let selection = Selection::of(event);
    let unrecorded = snapshot.subscriptions.iter();
    unrecorded
        .filter(|to| !recorded.contains(&to.webhook.id))
        .filter_map(|to| Some((to, FirstStep::of(event, &selection, &to.webhook)?)))
        .collect()
}

/// How long an attempt may wait for the other attempts of its event. After that it goes to the slow
/// lane, where webhook and event are read again. So a change takes effect not much later than the
/// ten seconds for which a process caches a webhook.
const MAX_WAIT_FOR_OTHERS: Duration = Duration::from_secs(2);

impl<D: DispatcherDeps> Dispatcher<D> {
    pub(super) async fn first_attempts<'a>(
        &self,
        event: &Event,
        snapshot: &'a TenantSnapshot,
        recorded: &HashSet<WebhookId>,
        deadline: Time,
    ) -> (Vec<(Delivery, &'a Subscription)>, Result<(), Fault>) {
        let wanted = wanted(event, snapshot, recorded);
        let late = self.deps.clock().now().plus(MAX_WAIT_FOR_OTHERS);
        let attempts: Vec<_> = wanted
            .iter()
            .enumerate()
            .map(|(place, (to, step))| async move {
                let attempt = self.first_attempt((event, *step), to, late, deadline);
                (place, attempt.await)
            })
            .collect();
        let mut results: Vec<_> = stream::iter(attempts)
            .buffer_unordered(attempts_at_a_time(event))
            .collect()
            .await;
        results.sort_unstable_by_key(|(place, _)| *place);
        let (mut tried, mut fault) = (Vec::new(), Ok(()));
        for ((_, result), (to, _)) in results.into_iter().zip(wanted) {
            match result {
                Ok(delivery) => tried.push((delivery, to)),
                Err(e) => fault = Err(e),
            }
        }
        (tried, fault)
    }

    async fn first_attempt(
        &self,
        (event, step): (&Event, FirstStep<'_>),
        to: &Subscription,
        late: Time,
        deadline: Time,
    ) -> Result<Delivery, Fault> {
        let delivery = Delivery::new(event, &to.webhook.id);
        let content = match step {
            FirstStep::Attempt(content) => content,
            FirstStep::GiveUp(reason) => return Ok(delivery.abandoned(reason)),
        };
        let now = self.deps.clock().now();
        if now > late || self.slow_receivers.is_slow(to, now) {
            // Put off: the whole batch would wait for it here. It is recorded as due and attempted
            // from the slow lane. The same happens to attempts that waited for others of the event:
            // their webhook may have changed meanwhile, or the event may have been erased.
            return Ok(delivery.due_at(now));
        }
        let attempt = self
            .attempt((event, content), to, 1, Trigger::Automatic, deadline)
            .await?;
        self.slow_receivers.observe(to, &attempt, QueueKind::Events);
        let verdict = evaluate(
            &to.contract,
            &attempt.outcome,
            1,
            self.deps.clock().now(),
            self.deps.clock().random_unit(),
        );
        self.deps
            .telemetry()
            .attempt_finished(&delivery, &attempt, verdict);
        let ended = attempt.at.plus(attempt.duration);
        self.deps
            .telemetry()
            .first_attempt_finished(ended.since(event.key.time()));
        let after = delivery.clone().after_automatic(attempt, verdict);
        self.failing_receivers.observe(to, &delivery, &after);
        Ok(after)
    }
}
