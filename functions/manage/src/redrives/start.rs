//! Counts dead letters and starts a job over them, once for each idempotency key.

use std::time::Duration;

use adapters::clock::{SystemClock, now};
use adapters::dead_letters::{Count, JobName, JobNameClaim, JobStart};
use adapters::telemetry;
use api::caller::json;
use api::creation::{Creation, replayed};
use axum::http::StatusCode;
use axum::response::Response;
use domain::idempotency::{CreationKind, CreationName};
use domain::ports::{Clock as _, Fault, RedriveJob, RedriveJobQueue as _};
use domain::redrive::{ValidRedrive, too_many_jobs};
use domain::tenant::Tenant;
use domain::ulid::Ulid;

use super::{DryRun, RedriveResponse};
use crate::{AppState, HandlerResult};

/// How long dead letters are counted before the answer, a megabyte of them a request. The gateway
/// waits for 29 s.
const COUNTED_FOR: Duration = Duration::from_secs(10);

/// Under what a request starts a job once.
pub(super) struct JobRequest {
    name: String,
    /// The request's fingerprint.
    content: String,
}

impl AppState {
    /// None where the request has no key. `webhook` is the one that its path names.
    pub(super) fn repeatable<T>(
        &self,
        tenant: &Tenant,
        webhook: &str,
        creation: &Creation<T>,
    ) -> Option<JobRequest> {
        let entropy = creation.key.as_ref()?;
        let entropy = entropy.entropy(&tenant.id, CreationKind::Redrive);
        let content = format!("{webhook} {}", creation.content);
        Some(JobRequest {
            name: Ulid::of(entropy).to_string(),
            content: self.fingerprints.of_request(&content),
        })
    }

    async fn count_dead_letters(
        &self,
        tenant: &Tenant,
        redrive: &ValidRedrive,
    ) -> Result<Count, Fault> {
        self.dead_letters
            .count(&tenant.id, &redrive.filter, COUNTED_FOR)
            .await
    }

    pub(super) async fn estimate(&self, tenant: &Tenant, redrive: ValidRedrive) -> HandlerResult {
        let redrive = redrive.as_of(tenant, now());
        let count = self.count_dead_letters(tenant, &redrive).await?;
        let answer = DryRun {
            dry_run: true,
            count: count.number,
            complete: count.is_complete,
        };
        Ok(json(StatusCode::OK, answer))
    }

    pub(super) async fn start(
        &self,
        tenant: &Tenant,
        redrive: ValidRedrive,
        repeatable: Option<JobRequest>,
    ) -> HandlerResult {
        let now = now();
        let mut id = SystemClock.new_ulid();
        if let Some(JobRequest { name, content }) = &repeatable {
            let of = JobName { name, content };
            match self
                .dead_letters
                .claim_job_name(tenant, of, id, now)
                .await?
            {
                JobNameClaim::Acquired(acquired) => id = acquired,
                JobNameClaim::Started(job) => return Ok(replayed(accepted(&job))),
                JobNameClaim::Taken(kept) => CreationName::Key.check(Some(&kept), content)?,
            }
        }
        let redrive = redrive.as_of(tenant, now);
        let count = self.count_dead_letters(tenant, &redrive).await?;
        let job = redrive.job(id, tenant, count.number, now);
        match self.dead_letters.start_job(&job).await? {
            JobStart::Started => {}
            JobStart::StartedBefore(job) => return Ok(replayed(accepted(&job))),
            JobStart::TooMany => return Err(too_many_jobs().into()),
        }
        if let Err(fault) = self
            .jobs
            .enqueue_continuation(&job.message(), Duration::ZERO)
            .await
        {
            // The job is kept, and the sweeper calls for it.
            let fields =
                serde_json::json!({"tenant_id": job.tenant.as_str(), "job_id": job.id.to_string()});
            telemetry::fault("redrive.message_failed", &fault, &fields);
        }
        Ok(accepted(&job))
    }
}

fn accepted(job: &RedriveJob) -> Response {
    json(StatusCode::ACCEPTED, RedriveResponse::new(job))
}
