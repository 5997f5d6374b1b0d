//! Delivers to inboxes in the stack itself, and to all other receivers over HTTP.

use std::time::Duration;

use domain::contract::Secret;
use domain::guard::INBOX_URL;
use domain::outcome::{FailureKind, Outcome, OutgoingRequest};
use domain::ports::{AttemptContext, Sender};
use serde_json::json;

use super::InboxTable;
use crate::egress::HttpSender;
use crate::telemetry;

/// Delivers to inboxes in the stack itself, and to all other receivers over HTTP.
#[derive(Clone, Debug)]
pub struct InboxSender {
    inboxes: InboxTable,
    receivers: HttpSender,
}

impl InboxSender {
    /// Delivers to these inboxes, and to other receivers with `receivers`.
    #[must_use]
    pub const fn new(inboxes: InboxTable, receivers: HttpSender) -> Self {
        Self { inboxes, receivers }
    }
}

impl Sender for InboxSender {
    async fn post(&self, request: &OutgoingRequest, attempt: &AttemptContext<'_>) -> Outcome {
        if request.url != INBOX_URL {
            return self.receivers.post(request).await;
        }
        // Boxed: it is rare, and larger than the other branch.
        let received = Box::pin(self.inboxes.receive(request, attempt));
        match tokio::time::timeout(request.timeout, received).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(fault)) => {
                let fields = json!({
                    "tenant_id": attempt.webhook.tenant.as_str(),
                    "webhook_id": attempt.webhook.id.as_str(),
                });
                telemetry::fault("inbox.unavailable", &fault, &fields);
                Outcome::failure(FailureKind::Connect, "the inbox is not available")
            }
            Err(_) => Outcome::failure(FailureKind::Timeout, "no answer in time"),
        }
    }

    async fn hide(&self, outcome: Outcome, secrets: Vec<Secret>, within: Duration) -> Outcome {
        self.receivers.hide(outcome, secrets, within).await
    }
}
