//! Runs a job that redrives many dead letters, in steps small enough that a cancellation takes
//! effect within seconds.
//!
//! Every write is conditional: a dead letter is redriven once, whoever tries; the job advances from
//! a cursor only if it is still at that cursor. So a step may run twice, in two functions at once
//! or after a crash, and counts once.
//!
//! No job waits inside a function. A job that is ahead of its rate, or whose run time is over,
//! sends itself a delayed message. That message begins a new turn of the job, and messages of
//! earlier turns no longer count. So of many messages for one job, whatever their origin, one
//! continues the job. If no message is left, because it was lost between write and queue, the
//! sweeper sends a new one. Test: regressions.rs, the messages of a job.

use std::time::Duration;

use futures::future::join_all;

use crate::dead_letter::DeadLetter;
use crate::ports::{
    Clock, Fault, Redrive, RedriveJob, RedriveJobMessage, RedriveJobQueue, RedriveJobStatus,
    RedriveJobStore, RedriveOutcome, Tally, TaskQueue,
};
use crate::time::Time;

/// How many dead letters are redriven concurrently, and in the first step.
const AT_ONCE: usize = 10;
/// The maximum of one step; two seconds' worth of the job's rate is a further bound.
const MAX_PAGE: usize = 100;
/// The target duration of a step: a step that takes longer is followed by a smaller one, a step
/// that takes at most half of it by a larger one. A step that outlasted its invocation would be
/// interrupted again and again.
const STEP_TIME: Duration = Duration::from_secs(2);
/// How far a job may be ahead of its rate and still continue: SQS delays by whole seconds.
const AHEAD: Duration = Duration::from_secs(1);
/// How much a late job may catch up: a message's delay and its transit time.
const BEHIND: Duration = Duration::from_secs(2);
/// How long a job occupies a function. Then it queues behind the other tenants' jobs, which SQS
/// delivers first.
const MAX_STEP_TIME: Duration = Duration::from_secs(10);

/// The systems that a job calls.
pub trait RedriveRunnerDeps: Sync {
    /// The jobs and the dead letters that they redrive.
    type Jobs: RedriveJobStore;
    /// Redrives one dead letter.
    type Redrive: Redrive;
    /// Queues of the next attempts.
    type Tasks: TaskQueue;
    /// The queue of jobs.
    type RedriveJobQueue: RedriveJobQueue;
    /// Time and randomness.
    type Clock: Clock;
    /// The jobs and the dead letters that they redrive.
    fn jobs(&self) -> &Self::Jobs;
    /// Redrives one dead letter.
    fn redrive(&self) -> &Self::Redrive;
    /// Queues of the next attempts.
    fn tasks(&self) -> &Self::Tasks;
    /// The queue of jobs.
    fn job_queue(&self) -> &Self::RedriveJobQueue;
    /// Time and randomness.
    fn clock(&self) -> &Self::Clock;
}

/// Runs jobs.
pub struct RedriveRunner<D> {
    /// The systems that the runner calls.
    pub deps: D,
}

impl<D: RedriveRunnerDeps> RedriveRunner<D> {
    /// Runs a job until its next step is not due yet or its run time or `deadline` is over, then
    /// enqueues the next run; or until the job is done, cancelled or taken over by another
    /// function. `receives` is how often this message was received.
    ///
    /// # Errors
    /// A fault: the message comes back, and the job continues from its cursor.
    pub async fn run(
        &self,
        message: &RedriveJobMessage,
        receives: u32,
        deadline: Time,
    ) -> Result<(), Fault> {
        let writer = self.deps.clock().new_owner();
        let end = deadline.min(self.deps.clock().now().plus(MAX_STEP_TIME));
        let mut size = AT_ONCE;
        loop {
            let job = self
                .deps
                .jobs()
                .job(&message.tenant_id, message.job_id)
                .await?;
            let Some(job) = job.filter(|job| job.turn == message.turn) else {
                return Ok(());
            };
            if job.status == RedriveJobStatus::Cancelled && receives > 1 {
                return self.count_unsaved(&job, &writer).await;
            }
            if job.status != RedriveJobStatus::Running {
                return Ok(());
            }
            let began = self.deps.clock().now();
            if job.next_at.since(began) > AHEAD || began >= end {
                return self.call(&job, began).await;
            }
            // A message that came back: the function died while processing it. These deaths are
            // counted, because at the last one the message would leave the queue. A new message
            // starts a new count.
            let mut after = match receives {
                0 | 1 => self.step(&job, size, began).await?,
                _ => job.clone(),
            };
            let now = self.deps.clock().now();
            let is_over = after.status != RedriveJobStatus::Running;
            after.ended_at = is_over.then_some(now);
            let hands_over = receives > 1 || after.next_at.since(now) > AHEAD || now >= end;
            if hands_over && !is_over {
                after.turn = after.turn.saturating_add(1);
            }
            if !self.deps.jobs().save(&job, &after, &writer).await? || is_over {
                return Ok(());
            }
            if hands_over {
                return self.call(&after, now).await;
            }
            size = next_size(size, now.since(began));
        }
    }

    /// The step that this message began failed before it was saved, and the job was cancelled
    /// meanwhile. The dead letters that the step redrove are redriven, and they count. A step is at
    /// most one page.
    async fn count_unsaved(&self, job: &RedriveJob, writer: &str) -> Result<(), Fault> {
        let page = self.deps.jobs().page(job, MAX_PAGE).await?;
        let redriven = page.dead_letters.iter().filter(|(_, before)| *before);
        let done = Tally {
            done: redriven.count() as u64,
            ..Tally::default()
        };
        let after = RedriveJob {
            tally: job.tally.plus(&done),
            cursor: page.next,
            ..job.clone()
        };
        self.deps.jobs().save(job, &after, writer).await.map(|_| ())
    }

    async fn call(&self, job: &RedriveJob, now: Time) -> Result<(), Fault> {
        self.deps
            .job_queue()
            .enqueue_continuation(&job.message(), job.next_at.since(now))
            .await
    }

    /// Runs one step and returns the job after it.
    async fn step(&self, job: &RedriveJob, size: usize, now: Time) -> Result<RedriveJob, Fault> {
        let limit = usize::try_from(job.rate)
            .unwrap_or(MAX_PAGE)
            .saturating_mul(2)
            .clamp(1, size);
        let step = self.deps.jobs().page(job, limit).await?;
        let mut tally = Tally::default();
        for some in step.dead_letters.chunks(AT_ONCE) {
            for result in join_all(
                some.iter()
                    .map(|(dead, before)| self.one(job, dead, *before)),
            )
            .await
            {
                tally = tally.plus(&result?);
            }
        }
        let due = Duration::from_secs(1).mul_f64(tally.done as f64 / f64::from(job.rate.max(1)));
        let behind = i64::try_from(BEHIND.as_millis()).unwrap_or(0);
        let earliest = Time::from_millis(now.millis().saturating_sub(behind));
        Ok(RedriveJob {
            tally: job.tally.plus(&tally),
            status: match step.next {
                Some(_) => RedriveJobStatus::Running,
                None => RedriveJobStatus::Completed,
            },
            cursor: step.next,
            next_at: job.next_at.max(earliest).plus(due),
            ..job.clone()
        })
    }

    async fn one(&self, job: &RedriveJob, dead: &DeadLetter, before: bool) -> Result<Tally, Fault> {
        let outcome = if before {
            RedriveOutcome::AlreadyByThisJob
        } else {
            self.deps
                .redrive()
                .redrive_for_job(job, dead, self.deps.clock().now())
                .await?
        };
        let mut tally = Tally::default();
        match outcome {
            RedriveOutcome::Redriven(delivery) => {
                self.deps
                    .tasks()
                    .schedule(&delivery.task(), Duration::ZERO)
                    .await?;
                tally.done = 1;
            }
            // If an earlier run died before it sent the message, the sweeper finds the delivery
            // due.
            RedriveOutcome::AlreadyByThisJob | RedriveOutcome::Announced => tally.done = 1,
            RedriveOutcome::AlreadyByAnother => tally.skipped = 1,
            RedriveOutcome::Impossible => tally.failed = 1,
        }
        Ok(tally)
    }
}

/// The size of the next step.
fn next_size(size: usize, took: Duration) -> usize {
    if took > STEP_TIME {
        (size / 2).max(1)
    } else if took.saturating_mul(2) <= STEP_TIME {
        size.saturating_mul(2).min(MAX_PAGE)
    } else {
        size
    }
}

#[cfg(test)]
mod tests;
