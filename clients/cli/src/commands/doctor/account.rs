//! The stack as CloudFormation sees it, and its parameters.

use super::findings::{Findings, Verdict};
use super::site::{Caller, Site, region_of};
use crate::aws::{AwsError, Kind, Stack};

/// Who looks.
pub(super) fn caller(answer: &Result<Caller, AwsError>) -> Findings {
    let mut findings = Findings::default();
    match answer {
        Ok(caller) => findings.fine(format!("{} in account {}.", caller.arn, caller.account)),
        // Everything else needs credentials too.
        Err(error) if matches!(error.kind, Kind::Credentials | Kind::NoCli) => {
            findings.fail(error.sentence(), error.advice());
        }
        Err(error) => findings.error(error),
    }
    findings
}

/// The stack is there, whole, and its outputs can be read.
pub(super) fn stack(name: &str, answer: &Result<Stack, AwsError>, account: &str) -> Findings {
    let mut findings = Findings::default();
    let stack = match answer {
        Ok(stack) => stack,
        Err(error) if error.kind == Kind::Missing => {
            let place = if account.is_empty() {
                String::new()
            } else {
                format!(" of account {account}")
            };
            findings.fail(
                format!("There is no stack {name} in this region{place}."),
                "Check the name, the region (--region or AWS_REGION) and the account (AWS_PROFILE). `aws cloudformation list-stacks` lists a region's stacks.",
            );
            return findings;
        }
        // Nothing else can be looked at without it.
        Err(error) => {
            findings.fail(error.sentence(), error.advice());
            return findings;
        }
    };
    let said = format!(
        "{name} is {}; it has {} outputs.",
        stack.status,
        stack.outputs.len()
    );
    match stack.status.as_str() {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => findings.fine(said),
        "UPDATE_ROLLBACK_COMPLETE" => findings.warn(
            format!("{said} The last update failed; the stack has its former state."),
            format!("aws cloudformation describe-stack-events --stack-name {name} says which resource failed."),
        ),
        status if status.ends_with("_IN_PROGRESS") => findings.warn(
            format!("{said} It is being changed now."),
            "Repeat the check when it is done.",
        ),
        _ => findings.fail(
            said,
            format!("aws cloudformation describe-stack-events --stack-name {name} says which resource failed."),
        ),
    }
    if !stack.outputs.contains_key("OperatorSecretArn") {
        findings.fail(
            "It has no output OperatorSecretArn: it is no stack of Postel, or an old one.",
            "Name the stack that infra/template.yaml made.",
        );
    }
    findings
}

/// The region that is asked is the stack's own.
pub(super) fn region(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let arns = ["EventsQueueArn", "OperatorSecretArn", "KeyArn"];
    let regions: Vec<&str> = arns
        .iter()
        .filter_map(|name| region_of(site.stack.outputs.get(*name)?))
        .collect();
    let accounts: Vec<&str> = arns
        .iter()
        .filter_map(|name| site.stack.outputs.get(*name)?.split(':').nth(4))
        .collect();
    match regions.first() {
        None => findings.add(Verdict::NotSeen, "No output has a region.", ""),
        Some(first) if regions.iter().any(|region| region != first) => findings.fail(
            format!(
                "The stack's resources are in several regions: {}.",
                regions.join(", ")
            ),
            "Deploy it again in one region.",
        ),
        Some(first) => findings.fine(format!("The stack is in {first}.")),
    }
    if let (Some(caller), Some(account)) = (&site.caller, accounts.first())
        && *account != caller.account
    {
        findings.fail(
            format!(
                "The stack is in account {account}, and you are in {}.",
                caller.account
            ),
            "Choose a profile of that account (AWS_PROFILE).",
        );
    }
    findings
}

/// Parameters that are right on a developer's machine only, or that weaken the stack.
pub(super) fn parameters(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let value = |name: &str| site.stack.parameter(name);
    if site.stack.parameters.is_empty() {
        return Findings::not_seen("CloudFormation shows no parameters.", "");
    }
    for (name, is_odd, why) in [
        (
            "AllowHttp",
            value("AllowHttp") == "true",
            "deliveries may go over plain http",
        ),
        (
            "RequireTls",
            value("RequireTls") == "false",
            "callers without TLS may use the queues",
        ),
        (
            "TrustedSenderIds",
            !value("TrustedSenderIds").is_empty(),
            "these senders may publish for every tenant",
        ),
        (
            "AllowedCidrs",
            !value("AllowedCidrs").is_empty(),
            "tenants may send requests into these networks",
        ),
    ] {
        if is_odd && !site.is_local() {
            findings.warn(
                format!("{name} is {}: {why}.", value(name)),
                format!("Unless you need it, take {name} out of samconfig.toml and deploy again."),
            );
        }
    }
    let kept = site.stack.number("RetentionDays").unwrap_or(0);
    if kept < 5 {
        findings.fail(
            format!("RetentionDays is {kept}: a retry may find its event deleted."),
            "Set RetentionDays to 5 or more and deploy again.",
        );
    }
    findings.fine(match site.is_local() {
        true => format!(
            "{} parameters, as a local cloud needs them.",
            site.stack.parameters.len()
        ),
        false => format!(
            "{} parameters, none of them for local use.",
            site.stack.parameters.len()
        ),
    });
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_is_not_there_or_not_whole_fails() {
        let gone = AwsError {
            kind: Kind::Missing,
            code: "ValidationError".to_owned(),
            detail: "Stack with id postel does not exist".to_owned(),
            action: "cloudformation:DescribeStacks",
        };
        let found = stack("postel", &Err(gone), "123456789012");
        assert_eq!(found.verdict(), Verdict::Fail);
        assert_eq!(
            found.detail(),
            "There is no stack postel in this region of account 123456789012."
        );
        for (status, verdict) in [
            ("UPDATE_COMPLETE", Verdict::Ok),
            ("UPDATE_ROLLBACK_COMPLETE", Verdict::Warn),
            ("UPDATE_IN_PROGRESS", Verdict::Warn),
            ("ROLLBACK_COMPLETE", Verdict::Fail),
        ] {
            let mut made = Stack {
                status: status.to_owned(),
                ..Stack::default()
            };
            made.outputs
                .insert("OperatorSecretArn".to_owned(), "arn".to_owned());
            assert_eq!(
                stack("postel", &Ok(made), "").verdict(),
                verdict,
                "{status}"
            );
        }
    }
}
