//! Finding what is due and what nothing carries: a lost schedule, a message deleted by mistake, a
//! crash between record and queue.
//!
//! Sending a delivery's task twice is harmless: the claim lets one of them through. So is calling a
//! job twice: both messages are of one turn.

use std::time::Duration;

use crate::ports::{Clock, Due, DueIndex, Fault, RedriveJobQueue, RunningRedriveJobs, TaskQueue};
use crate::time::Time;

/// The index of due deliveries is spread over this many partitions, each good for 1,000 writes a
/// second.
pub const SWEEP_SHARDS: u8 = 8;

/// How many tasks are read at once.
const PAGE: u32 = 100;

/// After a revival, the next look at the same delivery: longer than a message waits in a healthy
/// queue.
const NEXT_LOOK: Duration = Duration::from_secs(600);

/// The systems that sweeping calls.
pub trait SweeperDeps: Sync {
    /// What is due.
    type Due: DueIndex;
    /// The way to the next attempt.
    type Tasks: TaskQueue;
    /// The jobs, and what they work on.
    type Jobs: RunningRedriveJobs;
    /// The queue of jobs.
    type RedriveJobQueue: RedriveJobQueue;
    /// Time and randomness.
    type Clock: Clock;
    /// What is due.
    fn due(&self) -> &Self::Due;
    /// The way to the next attempt.
    fn tasks(&self) -> &Self::Tasks;
    /// The jobs, and what they work on.
    fn jobs(&self) -> &Self::Jobs;
    /// The queue of jobs.
    fn job_queue(&self) -> &Self::RedriveJobQueue;
    /// Time and randomness.
    fn clock(&self) -> &Self::Clock;
}

/// Revives what nothing carries.
pub struct Sweeper<D> {
    /// The systems that it calls.
    pub deps: D,
    /// How long after its due time a delivery, or a job's next step, counts as carried by nothing.
    /// Longer than the scheduler's minute and an attempt's lease.
    pub grace: Duration,
}

impl<D: SweeperDeps> Sweeper<D> {
    /// Sweeps until nothing is overdue or the deadline comes; the next sweep goes on where this one
    /// stopped. Answers how many were revived. Jobs come first: they are few. A fault of theirs
    /// does not keep the deliveries.
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

    /// What fails keeps nothing else waiting: neither its shard nor those behind it. The first
    /// fault is answered when all was seen to.
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
                // What is due still, though it was seen to, is so for another reason than time: the
                // next sweep looks again.
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

    /// Answers how many deliveries were revived.
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
