//! The queues between the functions.

use std::future::Future;
use std::time::Duration;

use super::{DeliveryTask, Fault, RedriveJobMessage};
use crate::ids::TenantId;
use crate::ulid::Ulid;

/// The way to the next attempt: an SQS delay or a one-time schedule.
pub trait TaskQueue {
    /// Brings a task back after a delay; at least once, not before the delay is over.
    fn carry(
        &self,
        task: &DeliveryTask,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The slow lane: a queue with a concurrency of its own, for webhooks that keep the others waiting.
pub trait SlowLane {
    /// Enqueues a task there, at once.
    fn sidetrack(&self, task: &DeliveryTask) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The queue of jobs.
pub trait JobQueue {
    /// Sends for a job to be gone on with.
    fn call(
        &self,
        message: &RedriveJobMessage,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The way of a stored event to the dispatcher.
pub trait EventQueue {
    /// Sends a stored event's key to the events queue. [`super::Stage::Ambiguous`] if it may have arrived all the same.
    ///
    /// `again` tells that it may be there already: the message comes late then, after every dispatcher has ended that knew nothing of it.
    fn announce(
        &self,
        tenant: &TenantId,
        event: Ulid,
        again: bool,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// The same for many, in as few requests as the queue allows. The keys that the queue did not take.
    fn announce_all(
        &self,
        tenant: &TenantId,
        events: &[Ulid],
        again: bool,
    ) -> impl Future<Output = Vec<(Ulid, Fault)>> + Send;
}
