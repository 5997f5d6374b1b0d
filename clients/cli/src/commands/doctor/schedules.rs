//! The schedules: of late retries, and of the sweeper.

use std::time::Duration;

use domain::time::Time;

use super::findings::Findings;
use super::site::Site;
use crate::aws::{LOG_LINES, SCHEDULE, SCHEDULE_GROUP};
use crate::member::Member as _;
use crate::output::text;
use crate::when;

/// How many of the sweeper's turns may be missing before it counts as stopped.
const TURNS: u32 = 3;
/// CloudWatch Logs shows a line some seconds after it was written, and the Scheduler fires within a
/// minute.
const LATE: Duration = Duration::from_secs(90);

/// The group of the one-time schedules exists.
pub(super) async fn group(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let Some(name) = site.stack.outputs.get("RetryScheduleGroupName") else {
        findings.fail(
            "The stack has no output RetryScheduleGroupName.",
            "Is it a stack of Postel?",
        );
        return findings;
    };
    let answer = site.aws.call(&SCHEDULE_GROUP, &["--name", name]).await;
    if let Some(group) = findings.take(
        &format!("The schedule group {name}, which late retries need,"),
        answer,
    ) {
        match text(&group, "State").as_str() {
            "ACTIVE" => findings.fine(format!("The schedule group {name} is active.")),
            state => findings.fail(
                format!("The schedule group {name} is {state}: late retries cannot be scheduled; the sweeper sends them late."),
                super::findings::REDEPLOY,
            ),
        }
    }
    findings
}

/// The sweeper's schedule is on.
pub(super) async fn sweep(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let name = format!("{}-sweep", site.stack.name);
    let answer = site
        .aws
        .call(&SCHEDULE, &["--group-name", &name, "--name", &name])
        .await;
    if let Some(schedule) = findings.take(&format!("The sweeper's schedule {name}"), answer) {
        let rate = text(&schedule, "ScheduleExpression");
        match text(&schedule, "State").as_str() {
            "ENABLED" => findings.fine(format!("The sweeper's schedule is enabled, {rate}.")),
            state => findings.fail(
                format!("The sweeper's schedule {name} is {state}: a retry whose message is lost is never found."),
                format!("Enable it in EventBridge Scheduler (group {name}), or deploy again after a change of SweepRate."),
            ),
        }
    }
    findings
}

/// The sweeper has run lately: it writes a line at the end of each turn.
pub(super) async fn sweeper(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let Some(group) = site.id("SweeperLogGroup") else {
        findings.fail(
            "The stack has no SweeperLogGroup.",
            super::findings::REDEPLOY,
        );
        return findings;
    };
    let every = rate(site.stack.parameter("SweepRate")).unwrap_or(Duration::from_secs(300));
    let (now, back) = (when::now(), every * TURNS + LATE);
    let start = now.minus(back).millis().to_string();
    let answer = site
        .aws
        .call(
            &LOG_LINES,
            &[
                "--log-group-name",
                group,
                "--start-time",
                &start,
                "--filter-pattern",
                "\"sweep.completed\"",
                "--max-items",
                "1000",
            ],
        )
        .await;
    let Some(answer) = findings.take(&format!("The log group {group}"), answer) else {
        return findings;
    };
    let lines = answer.member("events").as_array();
    let newest = lines
        .into_iter()
        .flatten()
        .filter_map(|line| line.member("timestamp").as_i64())
        .max();
    match newest {
        Some(at) => findings.fine(format!(
            "The sweeper ended a turn {} ago.",
            when::spoken(now.since(Time::from_millis(at)))
        )),
        None if is_younger(&site.stack.created, back) => findings.warn(
            "The sweeper has not ended a turn yet: the stack is young.",
            "Repeat the check in some minutes.",
        ),
        None => findings.fail(
            format!(
                "The sweeper has not ended a turn for {}.",
                when::spoken(back)
            ),
            format!("See `sweep-schedule` and `functions` here, and the log {group}."),
        ),
    }
    findings
}

fn is_younger(created: &str, than: Duration) -> bool {
    Time::parse_rfc3339(created).is_some_and(|created| when::now().since(created) < than)
}

/// `rate(5 minutes)`.
fn rate(text: &str) -> Option<Duration> {
    let inner = text.strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = inner.split_once(' ')?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        _ => return None,
    };
    Some(Duration::from_secs(
        count.parse::<u64>().ok()?.checked_mul(seconds)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_the_template_is_read() {
        for (text, seconds) in [
            ("rate(1 minute)", Some(60)),
            ("rate(5 minutes)", Some(300)),
            ("rate(2 hours)", Some(7200)),
            ("cron(x)", None),
            ("", None),
        ] {
            assert_eq!(rate(text).map(|rate| rate.as_secs()), seconds, "{text}");
        }
    }
}
