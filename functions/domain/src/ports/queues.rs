//! The queues between the functions.

use std::future::Future;
use std::time::Duration;

use futures::future::join_all;

use super::{DeliveryTask, Fault, RedriveJobMessage};
use crate::ids::TenantId;
use crate::ulid::Ulid;

/// Schedules the next attempt: an SQS delay or a one-time schedule.
pub trait TaskQueue: Sync {
    /// Sends a task with a delay: at least once, and not before the delay is over.
    fn schedule(
        &self,
        task: &DeliveryTask,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Sends tasks without a delay, in as few requests as the queue allows. Returns the result of
    /// each.
    fn send_now(
        &self,
        tasks: &[DeliveryTask],
    ) -> impl Future<Output = Vec<Result<(), Fault>>> + Send {
        join_all(tasks.iter().map(|task| self.schedule(task, Duration::ZERO)))
    }
}

/// The slow lane: a queue with its own concurrency, for webhooks that delay the others.
pub trait SlowTaskQueue {
    /// Sends a task to the slow lane, without a delay.
    fn send_slow(&self, task: &DeliveryTask) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The queue of jobs.
pub trait RedriveJobQueue {
    /// Enqueues a message that continues a job.
    fn enqueue_continuation(
        &self,
        message: &RedriveJobMessage,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The queue of stored events for the dispatcher.
pub trait EventQueue {
    /// Sends a stored event's key to the events queue. [`super::Stage::Ambiguous`] if it may have
    /// arrived in spite of the failure.
    ///
    /// With `possible_duplicate` the message may be in the queue already. It is then delayed by the
    /// dispatcher's timeout, so that no dispatcher that read the event earlier is still running.
    fn send(
        &self,
        tenant: &TenantId,
        event: Ulid,
        possible_duplicate: bool,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Sends many keys, in as few requests as the queue allows. Returns the keys that the queue did
    /// not accept.
    fn send_all(
        &self,
        tenant: &TenantId,
        events: &[Ulid],
        possible_duplicate: bool,
    ) -> impl Future<Output = Vec<(Ulid, Fault)>> + Send;
}
