//! The primary keys of the rows.

use domain::ids::{KeyId, TenantId, WebhookId};
use domain::session::SessionName;

use super::tenant_partition;
use crate::dynamo::{Item, s};

/// The sort key of a tenant.
pub(super) const TENANT: &str = "tenant";

/// The sort key of an API key.
pub(super) const KEY: &str = "key";

/// The prefix of a webhook's sort key; its id follows.
pub(super) const WEBHOOK: &str = "webhook#";

/// The sort key of a webhook.
pub(super) fn webhook_key(id: &WebhookId) -> String {
    format!("{WEBHOOK}{id}")
}

/// The primary key of a tenant.
pub(super) fn tenant_item(id: &TenantId) -> Item {
    place(tenant_partition(id), TENANT)
}

/// The primary key of a webhook.
pub(super) fn webhook_item(tenant: &TenantId, id: &WebhookId) -> Item {
    place(tenant_partition(tenant), webhook_key(id))
}

/// The primary key of an API key.
pub(super) fn key_item(id: &KeyId) -> Item {
    place(key_partition(id), KEY)
}

/// The partition of an API key.
pub(super) fn key_partition(id: &KeyId) -> String {
    format!("key#{id}")
}

/// The prefix of the partitions of sessions.
pub(super) const SESSIONS: &str = "sessions#";

/// The partition of a tenant's sessions; `None` is the operator, and no tenant's id is empty.
pub(super) fn session_partition(tenant: Option<&TenantId>) -> String {
    format!("{SESSIONS}{}", tenant.map_or("", TenantId::as_str))
}

/// The primary key of a session.
pub(super) fn session_item(name: &SessionName) -> Item {
    place(session_partition(name.tenant.as_ref()), name.id.to_string())
}

/// A primary key.
pub(super) fn place(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}
