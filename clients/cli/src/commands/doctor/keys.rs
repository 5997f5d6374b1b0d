//! The KMS key, and the sender of mails.

use super::findings::Findings;
use super::site::Site;
use crate::aws::{AwsError, KEY, Kind, MAIL_ACCOUNT, SENDER};
use crate::output::text;

/// The key behind the webhooks' secrets can be used.
pub(super) async fn key(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let Some(id) = site.stack.outputs.get("KeyArn") else {
        findings.fail(
            "The stack has no output KeyArn.",
            "Is it a stack of Postel?",
        );
        return findings;
    };
    let answer = site.aws.call(&KEY, &["--key-id", id]).await;
    if let Some(key) = findings.take("The KMS key", answer) {
        match text(&key, "KeyMetadata.KeyState").as_str() {
            "Enabled" => findings.fine("The KMS key is enabled."),
            "PendingDeletion" => findings.fail(
                format!(
                    "The KMS key is deleted on {}: then no delivery can be signed, ever.",
                    text(&key, "KeyMetadata.DeletionDate")
                ),
                format!("aws kms cancel-key-deletion --key-id {id}, then enable-key."),
            ),
            state => findings.fail(
                format!("The KMS key is {state}: no delivery can be signed."),
                format!("aws kms enable-key --key-id {id}"),
            ),
        }
    }
    findings
}

/// Mails to the tenants' contacts can be sent.
pub(super) async fn mail(site: &Site) -> Findings {
    let mut findings = Findings::default();
    let sender = site.stack.parameter("SenderAddress");
    if sender.is_empty() {
        findings.fine("SenderAddress is not set: Postel sends no mails.");
        return findings;
    }
    let (identity, account) =
        tokio::join!(verified(site, sender), site.aws.call(&MAIL_ACCOUNT, &[]));
    match identity {
        Ok(Some(identity)) => findings.fine(format!("SES has verified {identity}.")),
        Ok(None) => findings.fail(
            format!("SES has verified neither {sender} nor its domain: Postel cannot send mails."),
            format!("aws sesv2 create-email-identity --email-identity {sender}, then open the link that SES mails."),
        ),
        Err(error) => findings.error(&error),
    }
    if let Some(account) = findings.take("The account of SES", account) {
        if text(&account, "SendingEnabled") != "yes" {
            findings.fail(
                format!(
                    "SES has stopped this account's mails ({}).",
                    text(&account, "EnforcementStatus")
                ),
                "The console of SES, Account dashboard, says why and what to do.",
            );
        } else if text(&account, "ProductionAccessEnabled") == "yes" {
            findings.fine("The account is out of the sandbox.");
        } else {
            findings.warn(
                "SES keeps this account in its sandbox: mails go to verified addresses only, 200 a day.",
                "Request production access in the console of SES, Account dashboard.",
            );
        }
    }
    findings
}

/// The identity that is verified: the address itself, or its domain.
async fn verified(site: &Site, sender: &str) -> Result<Option<String>, AwsError> {
    let domain = sender.rsplit('@').next().unwrap_or_default();
    for identity in [sender, domain] {
        match site
            .aws
            .call(&SENDER, &["--email-identity", identity])
            .await
        {
            Ok(found) if text(&found, "VerifiedForSendingStatus") == "yes" => {
                return Ok(Some(identity.to_owned()));
            }
            Ok(_) => {}
            Err(error) if error.kind == Kind::Missing => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
