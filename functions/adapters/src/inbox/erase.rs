//! Deletes the rows of inboxes, and the content of an erased event in them.

use aws_sdk_dynamodb::Client;
use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, Stage};
use domain::ulid::Ulid;
use futures::TryStreamExt as _;

use super::{InboxTable, partition, prefix};
use crate::aws_error::OrAwsFault as _;
use crate::dynamo::{Query, Update, condition_held, s};

/// How many rows are deleted concurrently.
const DELETED_AT_ONCE: usize = 10;

impl InboxTable {
    /// Deletes the inbox of a deleted webhook. A webhook that never had one costs one read. What an
    /// attempt in progress writes afterwards is not found and expires.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete(&self, tenant: &TenantId, webhook: &WebhookId) -> Result<(), Fault> {
        self.delete_below(tenant, &prefix(webhook)).await
    }

    /// Deletes all inboxes of a deleted tenant.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_all(&self, tenant: &TenantId) -> Result<(), Fault> {
        self.delete_below(tenant, "").await
    }

    async fn delete_below(&self, tenant: &TenantId, prefix: &str) -> Result<(), Fault> {
        let condition = match prefix {
            "" => "pk = :pk",
            _ => "pk = :pk AND begins_with(sk, :prefix)",
        };
        let mut rows = Query::new(&self.table, condition)
            .value(":pk", s(partition(tenant)))
            .attributes(&["pk", "sk"])
            .consistent();
        if !prefix.is_empty() {
            rows = rows.value(":prefix", s(prefix));
        }
        rows.each(&self.dynamo, Stage::ReadStore)
            .map_ok(|mut row| async move {
                let key = ["pk", "sk"].map(|name| row.remove(name).map(|value| (name, value)));
                let key = key.into_iter().flatten();
                self.dynamo
                    .delete_item()
                    .table_name(&self.table)
                    .set_key(Some(
                        key.map(|(name, value)| (name.to_owned(), value)).collect(),
                    ))
                    .send()
                    .await
                    .or_fault(Stage::WriteConfig)
                    .map(drop)
            })
            .try_buffer_unordered(DELETED_AT_ONCE)
            .try_collect()
            .await
    }
}

/// Removes the bodies of an event's requests from the inboxes of its tenant. Reads all of their
/// requests: this is rare.
pub(crate) async fn erase_event(
    dynamo: &Client,
    table: &str,
    tenant: &TenantId,
    event: Ulid,
) -> Result<(), Fault> {
    let mut rows = Query::new(table, "pk = :pk")
        .value(":pk", s(partition(tenant)))
        .filter("of_event = :event AND attribute_exists(payload)".to_owned())
        .value(":event", s(event.to_string()))
        .attributes(&["pk", "sk"])
        .consistent()
        .each(dynamo, Stage::ReadStore);
    while let Some(row) = rows.try_next().await? {
        let part = |name| crate::dynamo::text(&row, name).unwrap_or_default();
        let erased = Update::existing(table, part("pk"), part("sk"))
            .change("REMOVE payload")
            // The slot may have a newer request by now.
            .only_if("of_event = :event")
            .value(":event", s(event.to_string()))
            .send(dynamo, Stage::WriteOutcome)
            .await;
        condition_held(erased)?;
    }
    Ok(())
}
