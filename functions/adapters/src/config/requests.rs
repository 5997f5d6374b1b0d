//! The shared counter of a tenant's requests.

use domain::ids::TenantId;
use domain::ports::{Fault, Stage};

use super::ConfigTable;
use crate::dynamo::{Update, condition_held, n};

impl ConfigTable {
    /// Adds requests to a minute's counter. False if that would exceed the limit. One write unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn count_requests(
        &self,
        tenant: &TenantId,
        minute: i64,
        number: u32,
        limit: u32,
    ) -> Result<bool, Fault> {
        let (pk, sk) = (format!("requests#{tenant}"), minute.to_string());
        let counted = Update::existing_or_new(&self.table, pk, sk)
            .change("ADD used :number SET expires_at = :gone")
            .only_if("attribute_not_exists(used) OR used <= :most")
            .value(":number", n(number))
            .value(":most", n(limit.saturating_sub(number)))
            .value(":gone", n((minute + 60) * 60))
            .send(&self.dynamo, Stage::WriteConfig)
            .await;
        condition_held(counted)
    }
}
