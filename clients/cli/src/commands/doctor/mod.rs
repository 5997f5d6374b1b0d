//! `postel doctor`: looks at a deployment, and says what works, what does not, and what to do.

mod account;
mod api;
mod deep;
mod findings;
mod functions;
mod keys;
mod queues;
mod report;
mod schedules;
mod site;
mod tables;
mod watch;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;
use serde_json::json;
use tokio::task::JoinHandle;

use self::findings::Findings;
use self::report::Report;
use self::site::{Caller, Place, Site};
use crate::aws::{Stack, operator_key};
use crate::context::Options;
use crate::failure::{Done, Exit, Failure};
use crate::output::Output;
use crate::when;

/// Check a deployment: stack, functions, queues, schedules, tables, key, mails, logs and API.
///
/// Without --stack it looks at the local stack that is up. On AWS it calls the AWS CLI (`aws`) with
/// your credentials, and changes nothing. What your role may not see is reported as NOT SEEN. Exit
/// code 1 if a check failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// The CloudFormation stack on AWS
    #[arg(long)]
    stack: Option<String>,
    /// The stack's region; without it, that of your AWS profile
    #[arg(long)]
    region: Option<String>,
    /// Also publish, deliver, retry and redrive with a temporary tenant, which is deleted again
    #[arg(long)]
    deep: bool,
    /// How long --deep waits for the retry by a schedule, which takes 17 minutes by default
    #[arg(long, default_value = "25m", value_parser = when::length, requires = "deep")]
    wait: Duration,
    /// Only these checks, after those of the stack itself
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = PossibleValuesParser::new(CHECKS))]
    only: Vec<String>,
}

/// What can be looked at by itself.
const CHECKS: [&str; 20] = [
    "api",
    "version",
    "clock",
    "api-key",
    "region",
    "parameters",
    "concurrency",
    "schedule-group",
    "sweep-schedule",
    "key",
    "mail",
    "functions",
    "mappings",
    "queues",
    "dlqs",
    "backlog",
    "sweeper",
    "tables",
    "alarms",
    "logs",
];

/// A check that runs beside others.
type Running = JoinHandle<(Findings, Duration)>;

impl Doctor {
    pub(super) async fn run(self, options: &Options) -> Done {
        let place = Place::find(self.stack.as_deref(), self.region.as_deref(), options)?;
        let mut report = Report::new(Output::new(options.json));
        report.line(&format!("{}\n", place.spoken()))?;
        let site = open(&place, &mut report).await?.map(Arc::new);
        let mut was_interrupted = false;
        if let Some(site) = &site {
            self.ask(site, &mut report).await?;
            match self.deep {
                false => self.look(site, &mut report).await?,
                true => {
                    let look = async |report: &mut Report| self.look(site, report).await;
                    was_interrupted = deep::run(site, &mut report, self.wait, look).await?;
                }
            }
        }
        let about = json!({
            "stack": place.name,
            "local": place.aws.is_local(),
            "region": site.as_ref().map(|site| site.region.clone()),
            "account": site.as_ref().and_then(|site| site.caller.as_ref()).map(|caller| caller.account.clone()),
            "cli": env!("CARGO_PKG_VERSION"),
            "at": when::now().rfc3339(),
            "deep": self.deep,
        });
        report.finish(about)?;
        Ok(match () {
            () if was_interrupted => Exit::Interrupted,
            () if report.has_failed() => Exit::Refused,
            () => Exit::Done,
        })
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// The API alone: other checks are processes on this machine, and would lengthen its time.
    async fn ask(&self, site: &Site, report: &mut Report) -> Result<(), Failure> {
        report.doing("asking the API");
        let began = Instant::now();
        for (name, findings) in api::all(site).await {
            if self.wants(name) {
                report.add(name, findings, began.elapsed())?;
            }
        }
        Ok(())
    }

    /// Everything that can be looked at side by side, reported in a fixed order.
    async fn look(&self, site: &Arc<Site>, report: &mut Report) -> Result<(), Failure> {
        /// Each check runs as a task of its own: they wait for AWS together.
        macro_rules! begin {
        ($($name:literal $check:path),* $(,)?) => {
            [$(($name, self.wants($name).then(|| {
                let site = Arc::clone(site);
                tokio::spawn(async move { timed($check(&site)).await })
            }))),*]
        };
    }
        if site.stack.outputs.is_empty() {
            return Ok(());
        }
        if self.wants("region") {
            report.add("region", account::region(site), Duration::ZERO)?;
        }
        if self.wants("parameters") {
            report.add("parameters", account::parameters(site), Duration::ZERO)?;
        }
        let mut running = Vec::from(begin![
            "concurrency" functions::concurrency,
            "schedule-group" schedules::group,
            "sweep-schedule" schedules::sweep,
            "key" keys::key,
            "mail" keys::mail,
        ]);
        if !site.stack.resources.is_empty() {
            running.extend(begin![
                "functions" functions::functions,
                "mappings" functions::mappings,
                "queues" queues::settings,
                "dlqs" queues::dlqs,
                "backlog" queues::backlog,
                "sweeper" schedules::sweeper,
                "tables" tables::tables,
                "alarms" watch::alarms,
                "logs" watch::logs,
            ]);
        }
        finish(running, report).await
    }
}

/// Runs one check and says how long it took.
async fn timed(check: impl Future<Output = Findings>) -> (Findings, Duration) {
    let began = Instant::now();
    (check.await, began.elapsed())
}

/// The AWS CLI, the caller, the stack and its secret: what everything else needs. Nothing if the
/// stack cannot be read and no API is known.
async fn open(place: &Place, report: &mut Report) -> Result<Option<Site>, Failure> {
    report.doing("asking AWS");
    let began = Instant::now();
    let (version, caller, described) = tokio::join!(
        place.aws.version(),
        Caller::find(&place.aws),
        Stack::describe(&place.aws, &place.name)
    );
    let mut findings = Findings::default();
    match &version {
        Ok(version) => findings.fine(format!("{version}.")),
        Err(error) => findings.fail(error.sentence(), error.advice()),
    }
    report.add("aws", findings, began.elapsed())?;
    let mut site = Site {
        aws: place.aws.clone(),
        stack: Stack::default(),
        region: String::new(),
        caller: None,
        api: None,
    };
    let mut secret = None;
    if version.is_ok() {
        report.add("caller", account::caller(&caller), began.elapsed())?;
        site.caller = caller.ok();
        let account = site.caller.as_ref().map_or("", |caller| &caller.account);
        report.add(
            "stack",
            account::stack(&place.name, &described, account),
            began.elapsed(),
        )?;
        if let Ok(stack) = described {
            site.stack = stack;
            let arn = site.stack.outputs.get("EventsQueueArn");
            site.region = arn
                .and_then(|arn| site::region_of(arn))
                .unwrap_or_default()
                .to_owned();
            secret = resources(&mut site, report).await?;
        }
    }
    let is_known = !site.stack.outputs.is_empty() || place.local.is_some();
    site.api = place.api(&site.stack, secret)?;
    Ok(is_known.then_some(site))
}

/// The stack's resources, and the operator's key.
async fn resources(site: &mut Site, report: &mut Report) -> Result<Option<String>, Failure> {
    let began = Instant::now();
    let (aws, mut stack) = (site.aws.clone(), site.stack.clone());
    let arn = stack
        .outputs
        .get("OperatorSecretArn")
        .cloned()
        .unwrap_or_default();
    let (listed, key) = tokio::join!(stack.list(&aws), operator_key(&aws, &arn));
    site.stack = stack;
    let mut findings = Findings::default();
    if findings.take("The stack", listed).is_some() {
        findings.fine(format!("{} resources.", site.stack.resources.len()));
    }
    report.add("resources", findings, began.elapsed())?;
    let mut findings = Findings::default();
    let key = findings.take("The secret with the operator's key", key);
    match &key {
        Some(key) if key.len() < 32 => findings.fail(
            "The operator's key has less than 32 characters: the authorizer refuses it.",
            "Store a random value of 32 characters or more in the secret (docs/deploying.md).",
        ),
        Some(_) => findings.fine("The operator's key can be read."),
        None => {}
    }
    report.add("secret", findings, began.elapsed())?;
    Ok(key)
}

/// Reports checks in their order, as they end.
async fn finish(
    running: Vec<(&'static str, Option<Running>)>,
    report: &mut Report,
) -> Result<(), Failure> {
    for (name, task) in running {
        let Some(task) = task else { continue };
        report.doing(format!("looking at {name}"));
        let (findings, took) = task.await.unwrap_or_else(|error| {
            let text = format!("The check broke off: {error}.");
            (
                Findings::not_seen(text, "This is a bug of this program: report it."),
                Duration::ZERO,
            )
        });
        report.add(name, findings, took)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_describes_every_check() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
        let page = std::fs::read_to_string(page).unwrap();
        for name in CHECKS {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
