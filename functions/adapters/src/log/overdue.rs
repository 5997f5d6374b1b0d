//! The sparse index of deliveries for which something is still to come.

use domain::delivery::Status;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::{Errand, Fault, Overdue, Stage, Task};
use domain::time::Time;
use serde::Deserialize;
use serde_json::json;

use super::{LogTable, delivery_key, partition};
use crate::dynamo::{Refused, Update, from_item, n, s};
use crate::telemetry;

/// What the index shows of a delivery.
#[derive(Deserialize)]
struct DueRow {
    pk: String,
    sk: String,
    status: Status,
    ticket: u32,
    manual: Option<String>,
}

impl DueRow {
    fn errands(self) -> Option<Vec<Errand>> {
        let tenant_id: TenantId = self.pk.rsplit_once('#')?.0.parse().ok()?;
        let (event, webhook) = self.sk.split_once('#')?;
        let delivery_id: DeliveryId = format!("dlv_{event}{}", webhook.strip_prefix("wh_")?)
            .parse()
            .ok()?;
        let is_waiting = matches!(
            self.status,
            Status::Pending | Status::Processing | Status::Retrying
        );
        let tasks = [
            is_waiting.then_some(Task::Ticket(self.ticket)),
            self.manual.map(Task::Manual),
        ];
        Some(
            tasks
                .into_iter()
                .flatten()
                .map(|task| Errand {
                    tenant_id: tenant_id.clone(),
                    delivery_id: DeliveryId::clone(&delivery_id),
                    task,
                    stays: false,
                })
                .collect(),
        )
    }
}

impl Overdue for LogTable {
    async fn overdue(&self, shard: u8, now: Time, limit: u32) -> Result<Vec<Errand>, Fault> {
        let (mut errands, mut from) = (Vec::new(), None);
        loop {
            let page = self
                .dynamo
                .query()
                .table_name(&self.table)
                .index_name("due")
                .key_condition_expression("due_shard = :shard AND due_at < :now")
                .expression_attribute_values(":shard", s(shard.to_string()))
                .expression_attribute_values(":now", n(now.millis()))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|e| Fault::new(Stage::ReadLog, e))?;
            for item in page.items.unwrap_or_default() {
                // One row that cannot be read must not end the sweep for all that come after it.
                match from_item::<DueRow>(item, Stage::ReadLog) {
                    Ok(row) => errands.extend(row.errands().unwrap_or_default()),
                    Err(fault) => telemetry::fault(
                        "an overdue delivery cannot be read",
                        &fault,
                        &json!({"shard": shard}),
                    ),
                }
            }
            from = page.last_evaluated_key;
            // Nor must a whole page of rows that want nothing.
            if from.is_none() || !errands.is_empty() {
                return Ok(errands);
            }
        }
    }

    async fn postpone(&self, errand: &Errand, until: Time) -> Result<(), Fault> {
        let pk = partition(&errand.tenant_id, errand.delivery_id.event);
        let postponed = Update::existing(&self.table, pk, delivery_key(&errand.delivery_id))
            .change("SET due_at = :until")
            .only_if("due_at < :until")
            .value(":until", n(until.millis()))
            .send(&self.dynamo, Stage::Enqueue)
            .await;
        match postponed {
            // It has moved on: nothing to postpone.
            Ok(()) | Err(Refused::Condition(_)) => Ok(()),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }
}
