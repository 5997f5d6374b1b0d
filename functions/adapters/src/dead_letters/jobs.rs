//! Redrives of many, in the dead-letter table: partition `jobs#<tenant>`, one item a job.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::dead_letter::Body;
use domain::ids::TenantId;
use domain::ports::{DeadLetterFilter, Fault, Job, JobStatus, Stage, Step};
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::{DeadLetterTable, Kept};
use crate::dynamo::{Refused, from_item, n, number, of_update, s, text, to_item};

/// The place of a job that is over.
const END: &str = "end";
/// How long a job's progress can be read.
const KEPT_SECONDS: i64 = 30 * 24 * 3600;

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: Ulid,
    tenant: TenantId,
    filter: DeadLetterFilter,
    rate: u32,
    status: JobStatus,
    total: u64,
    done: u64,
    failed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    expires_at: i64,
}

fn partition(tenant: &TenantId) -> String {
    format!("jobs#{tenant}")
}

fn is_delivery(kept: &Kept) -> bool {
    matches!(kept.dead.body, Body::Delivery(_))
}

impl DeadLetterTable {
    /// Keeps a new job.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_job(&self, job: &Job) -> Result<(), Fault> {
        let row = Row {
            pk: partition(&job.tenant),
            sk: job.id,
            tenant: job.tenant.clone(),
            filter: job.filter.clone(),
            rate: job.rate,
            status: job.status,
            total: job.total,
            done: job.done,
            failed: job.failed,
            place: job.cursor.clone(),
            expires_at: job.id.time().seconds() + KEPT_SECONDS,
        };
        let item = to_item(&row, Stage::DeadLetter)?;
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        put.send()
            .await
            .map(|_| ())
            .map_err(|e| Fault::new(Stage::DeadLetter, e))
    }

    /// A job as it stands.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn job(&self, tenant: &TenantId, id: Ulid) -> Result<Option<Job>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant)))
            .key("sk", s(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadLog, e))?;
        let row: Option<Row> = answer
            .item
            .map(|item| from_item(item, Stage::ReadLog))
            .transpose()?;
        Ok(row.map(|row| Job {
            id: row.sk,
            tenant: row.tenant,
            filter: row.filter,
            rate: row.rate,
            status: row.status,
            total: row.total,
            done: row.done,
            failed: row.failed,
            cursor: row.place,
        }))
    }

    /// How many deliveries' dead letters a filter finds: a read unit for each 8 KB of them.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn count(&self, tenant: &TenantId, filter: &DeadLetterFilter) -> Result<u64, Fault> {
        let (mut number, mut cursor) = (0u64, None::<String>);
        loop {
            let shown = |kept: &Kept| kept.redriven_at.is_none() && is_delivery(kept);
            let page = self
                .walk(tenant, filter, cursor.as_deref(), 1000, shown)
                .await?;
            number = number.saturating_add(u64::try_from(page.items.len()).unwrap_or(0));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(number);
            }
        }
    }

    /// The next of a job's dead letters: those nobody has put back, and those that this job has.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn step(&self, job: &Job, limit: usize) -> Result<Step, Fault> {
        let ours = |kept: &Kept| kept.redriven_by == Some(job.id);
        let shown = |kept: &Kept| is_delivery(kept) && (kept.redriven_at.is_none() || ours(kept));
        let page = self
            .walk(
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
        Ok(Step {
            letters,
            next: page.next,
        })
    }

    /// Moves a running job on from where it stands.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn advance(
        &self,
        job: &Job,
        next: Option<&str>,
        done: u64,
        failed: u64,
    ) -> Result<bool, Fault> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("pk", s(partition(&job.tenant)))
            .key("sk", s(job.id.to_string()))
            .expression_attribute_names("#st", "status")
            .expression_attribute_values(":running", s("running"))
            .expression_attribute_values(":done", n(done))
            .expression_attribute_values(":failed", n(failed));
        let (update, stands) = match &job.cursor {
            Some(place) => (
                update.expression_attribute_values(":place", s(place)),
                "place = :place",
            ),
            None => (update, "attribute_not_exists(place)"),
        };
        let update = match next {
            Some(next) => update
                .update_expression("SET place = :next ADD done :done, failed :failed")
                .expression_attribute_values(":next", s(next)),
            None => update
                .update_expression("SET #st = :over, place = :end ADD done :done, failed :failed")
                .expression_attribute_values(":over", s("completed"))
                .expression_attribute_values(":end", s(END)),
        };
        let answer = update
            .condition_expression(format!("#st = :running AND {stands}"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(e) => {
                // It stands where we wanted it, with our count: our own write, whose answer was lost.
                let old = of_update(e, Stage::DeadLetter).old()?;
                let counted =
                    number(&old, "done") == i64::try_from(job.done.saturating_add(done)).ok();
                Ok(counted && text(&old, "place") == Some(next.unwrap_or(END)))
            }
        }
    }

    /// Cancels a job that runs. False if it does not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn cancel_job(&self, tenant: &TenantId, id: Ulid) -> Result<bool, Fault> {
        let answer = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant)))
            .key("sk", s(id.to_string()))
            .update_expression("SET #st = :cancelled")
            .condition_expression("#st = :running")
            .expression_attribute_names("#st", "status")
            .expression_attribute_values(":cancelled", s("cancelled"))
            .expression_attribute_values(":running", s("running"))
            .send()
            .await;
        match answer.map_err(|e| of_update(e, Stage::DeadLetter)) {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }
}
