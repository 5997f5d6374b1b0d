//! Mails to a tenant's contact: a webhook was switched off, or will be soon.
//!
//! A mail is sent after the record, and only by the caller whose conditional write succeeded, so at
//! most once: after a crash in between, no mail is sent. A mail is a courtesy; the dead letter and
//! the webhook's state are the record.

use super::dispatch::{Dispatcher, DispatcherDeps};
use crate::contract::Contract;
use crate::delivery::{Delivery, DisableReason};
use crate::outcome::Outcome;
use crate::ports::{
    Clock as _, ConfigStore as _, Fault, Mailer as _, Notification, NotificationKind,
};
use crate::tenant::WebhookVersion;

/// The webhook's version in the last attempt; the outcome applies to no other version.
fn made_with(delivery: &Delivery) -> Option<WebhookVersion> {
    Some(WebhookVersion {
        tenant: delivery.tenant.clone(),
        webhook: delivery.id.webhook.clone(),
        version: delivery.last_attempt.as_ref()?.webhook_version,
    })
}

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Switches off the webhook version that the last attempt used, unless the owner has changed
    /// the webhook since. Sends a mail if the contract asks for it.
    pub(super) async fn switch_off(
        &self,
        delivery: &Delivery,
        contract: &Contract,
        reason: DisableReason,
    ) -> Result<(), Fault> {
        let Some(configuration) = made_with(delivery) else {
            return Ok(());
        };
        let now = self.deps.clock().now();
        let did = self
            .deps
            .config()
            .switch_off(&configuration, reason, now)
            .await?;
        if did && contract.mails.when_disabled {
            self.mail(delivery, NotificationKind::Disabled).await?;
        }
        Ok(())
    }

    /// Sends the warning after the failed attempt that the contract names, at most once a day per
    /// webhook.
    pub(super) async fn warn(&self, delivery: &Delivery, contract: &Contract) -> Result<(), Fault> {
        let is_due = contract.mails.warn_after == Some(delivery.attempts_this_round);
        if is_due
            && let Some(configuration) = made_with(delivery)
            && self
                .deps
                .config()
                .record_warning_if_due(&configuration, self.deps.clock().now())
                .await?
        {
            self.mail(delivery, NotificationKind::Warning).await?;
        }
        Ok(())
    }

    async fn mail(&self, delivery: &Delivery, kind: NotificationKind) -> Result<(), Fault> {
        let snapshot = self
            .deps
            .config()
            .tenant_snapshot(&delivery.tenant, delivery.id.event.time())
            .await?;
        let Some(to) = snapshot
            .as_ref()
            .and_then(|snapshot| snapshot.tenant.contact_email.as_deref())
        else {
            return Ok(());
        };
        let Some(attempt) = &delivery.last_attempt else {
            return Ok(());
        };
        let last = match &attempt.outcome {
            Outcome::Response { status, .. } => format!("the receiver answered {status}"),
            Outcome::Failure { kind, .. } => kind.code().to_owned(),
        };
        let notification = Notification {
            kind,
            tenant: delivery.tenant.clone(),
            webhook: delivery.id.webhook.clone(),
            url: attempt.url.clone(),
            delivery: delivery.id.clone(),
            attempts: delivery.attempts_this_round,
            last,
        };
        self.deps.mailer().send(to, &notification).await;
        Ok(())
    }
}
