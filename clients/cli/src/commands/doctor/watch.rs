//! What tells the operator of a fault: alarms and logs.

use super::findings::{Findings, Verdict};
use super::site::Site;
use crate::aws::{ALARMS, LOG_GROUPS};
use crate::member::Member as _;
use crate::output::text;

const ALARM_KIND: &str = "AWS::CloudWatch::Alarm";
const GROUP_KIND: &str = "AWS::Logs::LogGroup";
/// How many names one call takes (CloudWatch API, DescribeAlarms).
const MAX_NAMES: usize = 100;

/// There are alarms, and none of them rings.
pub(super) async fn alarms(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let names: Vec<&str> = site
        .stack
        .of_kind(ALARM_KIND)
        .map(|(_, name)| name)
        .collect();
    if names.is_empty() {
        let advice = "docs/operating.md, \"Alarms\", says which you need.";
        let verdict = if site.is_local() {
            Verdict::Ok
        } else {
            Verdict::Warn
        };
        let advice = if verdict == Verdict::Ok { "" } else { advice };
        findings.add(verdict, "The stack has no alarm.", advice);
        return findings;
    }
    let (mut ringing, mut silent, mut seen) = (Vec::new(), 0, 0);
    for some in names.chunks(MAX_NAMES) {
        let mut arguments = vec!["--alarm-names"];
        arguments.extend(some);
        let answer = site.aws.call(&ALARMS, &arguments).await;
        let Some(answer) = findings.take("An alarm", answer) else {
            return findings;
        };
        for alarm in answer
            .member("MetricAlarms")
            .as_array()
            .into_iter()
            .flatten()
        {
            seen += 1;
            if text(alarm, "StateValue") == "ALARM" {
                ringing.push((text(alarm, "AlarmName"), text(alarm, "AlarmDescription")));
            }
            let actions = alarm.member("AlarmActions").as_array();
            let is_silent =
                alarm.member("ActionsEnabled") == false || actions.is_none_or(Vec::is_empty);
            silent += usize::from(is_silent);
        }
    }
    for (name, description) in &ringing {
        findings.warn(
            format!("The alarm {name} rings."),
            format!("{name}: {description}"),
        );
    }
    if seen < names.len() {
        findings.fail(
            format!(
                "{} of the stack's {} alarms do not exist.",
                names.len() - seen,
                names.len()
            ),
            super::findings::REDEPLOY,
        );
    }
    if silent > 0 && !site.is_local() {
        findings.warn(
            format!("{silent} of {seen} alarms tell nobody."),
            "Give the stack a topic for its alarms (docs/operating.md, \"Alarms\").",
        );
    }
    findings.fine(format!("{seen} alarms, none of which rings."));
    findings
}

/// Logs are kept as long as the stack says: without a retention they are kept, and paid, forever.
pub(super) async fn logs(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let wanted = site.stack.parameter("LogRetentionDays");
    let names: Vec<&str> = site
        .stack
        .of_kind(GROUP_KIND)
        .map(|(_, name)| name)
        .collect();
    let mut count = 0;
    let mut prefixes: Vec<String> = names
        .iter()
        .map(|name| prefix(name, &site.stack.name))
        .collect();
    prefixes.dedup();
    let mut known = Vec::new();
    for prefix in &prefixes {
        let answer = site
            .aws
            .call(&LOG_GROUPS, &["--log-group-name-prefix", prefix])
            .await;
        let Some(mut answer) = findings.take("A log group", answer) else {
            return findings;
        };
        if let serde_json::Value::Array(groups) = answer.take_member("logGroups") {
            known.extend(groups);
        }
    }
    for name in names {
        let Some(group) = known
            .iter()
            .find(|group| text(group, "logGroupName") == name)
        else {
            findings.fail(
                format!("The log group {name} does not exist."),
                super::findings::REDEPLOY,
            );
            continue;
        };
        count += 1;
        let days = text(group, "retentionInDays");
        if days != wanted {
            let kept = if days.is_empty() {
                "forever".to_owned()
            } else {
                format!("for {days} days")
            };
            findings.warn(
                format!("{name} is kept {kept} in place of {wanted} days (LogRetentionDays)."),
                format!("aws logs put-retention-policy --log-group-name {name} --retention-in-days {wanted}"),
            );
        }
    }
    findings.fine(format!("{count} log groups are kept for {wanted} days."));
    findings
}

/// What the names of a stack's log groups have in common, so that one call lists them.
fn prefix(name: &str, stack: &str) -> String {
    match name.find(stack) {
        Some(at) => name.chars().take(at + stack.len()).collect(),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_groups_of_a_stack_share_a_prefix() {
        assert_eq!(
            prefix("/aws/lambda/postel-dlq", "postel"),
            "/aws/lambda/postel"
        );
        assert_eq!(prefix("/other", "postel"), "/other");
    }
}
