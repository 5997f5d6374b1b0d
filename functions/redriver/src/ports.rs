//! What a job works with.

use std::future::Future;
use std::time::Duration;

use adapters::clock::SystemMoment;
use adapters::config::ConfigTable;
use adapters::dead_letters::{DeadLetterTable, DeadMessage, MessageRedrive};
use adapters::log::LogTable;
use adapters::outbox::Announcer;
use adapters::queue::{AtOnce, Queue};
use adapters::telemetry;
use domain::dead_letter::{Body, DeadLetter};
use domain::ids::TenantId;
use domain::ports::{
    Carrier, Errand, Fault, Job, JobCalls, JobErrand, Jobs, Moment, PutBack, Revival as _, Stage,
    Step,
};
use domain::time::Time;
use domain::ulid::Ulid;
use serde_json::json;

/// The tables and queues of a job.
pub(crate) struct Ports {
    pub(crate) log: LogTable,
    pub(crate) dead_letters: DeadLetterTable,
    pub(crate) deliveries: AtOnce,
    pub(crate) jobs: Queue,
    /// What a message needs that is put back.
    pub(crate) config: ConfigTable,
    pub(crate) events: Announcer,
    pub(crate) trusted_senders: Vec<String>,
}

impl Ports {
    /// A message's dead letter: announced again, by us or another just before.
    async fn announce(&self, job: &Job, dead: &DeadLetter) -> Result<PutBack, Fault> {
        let Body::Message {
            text: Some(text),
            sender,
            message_id,
        } = &dead.body
        else {
            // Its event was erased.
            return Ok(PutBack::Impossible);
        };
        let redrive = MessageRedrive {
            config: &self.config,
            log: &self.log,
            events: &self.events,
            dead_letters: &self.dead_letters,
            trusted_senders: &self.trusted_senders,
        };
        let message = DeadMessage {
            text,
            sender,
            message_id,
        };
        match redrive.put_back(dead, &message, Some(job.id)).await {
            // Two may have announced it, once both together: it is put back by whom its mark names.
            Ok(Ok(_)) => Ok(match self.marked(job, dead).await? {
                PutBack::Before => PutBack::Announced,
                other => other,
            }),
            Ok(Err(_)) => Ok(PutBack::Impossible),
            Err(fault) => impossible_if_corrupt(job, dead, fault),
        }
    }
}

impl Ports {
    /// Who has put it back, by its mark.
    async fn marked(&self, job: &Job, dead: &DeadLetter) -> Result<PutBack, Fault> {
        let kept = self.dead_letters.get(dead.tenant.as_ref(), dead.id).await?;
        Ok(match kept {
            Some(kept) if kept.redriven_by == Some(job.id) => PutBack::Before,
            Some(kept) if kept.redriven_at.is_none() => PutBack::Impossible,
            _ => PutBack::Elsewhere,
        })
    }
}

/// What cannot be read stays dead, and the job goes on.
fn impossible_if_corrupt(job: &Job, dead: &DeadLetter, fault: Fault) -> Result<PutBack, Fault> {
    if fault.stage != Stage::Corrupt {
        return Err(fault);
    }
    let fields = json!({"job": job.id.to_string(), "dead_letter": dead.id.to_string()});
    telemetry::fault("a dead letter cannot be put back", &fault, &fields);
    Ok(PutBack::Impossible)
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
        if let Body::Message { .. } = dead.body {
            return self.announce(job, dead).await;
        }
        match self.log.revive(dead, Some(job.id), now).await {
            Ok(Some(delivery)) => return Ok(PutBack::Now(Box::new(delivery))),
            Ok(None) => {}
            Err(fault) => return impossible_if_corrupt(job, dead, fault),
        }
        self.marked(job, dead).await
    }

    fn save(
        &self,
        before: &Job,
        after: &Job,
        writer: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.dead_letters.save_job(before, after, writer)
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
