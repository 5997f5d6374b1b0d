//! What a job works with.

use std::future::Future;
use std::time::Duration;

use adapters::clock::SystemMoment;
use adapters::dead_letters::DeadLetterTable;
use adapters::log::LogTable;
use adapters::queue::{AtOnce, Queue};
use domain::dead_letter::DeadLetter;
use domain::ids::TenantId;
use domain::ports::{
    Carrier, Errand, Fault, Job, JobErrand, Jobs, Moment, PutBack, Revival as _, Step,
};
use domain::time::Time;
use domain::ulid::Ulid;

/// The tables and queues of a job.
pub(crate) struct Ports {
    pub(crate) log: LogTable,
    pub(crate) dead_letters: DeadLetterTable,
    pub(crate) deliveries: AtOnce,
    pub(crate) jobs: Queue,
}

impl Jobs for Ports {
    fn job(
        &self,
        tenant: &TenantId,
        id: Ulid,
    ) -> impl Future<Output = Result<Option<Job>, Fault>> + Send {
        self.dead_letters.job(tenant, id)
    }

    fn step(&self, job: &Job, limit: usize) -> impl Future<Output = Result<Step, Fault>> + Send {
        self.dead_letters.step(job, limit)
    }

    async fn put_back(&self, job: &Job, dead: &DeadLetter, now: Time) -> Result<PutBack, Fault> {
        if let Some(delivery) = self.log.revive(dead, Some(job.id), now).await? {
            return Ok(PutBack::Now(Box::new(delivery)));
        }
        let kept = self.dead_letters.get(dead.tenant.as_ref(), dead.id).await?;
        let ours = kept.is_some_and(|kept| kept.redriven_by == Some(job.id));
        Ok(if ours {
            PutBack::Before
        } else {
            PutBack::Elsewhere
        })
    }

    fn advance(
        &self,
        job: &Job,
        next: Option<&str>,
        done: u64,
        failed: u64,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.dead_letters.advance(job, next, done, failed)
    }

    fn call_again(&self, errand: &JobErrand) -> impl Future<Output = Result<(), Fault>> + Send {
        self.jobs.call(errand)
    }
}

impl Carrier for Ports {
    fn carry(
        &self,
        errand: &Errand,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.deliveries.carry(errand, delay)
    }
}

impl Moment for Ports {
    fn now(&self) -> Time {
        SystemMoment.now()
    }

    fn pause(&self, length: Duration) -> impl Future<Output = ()> + Send {
        SystemMoment.pause(length)
    }

    fn fraction(&self) -> f64 {
        SystemMoment.fraction()
    }

    fn entropy(&self) -> [u8; 16] {
        SystemMoment.entropy()
    }
}
