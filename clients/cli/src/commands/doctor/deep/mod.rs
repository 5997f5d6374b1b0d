//! `--deep`: events through the whole deployment, with a tenant that is deleted again.
//!
//! Receivers are inboxes in Postel itself, so nothing else has to run and nothing leaves the
//! deployment. The tenant is deleted also after a failure and after Ctrl-C.
//!
//! The steps wait most of their time, so they run side by side, and beside the checks that only
//! look: all of it takes as long as the retry by a schedule.

mod hostile;
mod order;
mod steps;
mod waits;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use domain::time::Time;
use serde_json::{Value, json};

use self::order::Steps;
use super::findings::{Findings, Verdict};
use super::report::Report;
use super::site::Site;
use crate::api::{Call, Client, operations};
use crate::aws::{Aws, SCHEDULE_DELETE, SCHEDULES};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::member::Member as _;
use crate::output::text;
use crate::when;

/// How far the contract `standard` varies a delay, in tenths.
const JITTER: f64 = 0.1;

pub(super) struct Deep<'a> {
    site: &'a Site,
    /// With processes of its own: a schedule that is looked for late has fired already.
    aws: Aws,
    client: &'a Client,
    /// The temporary tenant.
    tenant: String,
    /// What the ids of this run end with.
    run: String,
    /// How long the schedule's retry is waited for.
    patience: Duration,
    /// Set by `prepare`.
    hooks: OnceLock<Hooks>,
    /// Set when the retry is due.
    scheduled: OnceLock<Scheduled>,
}

/// A delivery whose retry a schedule carries.
struct Scheduled {
    event: String,
    delivery: String,
    due: Option<Time>,
}

/// The webhooks, each with an inbox.
#[derive(Default)]
struct Hooks {
    plain: Hook,
    delay: Hook,
    schedule: Hook,
    dead: Hook,
}

#[derive(Default)]
struct Hook {
    id: String,
    secret: String,
}

/// Runs all steps beside `look`, and reports them after it; true if a person interrupted them.
pub(super) async fn run(
    site: &Site,
    report: &mut Report,
    patience: Duration,
    look: impl AsyncFnOnce(&mut Report) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let Some(client) = site
        .api
        .as_ref()
        .filter(|client| client.target.key.is_some())
    else {
        look(report).await?;
        let advice = "See `api`, `stack` and `secret` here.";
        let mut findings = Findings::default();
        findings.fail(
            "The deep checks need the API and the operator's key.",
            advice,
        );
        report.add("deep", findings, Duration::ZERO)?;
        return Ok(false);
    };
    let run = input::random()?;
    let deep = Deep {
        site,
        aws: site.aws.apart(),
        client,
        tenant: format!("postel-doctor-{run}"),
        run,
        patience,
        hooks: OnceLock::new(),
        scheduled: OnceLock::new(),
    };
    let ended = tokio::select! {
        ended = deep.beside(report, look) => ended.map(|()| false),
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
    /// The steps beside `look`, until both have ended and are reported.
    async fn beside(
        &self,
        report: &mut Report,
        look: impl AsyncFnOnce(&mut Report) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (steps, heard) = order::steps();
        let doing = async {
            self.steps(steps).await;
            Ok(())
        };
        let reporting = async {
            look(report).await?;
            report.line("")?;
            heard.report(report, |step| self.waits(step)).await
        };
        tokio::try_join!(doing, reporting).map(|_| ())
    }

    /// Each step and its time. A step whose ground is missing is left out.
    async fn steps(&self, steps: Steps) {
        if steps.run("deep.tenant", self.tenant()).await == Verdict::Fail {
            return;
        }
        // The schedule takes longest: its event is published at once.
        let (arrived, schedule) = tokio::join!(
            steps.run("deep.http", self.over_http()),
            self.begin_schedule()
        );
        if arrived == Verdict::Fail {
            let text = "The other deep checks are left out: nothing is delivered.";
            let rest = Findings::not_seen(text, "Mend `deep.http` first.");
            steps.run("deep.rest", std::future::ready(rest)).await;
            return;
        }
        let dead = async {
            steps.run("deep.dead-letter", self.dead_letter()).await;
            steps.run("deep.redrive", self.redrive()).await
        };
        tokio::join!(
            steps.run("deep.schedule", self.end_schedule(schedule)),
            steps.run("deep.delay", self.delay()),
            dead,
            steps.run("deep.sqs", self.over_sqs()),
            steps.run("deep.urls", self.hostile()),
        );
    }

    /// What a step waits for, if more is known of it than its name.
    fn waits(&self, step: &str) -> Option<String> {
        let due = self.scheduled.get().and_then(|scheduled| scheduled.due);
        let due = due.filter(|_| step == "deep.schedule")?;
        let left = when::spoken(due.since(when::now()));
        Some(format!(
            "waiting for the schedule of {}, in {left}",
            due.rfc3339()
        ))
    }

    async fn tenant(&self) -> Findings {
        match self.prepare().await {
            Ok(()) => Findings::ok(format!("{} with four inboxes is made.", self.tenant)),
            Err(failure) => {
                let mut findings = Findings::default();
                findings.failure("The temporary tenant cannot be made", &failure);
                findings
            }
        }
    }

    /// The tenant, its webhooks and what their inboxes answer.
    async fn prepare(&self) -> Result<(), Failure> {
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
        let hooks = Hooks {
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
        // It runs once.
        let _ = self.hooks.set(hooks);
        Ok(())
    }

    fn hooks(&self) -> &Hooks {
        self.hooks.get_or_init(Hooks::default)
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
        let call = self.one(&operations::TENANT_DELETE).repeatable();
        match tokio::join!(self.client.send(&call), self.remove_schedule()).0 {
            Err(failure) if failure.exit == Exit::NotFound => {}
            Err(failure) => return self.left(&failure.detail),
            Ok(_) => {}
        }
        match self.client.json(&self.one(&operations::TENANT)).await {
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
        let (Some(scheduled), Some(group)) = (self.scheduled.get(), self.group()) else {
            return;
        };
        let listed = self
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
