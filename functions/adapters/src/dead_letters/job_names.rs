//! The jobs of idempotency keys: partition `job-names#<tenant>`, one item for each key, with the id
//! of its job.
//!
//! A job's id begins with its time, so it cannot be derived from the key, and the item stores it.
//! It costs one more write unit, only for requests with a key.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::ids::TenantId;
use domain::ports::{Fault, RedriveJob, RedriveJobStore as _, Stage};
use domain::tenant::Tenant;
use domain::time::Time;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::DeadLetterTable;
use super::jobs::KEPT_SECONDS;
use crate::dynamo::{from_item, of_put, s, to_item};

/// A caller that claimed a name this long ago has ended: longer than a function of the API runs.
const CREATOR_LIVES_MILLIS: i64 = 30_000;

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    job: Ulid,
    /// The fingerprint of the request.
    content: String,
    expires_at: i64,
}

/// The name of a job, from its idempotency key.
#[derive(Clone, Copy)]
pub struct JobName<'a> {
    /// Derived from the key.
    pub name: &'a str,
    /// The fingerprint of the request.
    pub content: &'a str,
}

/// The result of claiming a name.
pub enum JobNameClaim {
    /// The caller must start a job with this id: its own, or that of an earlier caller which may
    /// have died, or be about to start it.
    Acquired(Ulid),
    /// The job already exists.
    Started(Box<RedriveJob>),
    /// A different request has this name; its fingerprint.
    Taken(String),
}

impl DeadLetterTable {
    /// Claims a name for a job with this id. One write unit; a repetition costs one more read unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn claim_job_name(
        &self,
        tenant: &Tenant,
        of: JobName<'_>,
        id: Ulid,
        now: Time,
    ) -> Result<JobNameClaim, Fault> {
        // A name with an older job belongs to an earlier, deleted tenant.
        let floor = Ulid::floor(tenant.log_begins());
        let Some(old) = self.put_job_name(&tenant.id, of, id, floor).await? else {
            return Ok(JobNameClaim::Acquired(id));
        };
        if old.content != of.content {
            return Ok(JobNameClaim::Taken(old.content));
        }
        if let Some(job) = self.job(&tenant.id, old.job).await? {
            return Ok(JobNameClaim::Started(Box::new(job)));
        }
        if old.job.time() > Time::from_millis(now.millis() - CREATOR_LIVES_MILLIS) {
            return Ok(JobNameClaim::Acquired(old.job));
        }
        // With an id this old, the slot would be taken for one whose job has ended.
        Ok(match self.put_job_name(&tenant.id, of, id, id).await? {
            None => JobNameClaim::Acquired(id),
            Some(other) => JobNameClaim::Acquired(other.job),
        })
    }

    /// Writes the name of a job if it does not exist, or if its job is older than `newest`.
    /// Otherwise returns the existing row.
    async fn put_job_name(
        &self,
        tenant: &TenantId,
        of: JobName<'_>,
        id: Ulid,
        newest: Ulid,
    ) -> Result<Option<Row>, Fault> {
        let row = Row {
            pk: format!("job-names#{tenant}"),
            sk: of.name.to_owned(),
            job: id,
            content: of.content.to_owned(),
            expires_at: id.time().seconds() + KEPT_SECONDS,
        };
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row, Stage::DeadLetter)?))
            .condition_expression("attribute_not_exists(pk) OR job < :newest")
            .expression_attribute_values(":newest", s(newest.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = Box::pin(put.send()).await else {
            return Ok(None);
        };
        let old: Row = from_item(of_put(error, Stage::DeadLetter).old()?, Stage::DeadLetter)?;
        // Our own write, whose response was lost.
        Ok((old.job != id).then_some(old))
    }
}
