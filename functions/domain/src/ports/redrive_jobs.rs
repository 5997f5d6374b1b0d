//! Redrive jobs: redrives of many dead letters that outlive the function that runs them.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::dead_letter::{DeadLetter, Reason};
use crate::delivery::Delivery;
use crate::event_type::EventFilter;
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
    /// Of events of these types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<EventFilter>,
    /// With one of these reasons; an empty list means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Given up at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// When the log of the tenant begins: see [`crate::tenant::log_begins`]. `None` for the
    /// operator's list over all tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_begins: Option<Time>,
    /// Given up before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// The status of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is its name")]
pub enum RedriveJobStatus {
    Running,
    Completed,
    Cancelled,
}

impl RedriveJobStatus {
    /// All, for the document.
    pub const ALL: [Self; 3] = [Self::Running, Self::Completed, Self::Cancelled];
}

/// A redrive of many dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedriveJob {
    /// Its id.
    pub id: Ulid,
    /// The tenant of the dead letters.
    pub tenant: TenantId,
    /// Its dead letters; always those given up before the job was created, so that a delivery that
    /// fails again is not redriven again.
    pub filter: DeadLetterFilter,
    /// Dead letters per second.
    pub rate: u32,
    /// The job's status.
    pub status: RedriveJobStatus,
    /// How many dead letters there were when it was created.
    pub total: u64,
    /// The results so far.
    pub tally: Tally,
    /// Its position in the list; everything before it is done.
    pub cursor: Option<String>,
    /// How often the job was handed over to a message. A message names the turn that it begins and
    /// counts only in that turn. So messages that are sent or received twice do not run the job
    /// twice.
    pub turn: u32,
    /// When its next step is due, by its rate.
    pub next_at: Time,
    /// When it was completed or cancelled.
    pub ended_at: Option<Time>,
}

impl RedriveJob {
    /// The message that continues the job in its current turn.
    #[must_use]
    pub fn message(&self) -> RedriveJobMessage {
        RedriveJobMessage {
            tenant_id: self.tenant.clone(),
            job_id: self.id,
            turn: self.turn,
        }
    }
}

/// The results of a job's dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Redriven by the job.
    pub done: u64,
    /// Still dead because they cannot be redriven: their deliveries have expired from the log, or
    /// cannot be read.
    pub failed: u64,
    /// Redriven or deleted by another caller.
    pub skipped: u64,
}

impl Tally {
    /// The total.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.done
            .saturating_add(self.failed)
            .saturating_add(self.skipped)
    }

    /// The sum of two tallies.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            done: self.done.saturating_add(other.done),
            failed: self.failed.saturating_add(other.failed),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }
}

/// The maximum number of a tenant's running jobs: further ones are rejected, so that no tenant's
/// jobs delay all others.
pub const MAX_RUNNING_JOBS: u8 = 2;

/// One page of a job: some of its dead letters, and where the next step starts.
pub struct RedrivePage {
    /// Dead letters that remain to be redriven, or were redriven by an earlier run of this step.
    pub dead_letters: Vec<(DeadLetter, bool)>,
    /// The start of the next step; `None` at the end.
    pub next: Option<String>,
}

/// Jobs and their dead letters.
pub trait RedriveJobStore {
    /// The current state of a job.
    fn job(
        &self,
        tenant: &TenantId,
        id: Ulid,
    ) -> impl Future<Output = Result<Option<RedriveJob>, Fault>> + Send;
    /// The next of a job's dead letters. The second value of each tells whether this job has
    /// already redriven it.
    fn page(
        &self,
        job: &RedriveJob,
        limit: usize,
    ) -> impl Future<Output = Result<RedrivePage, Fault>> + Send;
    /// Writes a running job, if it is still in the turn and at the cursor of `before`. False if it
    /// was cancelled (redriven letters count all the same), or if another run of it was faster.
    /// `writer` distinguishes our own writes from those of others.
    fn save(
        &self,
        before: &RedriveJob,
        after: &RedriveJob,
        writer: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
}

/// The running jobs of all tenants, for the sweeper, which runs none itself.
pub trait RunningRedriveJobs {
    /// All running jobs.
    fn running_jobs(&self) -> impl Future<Output = Result<Vec<RedriveJob>, Fault>> + Send;
    /// Records that a message for the job was sent again, so that the sweeper does not send another
    /// before this time is long past. A job that has moved on is left unchanged.
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
    /// It is redriven; the delivery must be scheduled.
    Redriven(Box<Delivery>),
    /// The dead message became an event, which was announced.
    Announced,
    /// This job redrove it before.
    AlreadyByThisJob,
    /// Another caller redrove or deleted it.
    AlreadyByAnother,
    /// It is still dead and cannot be redriven: the log has no readable delivery for it.
    Impossible,
}
