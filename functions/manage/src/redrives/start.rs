//! Counts dead letters and starts a job over them, once for each idempotency key.

use std::time::Duration;

use adapters::clock::{SystemClock, now};
use adapters::dead_letters::{Count, JobName, JobNameClaim, JobStart};
use adapters::telemetry;
use api::caller::{TenantCaller, json};
use api::creation::{Creation, replayed};
use api::problem::Problem;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use domain::api_key::Scope;
use domain::idempotency::{CreationKind, CreationName};
use domain::ids::RedriveId;
use domain::ports::{Clock as _, Fault, RedriveJob, RedriveJobQueue as _, RedriveJobStore as _};
use domain::redrive::{ValidRedrive, too_many_jobs};
use domain::rejection::Rejection;
use domain::tenant::Tenant;
use domain::ulid::Ulid;

use super::wire::{EstimateResponse, RedriveResponse};
use crate::{AppState, HandlerResult};

/// How long dead letters are counted before the answer, a megabyte of them a request. The gateway
/// waits for 29 s.
const COUNTED_FOR: Duration = Duration::from_secs(10);

/// A job's first step takes about this long.
const ASK_AFTER_SECONDS: u32 = 2;

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
        let name = Ulid::of(entropy).to_string();
        let content = self.fingerprints.of_request(&tenant.id, &name, &content);
        Some(JobRequest { name, content })
    }

    /// Cancels a job of the caller's tenant, if it runs.
    pub(super) async fn cancel_redrive(
        &self,
        caller: &TenantCaller,
        id: &str,
    ) -> Result<Ulid, Problem> {
        let authority = self.authorize(caller, Scope::DeliveriesRetry).await?;
        let RedriveId(id) = id.parse().map_err(|_| Rejection::not_found())?;
        authority.may_see(id)?;
        match self.dead_letters.job(&caller.tenant, id).await {
            Ok(None) => return Err(Rejection::not_found().into()),
            // One that cannot be read gives its slot back all the same.
            Err(fault) if !fault.is_corrupt() => return Err(fault.into()),
            Ok(Some(_)) | Err(_) => {}
        }
        let by = caller.principal.author();
        self.dead_letters
            .cancel_job(&caller.tenant, id, &by)
            .await?;
        Ok(id)
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

    /// `dry_run` is part of the answer, where it was part of the request.
    pub(super) async fn estimate(
        &self,
        tenant: &Tenant,
        redrive: ValidRedrive,
        dry_run: Option<bool>,
    ) -> HandlerResult {
        let redrive = redrive.as_of(tenant, now());
        let count = self.count_dead_letters(tenant, &redrive).await?;
        let answer = EstimateResponse {
            dry_run,
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

/// Where the job is, and when it is worth asking for.
fn accepted(job: &RedriveJob) -> Response {
    let path = format!("/v1/tenants/{}/redrives/{}", job.tenant, RedriveId(job.id));
    let headers = [
        (LOCATION, path),
        (RETRY_AFTER, ASK_AFTER_SECONDS.to_string()),
    ];
    (
        headers,
        json(StatusCode::ACCEPTED, RedriveResponse::new(job)),
    )
        .into_response()
}
