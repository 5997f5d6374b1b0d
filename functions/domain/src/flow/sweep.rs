//! Finds deliveries and jobs that are due and that no message carries: a lost schedule, a message
//! deleted by mistake, a crash between record and queue.
//!
//! Sending a delivery's task twice is harmless: the lease lets only one of them through. So is
//! enqueueing a job twice: both messages are of one turn.

use std::time::Duration;

use crate::ports::{
    Clock, Due, DueIndex, Fault, Overdue, RedriveJobQueue, RunningRedriveJobs, TaskQueue,
};
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

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many deliveries were revived: due, and no message carried them.
    pub deliveries: u32,
    /// How many jobs were revived.
    pub jobs: u32,
    /// How long the oldest due delivery had been due, zero if there was none. A revived delivery
    /// counts as due from its [`NEXT_LOOK`] on, so this grows only while the sweeper does not run,
    /// or cannot revive.
    pub oldest_due: Duration,
}

impl Swept {
    /// How many deliveries and jobs were revived.
    #[must_use]
    pub const fn revived(&self) -> u32 {
        self.deliveries.saturating_add(self.jobs)
    }
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
    /// one stopped. Returns what it found, and the first fault: what was revived stays revived.
    /// Jobs come first, since they are few. A fault of a job does not delay the deliveries.
    pub async fn sweep(&self, deadline: Time) -> (Swept, Result<(), Fault>) {
        let grace = i64::try_from(self.grace.as_millis()).unwrap_or(0);
        let before = Time::from_millis(self.deps.clock().now().millis().saturating_sub(grace));
        let mut swept = Swept::default();
        let jobs = self.jobs(before, deadline, &mut swept).await;
        let deliveries = self.deliveries(before, deadline, &mut swept).await;
        (swept, jobs.and(deliveries))
    }

    async fn jobs(&self, before: Time, deadline: Time, swept: &mut Swept) -> Result<(), Fault> {
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
                swept.jobs = swept.jobs.saturating_add(1);
            }
        }
        Ok(())
    }

    /// A failure delays nothing else, neither in its shard nor in the following ones. The first
    /// fault is returned at the end.
    async fn deliveries(
        &self,
        before: Time,
        deadline: Time,
        swept: &mut Swept,
    ) -> Result<(), Fault> {
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
                let now = self.deps.clock().now();
                swept.oldest_due = swept.oldest_due.max(oldest(&found, now));
                if now >= deadline {
                    return first;
                }
                // An entry that is still due although it was handled is due for a reason other than
                // time; the next sweep checks it again.
                let is_new = |one: &&Overdue| !seen.contains(&one.due);
                let new: Vec<&Overdue> = found.iter().filter(is_new).collect();
                if new.is_empty() {
                    break;
                }
                for one in new {
                    match self.see_to(&one.due).await {
                        Ok(number) => swept.deliveries = swept.deliveries.saturating_add(number),
                        Err(fault) => first = first.and(Err(fault)),
                    }
                }
                seen = found.into_iter().map(|one| one.due).collect();
            }
        }
        first
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

/// How long the oldest delivery among them has been due.
fn oldest(found: &[Overdue], now: Time) -> Duration {
    let deliveries = found
        .iter()
        .filter(|one| matches!(one.due, Due::DeliveryTask(_)));
    let ages = deliveries.map(|one| now.since(one.since));
    ages.max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
