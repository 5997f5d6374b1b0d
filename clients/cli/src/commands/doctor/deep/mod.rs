//! `--deep`: events through the whole deployment, with a tenant that is deleted again.
//!
//! Receivers are inboxes in Postel itself, so nothing else has to run and nothing leaves the
//! deployment. The tenant is deleted also after a failure and after Ctrl-C.

mod hostile;
mod steps;
mod waits;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::findings::{Findings, Verdict};
use super::report::Report;
use super::site::Site;
use crate::api::{Call, Client, operations};
use crate::aws::{SCHEDULE_DELETE, SCHEDULES};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::member::Member as _;
use crate::output::text;

/// How long anything may take that should take a second.
const SOON: Duration = Duration::from_secs(60);
/// How far the contract `standard` varies a delay, in tenths.
const JITTER: f64 = 0.1;

pub(super) struct Deep<'a> {
    site: &'a Site,
    client: &'a Client,
    /// The temporary tenant.
    tenant: String,
    /// What the ids of this run end with.
    run: String,
    /// How long the schedule's retry is waited for.
    patience: Duration,
    hooks: Hooks,
    /// The delivery whose retry a schedule carries.
    scheduled: Option<Scheduled>,
}

/// A delivery whose retry a schedule carries.
struct Scheduled {
    event: String,
    delivery: String,
}

/// The webhooks, each with an inbox.
#[derive(Default)]
struct Hooks {
    plain: Hook,
    delay: Hook,
    schedule: Hook,
    dead: Hook,
}

#[derive(Clone, Default)]
struct Hook {
    id: String,
    secret: String,
}

/// Runs all steps; true if a person interrupted them.
pub(super) async fn run(
    site: &Site,
    report: &mut Report,
    patience: Duration,
) -> Result<bool, Failure> {
    let Some(client) = site
        .api
        .as_ref()
        .filter(|client| client.target.key.is_some())
    else {
        let advice = "See `api`, `stack` and `secret` here.";
        let mut findings = Findings::default();
        findings.fail(
            "The deep checks need the API and the operator's key.",
            advice,
        );
        report.add("deep", findings, Duration::ZERO)?;
        return Ok(false);
    };
    report.line("")?;
    let run = input::random()?;
    let mut deep = Deep {
        site,
        client,
        tenant: format!("postel-doctor-{run}"),
        run,
        patience,
        hooks: Hooks::default(),
        scheduled: None,
    };
    let ended = tokio::select! {
        ended = deep.steps(report) => ended.map(|()| false),
        _ = tokio::signal::ctrl_c() => Ok(true),
    };
    if matches!(ended, Ok(true)) {
        report.line("Interrupted. Deleting what was made …")?;
    }
    report.doing("deleting the temporary tenant; Ctrl-C again leaves it");
    let began = Instant::now();
    let removed = tokio::select! {
        removed = deep.remove() => removed,
        _ = tokio::signal::ctrl_c() => deep.left("Interrupted again."),
    };
    report.add("deep.removal", removed, began.elapsed())?;
    ended
}

impl Deep<'_> {
    /// Each step and its time. A step whose ground is missing is left out.
    async fn steps(&mut self, report: &mut Report) -> Result<(), Failure> {
        /// Runs a step beside the spinner, and reports it.
        macro_rules! step {
            ($name:literal, $doing:literal, $step:expr) => {{
                report.doing($doing);
                let began = Instant::now();
                let findings: Findings = $step.await;
                report.add($name, findings, began.elapsed())?;
            }};
        }
        report.doing("making a temporary tenant");
        let began = Instant::now();
        let (findings, is_made) = match self.prepare().await {
            Ok(()) => {
                let text = format!("{} with four inboxes is made.", self.tenant);
                (Findings::ok(text), true)
            }
            Err(failure) => {
                let mut findings = Findings::default();
                findings.failure("The temporary tenant cannot be made", &failure);
                (findings, false)
            }
        };
        report.add("deep.tenant", findings, began.elapsed())?;
        if !is_made {
            return Ok(());
        }
        report.doing("publishing over HTTP");
        let began = Instant::now();
        let findings = self.over_http().await;
        let is_alive = findings.verdict() != Verdict::Fail;
        report.add("deep.http", findings, began.elapsed())?;
        if !is_alive {
            let text = "The other deep checks are left out: nothing is delivered.";
            let findings = Findings::not_seen(text, "Mend `deep.http` first.");
            return report.add("deep.rest", findings, Duration::ZERO);
        }
        // It takes longest: the other steps run meanwhile.
        report.doing("publishing an event that a schedule will retry");
        let schedule = self.begin_schedule().await;
        step!("deep.sqs", "publishing over SQS", self.over_sqs());
        step!("deep.delay", "waiting for a retry by SQS", self.delay());
        step!(
            "deep.dead-letter",
            "waiting for a dead letter",
            self.dead_letter()
        );
        step!("deep.redrive", "redriving it", self.redrive());
        step!("deep.urls", "trying hostile URLs", self.hostile());
        step!(
            "deep.schedule",
            "waiting for a retry by a schedule",
            self.end_schedule(schedule, report)
        );
        Ok(())
    }

    /// The tenant, its webhooks and what their inboxes answer.
    async fn prepare(&mut self) -> Result<(), Failure> {
        // On AWS, SQS gives the caller's id as the sender's, and the tenant must name it.
        let publishers: Vec<String> = match &self.site.caller {
            Some(caller) if !caller.id.is_empty() => vec![caller.id.clone()],
            _ => Vec::new(),
        };
        let call = operations::TENANT_UPSERT
            .call()
            .at("tenantId", &self.tenant)
            .field("name", Some("Temporary tenant of postel doctor"))
            .field("contract", Some("standard"))
            .field("publishers", Some(publishers))
            .repeatable();
        self.client.json(&call).await?;
        let failing = |times: u32| json!([{"status": 503, "times": times}, {"status": 200}]);
        let late = self.late();
        self.hooks = Hooks {
            plain: self
                .hook(&["doctor.http", "doctor.sqs"], None, None)
                .await?,
            delay: self
                .hook(&["doctor.delay"], Some(self.soon()), Some(failing(1)))
                .await?,
            schedule: self
                .hook(&["doctor.schedule"], Some(late), Some(failing(1)))
                .await?,
            dead: self
                .hook(&["doctor.dead"], Some(self.soon()), Some(failing(2)))
                .await?,
        };
        Ok(())
    }

    async fn hook(
        &self,
        events: &[&str],
        delay: Option<u64>,
        responses: Option<Value>,
    ) -> Result<Hook, Failure> {
        let overrides = delay.map(|delay| json!({"retryDelaysSeconds": [delay]}));
        let call = self.create_webhook("postel:inbox", events);
        let made = self
            .client
            .json(&call.field("overrides", overrides))
            .await?;
        let hook = Hook {
            id: text(&made, "id"),
            secret: text(&made, "secret"),
        };
        if let Some(responses) = responses {
            let call = operations::INBOX_RESPONSES
                .call()
                .at("tenantId", &self.tenant)
                .at("webhookId", &hook.id)
                .field("responses", Some(responses));
            self.client.json(&call.repeatable()).await?;
        }
        Ok(hook)
    }

    fn create_webhook(&self, url: &str, events: &[&str]) -> Call {
        operations::WEBHOOK_CREATE
            .call()
            .at("tenantId", &self.tenant)
            .field("url", Some(url))
            .field("events", Some(events.to_vec()))
    }

    /// Up to this many seconds, a retry waits in SQS.
    fn limit(&self) -> u64 {
        self.site
            .stack
            .number("QueueDelayLimitSeconds")
            .unwrap_or(900)
    }

    /// A delay that waits in SQS, also where the contract lengthens it.
    fn soon(&self) -> u64 {
        (self.limit() / 2).clamp(1, 3)
    }

    /// A delay that needs a schedule, also where the contract shortens it.
    fn late(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "900 at most"
        )]
        let least = ((self.limit() + 1) as f64 / (1.0 - JITTER)).ceil() as u64;
        least + 1
    }

    /// Deletes the tenant and a schedule that has not fired.
    async fn remove(&self) -> Findings {
        let mut findings = Findings::default();
        self.remove_schedule().await;
        let one = |operation: &'static operations::Operation| {
            operation.call().at("tenantId", &self.tenant)
        };
        match self
            .client
            .send(&one(&operations::TENANT_DELETE).repeatable())
            .await
        {
            Err(failure) if failure.exit == Exit::NotFound => {}
            Err(failure) => return self.left(&failure.detail),
            Ok(_) => {}
        }
        match self.client.json(&one(&operations::TENANT)).await {
            Err(failure) if failure.exit == Exit::NotFound => findings.fine(format!(
                "{} is deleted with its webhooks and inboxes. Its five events stay in the log for {} days.",
                self.tenant,
                self.site.stack.parameter("RetentionDays")
            )),
            _ => return self.left("It is still there."),
        }
        findings
    }

    /// The tenant could not be deleted.
    fn left(&self, why: &str) -> Findings {
        let mut findings = Findings::default();
        findings.fail(
            format!("The temporary tenant {} is not deleted: {why}", self.tenant),
            format!("postel tenants delete {}", self.tenant),
        );
        findings
    }

    /// A schedule that was not waited for. Left alone it ends by itself: its delivery's webhook is
    /// gone.
    async fn remove_schedule(&self) {
        let (Some(scheduled), Some(group)) = (&self.scheduled, self.group()) else {
            return;
        };
        let listed = self
            .site
            .aws
            .call(
                &SCHEDULES,
                &["--group-name", group, "--name-prefix", &scheduled.delivery],
            )
            .await;
        let all = listed.unwrap_or_default();
        for schedule in all.member("Schedules").as_array().into_iter().flatten() {
            let name = text(schedule, "Name");
            let _ = self
                .site
                .aws
                .call(&SCHEDULE_DELETE, &["--group-name", group, "--name", &name])
                .await;
        }
    }

    fn group(&self) -> Option<&str> {
        self.site
            .stack
            .outputs
            .get("RetryScheduleGroupName")
            .map(String::as_str)
    }
}
