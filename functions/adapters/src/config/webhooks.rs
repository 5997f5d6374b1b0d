//! Webhooks, as tenants manage them.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, Stage};
use domain::tenant::Webhook;

use super::rows::{WebhookRow, webhook_key};
use super::{ConfigTable, tenant_partition};
use crate::dynamo::{Query, Refused, Update, from_item, n, number, of_transaction, s, to_item};

fn count_key(tenant: &TenantId) -> (String, &'static str) {
    (format!("count#{tenant}"), "webhooks")
}

impl ConfigTable {
    /// One webhook.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn webhook(
        &self,
        tenant: &TenantId,
        id: &WebhookId,
    ) -> Result<Option<Webhook>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(tenant_partition(tenant)))
            .key("sk", s(webhook_key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadConfig, e))?;
        answer
            .item
            .map(|item| from_item::<WebhookRow>(item, Stage::ReadConfig).map(Into::into))
            .transpose()
    }

    /// All of a tenant's webhooks, newest first. There are few: a tenant's limit bounds them.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn webhooks(&self, tenant: &TenantId) -> Result<Vec<Webhook>, Fault> {
        let condition = "pk = :pk AND begins_with(sk, :webhook)";
        let found = Query::new(&self.table, condition)
            .value(":pk", s(tenant_partition(tenant)))
            .value(":webhook", s("webhook#"))
            .consistent()
            .whole(&self.dynamo, Stage::ReadConfig)
            .await?;
        let read = |item| from_item::<WebhookRow>(item, Stage::ReadConfig).map(Webhook::from);
        let mut webhooks = found.readable(read);
        webhooks.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(webhooks)
    }

    /// Writes a new webhook, if the tenant has fewer than `limit`: the count is kept beside it, in the same transaction, so that many at once do not pass
    /// the limit. False if they would. Four write units.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn create_webhook(&self, webhook: &Webhook, limit: u32) -> Result<bool, Fault> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(
                &WebhookRow::from(webhook),
                Stage::WriteConfig,
            )?))
            .build()
            .map_err(|e| Fault::new(Stage::WriteConfig, e))?;
        let (pk, sk) = count_key(&webhook.tenant);
        let counted = Update::existing_or_new(&self.table, pk, sk)
            .change("ADD webhooks :one")
            .only_if("attribute_not_exists(webhooks) OR webhooks < :limit")
            .value(":one", n(1))
            .value(":limit", n(limit));
        self.transact(counted, TransactWriteItem::builder().put(put).build())
            .await
    }

    /// How many webhooks a tenant has. One read unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn webhook_count(&self, tenant: &TenantId) -> Result<u32, Fault> {
        let (pk, sk) = count_key(tenant);
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadConfig, e))?;
        let count = answer
            .item
            .as_ref()
            .and_then(|item| number(item, "webhooks"));
        Ok(count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0))
    }

    /// False if the first one's condition does not hold.
    async fn transact(&self, count: Update, other: TransactWriteItem) -> Result<bool, Fault> {
        let count = count.transacted(Stage::WriteConfig)?;
        let sent = self
            .dynamo
            .transact_write_items()
            .transact_items(count)
            .transact_items(other)
            .send()
            .await;
        match sent.map_err(|e| of_transaction(e, Stage::WriteConfig)) {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }

    /// Replaces what the owner says of a webhook. What dispatchers note in the same item stays: when its tenant was warned, and its slow mark while the
    /// URL is the same. False if somebody else wrote it since `before` was read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_webhook(&self, webhook: &Webhook, before: &Webhook) -> Result<bool, Fault> {
        let others: &[&str] = if webhook.url == before.url {
            &["slow_since"]
        } else {
            &[]
        };
        let (pk, sk) = (tenant_partition(&webhook.tenant), webhook_key(&webhook.id));
        let update = Update::existing(&self.table, pk, sk)
            .assign(&WebhookRow::from(webhook), others, Stage::WriteConfig)?
            // Whether it is on may be changed by a dispatcher in the same millisecond.
            .only_if("updated_at = :seen AND active = :was_active")
            .value(":seen", n(before.updated_at.millis()))
            .value(":was_active", AttributeValue::Bool(before.active));
        match update.send(&self.dynamo, Stage::WriteConfig).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }

    /// Deletes a webhook. Its deliveries stay in the log; those that wait become dead letters when they are due.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_webhook(&self, tenant: &TenantId, id: &WebhookId) -> Result<bool, Fault> {
        if self.webhook(tenant, id).await?.is_none() {
            return Ok(false);
        }
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", s(tenant_partition(tenant)))
            .key("sk", s(webhook_key(id)))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|e| Fault::new(Stage::WriteConfig, e))?;
        // If another call deletes it at this moment, this one fails and is repeated: 404 then.
        let (pk, sk) = count_key(tenant);
        let counted = Update::existing(&self.table, pk, sk)
            .change("ADD webhooks :less")
            .value(":less", n(-1));
        self.transact(counted, TransactWriteItem::builder().delete(delete).build())
            .await
    }
}
