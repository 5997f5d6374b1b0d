//! Mails with SES (v2). Without a sender address no mail is sent, and only a log line is written.

use aws_config::SdkConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use domain::ports::{Fault, Mailer, Notification, NotificationKind, OrFault as _, Stage};
use serde_json::json;

use crate::aws_error::OrAwsFault as _;
use crate::telemetry;

/// SES.
pub struct SesMailer {
    ses: Client,
    /// A verified address; `None` means no mail.
    from: Option<String>,
}

impl SesMailer {
    /// With the operator's sender address.
    #[must_use]
    pub fn new(aws: &SdkConfig, from: Option<String>) -> Self {
        // The timeout of a try is that of the whole call: a mail whose response is late must not be
        // sent again.
        let whole = aws.timeout_config().cloned().map(|timeouts| {
            let longest = timeouts.operation_timeout();
            let mut whole = timeouts.into_builder();
            whole.set_operation_attempt_timeout(longest);
            whole.build()
        });
        let mut config = aws_sdk_sesv2::config::Builder::from(aws);
        config.set_timeout_config(whole);
        Self {
            ses: Client::from_conf(config.build()),
            from,
        }
    }

    async fn send_email(
        &self,
        from: &str,
        to: &str,
        notification: &Notification,
    ) -> Result<(), Fault> {
        let (subject, text) = words(notification);
        let content = |text: String| {
            Content::builder()
                .data(text)
                .charset("UTF-8")
                .build()
                .or_bug(Stage::SendMail)
        };
        let message = Message::builder()
            .subject(content(subject)?)
            .body(Body::builder().text(content(text)?).build())
            .build();
        self.ses
            .send_email()
            .from_email_address(from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map(|_| ())
            .or_fault(Stage::SendMail)
    }
}

impl Mailer for SesMailer {
    async fn send(&self, to: &str, notification: &Notification) {
        let about = json!({
            "tenant_id": notification.tenant.as_str(),
            "webhook_id": notification.webhook.as_str(),
            "kind": format!("{:?}", notification.kind),
        });
        match &self.from {
            None => telemetry::info("mail.not_configured", &about),
            Some(from) => match self.send_email(from, to, notification).await {
                Ok(()) => telemetry::info("mail.sent", &about),
                Err(fault) => telemetry::fault("mail.failed", &fault, &about),
            },
        }
    }
}

/// Subject and text. Nothing of the event's content, and nothing secret.
fn words(notification: &Notification) -> (String, String) {
    let Notification {
        tenant,
        webhook,
        url,
        delivery,
        attempts,
        last,
        ..
    } = notification;
    let facts = format!(
        "Webhook: {webhook}\nURL: {url}\nTenant: {tenant}\nDelivery: {delivery}\nFailed attempts: {attempts}\nLast: {last}\n"
    );
    match notification.kind {
        NotificationKind::Disabled => (
            format!("Webhook {webhook} has been disabled"),
            format!(
                "A webhook has been disabled, because its receiver failed too often. It gets no events until it is enabled again.\n\n{facts}\n\
                 Once the receiver works, set the webhook active and redrive its dead letters.\n"
            ),
        ),
        NotificationKind::Warning => (
            format!("Webhook {webhook} keeps failing"),
            format!(
                "A delivery has failed {attempts} times and is about to be given up. The webhook will then be disabled.\n\n{facts}"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{DeliveryId, WebhookId};
    use domain::time::Time;
    use domain::ulid::Ulid;

    use super::*;

    #[test]
    fn a_mail_names_webhook_url_and_what_happened() {
        let webhook = WebhookId::new([1; 16]);
        let notification = Notification {
            kind: NotificationKind::Disabled,
            tenant: "acme".parse().unwrap(),
            webhook: webhook.clone(),
            url: "https://example.com/hook".into(),
            delivery: DeliveryId {
                event: Ulid::derived(Time::from_millis(1), "x"),
                webhook: webhook.clone(),
            },
            attempts: 6,
            last: "the receiver answered 500".into(),
        };
        let (subject, text) = words(&notification);
        assert!(subject.contains(webhook.as_str()) && subject.contains("disabled"));
        for part in ["https://example.com/hook", "acme", "6", "500"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
