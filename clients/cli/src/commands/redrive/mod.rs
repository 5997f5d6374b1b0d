//! `postel redrive`: many dead letters as a job, with its progress.

mod watch;

use serde_json::{Value, json};

use self::watch::Watcher;
use super::dead_letters::Filter;
use super::keys::idempotency_key;
use super::list::{Extent, REDRIVES};
use super::tenants::show;
use crate::api::operations;
use crate::context::Context;
use crate::failure::{Done, Exit};
use crate::member::Member as _;
use crate::output::{note, text};
use crate::when;

/// Redrive many dead letters as a job: counts first, asks, and shows the progress.
///
/// Ctrl-C asks whether to stop the job or to leave it running. The job runs in Postel: it needs no
/// terminal.
#[derive(Debug, clap::Args)]
pub(crate) struct Redrive {
    #[command(flatten)]
    filter: Filter,
    /// Dead letters a second, 1 to 500 (50)
    #[arg(long)]
    rate: Option<u32>,
    /// Only count
    #[arg(long)]
    dry_run: bool,
    /// Start it, print its id and end
    #[arg(long)]
    detach: bool,
    /// Watch a job that is running
    #[arg(long, value_name = "ID", conflicts_with_all = ["dry_run", "detach", "rate"])]
    attach: Option<String>,
    /// Stop a job
    #[arg(long, value_name = "ID", conflicts_with_all = ["dry_run", "detach", "rate", "attach"])]
    stop: Option<String>,
    /// List the jobs
    #[arg(long, conflicts_with_all = ["dry_run", "detach", "rate", "attach", "stop"])]
    list: bool,
    #[command(flatten)]
    extent: Extent,
}

impl Redrive {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context.tenant().await?;
        if self.list {
            return self
                .extent
                .print(
                    context,
                    &operations::REDRIVES.call().at("tenantId", &tenant),
                    REDRIVES,
                )
                .await;
        }
        if let Some(id) = &self.stop {
            let call = operations::REDRIVE_CANCEL
                .call()
                .at("tenantId", &tenant)
                .at("redriveId", id);
            return show(context, call.repeatable()).await;
        }
        if let Some(id) = self.attach {
            return Watcher::new(context, tenant, id).run().await;
        }
        let Some(job) = self.start(context, &tenant).await? else {
            return Ok(Exit::Done);
        };
        let id = text(&job, "id");
        if self.detach {
            return context.done(
                &format!("The job {id} runs. Watch it: postel redrive --attach {id}"),
                &job,
            );
        }
        Watcher::new(context, tenant, id).run().await
    }

    /// Counts, asks and starts the job; nothing if there is nothing to do.
    async fn start(
        &self,
        context: &Context,
        tenant: &str,
    ) -> Result<Option<Value>, crate::failure::Failure> {
        let estimate = self
            .filter
            .body(operations::REDRIVE_ESTIMATE.call().at("tenantId", tenant))
            .repeatable();
        let estimate = context.client.json(&estimate).await?;
        let count = estimate.member("count").as_u64().unwrap_or(0);
        let more = if estimate.member("complete") == false {
            "more than "
        } else {
            ""
        };
        if self.dry_run || count == 0 {
            context
                .out
                .done(&format!("{more}{count} dead letters match."), &estimate)?;
            return Ok(None);
        }
        let rate = u64::from(self.rate.unwrap_or(50).max(1));
        let length = when::spoken(std::time::Duration::from_secs(count.div_ceil(rate)));
        context.confirm(&format!(
            "Redrive {more}{count} dead letters of {tenant} at {rate} a second (about {length})?"
        ))?;
        let call = self
            .filter
            .body(operations::REDRIVE_CREATE.call().at("tenantId", tenant));
        let call = call
            .field("ratePerSecond", self.rate)
            .once(idempotency_key()?);
        let job = context.client.json(&call).await?;
        if !context.out.json {
            note(&format!("Job {} has started.", text(&job, "id")));
        }
        Ok(Some(job))
    }
}

/// How a job has ended, in a sentence.
fn spoken(job: &Value) -> String {
    let count = |member: &str| job[member].as_u64().unwrap_or(0);
    let skipped = match count("skipped") {
        0 => String::new(),
        skipped => format!(", {skipped} skipped (somebody else redrove or deleted them)"),
    };
    format!(
        "Job {} is {}: {} of {} redriven, {} failed{skipped}.",
        text(job, "id"),
        text(job, "status"),
        count("done"),
        count("total"),
        count("failed")
    )
}

fn left_running(id: &str) -> Value {
    json!({"id": id, "status": "running", "attach": format!("postel redrive --attach {id}"), "stop": format!("postel redrive --stop {id}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_job_is_told_with_its_counts() {
        let job = json!({"id": "r1", "status": "completed", "total": 5, "done": 3, "failed": 1, "skipped": 1});
        let told = "Job r1 is completed: 3 of 5 redriven, 1 failed, 1 skipped (somebody else redrove or deleted them).";
        assert_eq!(spoken(&job), told);
    }
}
