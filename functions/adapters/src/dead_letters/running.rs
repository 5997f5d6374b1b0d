//! The running jobs: partition `#running`, one item for each slot of a tenant, with the id of the
//! job in it.
//!
//! A conditional write takes a slot before the job is stored, and frees it after the job has ended:
//! so there are never more running jobs than slots. A process that dies in between leaves a slot
//! without a running job. The next reader frees it: a caller who finds no free slot, or the
//! sweeper.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::author::Author;
use domain::ids::TenantId;
use domain::ports::{
    Fault, MAX_RUNNING_JOBS, RedriveJob, RedriveJobStatus, RunningRedriveJobs, Stage,
};
use domain::time::Time;
use domain::ulid::Ulid;

use super::DeadLetterTable;
use super::jobs::{partition, read};
use crate::aws_error::aws_fault;
use crate::clock::now;
use crate::delivery_store::Page;
use crate::dynamo::{
    Item, MAX_BATCH, Query, RowKey, Rows, Update, condition_held, n, of_put, rows_of, s, text,
};

/// No tenant id contains `#`.
const RUNNING: &str = "#running";
/// Two writes come between slot and job. After this time, longer than a function of the API lives,
/// the job will not be written any more.
const JOB_COMES_WITHIN_MILLIS: i64 = 60_000;

/// The job in a slot.
struct Slot {
    tenant: TenantId,
    number: u8,
    job: Ulid,
}

impl Slot {
    fn of(item: &Item) -> Option<Self> {
        let (tenant, number) = text(item, "sk")?.rsplit_once('#')?;
        Some(Self {
            tenant: tenant.parse().ok()?,
            number: number.parse().ok()?,
            job: text(item, "job")?.parse().ok()?,
        })
    }
}

fn is_refused(error: &SdkError<DeleteItemError>) -> bool {
    error
        .as_service_error()
        .is_some_and(DeleteItemError::is_conditional_check_failed_exception)
}

fn slot_key(tenant: &TenantId, number: u8) -> String {
    format!("{tenant}#{number}")
}

impl DeadLetterTable {
    /// A page of the running jobs of all tenants, by tenant, each with the cursor that continues
    /// after it. A read unit for each 4 KB of slots, and one for each of their jobs.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn running_jobs_page(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<(String, RedriveJob)>, Fault> {
        let key = |sk: &str| Item::from([("pk".to_owned(), s(RUNNING)), ("sk".to_owned(), s(sk))]);
        let found = Query::new(&self.table, "pk = :pk")
            .value(":pk", s(RUNNING))
            .consistent()
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .from(cursor.map(key))
            .page(&self.dynamo, Stage::DeadLetter)
            .await?;
        let next = found
            .next
            .and_then(|key| Some(text(&key, "sk")?.to_owned()));
        let slots = self.slots(found.rows).await?;
        let mut running = self.running(&slots).await?;
        let in_slots = slots.iter().filter_map(|slot| {
            let job = running.iter().position(|job| job.id == slot.job)?;
            Some((
                slot_key(&slot.tenant, slot.number),
                running.swap_remove(job),
            ))
        });
        Ok(Page {
            items: in_slots.collect(),
            next,
        })
    }

    /// Takes one of a tenant's slots for a job. False if other jobs have them all.
    pub(super) async fn take_slot(&self, job: &RedriveJob, expires_at: i64) -> Result<bool, Fault> {
        if self.try_slots(job, expires_at).await? {
            return Ok(true);
        }
        let rows = self.slot_rows(&job.tenant).await?;
        let slots = self.slots(rows).await?;
        let running = self.running(&slots).await?;
        let is_free = running.len() < usize::from(MAX_RUNNING_JOBS);
        Ok(is_free && self.try_slots(job, expires_at).await?)
    }

    /// The slots and their jobs. A row without a readable job is removed: otherwise its tenant
    /// would lack a slot for a month.
    async fn slots(&self, rows: Rows) -> Result<Vec<Slot>, Fault> {
        let mut slots = Vec::new();
        for item in rows.raw() {
            match Slot::of(&item) {
                Some(slot) => slots.push(slot),
                None => {
                    RowKey::of(&item).tell();
                    self.free_unreadable(item).await?;
                }
            }
        }
        Ok(slots)
    }

    /// On condition that the row is unchanged: a job that has taken the slot since keeps it.
    async fn free_unreadable(&self, item: Item) -> Result<(), Fault> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(RUNNING))
            .key("sk", s(text(&item, "sk").unwrap_or_default()));
        let delete = match item.get("job") {
            Some(job) => delete
                .condition_expression("job = :job")
                .expression_attribute_values(":job", job.clone()),
            None => delete.condition_expression("attribute_not_exists(job)"),
        };
        match Box::pin(delete.send()).await {
            Ok(_) => Ok(()),
            Err(e) if is_refused(&e) => Ok(()),
            Err(e) => Err(aws_fault(e, Stage::DeadLetter)),
        }
    }

    /// Cancels a tenant's running jobs: the tenant is deleted, or another tenant has its id now. A
    /// read unit, and some writes if there are any.
    ///
    /// # Errors
    /// If the table does not answer; repeating is safe.
    pub async fn cancel_jobs(&self, tenant: &TenantId, by: &Author) -> Result<(), Fault> {
        for slot in self.slots(self.slot_rows(tenant).await?).await? {
            self.cancel_job(tenant, slot.job, by).await?;
        }
        Ok(())
    }

    async fn slot_rows(&self, tenant: &TenantId) -> Result<Rows, Fault> {
        let slots = (0..MAX_RUNNING_JOBS).map(|number| slot_key(tenant, number));
        let keys: Vec<_> = slots.map(|sk| (RUNNING.to_owned(), sk)).collect();
        let (rows, _) = rows_of(&self.dynamo, &self.table, &keys, true, Stage::DeadLetter).await?;
        Ok(rows)
    }

    async fn try_slots(&self, job: &RedriveJob, expires_at: i64) -> Result<bool, Fault> {
        for number in 0..MAX_RUNNING_JOBS {
            let put = self
                .dynamo
                .put_item()
                .table_name(&self.table)
                .item("pk", s(RUNNING))
                .item("sk", s(slot_key(&job.tenant, number)))
                .item("job", s(job.id.to_string()))
                .item("expires_at", n(expires_at))
                .condition_expression("attribute_not_exists(pk)")
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
            let Err(error) = put.send().await else {
                return Ok(true);
            };
            let old = of_put(error, Stage::DeadLetter).old()?;
            if text(&old, "job") == Some(&job.id.to_string()) {
                // Our own write, whose response was lost.
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Frees the slot of a job that has ended. Does nothing if it was freed before.
    pub(super) async fn free_slot(&self, tenant: &TenantId, job: Ulid) -> Result<(), Fault> {
        for number in 0..MAX_RUNNING_JOBS {
            let delete = self
                .dynamo
                .delete_item()
                .table_name(&self.table)
                .key("pk", s(RUNNING))
                .key("sk", s(slot_key(tenant, number)))
                .condition_expression("job = :job")
                .expression_attribute_values(":job", s(job.to_string()));
            match Box::pin(delete.send()).await {
                Ok(_) => return Ok(()),
                Err(e) if is_refused(&e) => {}
                Err(e) => return Err(aws_fault(e, Stage::DeadLetter)),
            }
        }
        Ok(())
    }

    /// The running jobs of these slots. Slots of other jobs are freed.
    async fn running(&self, slots: &[Slot]) -> Result<Vec<RedriveJob>, Fault> {
        let mut running = Vec::new();
        for some in slots.chunks(MAX_BATCH) {
            let keys: Vec<_> = some
                .iter()
                .map(|slot| (partition(&slot.tenant), slot.job.to_string()))
                .collect();
            let (rows, _) =
                rows_of(&self.dynamo, &self.table, &keys, true, Stage::DeadLetter).await?;
            let there = rows.keys();
            let jobs = rows.readable(read);
            let newest = Time::from_millis(now().millis() - JOB_COMES_WITHIN_MILLIS);
            for (slot, key) in some.iter().zip(&keys) {
                let is_over = match jobs.iter().find(|job| job.id == slot.job) {
                    Some(job) => job.status != RedriveJobStatus::Running,
                    // An unreadable job may be running.
                    None => !there.contains(key) && slot.job.time() < newest,
                };
                if is_over {
                    self.free_slot(&slot.tenant, slot.job).await?;
                }
            }
            running.extend(
                jobs.into_iter()
                    .filter(|j| j.status == RedriveJobStatus::Running),
            );
        }
        Ok(running)
    }
}

impl RunningRedriveJobs for DeadLetterTable {
    /// A read unit for each 4 KB of slots, and one for each of their jobs.
    async fn running_jobs(&self) -> Result<Vec<RedriveJob>, Fault> {
        let rows = Query::new(&self.table, "pk = :pk")
            .value(":pk", s(RUNNING))
            .consistent()
            .whole(&self.dynamo, Stage::DeadLetter)
            .await?;
        let slots = self.slots(rows).await?;
        self.running(&slots).await
    }

    async fn record_continuation(&self, job: &RedriveJob, at: Time) -> Result<(), Fault> {
        let noted = Update::existing(&self.table, partition(&job.tenant), job.id.to_string())
            .change("SET next_at = :at")
            .only_if("#st = :running AND turn = :turn AND next_at = :seen")
            .name("#st", "status")
            .value(":running", s("running"))
            .value(":turn", n(job.turn))
            .value(":seen", n(job.next_at.millis()))
            .value(":at", n(at.millis()))
            .send(&self.dynamo, Stage::DeadLetter)
            .await;
        condition_held(noted).map(drop)
    }
}
