//! The shared counter of a tenant's requests.

use domain::ids::TenantId;
use domain::ports::{Fault, Stage};

use super::ConfigTable;
use crate::dynamo::{Refused, n, of_update, s};

impl ConfigTable {
    /// Adds requests to a minute's counter. False if they would pass the limit. One write unit.
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
        let answer = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("pk", s(format!("requests#{tenant}")))
            .key("sk", s(minute.to_string()))
            .update_expression("ADD used :number SET expires_at = :gone")
            .condition_expression("attribute_not_exists(used) OR used <= :most")
            .expression_attribute_values(":number", n(number))
            .expression_attribute_values(":most", n(limit.saturating_sub(number)))
            .expression_attribute_values(":gone", n((minute + 60) * 60))
            .send()
            .await;
        match answer.map_err(|e| of_update(e, Stage::WriteConfig)) {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }
}
