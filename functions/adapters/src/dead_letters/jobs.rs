//! Redrives of many, in the dead-letter table: partition `jobs#<tenant>`, one item a job.

use std::time::{Duration, Instant};

use domain::dead_letter::Body;
use domain::ids::TenantId;
use domain::ports::{DeadLetterFilter, Fault, Job, JobStatus, Stage, Step};
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::list::bounds;
use super::{DeadLetterTable, Kept};
use crate::dynamo::{Query, Refused, Update, from_item, n, number, s, text, to_item};

/// The place of a job that is over.
const END: &str = "end";
/// The most read units of one count, 80 MB of dead letters.
const MOST_UNITS: f64 = 10_000.0;
/// How long a job's progress can be read.
const KEPT_SECONDS: i64 = 30 * 24 * 3600;

/// How many dead letters were found.
pub struct Count {
    /// So many.
    pub number: u64,
    /// False if there was no time to count on: there may be more.
    pub is_complete: bool,
}

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
            .map_err(|e| Fault::new(Stage::DeadLetter, e))?;
        let row: Option<Row> = answer
            .item
            .map(|item| from_item(item, Stage::DeadLetter))
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

    /// How many deliveries' dead letters a filter finds, counted for at most `within` and [`MOST_UNITS`]: then there are at least as many. DynamoDB counts
    /// them itself: a read unit for each 8 KB of them and a request for each megabyte.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn count(
        &self,
        tenant: &TenantId,
        filter: &DeadLetterFilter,
        within: Duration,
    ) -> Result<Count, Fault> {
        let began = Instant::now();
        let (floor, ceiling) = bounds(filter, None);
        let mut count = Count {
            number: 0,
            is_complete: true,
        };
        if ceiling < floor {
            return Ok(count);
        }
        let mut wanted =
            "attribute_exists(delivery) AND attribute_not_exists(redriven_at)".to_owned();
        let condition = "pk = :pk AND sk BETWEEN :floor AND :ceiling";
        let mut query = Query::new(&self.table, condition)
            .counted()
            .value(":pk", s(tenant.as_str()))
            .value(":floor", s(&floor))
            .value(":ceiling", s(&ceiling));
        if let Some(webhook) = &filter.webhook {
            // A delivery's id ends with its webhook's, and nothing else in it is in lower case.
            wanted += " AND contains(delivery, :webhook)";
            let id = webhook.as_str().trim_start_matches("wh_");
            query = query.value(":webhook", s(id));
        }
        if let Some(event_type) = &filter.event_type {
            wanted += " AND ty = :type";
            query = query.value(":type", s(event_type.as_str()));
        }
        if let Some(reason) = filter.reason {
            wanted += " AND reason = :reason";
            query = query.value(":reason", s(reason.as_str()));
        }
        query = query.filter(wanted);
        let mut units = 0.0;
        loop {
            let found = query.clone().page(&self.dynamo, Stage::DeadLetter).await?;
            count.number = count.number.saturating_add(found.count);
            units += found.units;
            if found.next.is_none() {
                return Ok(count);
            }
            if began.elapsed() >= within || units >= MOST_UNITS {
                count.is_complete = false;
                return Ok(count);
            }
            query = query.from(found.next);
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
        let update = Update::existing(&self.table, partition(&job.tenant), job.id.to_string())
            .only_if("#st = :running")
            .name("#st", "status")
            .value(":running", s("running"))
            .value(":done", n(done))
            .value(":failed", n(failed));
        let update = match &job.cursor {
            Some(place) => update.only_if("place = :place").value(":place", s(place)),
            None => update.only_if("attribute_not_exists(place)"),
        };
        let update = match next {
            Some(next) => update
                .change("SET place = :next ADD done :done, failed :failed")
                .value(":next", s(next)),
            None => update
                .change("SET #st = :over, place = :end ADD done :done, failed :failed")
                .value(":over", s("completed"))
                .value(":end", s(END)),
        };
        match update.send(&self.dynamo, Stage::DeadLetter).await {
            Ok(()) => Ok(true),
            Err(refused) => {
                // It stands where we wanted it, with our count: our own write, whose answer was lost.
                let old = refused.old()?;
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
        let cancelled = Update::existing(&self.table, partition(tenant), id.to_string())
            .change("SET #st = :cancelled")
            .only_if("#st = :running")
            .name("#st", "status")
            .value(":cancelled", s("cancelled"))
            .value(":running", s("running"))
            .send(&self.dynamo, Stage::DeadLetter)
            .await;
        match cancelled {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }
}
