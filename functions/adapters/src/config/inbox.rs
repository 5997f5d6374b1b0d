//! The scripts of inboxes: rows of the log table that are written below a tenant.

use aws_sdk_dynamodb::types::builders::ConditionCheckBuilder;
use domain::guard::INBOX_URL;
use domain::ports::{Fault, Stage};
use domain::tenant::Webhook;

use super::authority::check;
use super::places::webhook_item;
use super::{Authority, ChildWrite, ConfigTable};
use crate::dynamo::s;
use crate::inbox::{InboxTable, StoredScript, script_update};

impl ConfigTable {
    /// Replaces the script of a webhook's inbox, if it is still the one before this and the webhook
    /// still has an inbox; otherwise it is refused. Two write units for each KB of the
    /// script, and for each row that is checked.
    ///
    /// # Errors
    /// If a table does not answer.
    pub async fn put_script(
        &self,
        authority: &Authority,
        inboxes: &InboxTable,
        webhook: &Webhook,
        script: &StoredScript,
    ) -> Result<ChildWrite, Fault> {
        let has_inbox = ConditionCheckBuilder::default()
            .table_name(&self.table)
            .set_key(Some(webhook_item(&webhook.tenant, &webhook.id)))
            .condition_expression("#url = :inbox")
            .expression_attribute_names("#url", "url")
            .expression_attribute_values(":inbox", s(INBOX_URL));
        let written = script_update(inboxes, webhook, script)?;
        let written = written.transacted(Stage::WriteConfig)?;
        self.write(authority, [check(has_inbox)?, written]).await
    }
}
