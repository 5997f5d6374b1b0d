//! What the sweeper works with.

use std::future::Future;
use std::time::Duration;

use adapters::clock::SystemMoment;
use adapters::dead_letters::DeadLetterTable;
use adapters::log::LogTable;
use adapters::queue::{AtOnce, Queue};
use domain::ids::TenantId;
use domain::ports::{
    Carrier, Due, Erasure, Errand, Fault, Job, JobCalls, JobErrand, Moment, Overdue, RunningJobs,
};
use domain::time::Time;
use domain::ulid::Ulid;

/// The tables that it looks into and the queues that it sends to.
pub(crate) struct Ports {
    pub(crate) log: LogTable,
    pub(crate) dead_letters: DeadLetterTable,
    pub(crate) deliveries: AtOnce,
    pub(crate) jobs: Queue,
}

impl Overdue for Ports {
    fn overdue(
        &self,
        shard: u8,
        now: Time,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Due>, Fault>> + Send {
        self.log.overdue(shard, now, limit)
    }

    fn postpone(
        &self,
        errand: &Errand,
        until: Time,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.postpone(errand, until)
    }
}

impl Erasure for Ports {
    fn erase(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> impl Future<Output = Result<Option<Vec<Errand>>, Fault>> + Send {
        self.log.erase(tenant, event, now, again)
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

impl RunningJobs for Ports {
    fn running_jobs(&self) -> impl Future<Output = Result<Vec<Job>, Fault>> + Send {
        self.dead_letters.running_jobs()
    }

    fn note_call(&self, job: &Job, at: Time) -> impl Future<Output = Result<(), Fault>> + Send {
        self.dead_letters.note_call(job, at)
    }
}

impl JobCalls for Ports {
    fn call(
        &self,
        errand: &JobErrand,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.jobs.call(errand, delay)
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
