//! The [`Marks`] port: an attribute on the webhook's row, which every dispatcher reads with its roster.
//!
//! Cost: one write, as large as the row, on change and for each process that notices it at the same time.

use domain::ports::{Fault, Marks};
use domain::tenant::WebhookVersion;
use domain::time::Time;

use super::directory::DynamoDirectory;
use crate::dynamo::n;

impl Marks for DynamoDirectory {
    async fn mark_slow(&self, configuration: &WebhookVersion, at: Time) -> Result<bool, Fault> {
        // `updated_at` stays: it is what a change by the tenant is compared with.
        self.update(configuration, |row| {
            row.change("SET slow_since = :at")
                .only_if("attribute_not_exists(slow_since)")
                .value(":at", n(at.millis()))
        })
        .await
    }

    async fn unmark_slow(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> Result<bool, Fault> {
        self.update(configuration, |row| {
            row.change("REMOVE slow_since")
                .only_if("slow_since = :since")
                .value(":since", n(since.millis()))
        })
        .await
    }
}
