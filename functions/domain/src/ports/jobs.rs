//! Redrives of many: jobs that outlive the function that runs them.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::dead_letter::{DeadLetter, Reason};
use crate::delivery::Delivery;
use crate::event_type::EventType;
use crate::ids::{TenantId, WebhookId};
use crate::time::Time;
use crate::ulid::Ulid;

/// Which dead letters are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterFilter {
    /// Of this webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookId>,
    /// Of events of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<EventType>,
    /// With this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Died at or after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Died before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is its name")]
pub enum JobStatus {
    Running,
    Completed,
    Cancelled,
}

/// A redrive of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Ulid,
    /// Whose dead letters.
    pub tenant: TenantId,
    /// Which; always those that died before the job was made, so that what dies again is not put back again.
    pub filter: DeadLetterFilter,
    /// How many a second.
    pub rate: u32,
    /// Where it stands.
    pub status: JobStatus,
    /// How many there were when it was made.
    pub total: u64,
    /// How many were put back.
    pub done: u64,
    /// How many could not be: somebody else put them back or deleted them meanwhile.
    pub failed: u64,
    /// Up to where it has come in the list; everything before is done.
    pub cursor: Option<String>,
}

/// What a message of the jobs queue says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobErrand {
    /// Whose job.
    pub tenant_id: TenantId,
    /// Which.
    pub job_id: Ulid,
}

/// A step of a job: some of its dead letters, and where the next step starts.
pub struct Step {
    /// Those that are still to be put back, or were by an earlier run of this same step.
    pub letters: Vec<(DeadLetter, bool)>,
    /// The next step's start; none at the end.
    pub next: Option<String>,
}

/// Jobs and what they work on.
pub trait Jobs {
    /// A job as it stands.
    fn job(
        &self,
        tenant: &TenantId,
        id: Ulid,
    ) -> impl Future<Output = Result<Option<Job>, Fault>> + Send;
    /// The next of a job's dead letters. The second of each tells whether this job has put it back already.
    fn step(&self, job: &Job, limit: usize) -> impl Future<Output = Result<Step, Fault>> + Send;
    /// Puts a dead letter back in the name of a job. None if it was put back or deleted by somebody else.
    fn put_back(
        &self,
        job: &Job,
        dead: &DeadLetter,
        now: Time,
    ) -> impl Future<Output = Result<PutBack, Fault>> + Send;
    /// Moves a running job on from `job.cursor`. False if it was cancelled, or another run of it was faster.
    fn advance(
        &self,
        job: &Job,
        next: Option<&str>,
        done: u64,
        failed: u64,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Sends for the job to be gone on with.
    fn call_again(&self, errand: &JobErrand) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What came of putting one back.
#[derive(Clone, Debug, PartialEq)]
pub enum PutBack {
    /// It is on its way; the delivery, to be carried.
    Now(Box<Delivery>),
    /// This job did it before.
    Before,
    /// Somebody else did.
    Elsewhere,
}
