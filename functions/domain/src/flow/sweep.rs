//! Finds deliveries and jobs that are due and that no message carries: a lost schedule, a message
//! deleted by mistake, a crash between record and queue.
//!
//! Sending a delivery's task twice is harmless: the lease lets only one of them through. So is
//! enqueueing a job twice: both messages are of one turn.

use std::time::Duration;

use crate::ports::{Clock, Due, DueIndex, Fault, RedriveJobQueue, RunningRedriveJobs, TaskQueue};
use crate::time::Time;

/// The index of due deliveries is spread over this many partitions, each good for 1,000 writes a
/// second.
pub const SWEEP_SHARDS: u8 = 8;

/// How many tasks are read in one query.
const PAGE: u32 = 100;

/// How long after a revival the same delivery is checked again: longer than a message waits in a
/// healthy queue.
const NEXT_LOOK: Duration = Duration::from_secs(600);

/// The systems that the sweeper calls.
pub trait SweeperDeps: Sync {
    /// Due deliveries.
    type Due: DueIndex;
    /// Queues of the next attempts.
    type Tasks: TaskQueue;
    /// Running jobs.
    type Jobs: RunningRedriveJobs;
    /// The queue of jobs.
    type RedriveJobQueue: RedriveJobQueue;
    /// Time and randomness.
    type Clock: Clock;
    /// Due deliveries.
    fn due(&self) -> &Self::Due;
    /// Queues of the next attempts.
    fn tasks(&self) -> &Self::Tasks;
    /// Running jobs.
    fn jobs(&self) -> &Self::Jobs;
    /// The queue of jobs.
    fn job_queue(&self) -> &Self::RedriveJobQueue;
    /// Time and randomness.
    fn clock(&self) -> &Self::Clock;
}

/// Revives deliveries and jobs that no message carries.
pub struct Sweeper<D> {
    /// The systems that the sweeper calls.
    pub deps: D,
    /// How long after its due time a delivery, or a job's next step, counts as carried by no
    /// message. Longer than the scheduler's minute and an attempt's lease.
    pub grace: Duration,
}

impl<D: SweeperDeps> Sweeper<D> {
    /// Sweeps until nothing is overdue or the deadline comes; the next sweep continues where this
    /// one stopped. Returns how many were revived. Jobs come first, since they are few. A fault of
    /// a job does not delay the deliveries.
    ///
    /// # Errors
    /// The first fault; what was revived stays revived.
    pub async fn sweep(&self, deadline: Time) -> Result<u32, Fault> {
        let grace = i64::try_from(self.grace.as_millis()).unwrap_or(0);
        let before = Time::from_millis(self.deps.clock().now().millis().saturating_sub(grace));
        let jobs = self.jobs(before, deadline).await;
        let deliveries = self.deliveries(before, deadline).await;
        Ok(jobs?.saturating_add(deliveries?))
    }

    async fn jobs(&self, before: Time, deadline: Time) -> Result<u32, Fault> {
        let mut revived = 0u32;
        for job in self.deps.jobs().running_jobs().await? {
            if self.deps.clock().now() >= deadline {
                break;
            }
            if job.next_at < before {
                self.deps
                    .job_queue()
                    .enqueue_continuation(&job.message(), Duration::ZERO)
                    .await?;
                self.deps
                    .jobs()
                    .record_continuation(&job, self.deps.clock().now())
                    .await?;
                revived = revived.saturating_add(1);
            }
        }
        Ok(revived)
    }

    /// A failure delays nothing else, neither in its shard nor in the following ones. The first
    /// fault is returned at the end.
    async fn deliveries(&self, before: Time, deadline: Time) -> Result<u32, Fault> {
        let mut revived = 0u32;
        let mut first: Result<(), Fault> = Ok(());
        for shard in 0..SWEEP_SHARDS {
            let mut seen: Vec<Due> = Vec::new();
            loop {
                let found = match self.deps.due().list_overdue(shard, before, PAGE).await {
                    Ok(found) => found,
                    Err(fault) => {
                        first = first.and(Err(fault));
                        break;
                    }
                };
                if self.deps.clock().now() >= deadline {
                    return first.map(|()| revived);
                }
                // An entry that is still due although it was handled is due for a reason other than
                // time; the next sweep checks it again.
                let new: Vec<&Due> = found.iter().filter(|due| !seen.contains(due)).collect();
                if new.is_empty() {
                    break;
                }
                for due in new {
                    match self.see_to(due).await {
                        Ok(number) => revived = revived.saturating_add(number),
                        Err(fault) => first = first.and(Err(fault)),
                    }
                }
                seen = found;
            }
        }
        first.map(|()| revived)
    }

    /// Returns how many deliveries were revived.
    async fn see_to(&self, due: &Due) -> Result<u32, Fault> {
        match due {
            Due::DeliveryTask(task) => {
                self.deps.tasks().schedule(task, Duration::ZERO).await?;
                let next = self.deps.clock().now().plus(NEXT_LOOK);
                self.deps.due().postpone(task, next).await?;
                Ok(1)
            }
            Due::Erasure(tenant, event) => {
                let now = self.deps.clock().now();
                let waiting = self.deps.due().erase(tenant, *event, now, None).await?;
                for task in waiting.iter().flatten() {
                    self.deps.tasks().schedule(task, Duration::ZERO).await?;
                }
                Ok(0)
            }
        }
    }
}

#[cfg(test)]
mod tests;
