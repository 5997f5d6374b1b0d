//! Working off a redrive of many, step by step, each step small enough that a cancel is seen within seconds.
//!
//! Everything is conditional: a dead letter is put back once, whoever tries; the job moves on from a cursor only if it still stands there. So a step may
//! be run twice, by two functions at once or after a death, and counts once.

use std::time::Duration;

use futures::future::join_all;

use crate::ports::{
    Carrier, Errand, Fault, Job, JobErrand, JobStatus, Jobs, Moment, PutBack, Task,
};
use crate::time::Time;

/// How many are put back at once.
const AT_ONCE: usize = 10;
/// The most of one step; also bounded by two seconds' worth of the job's rate.
const LARGEST_STEP: usize = 100;

/// Everything a job needs of the world.
pub trait ForemanPorts: Jobs + Carrier + Moment + Sync {}
impl<T: Jobs + Carrier + Moment + Sync> ForemanPorts for T {}

/// Runs jobs.
pub struct Foreman<P> {
    /// The world.
    pub ports: P,
}

impl<P: ForemanPorts> Foreman<P> {
    /// Works on a job until `deadline`, then sends for the next run; or until it is done, cancelled or in another's hands.
    ///
    /// # Errors
    /// A fault: the message comes back, and the job goes on from its cursor.
    pub async fn work(&self, errand: &JobErrand, deadline: Time) -> Result<(), Fault> {
        while self.ports.now() < deadline {
            let job = self.ports.job(&errand.tenant_id, errand.job_id).await?;
            let Some(job) = job.filter(|job| job.status == JobStatus::Running) else {
                return Ok(());
            };
            if !self.step(&job).await? {
                return Ok(());
            }
        }
        self.ports.call_again(errand).await
    }

    /// One step, no faster than the job's rate. False if the job is over for this run.
    async fn step(&self, job: &Job) -> Result<bool, Fault> {
        let began = self.ports.now();
        let limit = usize::try_from(job.rate)
            .unwrap_or(LARGEST_STEP)
            .saturating_mul(2)
            .clamp(1, LARGEST_STEP);
        let step = self.ports.step(job, limit).await?;
        let (mut done, mut failed) = (0u64, 0u64);
        for some in step.letters.chunks(AT_ONCE) {
            for result in join_all(
                some.iter()
                    .map(|(dead, before)| self.one(job, dead, *before)),
            )
            .await
            {
                if result? {
                    done = done.saturating_add(1);
                } else {
                    failed = failed.saturating_add(1);
                }
            }
        }
        let is_last = step.next.is_none();
        if !self
            .ports
            .advance(job, step.next.as_deref(), done, failed)
            .await?
        {
            return Ok(false);
        }
        let due = Duration::from_secs(1).mul_f64(done as f64 / f64::from(job.rate.max(1)));
        self.ports
            .pause(due.saturating_sub(self.ports.now().since(began)))
            .await;
        Ok(!is_last)
    }

    async fn one(
        &self,
        job: &Job,
        dead: &crate::dead_letter::DeadLetter,
        before: bool,
    ) -> Result<bool, Fault> {
        let outcome = if before {
            PutBack::Before
        } else {
            self.ports.put_back(job, dead, self.ports.now()).await?
        };
        match outcome {
            PutBack::Now(delivery) => {
                let errand = Errand {
                    tenant_id: delivery.tenant.clone(),
                    delivery_id: delivery.id.clone(),
                    task: Task::Ticket(delivery.ticket),
                };
                self.ports.carry(&errand, Duration::ZERO).await?;
                Ok(true)
            }
            // If we died before its message was sent, the sweeper finds it due.
            PutBack::Before => Ok(true),
            PutBack::Elsewhere => Ok(false),
        }
    }
}
