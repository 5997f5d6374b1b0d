//! Finds deliveries and jobs that are due and that no message carries: a lost schedule, a message
//! deleted by mistake, a crash between record and queue.
//!
//! Sending a delivery's task twice is harmless: the lease lets only one of them through. So is
//! enqueueing a job twice: both messages are of one turn.
//!
//! A sweep cannot tell a delivery whose message is lost from one whose message waits in a long
//! queue. So however many wait, it must get to all shards: it starts at a random one, and each
//! round reads one page of each shard.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;

use crate::ports::{
    Clock, DeliveryTask, Due, DueIndex, Fault, Overdue, RedriveJobQueue, RunningRedriveJobs,
    TaskQueue,
};
use crate::time::Time;

/// The index of due deliveries is spread over this many partitions, each good for 1,000 writes a
/// second. An earlier version spread it over 8, whose names are the first 8 of these, so a sweep
/// also finds what that version wrote.
pub const SWEEP_SHARDS: u8 = 128;

/// How many shards are swept at the same time.
const PARALLEL: usize = 16;

/// How many tasks are read in one query.
const PAGE: u32 = 100;

/// How many tasks are sent in one request, and then postponed at the same time.
const BATCH: usize = 10;

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

    /// In rounds, each with one page of every shard that had more: a shard with very many entries
    /// takes nothing from the others. A failure delays nothing else, neither in its shard nor in
    /// the others. The first fault is returned at the end.
    async fn deliveries(
        &self,
        before: Time,
        deadline: Time,
        swept: &mut Swept,
    ) -> Result<(), Fault> {
        let mut first: Result<(), Fault> = Ok(());
        let mut open = shards_from(self.deps.clock().random_unit());
        while !open.is_empty() {
            let pages = stream::iter(open).map(|shard| self.page(shard, before, deadline));
            let pages: Vec<Page> = pages.buffer_unordered(PARALLEL).collect().await;
            open = Vec::new();
            for page in pages {
                swept.oldest_due = swept.oldest_due.max(page.oldest_due);
                swept.deliveries = swept.deliveries.saturating_add(page.revived);
                first = first.and(page.result);
                open.extend(page.more);
            }
        }
        first
    }

    /// Revives one page of a shard, a batch after the other.
    async fn page(&self, mut shard: Shard, before: Time, deadline: Time) -> Page {
        let mut page = Page::default();
        if self.deps.clock().now() >= deadline {
            return page;
        }
        let found = match self
            .deps
            .due()
            .list_overdue(shard.number, before, PAGE)
            .await
        {
            Ok(found) => found,
            Err(fault) => {
                page.result = Err(fault);
                return page;
            }
        };
        page.oldest_due = oldest(&found, self.deps.clock().now());
        // An entry that is still due although it was handled is due for a reason other than time;
        // the next sweep checks it again.
        let is_new = |one: &&Overdue| !shard.seen.contains(&one.due);
        let new: Vec<&Due> = found.iter().filter(is_new).map(|one| &one.due).collect();
        if new.is_empty() {
            return page;
        }
        for batch in new.chunks(BATCH) {
            if self.deps.clock().now() >= deadline {
                return page;
            }
            for result in self.see_to(batch).await {
                match result {
                    Ok(number) => page.revived = page.revived.saturating_add(number),
                    Err(fault) => page.result = page.result.and(Err(fault)),
                }
            }
        }
        shard.seen = found.into_iter().map(|one| one.due).collect();
        page.more = Some(shard);
        page
    }

    /// Returns for each entry how many deliveries were revived.
    async fn see_to(&self, batch: &[&Due]) -> Vec<Result<u32, Fault>> {
        let of_task = |due: &&Due| match due {
            Due::DeliveryTask(task) => Some(task.clone()),
            Due::Erasure(..) => None,
        };
        let tasks: Vec<DeliveryTask> = batch.iter().filter_map(of_task).collect();
        let sent = self.deps.tasks().send_now(&tasks).await;
        let next = self.deps.clock().now().plus(NEXT_LOOK);
        let postponed = tasks.iter().zip(sent).map(|(task, sent)| async move {
            sent?;
            self.deps.due().postpone(task, next).await?;
            Ok(1)
        });
        let mut results = join_all(postponed).await;
        for due in batch {
            if let Due::Erasure(tenant, event) = due {
                let now = self.deps.clock().now();
                let erased = self.deps.due().erase(tenant, *event, now, None).await;
                results.push(match erased {
                    Ok(waiting) => self.send_waiting(&waiting.unwrap_or_default()).await,
                    Err(fault) => Err(fault),
                });
            }
        }
        results
    }

    async fn send_waiting(&self, tasks: &[DeliveryTask]) -> Result<u32, Fault> {
        let sent = self.deps.tasks().send_now(tasks).await;
        sent.into_iter().collect::<Result<(), Fault>>().map(|()| 0)
    }
}

/// A shard that may have more entries.
struct Shard {
    number: u8,
    /// The entries of its last page.
    seen: Vec<Due>,
}

/// What one page of a shard held.
struct Page {
    revived: u32,
    oldest_due: Duration,
    result: Result<(), Fault>,
    /// The shard, if it may have more.
    more: Option<Shard>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            revived: 0,
            oldest_due: Duration::ZERO,
            result: Ok(()),
            more: None,
        }
    }
}

/// All shards, from a random one on: a sweep that is cut off leaves out others than the last one
/// did.
fn shards_from(random: f64) -> Vec<Shard> {
    let shards = 0..SWEEP_SHARDS;
    let skipped = shards
        .clone()
        .filter(|shard| f64::from(*shard) < random * f64::from(SWEEP_SHARDS));
    let start = u8::try_from(skipped.count()).unwrap_or(0);
    shards
        .map(|shard| Shard {
            number: (shard + start) % SWEEP_SHARDS,
            seen: Vec::new(),
        })
        .collect()
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
