//! Where rows are: their primary keys.

use domain::ids::{KeyId, TenantId, WebhookId};

use super::tenant_partition;
use crate::dynamo::{Item, s};

/// The sort key of the tenant itself.
pub(super) const TENANT: &str = "tenant";

/// The sort key of a key.
pub(super) const KEY: &str = "key";

/// What the sort key of a webhook begins with; its id follows.
pub(super) const WEBHOOK: &str = "webhook#";

/// The sort key of a webhook.
pub(super) fn webhook_key(id: &WebhookId) -> String {
    format!("{WEBHOOK}{id}")
}

/// Where the tenant itself is.
pub(super) fn tenant_item(id: &TenantId) -> Item {
    place(tenant_partition(id), TENANT)
}

/// Where a webhook is.
pub(super) fn webhook_item(tenant: &TenantId, id: &WebhookId) -> Item {
    place(tenant_partition(tenant), webhook_key(id))
}

/// Where a key is.
pub(super) fn key_item(id: &KeyId) -> Item {
    place(key_partition(id), KEY)
}

/// The partition of a key.
pub(super) fn key_partition(id: &KeyId) -> String {
    format!("key#{id}")
}

/// A primary key.
pub(super) fn place(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}
