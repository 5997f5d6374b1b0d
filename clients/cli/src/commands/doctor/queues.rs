//! The queues: their settings, what waits in them, and how long.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::findings::{Findings, Verdict};
use super::site::Site;
use crate::aws::{METRIC, QUEUE};
use crate::member::Member as _;
use crate::output::text;
use crate::when;

/// Each queue with the DLQ that it must have.
const QUEUES: [(&str, Option<&str>); 6] = [
    ("EventsQueue", Some("EventsDeadLetterQueue")),
    ("DeliveriesQueue", Some("DeliveriesDeadLetterQueue")),
    ("SlowQueue", Some("DeliveriesDeadLetterQueue")),
    ("JobsQueue", Some("DeliveriesDeadLetterQueue")),
    ("EventsDeadLetterQueue", None),
    ("DeliveriesDeadLetterQueue", None),
];
const DLQS: [&str; 2] = ["EventsDeadLetterQueue", "DeliveriesDeadLetterQueue"];
/// 14 days, the longest that SQS keeps a message.
const RETENTION: &str = "1209600";
/// The oldest message: of new events, and of retries, which wait for up to 15 minutes by design.
const AGES: [(&str, Duration); 2] = [
    ("EventsQueue", Duration::from_secs(5 * 60)),
    ("DeliveriesQueue", Duration::from_secs(30 * 60)),
];
/// How long the `dlq` function may take with a message that has just come.
const PAUSE: Duration = Duration::from_secs(5);

/// The attributes of all queues.
async fn attributes(
    site: &Site,
    findings: &mut Findings,
    names: &[&str],
) -> BTreeMap<String, Value> {
    let asked: Vec<_> = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), site.id(name)?.to_owned())))
        .map(|(name, url)| {
            let aws = site.aws.clone();
            tokio::spawn(async move {
                let arguments = ["--queue-url", &url, "--attribute-names", "All"];
                (name, aws.call(&QUEUE, &arguments).await)
            })
        })
        .collect();
    let mut all = BTreeMap::new();
    for task in asked {
        let Ok((name, answer)) = task.await else {
            continue;
        };
        if let Some(mut answer) = findings.take(&format!("The queue {name}"), answer) {
            all.insert(
                name,
                crate::member::Member::take_member(&mut answer, "Attributes"),
            );
        }
    }
    all
}

/// Each queue exists with the settings of the template.
pub(super) async fn settings(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let all = attributes(site, &mut findings, &QUEUES.map(|(name, _)| name)).await;
    for (name, dlq) in QUEUES {
        let Some(attributes) = all.get(name) else {
            if site.id(name).is_none() {
                findings.fail(
                    format!("The stack has no {name}."),
                    super::findings::REDEPLOY,
                );
            }
            continue;
        };
        let arn = dlq
            .and_then(|dlq| all.get(dlq))
            .map(|dlq| text(dlq, "QueueArn"));
        judge(
            &mut findings,
            name,
            attributes,
            dlq.zip(arn),
            site.stack.parameter("MaxReceiveCount"),
        );
    }
    findings.fine(format!(
        "{} queues exist, are encrypted, keep messages for 14 days and have their DLQs.",
        all.len()
    ));
    findings
}

fn judge(
    findings: &mut Findings,
    name: &str,
    attributes: &Value,
    dlq: Option<(&str, String)>,
    receives: &str,
) {
    const SET: &str = "Somebody has changed it by hand: set it back, or deploy again after a change of a parameter.";
    let is_encrypted = text(attributes, "SqsManagedSseEnabled") == "true"
        || !text(attributes, "KmsMasterKeyId").is_empty();
    if !is_encrypted {
        findings.fail(
            format!("{name} is not encrypted (SqsManagedSseEnabled)."),
            SET,
        );
    }
    let kept = text(attributes, "MessageRetentionPeriod");
    if kept != RETENTION {
        findings.fail(
            format!("{name} keeps messages for {kept} s in place of {RETENTION} s (14 days)."),
            SET,
        );
    }
    let Some((dlq, arn)) = dlq else { return };
    let policy: Value =
        serde_json::from_str(&text(attributes, "RedrivePolicy")).unwrap_or_default();
    if text(&policy, "deadLetterTargetArn") != arn {
        findings.fail(
            format!(
                "{name} does not send what fails to {dlq}: such a message is lost after 14 days."
            ),
            SET,
        );
    } else if text(&policy, "maxReceiveCount") != receives && !receives.is_empty() {
        findings.warn(
            format!(
                "{name} gives up on a message after {} receives in place of {receives} (MaxReceiveCount).",
                text(&policy, "maxReceiveCount")
            ),
            SET,
        );
    }
}

/// Nothing waits in the DLQs: the `dlq` function makes a dead letter of each message at once.
pub(super) async fn dlqs(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let mut waiting = waiting(site, &mut findings).await;
    if waiting.iter().any(|(_, count)| *count > 0) {
        tokio::time::sleep(PAUSE).await;
        waiting = self::waiting(site, &mut findings).await;
    }
    for (name, count) in &waiting {
        if *count > 0 {
            findings.fail(
                format!("{} in {name}: Postel failed on it, and the function dlq does not make a dead letter of it.", counted(*count)),
                format!("Read the log /aws/lambda/{}-dlq, and see `functions` and `mappings` here. docs/operating.md, \"Postel failed\", says what comes next.", site.stack.name),
            );
        }
    }
    if waiting.len() == DLQS.len() {
        findings.fine("Both DLQs are empty.");
    }
    findings
}

fn counted(messages: u64) -> String {
    match messages {
        1 => "1 message waits".to_owned(),
        count => format!("{count} messages wait"),
    }
}

async fn waiting(site: &Site, findings: &mut Findings) -> Vec<(String, u64)> {
    let all = attributes(site, findings, &DLQS).await;
    let count = |attributes: &Value, name: &str| text(attributes, name).parse::<u64>().unwrap_or(0);
    all.into_iter()
        .map(|(name, attributes)| {
            let visible = count(&attributes, "ApproximateNumberOfMessages");
            let taken = count(&attributes, "ApproximateNumberOfMessagesNotVisible");
            (name, visible + taken)
        })
        .collect()
}

/// How old the oldest message is, by CloudWatch.
pub(super) async fn backlog(site: &Site) -> Findings {
    let mut findings = Findings::default();
    for (name, limit) in AGES {
        match oldest(site, name).await {
            Err(error) => findings.error(&error),
            Ok(None) if site.is_local() => findings.add(
                Verdict::NotSeen,
                "The local cloud does not measure the age of messages.",
                "",
            ),
            Ok(None) => findings.add(
                Verdict::NotSeen,
                format!("CloudWatch has no age of the oldest message in {name}."),
                "SQS measures nothing of a queue that was not used for 6 hours: repeat the check after the first events.",
            ),
            Ok(Some(age)) if age > limit => findings.warn(
                format!("The oldest message in {name} is {} old.", when::spoken(age)),
                "Deliveries are late: see `mappings` and `concurrency` here, and docs/operating.md, \"Postel failed\".",
            ),
            Ok(Some(age)) => findings.fine(format!(
                "The oldest message in {name} was {} old.",
                when::spoken(age)
            )),
        }
    }
    findings
}

async fn oldest(site: &Site, name: &str) -> Result<Option<Duration>, crate::aws::AwsError> {
    let url = site.id(name).unwrap_or_default();
    let queue = url.rsplit('/').next().unwrap_or_default();
    let (now, quarter) = (when::now(), Duration::from_secs(15 * 60));
    let answer = site
        .aws
        .call(
            &METRIC,
            &[
                "--namespace",
                "AWS/SQS",
                "--metric-name",
                "ApproximateAgeOfOldestMessage",
                "--dimensions",
                &format!("Name=QueueName,Value={queue}"),
                "--start-time",
                &now.minus(quarter).rfc3339(),
                "--end-time",
                &now.rfc3339(),
                "--period",
                "300",
                "--statistics",
                "Maximum",
            ],
        )
        .await?;
    let points = answer.member("Datapoints").as_array();
    let newest = points
        .into_iter()
        .flatten()
        .max_by_key(|point| text(point, "Timestamp"));
    let age = newest.and_then(|point| point.member("Maximum").as_f64());
    Ok(age.and_then(|age| Duration::try_from_secs_f64(age).ok()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queue_that_lost_a_setting_is_named() {
        let good = json!({"SqsManagedSseEnabled": "true", "MessageRetentionPeriod": RETENTION, "RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:dlq\",\"maxReceiveCount\":20}"});
        let judged = |change: &dyn Fn(&mut Value)| {
            let (mut findings, mut attributes) = (Findings::ok("well"), good.clone());
            change(&mut attributes);
            judge(
                &mut findings,
                "EventsQueue",
                &attributes,
                Some(("EventsDeadLetterQueue", "arn:dlq".to_owned())),
                "20",
            );
            (findings.verdict(), findings.detail())
        };
        assert_eq!(judged(&|_| ()), (Verdict::Ok, "well".to_owned()));
        let (verdict, detail) = judged(&|queue| queue["SqsManagedSseEnabled"] = json!("false"));
        assert!(verdict == Verdict::Fail && detail.contains("not encrypted"));
        let (verdict, detail) = judged(&|queue| queue["RedrivePolicy"] = json!("{}"));
        assert!(verdict == Verdict::Fail && detail.contains("EventsDeadLetterQueue"));
        let (verdict, _) = judged(&|queue| {
            queue["RedrivePolicy"] =
                json!("{\"deadLetterTargetArn\":\"arn:dlq\",\"maxReceiveCount\":3}")
        });
        assert_eq!(verdict, Verdict::Warn);
        let (verdict, _) = judged(&|queue| queue["MessageRetentionPeriod"] = json!("60"));
        assert_eq!(verdict, Verdict::Fail);
    }
}
