//! Redrive jobs in the dead-letter table: partition `jobs#<tenant>`, one item per job. For the
//! running ones see [`super::running`].

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::author::Author;
use domain::dead_letter::{Body, Reason};
use domain::ids::TenantId;
use domain::ports::{
    DeadLetterFilter, Fault, RedriveJob, RedriveJobStatus, RedriveJobStore, RedrivePage, Stage,
    Tally,
};
use domain::tenant::Tenant;
use domain::time::Time;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::list::predecessor;
use super::{DeadLetterTable, StoredDeadLetter};
use crate::aws_error::OrAwsFault as _;
use crate::clock::now;
use crate::delivery_store::Page;
use crate::dynamo::{
    Item, Query, Update, condition_held, from_item, n, number, of_author, of_put, s, text, to_item,
};

/// How long a job's progress can be read.
pub(super) const KEPT_SECONDS: i64 = 30 * 24 * 3600;

/// The attribute of a cancelled job with who cancelled it.
pub(super) const CANCELLED_BY: &str = "cancelled_by";

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: Ulid,
    tenant: TenantId,
    filter: DeadLetterFilter,
    rate: u32,
    status: RedriveJobStatus,
    total: u64,
    done: u64,
    failed: u64,
    skipped: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    turn: u32,
    next_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<Time>,
    /// The last writer.
    by: String,
    expires_at: i64,
}

impl From<Row> for RedriveJob {
    fn from(row: Row) -> Self {
        Self {
            id: row.sk,
            tenant: row.tenant,
            filter: row.filter,
            rate: row.rate,
            status: row.status,
            total: row.total,
            tally: Tally {
                done: row.done,
                failed: row.failed,
                skipped: row.skipped,
            },
            cursor: row.place,
            turn: row.turn,
            next_at: row.next_at,
            ended_at: row.ended_at,
        }
    }
}

/// Reads an item as a job.
pub(super) fn read(item: Item) -> Result<RedriveJob, Fault> {
    from_item::<Row>(item, Stage::DeadLetter).map(RedriveJob::from)
}

/// The partition of a tenant's jobs.
pub(super) fn partition(tenant: &TenantId) -> String {
    format!("jobs#{tenant}")
}

/// A message that failed because of Postel may be sent again unchanged. The others must be
/// corrected first.
fn is_for_jobs(kept: &StoredDeadLetter) -> bool {
    match kept.dead.body {
        Body::Delivery(_) => true,
        Body::Message { .. } => kept.dead.reason == Reason::Undeliverable,
    }
}

impl RedriveJobStore for DeadLetterTable {
    async fn job(&self, tenant: &TenantId, id: Ulid) -> Result<Option<RedriveJob>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant)))
            .key("sk", s(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::DeadLetter)?;
        answer.item.map(read).transpose()
    }

    /// Dead letters that are not redriven, and those that this job has redriven.
    async fn page(&self, job: &RedriveJob, limit: usize) -> Result<RedrivePage, Fault> {
        let ours = |kept: &StoredDeadLetter| kept.redriven_by == Some(job.id);
        let shown = |kept: &StoredDeadLetter| {
            is_for_jobs(kept) && (kept.redriven_at.is_none() || ours(kept))
        };
        let page = self
            .scan_page(
                &job.tenant,
                &job.filter,
                job.cursor.as_deref(),
                limit,
                shown,
            )
            .await?;
        let letters = page
            .items
            .into_iter()
            .map(|kept| (ours(&kept), kept.dead))
            .map(|(ours, dead)| (dead, ours))
            .collect();
        Ok(RedrivePage {
            dead_letters: letters,
            next: page.next,
        })
    }

    /// Three more write units when the job ends: its slot is freed.
    async fn save(
        &self,
        before: &RedriveJob,
        after: &RedriveJob,
        writer: &str,
    ) -> Result<bool, Fault> {
        let Tally {
            done,
            failed,
            skipped,
        } = after.tally;
        let update = Update::existing(
            &self.table,
            partition(&before.tenant),
            before.id.to_string(),
        )
        .only_if("#st = :running AND turn = :seen")
        .name("#st", "status")
        .name("#by", "by")
        .value(":running", s("running"))
        .value(":seen", n(before.turn))
        .value(":st", s(word(after.status)))
        .value(":turn", n(after.turn))
        .value(":done", n(done))
        .value(":failed", n(failed))
        .value(":skipped", n(skipped))
        .value(":next_at", n(after.next_at.millis()))
        .value(":by", s(writer));
        let update = match &before.cursor {
            Some(place) => update.only_if("place = :place").value(":place", s(place)),
            None => update.only_if("attribute_not_exists(place)"),
        };
        let mut set = "SET #st = :st, turn = :turn, done = :done, failed = :failed, skipped = :skipped, next_at = :next_at, #by = :by".to_owned();
        let update = match after.ended_at {
            Some(ended) => {
                set += ", ended_at = :ended";
                update.value(":ended", n(ended.millis()))
            }
            None => update,
        };
        let update = match &after.cursor {
            Some(next) => update
                .change(format!("{set}, place = :next"))
                .value(":next", s(next)),
            None => update.change(format!("{set} REMOVE place")),
        };
        let is_saved = match update.send(&self.dynamo, Stage::DeadLetter).await {
            Ok(()) => true,
            Err(refused) => {
                let old = refused.old()?;
                if text(&old, "status") == Some(word(RedriveJobStatus::Cancelled)) {
                    self.count_last_step(before, after).await?;
                }
                // The values that we wanted, written by us: our own write, whose response was lost.
                text(&old, "by") == Some(writer)
                    && text(&old, "place") == after.cursor.as_deref()
                    && number(&old, "turn") == Some(i64::from(after.turn))
            }
        };
        if is_saved && after.status != RedriveJobStatus::Running {
            self.free_slot(&after.tenant, after.id).await?;
        }
        Ok(is_saved)
    }
}

/// The result of starting a job.
pub enum JobStart {
    /// It runs.
    Started,
    /// The same request had started it. Its current state.
    StartedBefore(Box<RedriveJob>),
    /// The tenant has the maximum number of running jobs.
    TooMany,
}

impl DeadLetterTable {
    /// Stores a new job, if fewer than [`domain::ports::MAX_RUNNING_JOBS`] of its tenant are
    /// running. Two write units.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn start_job(&self, job: &RedriveJob) -> Result<JobStart, Fault> {
        let expires_at = job.id.time().seconds() + KEPT_SECONDS;
        if !self.take_slot(job, expires_at).await? {
            return Ok(JobStart::TooMany);
        }
        let row = Row {
            pk: partition(&job.tenant),
            sk: job.id,
            tenant: job.tenant.clone(),
            filter: job.filter.clone(),
            rate: job.rate,
            status: job.status,
            total: job.total,
            done: job.tally.done,
            failed: job.tally.failed,
            skipped: job.tally.skipped,
            place: job.cursor.clone(),
            turn: job.turn,
            next_at: job.next_at,
            ended_at: job.ended_at,
            by: String::new(),
            expires_at,
        };
        let item = to_item(&row, Stage::DeadLetter)?;
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // The same request may have started it meanwhile, and the job may have advanced.
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = Box::pin(put.send()).await else {
            return Ok(JobStart::Started);
        };
        let job = read(of_put(error, Stage::DeadLetter).old()?)?;
        if job.status != RedriveJobStatus::Running {
            self.free_slot(&job.tenant, job.id).await?;
        }
        Ok(JobStart::StartedBefore(Box::new(job)))
    }

    /// A page of a tenant's jobs, newest first. A read unit for each 8 KB of them.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn jobs(
        &self,
        tenant: &Tenant,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<RedriveJob>, Fault> {
        let floor = Ulid::floor(tenant.log_begins()).to_string();
        let condition = "pk = :pk AND sk BETWEEN :floor AND :from";
        let found = Query::new(&self.table, condition)
            .value(":pk", s(partition(&tenant.id)))
            .value(":floor", s(&floor))
            .value(":from", s(cursor.map_or("~".to_owned(), predecessor)))
            .newest_first()
            // One more than is shown: DynamoDB returns a next key even if nothing follows.
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX))
            .page(&self.dynamo, Stage::DeadLetter)
            .await?;
        let mut next = found
            .next
            .as_ref()
            .and_then(|key| text(key, "sk"))
            .map(str::to_owned);
        let mut items = found.rows.readable(read);
        if items.len() > limit {
            items.truncate(limit);
            next = items.last().map(|job: &RedriveJob| job.id.to_string());
        }
        Ok(Page { items, next })
    }

    /// Counts the step that was running when the job was cancelled: its dead letters are redriven.
    /// Does nothing if another run has counted it: the numbers are totals of the job, and the
    /// cursor moves with them.
    async fn count_last_step(&self, before: &RedriveJob, after: &RedriveJob) -> Result<(), Fault> {
        let Tally {
            done,
            failed,
            skipped,
        } = after.tally;
        let row = Update::existing(
            &self.table,
            partition(&before.tenant),
            before.id.to_string(),
        )
        .only_if("#st = :cancelled AND turn = :seen")
        .name("#st", "status")
        .value(":cancelled", s(word(RedriveJobStatus::Cancelled)))
        .value(":seen", n(before.turn))
        .value(":done", n(done))
        .value(":failed", n(failed))
        .value(":skipped", n(skipped));
        let row = match &before.cursor {
            Some(place) => row.only_if("place = :place").value(":place", s(place)),
            None => row.only_if("attribute_not_exists(place)"),
        };
        let set = "SET done = :done, failed = :failed, skipped = :skipped";
        let row = match &after.cursor {
            Some(next) => row
                .change(format!("{set}, place = :next"))
                .value(":next", s(next)),
            None => row.change(format!("{set} REMOVE place")),
        };
        condition_held(row.send(&self.dynamo, Stage::DeadLetter).await).map(drop)
    }

    /// Cancels a running job. False if it is not running. Its slot is free at once, although a step
    /// may still be running, which ends within seconds: if the slot were kept until then, a job
    /// that waits for its next message would keep it as well.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn cancel_job(
        &self,
        tenant: &TenantId,
        id: Ulid,
        by: &Author,
    ) -> Result<bool, Fault> {
        let cancelled = Update::existing(&self.table, partition(tenant), id.to_string())
            .change(format!(
                "SET #st = :cancelled, ended_at = :now, {CANCELLED_BY} = :who"
            ))
            .value(":who", of_author(by, Stage::DeadLetter)?)
            .only_if("#st = :running")
            .value(":now", n(now().millis()))
            .name("#st", "status")
            .value(":cancelled", s("cancelled"))
            .value(":running", s("running"))
            .send(&self.dynamo, Stage::DeadLetter)
            .await;
        let is_cancelled = condition_held(cancelled)?;
        self.free_slot(tenant, id).await?;
        Ok(is_cancelled)
    }
}

/// The status as stored.
const fn word(status: RedriveJobStatus) -> &'static str {
    match status {
        RedriveJobStatus::Running => "running",
        RedriveJobStatus::Completed => "completed",
        RedriveJobStatus::Cancelled => "cancelled",
    }
}
