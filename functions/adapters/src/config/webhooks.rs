//! Webhooks, as tenants manage them.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use domain::author::Author;
use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, Stage};
use domain::precondition::Precondition;
use domain::tenant::Webhook;

use super::authority::{delete, put};
use super::places::{webhook_item, webhook_key};
use super::preconditions::{Condition, condition};
use super::rows::{CONTENT, DELETED_BY, row};
use super::troubled::TROUBLED;
use super::{Authority, ChildWrite, ConfigTable, Created, tenant_partition};
use crate::aws_error::OrAwsFault as _;
use crate::dynamo::{Query, Update, from_item, n, number, of_author, s};

pub(super) fn count_key(tenant: &TenantId) -> (String, &'static str) {
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
        let created = self.created_webhook(tenant, id).await?;
        Ok(created.map(|created| created.resource))
    }

    /// The same, with the fingerprint of the request that created it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn created_webhook(
        &self,
        tenant: &TenantId,
        id: &WebhookId,
    ) -> Result<Option<Created<Webhook>>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(tenant_partition(tenant)))
            .key("sk", s(webhook_key(id)))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        answer.item.map(Created::read::<Webhook>).transpose()
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
        let read = |item| from_item(item, Stage::ReadConfig);
        let mut webhooks: Vec<Webhook> = found.readable(read);
        webhooks.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(webhooks)
    }

    /// Writes a new webhook, if the tenant has fewer than `limit` and none with this id; otherwise
    /// it is refused. The count is written in the same transaction, so that concurrent calls do not
    /// exceed the limit. At most eight write units. `content` is the fingerprint of the request.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn create_webhook(
        &self,
        authority: &Authority,
        webhook: &Webhook,
        content: Option<&str>,
        limit: u32,
    ) -> Result<ChildWrite, Fault> {
        let is_below = if limit == 0 {
            // With a limit of 0 no count is below it, not even a missing one.
            "webhooks < :limit"
        } else {
            "attribute_not_exists(webhooks) OR webhooks < :limit"
        };
        let (pk, sk) = count_key(&webhook.tenant);
        let counted = Update::existing_or_new(&self.table, pk, sk)
            .change("ADD webhooks :one")
            .only_if(is_below)
            .value(":one", n(1))
            .value(":limit", n(limit))
            .transacted(Stage::WriteConfig)?;
        let mut item = row(webhook_item(&webhook.tenant, &webhook.id), webhook)?;
        item.extend(content.map(|content| (CONTENT.to_owned(), s(content))));
        let stored = PutBuilder::default()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        self.write(authority, [counted, put(stored)?]).await
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
            .or_fault(Stage::ReadConfig)?;
        let count = answer
            .item
            .as_ref()
            .and_then(|item| number(item, "webhooks"));
        Ok(count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0))
    }

    /// Replaces the owner's attributes of a webhook. The dispatchers' attributes in the same item
    /// are kept: when its tenant was warned, and [marks](Webhook::kept_marks). Refused
    /// if another caller wrote it since `before` was read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_webhook(
        &self,
        authority: &Authority,
        webhook: &Webhook,
        before: &Webhook,
    ) -> Result<ChildWrite, Fault> {
        let marks = webhook.kept_marks(before);
        let kept = [(marks.slow, "slow_since"), (marks.failing, "failing_since")];
        let kept = kept.into_iter().filter(|(is_kept, _)| *is_kept);
        let others: Vec<&str> = kept.map(|(_, name)| name).collect();
        let (pk, sk) = (tenant_partition(&webhook.tenant), webhook_key(&webhook.id));
        let update = Update::existing(&self.table, pk, sk)
            .assign(webhook, &others, Stage::WriteConfig)?
            // A dispatcher may switch it off in the same millisecond.
            .only_if("updated_at = :seen AND active = :was_active")
            .value(":seen", n(before.updated_at.millis()))
            .value(":was_active", AttributeValue::Bool(before.active));
        let update = match before.is_troubled() && !webhook.is_troubled() {
            // Refused if a dispatcher has set one of the marks meanwhile.
            true => others
                .iter()
                .fold(update.also_remove(TROUBLED), |update, mark| {
                    update.only_if(format!("attribute_not_exists({mark})"))
                }),
            false => update,
        };
        let changed = update.transacted(Stage::WriteConfig)?;
        self.write(authority, [changed]).await
    }

    /// Deletes a webhook. Its deliveries stay in the log; those that wait become dead letters when
    /// they are due. Refused if there is none, or none that the precondition allows. Who deletes it
    /// is written first, on the same conditions: of several callers at once, the row may name any,
    /// but none that may not delete it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_webhook(
        &self,
        authority: &Authority,
        id: &WebhookId,
        precondition: &Precondition,
        by: &Author,
    ) -> Result<ChildWrite, Fault> {
        let tenant = &authority.tenant.id;
        let version = |tag: &str| {
            let (updated_at, active) = Webhook::version_of(tag)?;
            let active = AttributeValue::Bool(active);
            Some([("updated_at", n(updated_at.millis())), ("active", active)])
        };
        let (also, values) = match condition(precondition, version) {
            Some(Condition { expression, values }) => (format!(" AND ({expression})"), values),
            None => (String::new(), None),
        };
        let mut marked = self.deleting(tenant_partition(tenant), webhook_key(id), by)?;
        if let Some(Condition { expression, values }) = condition(precondition, version) {
            marked = marked.only_if(expression);
            for (placeholder, value) in values.unwrap_or_default() {
                marked = marked.value(&placeholder, value);
            }
        }
        let marked = marked.transacted(Stage::WriteConfig)?;
        match self.write(authority, [marked]).await? {
            ChildWrite::Done => {}
            refused => return Ok(refused),
        }
        let deleted = DeleteBuilder::default()
            .table_name(&self.table)
            .set_key(Some(webhook_item(tenant, id)))
            .condition_expression(format!("attribute_exists(pk){also}"))
            .set_expression_attribute_values(values);
        let (pk, sk) = count_key(tenant);
        let counted = Update::existing(&self.table, pk, sk)
            .change("ADD webhooks :less")
            .value(":less", n(-1))
            .transacted(Stage::WriteConfig)?;
        self.write(authority, [delete(deleted)?, counted]).await
    }

    /// Writes into a row that it is being deleted, and by whom.
    pub(super) fn deleting(
        &self,
        pk: impl Into<String>,
        sk: impl Into<String>,
        by: &Author,
    ) -> Result<Update, Fault> {
        Ok(Update::existing(&self.table, pk, sk)
            .change(format!("SET {DELETED_BY} = :deleted_by"))
            .value(":deleted_by", of_author(by, Stage::WriteConfig)?))
    }

    /// The sort keys of all of a tenant's webhooks, including those that cannot be read.
    pub(super) async fn webhook_places(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<(String, String)>, Fault> {
        let found = Query::new(&self.table, "pk = :pk AND begins_with(sk, :webhook)")
            .value(":pk", s(tenant_partition(tenant)))
            .value(":webhook", s("webhook#"))
            .attributes(&["pk", "sk"])
            .consistent()
            .whole(&self.dynamo, Stage::ReadConfig)
            .await?;
        Ok(found.keys())
    }
}
