//! Redrives of many: jobs that outlive the function that runs them.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::dead_letter::{DeadLetter, Reason};
use crate::delivery::Delivery;
use crate::event_type::EventType;
use crate::ids::{TenantId, WebhookId};
use crate::messages::RedriveJobMessage;
use crate::time::Time;
use crate::ulid::Ulid;

/// Selects dead letters.
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
    /// When the log of the tenant begins: see [`crate::tenant::log_begins`]. None for the
    /// operator's list of everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_begins: Option<Time>,
    /// Died before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is its name")]
pub enum RedriveJobStatus {
    Running,
    Completed,
    Cancelled,
}

/// A redrive of many dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedriveJob {
    /// Its id.
    pub id: Ulid,
    /// Whose dead letters.
    pub tenant: TenantId,
    /// Which; always those that died before the job was made, so that what dies again is not
    /// redriven again.
    pub filter: DeadLetterFilter,
    /// How many a second.
    pub rate: u32,
    /// Where it stands.
    pub status: RedriveJobStatus,
    /// How many there were when it was made.
    pub total: u64,
    /// What became of those that it has met.
    pub tally: Tally,
    /// Up to where it has come in the list; everything before is done.
    pub cursor: Option<String>,
    /// How often it was handed over to a message. A message names the turn that begins with it, and
    /// counts only in that one: so messages that are sent or delivered twice do not go on side by
    /// side.
    pub turn: u32,
    /// When its next step is due, by its rate.
    pub next_at: Time,
}

impl RedriveJob {
    /// The message that goes on with the job as it stands.
    #[must_use]
    pub fn message(&self) -> RedriveJobMessage {
        RedriveJobMessage {
            tenant_id: self.tenant.clone(),
            job_id: self.id,
            turn: self.turn,
        }
    }
}

/// What became of a job's dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Redriven by the job.
    pub done: u64,
    /// Still dead, because they cannot be redriven: the log keeps their deliveries no longer, or
    /// cannot read them.
    pub failed: u64,
    /// Redriven by somebody else, or deleted.
    pub skipped: u64,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.done
            .saturating_add(self.failed)
            .saturating_add(self.skipped)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            done: self.done.saturating_add(other.done),
            failed: self.failed.saturating_add(other.failed),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }
}

/// The most jobs of a tenant that run at a time: further ones are refused, so that no tenant's jobs
/// stand before everybody else's.
pub const MAX_RUNNING_JOBS: u8 = 2;

/// A step of a job: some of its dead letters, and where the next step starts.
pub struct RedrivePage {
    /// Those that are still to be redriven, or were by an earlier run of this same step.
    pub dead_letters: Vec<(DeadLetter, bool)>,
    /// The next step's start; none at the end.
    pub next: Option<String>,
}

/// Jobs and the dead letters that they work on.
pub trait RedriveJobStore {
    /// A job as it stands.
    fn job(
        &self,
        tenant: &TenantId,
        id: Ulid,
    ) -> impl Future<Output = Result<Option<RedriveJob>, Fault>> + Send;
    /// The next of a job's dead letters. The second of each tells whether this job has redriven it
    /// already.
    fn page(
        &self,
        job: &RedriveJob,
        limit: usize,
    ) -> impl Future<Output = Result<RedrivePage, Fault>> + Send;
    /// Writes a running job, if it is still in the turn and at the cursor of `before`. False if it
    /// was cancelled (what was redriven counts all the same), or another run of it was faster.
    /// `writer` tells our own writes from others'.
    fn save(
        &self,
        before: &RedriveJob,
        after: &RedriveJob,
        writer: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
}

/// The jobs of all tenants that run, for the sweeper, which works on none.
pub trait RunningRedriveJobs {
    /// All of them.
    fn running_jobs(&self) -> impl Future<Output = Result<Vec<RedriveJob>, Fault>> + Send;
    /// Writes that the job was called for again, so that it is not until this time is long over.
    /// Nothing happens to one that has moved on.
    fn record_continuation(
        &self,
        job: &RedriveJob,
        at: Time,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Redrives dead letters.
pub trait Redrive {
    /// Redrives a dead letter for a job.
    fn redrive_for_job(
        &self,
        job: &RedriveJob,
        dead: &DeadLetter,
        now: Time,
    ) -> impl Future<Output = Result<RedriveOutcome, Fault>> + Send;
}

/// The result of redriving one dead letter.
#[derive(Clone, Debug, PartialEq)]
pub enum RedriveOutcome {
    /// It is redriven; the delivery, to be scheduled.
    Redriven(Box<Delivery>),
    /// A message is on its way, as the event that it has become.
    Announced,
    /// This job redrove it before.
    AlreadyByThisJob,
    /// Another caller redrove or deleted it.
    AlreadyByAnother,
    /// It is still dead, and cannot be redriven: the log has no such delivery that could be read.
    Impossible,
}
