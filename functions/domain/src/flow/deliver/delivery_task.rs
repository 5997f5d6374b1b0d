//! A message of the deliveries queue or the slow lane: one attempt of one delivery, automatic or
//! manual.

use std::time::Duration;

use super::attempt::lease_length;
use super::dispatch::{Dispatcher, DispatcherDeps, QueueKind, QueueMessage};
use super::record::dead_letter;
use super::step::NextStep;
use crate::dead_letter::{DeadLetter, Reason};
use crate::delivery::{Attempt, Delivery, DisableReason, Trigger, Verdict, evaluate};
use crate::flow::LEASE_MARGIN;
use crate::format;
use crate::ids::DeadLetterId;
use crate::messages::EarlyTask;
use crate::payload::Payload;
use crate::ports::{
    Clock, ConfigStore as _, DeliveryStore, DeliveryTask, Fault, Lease, LeaseResult,
    SlowTaskQueue as _, Stage, TaskKind, TaskQueue as _, Telemetry,
};
use crate::tenant::Subscription;
use crate::time::Time;
use crate::ulid::Ulid;

/// SQS delays by whole seconds, so a message that is early by this much is on time.
const EARLY: Duration = Duration::from_secs(1);

impl<D: DispatcherDeps> Dispatcher<D> {
    pub(super) async fn task_message(
        &self,
        message: &QueueMessage,
        deadline: Time,
    ) -> Result<(), Fault> {
        format::check_message(&message.body)?;
        let Ok(EarlyTask { task, due }) = serde_json::from_str(&message.body) else {
            // Only Postel and the scheduler write to this queue. The message is stored as a dead
            // letter all the same, since it may come from another version of Postel.
            self.deps
                .telemetry()
                .message_unreadable(&message.id, &not_a_task());
            return self
                .deps
                .store()
                .put_dead_letter(&unreadable(message))
                .await;
        };
        if let Some(delay) = self.early(due) {
            return self.deps.tasks().schedule(&task, delay).await;
        }
        let snapshot = self
            .deps
            .config()
            .tenant_snapshot(&task.tenant_id, message.snapshot_not_before())
            .await?;
        if let Some(snapshot) = &snapshot {
            snapshot.readable(&task.delivery_id.webhook)?;
        }
        let to = snapshot
            .as_ref()
            .and_then(|r| r.subscription(&task.delivery_id.webhook));
        let now = self.deps.clock().now();
        if message.source != QueueKind::Slow
            && to.is_some_and(|to| self.slow_receivers.is_slow(to, now))
        {
            // The senders (schedule, sweeper, redrive, test) need not know which webhooks are slow.
            // The lease has not been acquired yet, so a second move does no harm.
            return self.deps.tasks().send_slow(&task).await;
        }
        let length = to.map_or(LEASE_MARGIN, |s| lease_length(&s.contract));
        let lease = Lease {
            owner: self.deps.clock().new_owner(),
            until: now.plus(length),
        };
        match self.deps.store().acquire_lease(&task, &lease, now).await? {
            LeaseResult::Acquired(delivery) => {
                let from = message.source;
                self.claimed(&task, *delivery, to, &lease, from, deadline)
                    .await
            }
            LeaseResult::Held(until) => {
                // Wait on the deliveries queue: it can delay, and the dispatcher checks again
                // whether the webhook is slow. Read the clock again: acquiring the lease took time,
                // and a schedule that fires too early finds the lease still held.
                let delay = until.since(self.deps.clock().now()) + EARLY;
                self.deps.tasks().schedule(&task, delay).await
            }
            LeaseResult::Superseded(delivery) => self.superseded(&delivery, to, message).await,
            LeaseResult::NotFound => Ok(()),
        }
    }

    /// How much too early a task is that says when it is due.
    fn early(&self, due: Option<i64>) -> Option<Duration> {
        let delay = Time::from_millis(due?).since(self.deps.clock().now());
        (delay > EARLY).then_some(delay)
    }

    /// The delivery has moved on. If this message was received before, an earlier invocation may
    /// have died between recording and enqueueing, so the follow-up is done again.
    async fn superseded(
        &self,
        delivery: &Delivery,
        to: Option<&Subscription>,
        message: &QueueMessage,
    ) -> Result<(), Fault> {
        if delivery.erased_at.is_some() && !delivery.is_terminal() {
            // The event was erased during an attempt, and this message waited for that attempt. The
            // delivery ends now, not when its next attempt is due.
            return self
                .deps
                .tasks()
                .schedule(&delivery.task(), Duration::ZERO)
                .await;
        }
        if message.receives <= 1 {
            return Ok(());
        }
        self.follow_up(delivery, to.map(|s| &s.contract)).await
    }

    async fn claimed(
        &self,
        task: &DeliveryTask,
        before: Delivery,
        to: Option<&Subscription>,
        lease: &Lease,
        from: QueueKind,
        deadline: Time,
    ) -> Result<(), Fault> {
        let is_manual = matches!(task.kind, TaskKind::Manual(_));
        let step = NextStep::of(&before, to.map(|to| &to.webhook), is_manual);
        if let NextStep::Erased(at) = step {
            return self.ends(lease).end_erased(before, at).await;
        }
        if let (TaskKind::Scheduled(_), Some(due)) = (&task.kind, before.next_attempt_at)
            && due.since(self.deps.clock().now()) > EARLY
        {
            // Too early: a message from a schedule or the sweeper. The receiver was promised the
            // schedule.
            self.deps
                .store()
                .complete_attempt(&before, &before, None, &lease.owner)
                .await?;
            return self.schedule_next(&before).await;
        }
        let (Some(to), NextStep::Attempt) = (to, step) else {
            return self
                .ends(lease)
                .give_up(before, Reason::WebhookInactive)
                .await;
        };
        let Some(event) = self
            .deps
            .store()
            .get_event(&before.tenant, before.id.event)
            .await?
        else {
            // The event's retention has passed.
            return self
                .ends(lease)
                .give_up(before, Reason::Undeliverable)
                .await;
        };
        let content = match &event.payload {
            Payload::Kept(content) => content,
            Payload::Erased(at) => return self.ends(lease).end_erased(before, *at).await,
        };
        let trigger = who_asked(&task.kind, &before);
        let number = before.attempt_count.saturating_add(1);
        // A POST that outlives its lease would be repeated by the next holder of the lease. If
        // Postel's own calls have used up the lease's margin, the request is not sent. Test: the
        // simulator's LateReplies.
        let end = deadline.min(lease.until);
        let attempt = match self.deps.store().archive_last_attempt(&before).await {
            Ok(()) => {
                let what = (&event, content);
                self.attempt(what, to, number, trigger, end).await
            }
            Err(fault) => Err(fault),
        };
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(fault) => {
                // Nothing was sent: the lease is released and the message comes back.
                self.deps
                    .store()
                    .complete_attempt(&before, &before, None, &lease.owner)
                    .await?;
                return Err(fault);
            }
        };
        self.slow_receivers.observe(to, &attempt, from);
        self.attempted(before, attempt, to, lease).await
    }

    /// Records the outcome of an attempt made under a lease, then does what follows from it.
    async fn attempted(
        &self,
        before: Delivery,
        attempt: Attempt,
        to: &Subscription,
        lease: &Lease,
    ) -> Result<(), Fault> {
        let trigger = attempt.trigger;
        let made = before.attempts_this_round.saturating_add(1);
        let verdict = evaluate(
            &to.contract,
            &attempt.outcome,
            made,
            self.deps.clock().now(),
            self.deps.clock().random_unit(),
        );
        self.deps
            .telemetry()
            .attempt_finished(&before, &attempt, verdict);
        let mut after = match trigger {
            Trigger::Automatic => before.clone().after_automatic(attempt, verdict),
            Trigger::Manual => before.clone().after_manual(attempt, verdict),
            Trigger::Test => before.clone().after_test(attempt, verdict),
        };
        let dead = if trigger == Trigger::Automatic {
            dead_letter(&mut after, self.deps.clock().now())
        } else {
            None
        };
        if !self
            .deps
            .store()
            .complete_attempt(&before, &after, dead.as_ref(), &lease.owner)
            .await?
        {
            return Ok(());
        }
        self.failing_receivers.observe(to, &before, &after);
        match (trigger, verdict) {
            (Trigger::Automatic, _) => self.follow_up(&after, Some(&to.contract)).await,
            (Trigger::Manual, Verdict::Dead(Reason::Gone)) if !after.is_test => {
                self.switch_off(&after, &to.contract, DisableReason::Gone)
                    .await
            }
            (Trigger::Manual | Trigger::Test, _) => Ok(()),
        }
    }

    fn ends<'a>(&'a self, lease: &'a Lease) -> Ends<'a, D::Store, D::Telemetry> {
        Ends {
            store: self.deps.store(),
            telemetry: self.deps.telemetry(),
            lease,
            now: self.deps.clock().now(),
        }
    }
}

fn who_asked(kind: &TaskKind, delivery: &Delivery) -> Trigger {
    match kind {
        TaskKind::Manual(_) => Trigger::Manual,
        TaskKind::Scheduled(_) if delivery.is_test => Trigger::Test,
        TaskKind::Scheduled(_) => Trigger::Automatic,
    }
}

/// Ends a leased delivery without an attempt.
pub(in crate::flow) struct Ends<'a, S, T> {
    pub(in crate::flow) store: &'a S,
    pub(in crate::flow) telemetry: &'a T,
    pub(in crate::flow) lease: &'a Lease,
    pub(in crate::flow) now: Time,
}

impl<S: DeliveryStore, T: Telemetry> Ends<'_, S, T> {
    /// Ends the delivery for a reason other than erasure.
    pub(in crate::flow) async fn give_up(
        &self,
        before: Delivery,
        reason: Reason,
    ) -> Result<(), Fault> {
        self.end(&before, before.clone(), reason).await
    }

    /// Ends the delivery because its event was erased.
    async fn end_erased(&self, before: Delivery, at: Time) -> Result<(), Fault> {
        let erased = before.clone().erased(at);
        self.end(&before, erased, Reason::EventErased).await
    }

    async fn end(
        &self,
        before: &Delivery,
        mut after: Delivery,
        reason: Reason,
    ) -> Result<(), Fault> {
        after.pending_manual_token = None;
        // A manual attempt may be requested for a delivery that ended long ago. Then only the
        // request ends.
        let mut dead = None;
        if !before.is_terminal() {
            after = after.abandoned(reason);
            dead = dead_letter(&mut after, self.now);
        }
        let owner = &self.lease.owner;
        if self
            .store
            .complete_attempt(before, &after, dead.as_ref(), owner)
            .await?
            && let Some(dead) = &dead
        {
            self.telemetry.delivery_abandoned(dead);
        }
        Ok(())
    }
}

/// The fault of a message that is not a task; its dead letter is written at once. The parser's own
/// text is left out, since it might quote the message.
pub(in crate::flow) fn not_a_task() -> Fault {
    Fault::corrupt(Stage::ReadMessage, "the message is not a delivery task")
}

/// The dead letter of a message on the deliveries queue that is not a `DeliveryTask`, perhaps from
/// another version. It belongs to no tenant.
pub(in crate::flow) fn unreadable(message: &QueueMessage) -> DeadLetter {
    DeadLetter {
        id: DeadLetterId(Ulid::derived(message.sent, &message.id)),
        tenant: None,
        at: message.sent,
        reason: Reason::MalformedJson,
        detail: "The message on the deliveries queue is not a task.".to_owned(),
        body: message.body_of_dead(),
    }
}
