//! The [`Marks`] port: an attribute on the webhook's row, which every dispatcher reads with its roster.
//!
//! Cost: one write, as large as the row, on change and for each process that notices it at the same time.

use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, Marks, Stage};
use domain::time::Time;

use super::directory::{DynamoDirectory, held};
use crate::dynamo::{n, of_update};

impl Marks for DynamoDirectory {
    async fn mark_slow(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        at: Time,
    ) -> Result<bool, Fault> {
        self.forget(tenant);
        // `updated_at` stays: it is what a change by the tenant is compared with.
        let answer = self
            .update(tenant, webhook)
            .update_expression("SET slow_since = :at")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(slow_since)")
            .expression_attribute_values(":at", n(at.millis()))
            .send()
            .await;
        held(answer.map_err(|e| of_update(e, Stage::WriteConfig)))
    }

    async fn unmark_slow(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        since: Time,
    ) -> Result<bool, Fault> {
        self.forget(tenant);
        let answer = self
            .update(tenant, webhook)
            .update_expression("REMOVE slow_since")
            .condition_expression("slow_since = :since")
            .expression_attribute_values(":since", n(since.millis()))
            .send()
            .await;
        held(answer.map_err(|e| of_update(e, Stage::WriteConfig)))
    }
}
