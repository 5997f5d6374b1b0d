//! The shared counter of a tenant's requests.

use domain::ids::TenantId;
use domain::ports::{Fault, Stage};

use super::ConfigTable;
use crate::dynamo::{Update, n, number};

impl ConfigTable {
    /// Adds requests to a minute's counter, and returns its value. `None` if that would exceed the
    /// limit. One write unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn count_requests(
        &self,
        tenant: &TenantId,
        minute: i64,
        requests: u32,
        limit: u32,
    ) -> Result<Option<u32>, Fault> {
        let (pk, sk) = (format!("requests#{tenant}"), minute.to_string());
        let counted = Update::existing_or_new(&self.table, pk, sk)
            .change("ADD used :requests SET expires_at = :gone")
            .only_if("attribute_not_exists(used) OR used <= :most")
            .value(":requests", n(requests))
            .value(":most", n(limit.saturating_sub(requests)))
            .value(":gone", n((minute + 60) * 60))
            .updated(&self.dynamo, Stage::WriteConfig)
            .await;
        match counted {
            Ok(now) => {
                let used = number(&now, "used").unwrap_or(0);
                Ok(Some(u32::try_from(used).unwrap_or(u32::MAX)))
            }
            Err(refused) => refused.old().map(|_| None),
        }
    }
}
