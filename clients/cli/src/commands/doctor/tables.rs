//! The tables.

use serde_json::Value;

use super::findings::Findings;
use super::site::Site;
use crate::aws::{AwsError, BACKUPS, EXPIRY, TABLE};
use crate::output::text;

const KIND: &str = "AWS::DynamoDB::Table";

type Answer = Result<Value, AwsError>;

/// Each table is active, can be restored, forgets what has expired, and is protected.
pub(super) async fn tables(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let mut count = 0;
    let asked: Vec<_> = site
        .stack
        .of_kind(KIND)
        .map(|(logical, name)| {
            let (aws, logical, name) = (site.aws.clone(), logical.to_owned(), name.to_owned());
            tokio::spawn(async move {
                let arguments = ["--table-name", name.as_str()];
                let table = aws.call(&TABLE, &arguments);
                if aws.is_local() {
                    return (logical, table.await, None);
                }
                let others: (Answer, Answer, Answer) = tokio::join!(
                    table,
                    aws.call(&BACKUPS, &arguments),
                    aws.call(&EXPIRY, &arguments)
                );
                (logical, others.0, Some((others.1, others.2)))
            })
        })
        .collect();
    for task in asked {
        let Ok((name, table, others)) = task.await else {
            continue;
        };
        count += 1;
        let what = format!("The table {name}");
        if let Some(table) = findings.take(&what, table) {
            active(&mut findings, &name, &table, site.is_local());
        }
        let Some((backups, expiry)) = others else {
            continue;
        };
        if let Some(backups) = findings.take(&what, backups) {
            restorable(&mut findings, &name, &backups);
        }
        if let Some(expiry) = findings.take(&what, expiry) {
            forgetful(&mut findings, &name, &expiry);
        }
    }
    findings.fine(match site.is_local() {
        true => format!(
            "{count} tables are active. The local cloud has neither recovery nor expiry nor protection."
        ),
        false => format!(
            "{count} tables are active, can be restored to any second of the last 35 days, delete what has expired, and are protected from deletion."
        ),
    });
    findings
}

fn active(findings: &mut Findings, name: &str, table: &Value, is_local: bool) {
    let state = text(table, "Table.TableStatus");
    if !matches!(state.as_str(), "ACTIVE" | "UPDATING") {
        findings.fail(
            format!("{name} is {state}."),
            "Look at the table in the console of DynamoDB.",
        );
    }
    if text(table, "Table.DeletionProtectionEnabled") != "yes" && !is_local {
        findings.warn(
            format!("{name} can be deleted by a single call."),
            "Set \"DeletionProtection=true\" in samconfig.toml and deploy again.",
        );
    }
}

fn restorable(findings: &mut Findings, name: &str, backups: &Value) {
    let path =
        "ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus";
    if text(backups, path) != "ENABLED" {
        findings.fail(
            format!("{name} has no point-in-time recovery: a mistake cannot be undone."),
            "Switch it on in the console of DynamoDB, tab Backups.",
        );
    }
}

fn forgetful(findings: &mut Findings, name: &str, expiry: &Value) {
    let is_set = text(expiry, "TimeToLiveDescription.AttributeName") == "expires_at"
        && matches!(
            text(expiry, "TimeToLiveDescription.TimeToLiveStatus").as_str(),
            "ENABLED" | "ENABLING"
        );
    if !is_set {
        findings.fail(
            format!(
                "{name} does not delete what has expired (TTL on expires_at): it grows forever."
            ),
            "Switch TTL on for the attribute expires_at in the console of DynamoDB.",
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::findings::Verdict;
    use super::*;

    #[test]
    fn a_table_that_lost_its_protection_is_named() {
        let judge = |judge: &dyn Fn(&mut Findings)| {
            let mut findings = Findings::ok("well");
            judge(&mut findings);
            findings.verdict()
        };
        let table = json!({"Table": {"TableStatus": "ACTIVE", "DeletionProtectionEnabled": true}});
        assert_eq!(
            judge(&|findings| active(findings, "ConfigTable", &table, false)),
            Verdict::Ok
        );
        let bare = json!({"Table": {"TableStatus": "ACTIVE"}});
        assert_eq!(
            judge(&|findings| active(findings, "ConfigTable", &bare, false)),
            Verdict::Warn
        );
        assert_eq!(
            judge(&|findings| active(findings, "ConfigTable", &bare, true)),
            Verdict::Ok
        );
        assert_eq!(
            judge(&|findings| active(findings, "ConfigTable", &json!({}), true)),
            Verdict::Fail
        );
        let on = json!({"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}}});
        assert_eq!(
            judge(&|findings| restorable(findings, "ConfigTable", &on)),
            Verdict::Ok
        );
        assert_eq!(
            judge(&|findings| restorable(findings, "ConfigTable", &json!({}))),
            Verdict::Fail
        );
        let on = json!({"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}});
        assert_eq!(
            judge(&|findings| forgetful(findings, "ConfigTable", &on)),
            Verdict::Ok
        );
        assert_eq!(
            judge(&|findings| forgetful(findings, "ConfigTable", &json!({}))),
            Verdict::Fail
        );
    }
}
