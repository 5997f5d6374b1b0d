//! The functions, the mappings that feed them, and the account's concurrency.

use std::collections::BTreeMap;

use serde_json::Value;

use super::findings::Findings;
use super::site::Site;
use crate::aws::{ACCOUNT_SETTINGS, FUNCTION, MAPPINGS};
use crate::member::Member as _;
use crate::output::text;

const FUNCTION_KIND: &str = "AWS::Lambda::Function";
const MAPPING_KIND: &str = "AWS::Lambda::EventSourceMapping";
/// What the template's three parameters cannot be below.
const MIN_CONCURRENCY: u64 = 2;
/// Of the mappings without a parameter: two of the DLQs and one of the jobs.
const FIXED_CONCURRENCY: u64 = 9;
const PARAMETERS: [&str; 3] = [
    "EventsConcurrency",
    "DeliveriesConcurrency",
    "SlowConcurrency",
];

/// Every function can be invoked.
pub(super) async fn functions(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let mut count = 0;
    let asked: Vec<_> = site
        .stack
        .of_kind(FUNCTION_KIND)
        .map(|(_, name)| {
            let (aws, name) = (site.aws.clone(), name.to_owned());
            tokio::spawn(async move {
                let answer = aws.call(&FUNCTION, &["--function-name", &name]).await;
                (name, answer)
            })
        })
        .collect();
    for task in asked {
        let Ok((name, answer)) = task.await else {
            continue;
        };
        if let Some(function) = findings.take(&format!("The function {name}"), answer) {
            count += 1;
            judge(&mut findings, &name, &function);
        }
    }
    findings.fine(format!("{count} functions are active."));
    findings
}

/// AWS Lambda Developer Guide, "Lambda function states".
fn judge(findings: &mut Findings, name: &str, function: &Value) {
    let state = text(function, "State");
    let reason = text(function, "StateReason");
    match state.as_str() {
        // A function that has not been invoked for weeks; the next invocation wakes it.
        "Active" | "Inactive" | "" => {}
        "Pending" => findings.warn(
            format!("{name} is still being created."),
            "Repeat the check in a minute.",
        ),
        _ => findings.fail(
            format!("{name} is {state}: {reason}"),
            "Mend what the reason names, then deploy again.",
        ),
    }
    match text(function, "LastUpdateStatus").as_str() {
        "Successful" | "" => {}
        "InProgress" => findings.warn(
            format!("{name} is being updated."),
            "Repeat the check in a minute.",
        ),
        status => findings.fail(
            format!(
                "The last update of {name} is {status}: {}",
                text(function, "LastUpdateStatusReason")
            ),
            "Deploy again: the function runs its former code.",
        ),
    }
}

/// Every queue and stream is read by its function.
pub(super) async fn mappings(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let answer = site.aws.call(&MAPPINGS, &[]).await;
    let Some(answer) = findings.take("The list of event source mappings", answer) else {
        return findings;
    };
    let all = answer.member("EventSourceMappings").as_array();
    let known: BTreeMap<String, &Value> = all
        .into_iter()
        .flatten()
        .map(|mapping| (text(mapping, "UUID"), mapping))
        .collect();
    let mut count = 0;
    for (logical, uuid) in site.stack.of_kind(MAPPING_KIND) {
        let Some(mapping) = known.get(uuid) else {
            findings.fail(
                format!(
                    "The event source mapping {logical} does not exist: nothing reads its {}.",
                    source(logical)
                ),
                super::findings::REDEPLOY,
            );
            continue;
        };
        count += 1;
        let state = text(mapping, "State");
        match state.as_str() {
            "Enabled" => {}
            "Creating" | "Enabling" | "Updating" => findings.warn(
                format!("The event source mapping {logical} is {state}."),
                "Repeat the check in a minute.",
            ),
            _ => findings.fail(
                format!(
                    "The event source mapping {logical} is {state}: nothing reads its {}.",
                    source(logical)
                ),
                format!("aws lambda update-event-source-mapping --enabled --uuid {uuid}"),
            ),
        }
    }
    findings.fine(format!("{count} event source mappings are enabled."));
    findings
}

/// What a mapping reads, by its logical id: one that is gone cannot be asked.
fn source(logical: &str) -> &'static str {
    match logical.ends_with("StreamSource") {
        true => "stream",
        false => "queue",
    }
}

/// The account lets as many functions run at once as the queues may ask for.
pub(super) async fn concurrency(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let answer = site.aws.call(&ACCOUNT_SETTINGS, &[]).await;
    let Some(answer) = findings.take("The account's settings", answer) else {
        return findings;
    };
    let limit = |name: &str| answer.member("AccountLimit").member(name).as_u64();
    let (Some(all), Some(free)) = (
        limit("ConcurrentExecutions"),
        limit("UnreservedConcurrentExecutions"),
    ) else {
        return Findings::not_seen("Lambda gave no limit.", "");
    };
    let numbers = PARAMETERS.map(|name| site.stack.number(name).unwrap_or(MIN_CONCURRENCY));
    let needed = numbers.iter().sum::<u64>() + FIXED_CONCURRENCY;
    let said = match all == free {
        true => format!("The account allows {all} concurrent executions"),
        false => {
            format!("The account allows {all} concurrent executions, {free} of them not reserved")
        }
    };
    let is_least = numbers.iter().all(|number| *number == MIN_CONCURRENCY);
    match () {
        () if free >= needed => findings.fine(format!("{said}; the queues ask for at most {needed}.")),
        () if is_least => findings.warn(
            format!("{said}; the queues may ask for {needed}, although all three parameters are at their minimum. Under load, the API answers 500."),
            "Request a higher quota: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000",
        ),
        () => findings.fail(
            format!("{said}; the queues may ask for {needed}. Beyond the limit, the API answers 500 and messages become dead letters."),
            "Request a higher quota: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000. Until then, set EventsConcurrency, DeliveriesConcurrency and SlowConcurrency to 2.",
        ),
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::findings::Verdict;
    use super::*;

    #[test]
    fn a_function_that_failed_is_named_with_its_reason() {
        for (function, verdict, word) in [
            (
                json!({"State": "Active", "LastUpdateStatus": "Successful"}),
                Verdict::Ok,
                "well",
            ),
            (
                json!({"State": "Failed", "StateReason": "The KMS key is disabled."}),
                Verdict::Fail,
                "KMS key",
            ),
            (
                json!({"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no role"}),
                Verdict::Fail,
                "no role",
            ),
            (json!({"State": "Pending"}), Verdict::Warn, "created"),
        ] {
            let mut findings = Findings::ok("well");
            judge(&mut findings, "postel-dlq", &function);
            assert_eq!(findings.verdict(), verdict, "{function}");
            assert!(findings.detail().contains(word), "{function}");
        }
    }
}
