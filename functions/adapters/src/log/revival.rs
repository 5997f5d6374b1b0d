//! Redrive and manual retry.

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use domain::dead_letter::{Body, DeadLetter};
use domain::delivery::Delivery;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::{Fault, Revival, Stage};
use domain::time::Time;
use domain::ulid::Ulid;

use super::{LogTable, delivery_key, due_shard, partition};
use crate::dead_letters::{Mark::Once, mark_redriven};
use crate::dynamo::{Refused, n, of_update, s, text};

impl Revival for LogTable {
    async fn ask_manual(
        &self,
        tenant: &TenantId,
        delivery: &DeliveryId,
        token: &str,
        now: Time,
    ) -> Result<Option<String>, Fault> {
        let answer = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant, delivery.event)))
            .key("sk", s(delivery_key(delivery)))
            // In the index of what is due, so that the sweeper finds it if its message is lost. An automatic attempt that is due keeps its time.
            .update_expression(
                "SET manual = :token, due_shard = :shard, due_at = if_not_exists(due_at, :now)",
            )
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(manual)")
            .expression_attribute_values(":token", s(token))
            .expression_attribute_values(":shard", s(due_shard(delivery.event)))
            .expression_attribute_values(":now", n(now.millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Some(token.to_owned())),
            Err(e) => Ok(text(&of_update(e, Stage::Claim).old()?, "manual").map(str::to_owned)),
        }
    }

    async fn revive(
        &self,
        dead: &DeadLetter,
        job: Option<Ulid>,
        now: Time,
    ) -> Result<Option<Delivery>, Fault> {
        let (Some(tenant), Body::Delivery(died)) = (&dead.tenant, &dead.body) else {
            return Ok(None);
        };
        let record = self.record(tenant, died.id.event).await?;
        let before = record
            .and_then(|r| r.deliveries.into_iter().find(|d| d.delivery.id == died.id))
            .map(|d| d.delivery);
        let Some(before) = before.filter(|delivery| delivery.dead == Some(dead.id)) else {
            return Ok(None);
        };
        let after = before.redriven(now);
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(partition(tenant, after.id.event)))
            .key("sk", s(delivery_key(&after.id)))
            .update_expression(
                "SET #st = :st, made = :zero, ticket = :ticket, due = :now, due_shard = :shard, due_at = :now REMOVE dead, reason",
            )
            .condition_expression("dead = :dead")
            .expression_attribute_names("#st", "status")
            .expression_attribute_values(":st", s(after.status.as_str()))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":ticket", n(after.ticket))
            .expression_attribute_values(":now", n(now.millis()))
            .expression_attribute_values(":shard", s(due_shard(after.id.event)))
            .expression_attribute_values(":dead", s(dead.id.0.to_string()))
            .build()
            .map_err(|e| Fault::new(Stage::Record, e))?;
        let marked = mark_redriven(&self.dead_letters, Some(tenant), dead.id, now, Once(job))?;
        match self
            .transact([TransactWriteItem::builder().update(update).build(), marked])
            .await
        {
            Ok(()) => Ok(Some(after)),
            Err(Refused::Condition(_)) => Ok(None),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }
}
