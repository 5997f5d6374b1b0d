//! The [`ConfigStore`] port: a tenant with all its webhooks in one query, cached for a short time.
//!
//! Cost: a read unit for each 4 KB of the tenant's webhooks, at most once per tenant and batch, and
//! under load once in ten seconds per process.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::DisableReason;
use domain::event_type::EventType;
use domain::ids::{TenantId, WebhookId};
use domain::ports::{ConfigStore, Fault, Stage};
use domain::tenant::{Subscription, Tenant, TenantSnapshot, Webhook, WebhookVersion};
use domain::time::Time;
use futures::future::try_join_all;

use super::places::{TENANT, WEBHOOK, webhook_key};
use super::rows::TenantRow;
use super::{ConfigTable, tenant_partition};
use crate::cache::Cache;
use crate::clock::now;
use crate::dynamo::{Query, RowKey, Update, condition_held, from_item, n, s, text};

/// The maximum age of a cached snapshot.
const KEPT: Duration = Duration::from_secs(10);
/// The tenant is warned about a webhook once a day.
const WARNING_INTERVAL_MILLIS: i64 = 24 * 3600 * 1000;
/// The maximum number of cached tenants.
const MAX_CACHED: usize = 1000;

/// Tenants and webhooks, cached.
///
/// A snapshot serves an event only if it was read after the event was accepted: a webhook that
/// existed when the event was published always receives it. With a backlog this is true for nearly
/// every event, without one for few, so the cache saves reads when there are many.
pub struct ConfigCache {
    table: ConfigTable,
    max_timeout: Duration,
    snapshots: Cache<TenantId, Arc<TenantSnapshot>>,
    names: Cache<EventType, Option<String>>,
}

impl ConfigCache {
    /// On the config table. The timeouts of webhooks are limited to `max_timeout`.
    #[must_use]
    pub fn new(table: ConfigTable, max_timeout: Duration) -> Self {
        Self {
            table,
            max_timeout,
            snapshots: Cache::new(MAX_CACHED, KEPT),
            names: Cache::new(MAX_CACHED, KEPT),
        }
    }

    /// The tenant's next snapshot is read from the table.
    fn forget(&self, tenant: &TenantId) {
        self.snapshots.remove(tenant);
    }

    /// Changes a webhook's row after an outcome. Nothing is changed, and the answer is false, if
    /// the row has another version than the attempt used, or does not meet the change's conditions.
    /// The process forgets the tenant's snapshot first; one that is read during the write may still
    /// have the former row, for as long as a snapshot is kept.
    pub(super) async fn update(
        &self,
        configuration: &WebhookVersion,
        change: impl FnOnce(Update) -> Update,
    ) -> Result<bool, Fault> {
        self.forget(&configuration.tenant);
        let pk = tenant_partition(&configuration.tenant);
        let sk = webhook_key(&configuration.webhook);
        let row = Update::existing(&self.table.table, pk, sk)
            .only_if("version = :version")
            .value(":version", n(configuration.version));
        let changed = change(row)
            .send(&self.table.dynamo, Stage::WriteConfig)
            .await;
        condition_held(changed)
    }

    async fn read(&self, tenant: &TenantId) -> Result<Option<TenantSnapshot>, Fault> {
        let rows = Query::new(&self.table.table, "pk = :pk")
            .value(":pk", s(tenant_partition(tenant)))
            .consistent()
            .whole(&self.table.dynamo, Stage::ReadConfig)
            .await?;
        let mut webhooks: Vec<(RowKey, Webhook)> = Vec::new();
        let (mut found, mut unreadable) = (None, Vec::new());
        for item in rows.raw() {
            let place = RowKey::of(&item);
            match kind_of(text(&item, "sk").unwrap_or_default()) {
                Kind::Tenant => found = from_item::<TenantRow>(item, Stage::ReadConfig)?.standing(),
                Kind::Webhook(id) => match from_item(item, Stage::ReadConfig) {
                    Ok(webhook) => webhooks.push((place, webhook)),
                    Err(_) => {
                        place.tell();
                        unreadable.push(id);
                    }
                },
                Kind::Stray => place.tell(),
            }
        }
        let Some(tenant) = found else { return Ok(None) };
        let subscribed = webhooks.into_iter().map(|(place, webhook)| {
            let (tenant, id) = (&tenant, webhook.id.clone());
            async move { Ok((place, id, self.subscribe(tenant, webhook).await?)) }
        });
        let mut subscriptions = Vec::new();
        for (place, id, subscription) in try_join_all(subscribed).await? {
            match subscription {
                Some(subscription) => subscriptions.push(subscription),
                None => {
                    place.tell();
                    unreadable.push(id);
                }
            }
        }
        Ok(Some(TenantSnapshot {
            tenant,
            subscriptions,
            unreadable,
        }))
    }

    /// `None` if the webhook's contract does not exist or cannot be read.
    async fn subscribe(
        &self,
        tenant: &Tenant,
        webhook: Webhook,
    ) -> Result<Option<Subscription>, Fault> {
        let contract = match self.table.contract_of(&webhook.contract).await {
            Ok(Some(contract)) => contract,
            Ok(None) => return Ok(None),
            Err(fault) if fault.is_corrupt() => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let contract = contract.with(&webhook.overrides, self.max_timeout);
        let mut context = tenant.context.clone();
        context.extend(webhook.context.clone());
        Ok(Some(Subscription {
            webhook,
            contract,
            sealing_keys: Arc::clone(&tenant.sealing_keys),
            context,
        }))
    }
}

/// The kind of a row in a tenant's partition, from its sort key.
enum Kind {
    Tenant,
    Webhook(WebhookId),
    /// Of unknown origin: a foreign row does not keep an event from the tenant's webhooks.
    Stray,
}

fn kind_of(sk: &str) -> Kind {
    if sk == TENANT {
        return Kind::Tenant;
    }
    let id = sk.strip_prefix(WEBHOOK).and_then(|id| id.parse().ok());
    id.map_or(Kind::Stray, Kind::Webhook)
}

impl ConfigStore for ConfigCache {
    async fn tenant_snapshot(
        &self,
        tenant: &TenantId,
        not_older_than: Time,
    ) -> Result<Option<Arc<TenantSnapshot>>, Fault> {
        let read = async {
            let snapshot = self.read(tenant).await.map_err(Some)?;
            snapshot.map(Arc::new).ok_or(None)
        };
        let found = self
            .snapshots
            .get_or_read_since(tenant, not_older_than, now, read);
        match found.await {
            Ok(snapshot) => Ok(Some(snapshot)),
            // A missing tenant is not cached.
            Err(None) => Ok(None),
            Err(Some(fault)) => Err(fault),
        }
    }

    async fn switch_off(
        &self,
        configuration: &WebhookVersion,
        reason: DisableReason,
        at: Time,
    ) -> Result<bool, Fault> {
        self.update(configuration, |row| {
            let switched = "switched = list_append(if_not_exists(switched, :none), :now)";
            row.change(format!(
                "SET active = :off, disabled = :reason, updated_at = :at, {switched}"
            ))
            .only_if("active = :on")
            .value(":none", AttributeValue::L(Vec::new()))
            .value(":now", AttributeValue::L(vec![n(at.millis())]))
            .value(":off", AttributeValue::Bool(false))
            .value(":on", AttributeValue::Bool(true))
            .value(":reason", s(reason.as_str()))
            .value(":at", n(at.millis()))
        })
        .await
    }

    async fn record_warning_if_due(
        &self,
        configuration: &WebhookVersion,
        at: Time,
    ) -> Result<bool, Fault> {
        self.update(configuration, |row| {
            row.change("SET warned_at = :at")
                .only_if("attribute_not_exists(warned_at) OR warned_at < :yesterday")
                .value(":at", n(at.millis()))
                .value(":yesterday", n(at.millis() - WARNING_INTERVAL_MILLIS))
        })
        .await
    }

    async fn type_name(&self, event_type: &EventType) -> Result<Option<String>, Fault> {
        let read = async {
            let entry = self.table.event_type(event_type).await?;
            Ok(entry.and_then(|entry| entry.name))
        };
        self.names.get_or_read(event_type, now, read).await
    }

    async fn mark_slow(&self, configuration: &WebhookVersion, at: Time) -> Result<bool, Fault> {
        // One write, as large as the row. `updated_at` is kept: the tenant's changes are compared
        // with it.
        self.update(configuration, |row| {
            row.change("SET slow_since = :at")
                .only_if("attribute_not_exists(slow_since)")
                .value(":at", n(at.millis()))
        })
        .await
    }

    async fn unmark_slow(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> Result<bool, Fault> {
        self.update(configuration, |row| {
            row.change("REMOVE slow_since")
                .only_if("slow_since = :since")
                .value(":since", n(since.millis()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_not_one_of_ours_is_neither_a_tenant_nor_a_webhook() {
        let id = WebhookId::new([1; 16]);
        assert!(matches!(kind_of("tenant"), Kind::Tenant));
        for id in [id, "x".parse().unwrap(), "a".repeat(64).parse().unwrap()] {
            assert!(matches!(kind_of(&webhook_key(&id)), Kind::Webhook(found) if found == id));
        }
        for stray in [
            "",
            "tenant2",
            "webhook",
            "webhook#",
            "webhook#a.b",
            "webhook#x#1",
            "key",
            "note",
        ] {
            assert!(matches!(kind_of(stray), Kind::Stray), "{stray}");
        }
    }
}
