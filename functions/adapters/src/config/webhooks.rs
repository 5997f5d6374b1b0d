//! Webhooks, as tenants manage them.

use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, Stage};
use domain::tenant::Webhook;

use super::rows::{WebhookRow, webhook_key};
use super::{ConfigTable, tenant_partition};
use crate::dynamo::{Refused, from_item, n, of_put, s, to_item};

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
        let (mut webhooks, mut from) = (Vec::<Webhook>::new(), None);
        loop {
            let page = self
                .dynamo
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :webhook)")
                .expression_attribute_values(":pk", s(tenant_partition(tenant)))
                .expression_attribute_values(":webhook", s("webhook#"))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|e| Fault::new(Stage::ReadConfig, e))?;
            for item in page.items.unwrap_or_default() {
                webhooks.push(from_item::<WebhookRow>(item, Stage::ReadConfig)?.into());
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                webhooks.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
                return Ok(webhooks);
            }
        }
    }

    /// Writes a webhook. `before` is what it replaces; false if somebody else wrote it since.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_webhook(
        &self,
        webhook: &Webhook,
        before: Option<&Webhook>,
    ) -> Result<bool, Fault> {
        let item = to_item(&WebhookRow::from(webhook), Stage::WriteConfig)?;
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(old) => put
                .condition_expression("updated_at = :seen")
                .expression_attribute_values(":seen", n(old.updated_at.millis())),
        };
        match put.send().await.map_err(|e| of_put(e, Stage::WriteConfig)) {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }

    /// Deletes a webhook. Its deliveries stay in the log; those that wait become dead letters when they are due.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_webhook(&self, tenant: &TenantId, id: &WebhookId) -> Result<bool, Fault> {
        let answer = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(tenant_partition(tenant)))
            .key("sk", s(webhook_key(id)))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::WriteConfig, e))?;
        Ok(answer.attributes.is_some())
    }
}
