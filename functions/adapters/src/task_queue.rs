//! The queues and the scheduler, which carry delivery tasks.
//!
//! Cost: one SQS request for a delay of up to 15 minutes; beyond that, one schedule and the request
//! it makes (1.00 and 0.40 USD a million).
//!
//! The scheduler's quotas are the first limit at scale (5,000 creations and 1,000 invocations a
//! second, 10,000,000 schedules by default), and an outage of it must not delay a retry either. So
//! a task whose schedule is refused waits in SQS, with its due time: 15 minutes at most, then the
//! dispatcher sends it on, without a lease. Each such hop costs 0.50 USD a million (a message sent,
//! received and deleted in tens) and some milliseconds of the dispatcher. A delayed message is not
//! in flight, so tasks that wait like this take nothing from the queue's limit. Tests: row 5 of the
//! simulator's `tests/capacity.rs`, and this module's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode,
    RetryPolicy, Target,
};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::ids::TenantId;
use domain::messages::EarlyTask;
use domain::ports::{
    DeliveryTask, Fault, OrFault as _, RedriveJobMessage, RedriveJobQueue, SlowTaskQueue, Stage,
    TaskKind, TaskQueue,
};
use domain::time::Time;
use futures::future::join_all;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::aws_error::{OrAwsFault as _, aws_fault};
use crate::clients;
use crate::clock::now;
use crate::telemetry;

/// Sends to one queue, each message in its tenant's group: SQS fair queues then keep a busy tenant
/// from delaying the others.
pub struct Queue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// The queue at a URL.
    #[must_use]
    pub fn new(aws: &SdkConfig, url: String) -> Self {
        Self {
            sqs: clients::sqs(aws),
            url,
        }
    }

    async fn send(&self, tenant: &TenantId, body: String, delay: Duration) -> Result<(), Fault> {
        // Rounded up: an attempt is never earlier than promised.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        self.sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_group_id(tenant.as_str())
            .set_delay_seconds((seconds > 0).then(|| i32::try_from(seconds).unwrap_or(900)))
            .send()
            .await
            .map(|_| ())
            .or_fault(Stage::Enqueue)
    }

    /// Up to ten tasks in one request, which costs as much as one task. Returns the result of each.
    async fn send_batch(&self, tasks: &[DeliveryTask]) -> Vec<Result<(), Fault>> {
        let refused = match self.send_batch_once(tasks).await {
            Ok(refused) => refused,
            Err(fault) => {
                let why = fault.to_string();
                let kind = || Fault::transient(Stage::Enqueue, why.clone());
                return tasks.iter().map(|_| Err(kind())).collect();
            }
        };
        let result = |at: usize| match refused.get(&at.to_string()) {
            Some(code) => Err(Fault::transient(Stage::Enqueue, code.clone())),
            None => Ok(()),
        };
        (0..tasks.len()).map(result).collect()
    }

    /// Returns the code of each refused task, by its place in the batch.
    async fn send_batch_once(
        &self,
        tasks: &[DeliveryTask],
    ) -> Result<BTreeMap<String, String>, Fault> {
        let mut request = self.sqs.send_message_batch().queue_url(&self.url);
        for (at, task) in tasks.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(at.to_string())
                .message_body(text(task)?)
                .message_group_id(task.tenant_id.as_str())
                .build()
                .or_bug(Stage::Enqueue)?;
            request = request.entries(entry);
        }
        let answer = request.send().await.or_fault(Stage::Enqueue)?;
        let refused = answer.failed.into_iter();
        Ok(refused.map(|entry| (entry.id, entry.code)).collect())
    }
}

impl RedriveJobQueue for Queue {
    async fn enqueue_continuation(
        &self,
        message: &RedriveJobMessage,
        delay: Duration,
    ) -> Result<(), Fault> {
        let delay = delay.min(MAX_SQS_DELAY);
        self.send(&message.tenant_id, text(message)?, delay).await
    }
}

/// Sends tasks that are due at once, for functions that schedule nothing.
pub struct ImmediateTaskQueue(pub Queue);

impl TaskQueue for ImmediateTaskQueue {
    async fn schedule(&self, task: &DeliveryTask, delay: Duration) -> Result<(), Fault> {
        self.0
            .send(&task.tenant_id, text(task)?, delay.min(MAX_SQS_DELAY))
            .await
    }

    async fn send_now(&self, tasks: &[DeliveryTask]) -> Vec<Result<(), Fault>> {
        let batches = tasks.chunks(MAX_BATCH).map(|some| self.0.send_batch(some));
        join_all(batches).await.into_iter().flatten().collect()
    }
}

/// How long a process asks nothing of a scheduler that refused it: a refusal costs the dispatcher
/// two tries, and the scheduler more of what it has too much of.
const NOT_ASKED_FOR: Duration = Duration::from_secs(10);

/// The maximum number of messages in one request.
const MAX_BATCH: usize = 10;

/// SQS's own limit (`DelaySeconds`, 0 to 900).
pub(crate) const MAX_SQS_DELAY: Duration = Duration::from_secs(900);

/// Where schedules are created and what they send to.
pub struct ScheduleSettings {
    /// The schedule group.
    pub group: String,
    /// The role that the scheduler assumes.
    pub role: String,
    /// The deliveries queue.
    pub target: String,
    /// The dead-letter queue of schedules whose message could not be sent.
    pub dead_letters: String,
    /// Longer delays go to the scheduler. It fires within a minute, not a second, so it is never
    /// used for short ones.
    pub above: Duration,
}

/// Schedules tasks with an SQS delay or a one-time schedule, and sends those of slow webhooks to
/// the slow lane.
pub struct TaskScheduler {
    queue: Queue,
    slow: Queue,
    scheduler: aws_sdk_scheduler::Client,
    settings: ScheduleSettings,
    /// Until when the scheduler is not asked, in milliseconds.
    refused_until: AtomicI64,
}

impl TaskScheduler {
    /// With the deliveries queue, the slow lane and a schedule group.
    #[must_use]
    pub fn new(aws: &SdkConfig, queue: Queue, slow: Queue, settings: ScheduleSettings) -> Self {
        Self {
            queue,
            slow,
            scheduler: clients::scheduler(aws),
            settings,
            refused_until: AtomicI64::new(0),
        }
    }

    /// Schedules a task if the scheduler accepts it. Returns false if it does not, or did not a
    /// moment ago.
    async fn is_scheduled(&self, task: &DeliveryTask, due: Time) -> Result<bool, Fault> {
        if now().millis() < self.refused_until.load(Relaxed) {
            return Ok(false);
        }
        match self.create_schedule(task, due_second(due)).await {
            Ok(()) => Ok(true),
            // If it was created and the response was lost, the task has two messages: the lease
            // lets one of them through.
            Err(fault) if fault.is_transient() => {
                let again = now().plus(NOT_ASKED_FOR).millis();
                self.refused_until.store(again, Relaxed);
                telemetry::fault("schedule.refused", &fault, &json!({}));
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Sends a task to the deliveries queue that may arrive before it is due.
    async fn send_early(&self, task: &DeliveryTask, delay: Duration) -> Result<(), Fault> {
        let early = EarlyTask {
            task: task.clone(),
            due: Some(now().plus(delay).millis()),
        };
        let delay = delay.min(MAX_SQS_DELAY);
        let body = text(&early)?;
        self.queue.send(&task.tenant_id, body, delay).await
    }

    /// Creates the schedule that fires at a whole second.
    async fn create_schedule(&self, task: &DeliveryTask, due: Time) -> Result<(), Fault> {
        let window = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Off)
            .build()
            .or_bug(Stage::Enqueue)?;
        let target = Target::builder()
            .arn(&self.settings.target)
            .role_arn(&self.settings.role)
            .input(text(task)?)
            .dead_letter_config(
                DeadLetterConfig::builder()
                    .arn(&self.settings.dead_letters)
                    .build(),
            )
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_retry_attempts(20)
                    .maximum_event_age_in_seconds(3600)
                    .build(),
            )
            .build()
            .or_bug(Stage::Enqueue)?;
        // `at` has whole seconds and no zone: UTC.
        let time = due.rfc3339();
        let at = time.split('.').next().unwrap_or_default();
        let answer = self
            .scheduler
            .create_schedule()
            .group_name(&self.settings.group)
            .name(schedule_name(task, due))
            .schedule_expression(format!("at({at})"))
            .flexible_time_window(window)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // The same task at the same second has a schedule already: its response was lost, or
            // the message came back. Test:
            // a_schedule_that_is_there_already_is_made_only_for_the_same_second.
            Err(e)
                if e.as_service_error()
                    .is_some_and(|s| s.is_conflict_exception()) =>
            {
                Ok(())
            }
            Err(e) => Err(aws_fault(e, Stage::Enqueue)),
        }
    }
}

impl TaskQueue for TaskScheduler {
    async fn schedule(&self, task: &DeliveryTask, delay: Duration) -> Result<(), Fault> {
        if delay <= self.settings.above.min(MAX_SQS_DELAY) {
            self.queue.send(&task.tenant_id, text(task)?, delay).await
        } else if self.is_scheduled(task, now().plus(delay)).await? {
            Ok(())
        } else {
            self.send_early(task, delay).await
        }
    }
}

impl SlowTaskQueue for TaskScheduler {
    async fn send_slow(&self, task: &DeliveryTask) -> Result<(), Fault> {
        self.slow
            .send(&task.tenant_id, text(task)?, Duration::ZERO)
            .await
    }
}

/// The second at which a schedule fires. Rounded up: an attempt is never earlier than promised.
fn due_second(due: Time) -> Time {
    Time::from_millis(due.plus(Duration::from_millis(999)).seconds() * 1000)
}

/// The length of a delivery's id whose webhook has a generated id.
const MAX_ID_IN_NAME: usize = 50;

/// At most 64 characters of `[0-9a-zA-Z-_.]`, the same for the same task at the same second, so
/// that creating it again conflicts instead of duplicating it. For another second it has another
/// name: an existing schedule may have fired already, and would not send the task again. It begins
/// with the delivery's id, or with the event's part of one that leaves too little room.
fn schedule_name(task: &DeliveryTask, due: Time) -> String {
    let full = task.delivery_id.to_string();
    let digest = |kind: &str| {
        let of = format!("{} {full} {kind} at {}", task.tenant_id, due.seconds());
        hex::encode(Sha256::digest(of))
    };
    let event = format!("dlv_{}", task.delivery_id.event);
    let fits = Some(&full).filter(|id| id.len() <= MAX_ID_IN_NAME);
    let id = fits.unwrap_or(&event);
    let mut name = match &task.kind {
        TaskKind::Scheduled(sequence) => {
            format!("{id}-{sequence}-{}", digest(&sequence.to_string()))
        }
        TaskKind::Manual(token) => format!("{id}-{}", digest(token)),
    };
    name.truncate(64);
    name
}

/// The JSON of a message: one of [`domain::messages`].
pub(crate) fn text(message: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(message).or_bug(Stage::Enqueue)
}

#[cfg(test)]
mod tests;
