//! Redrives of many: jobs over a tenant's dead letters.

use adapters::clock::{SystemMoment, now};
use adapters::http::caller::{Body, Caller, json};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::dead_letter::Reason;
use domain::event_type::EventType;
use domain::ids::WebhookId;
use domain::ports::{DeadLetterFilter, Job, JobErrand, JobStatus, Moment as _};
use domain::rejection::{Code, Rejection};
use domain::time::Time;
use domain::ulid::Ulid;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lists::compact;
use crate::{Answer, App};

/// Dead letters put back a second, unless the caller says otherwise, and at most.
const USUAL_RATE: u32 = 50;
const LARGEST_RATE: u32 = 500;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Create {
    webhook_id: Option<WebhookId>,
    r#type: Option<EventType>,
    reason: Option<Reason>,
    since: Option<String>,
    until: Option<String>,
    rate_per_second: Option<u32>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryFailed {
    since: String,
    until: Option<String>,
}

fn show(job: &Job) -> Value {
    compact(json!({
        "id": job.id.to_string(),
        "status": job.status,
        "total": job.total,
        "done": job.done,
        "failed": job.failed,
        "ratePerSecond": job.rate,
        "webhookId": job.filter.webhook,
        "type": job.filter.event_type,
        "reason": job.filter.reason,
        "since": job.filter.since.map(Time::rfc3339),
        "until": job.filter.until.map(Time::rfc3339),
        "createdAt": job.id.time().rfc3339(),
    }))
}

fn time(text: Option<&String>, field: &'static str) -> Result<Option<Time>, Rejection> {
    let wrong = || {
        Rejection::new(
            Code::InvalidTimestamp,
            "A time is RFC 3339, as in 2026-01-31T12:00:00Z.",
        )
        .field(field)
    };
    text.map(|text| Time::parse_rfc3339(text).ok_or_else(wrong))
        .transpose()
}

pub(crate) async fn create(caller: Caller, State(app): App, Body(body): Body<Create>) -> Answer {
    app.admit(&caller, Scope::DeliveriesRetry).await?;
    let filter = DeadLetterFilter {
        webhook: body.webhook_id,
        event_type: body.r#type,
        reason: body.reason,
        since: time(body.since.as_ref(), "since")?,
        until: time(body.until.as_ref(), "until")?,
    };
    let rate = body.rate_per_second.unwrap_or(USUAL_RATE);
    if !(1..=LARGEST_RATE).contains(&rate) {
        let detail = format!("ratePerSecond is a number from 1 to {LARGEST_RATE}.");
        return Err(Rejection::new(Code::InvalidLimit, detail)
            .field("ratePerSecond")
            .into());
    }
    start(&caller, &app, filter, rate, body.dry_run).await
}

/// The failures of one webhook.
pub(crate) async fn retry_failed(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    Body(body): Body<RetryFailed>,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRetry).await?;
    let id: WebhookId = id.parse().map_err(|_| Rejection::not_found())?;
    let webhook = app
        .config
        .webhook(&caller.tenant, &id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    let filter = DeadLetterFilter {
        webhook: Some(webhook.id),
        since: time(Some(&body.since), "since")?,
        until: time(body.until.as_ref(), "until")?,
        ..DeadLetterFilter::default()
    };
    start(&caller, &app, filter, USUAL_RATE, false).await
}

async fn start(
    caller: &Caller,
    app: &crate::Function,
    mut filter: DeadLetterFilter,
    rate: u32,
    dry_run: bool,
) -> Answer {
    // What dies again while the job runs is not put back again.
    let now = now();
    filter.until = Some(filter.until.map_or(now, |until| until.min(now)));
    let total = app.dead_letters.count(&caller.tenant, &filter).await?;
    if dry_run {
        return Ok(json(
            StatusCode::OK,
            json!({"dryRun": true, "count": total}),
        ));
    }
    let job = Job {
        id: SystemMoment.ulid(),
        tenant: caller.tenant.clone(),
        filter,
        rate,
        status: JobStatus::Running,
        total,
        done: 0,
        failed: 0,
        cursor: None,
    };
    app.dead_letters.put_job(&job).await?;
    app.jobs
        .call(&JobErrand {
            tenant_id: job.tenant.clone(),
            job_id: job.id,
        })
        .await?;
    Ok(json(StatusCode::ACCEPTED, show(&job)))
}

pub(crate) async fn get(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    let id: Ulid = id.parse().map_err(|()| Rejection::not_found())?;
    let job = app
        .dead_letters
        .job(&caller.tenant, id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    Ok(json(StatusCode::OK, show(&job)))
}

/// Stops a job; what it has put back stays put back. A job that is over already stays as it is.
pub(crate) async fn cancel(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRetry).await?;
    let id: Ulid = id.parse().map_err(|()| Rejection::not_found())?;
    app.dead_letters
        .job(&caller.tenant, id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    app.dead_letters.cancel_job(&caller.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
