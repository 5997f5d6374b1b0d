//! The [`ConfigStore`] port: a tenant with all its webhooks in one query, cached for a short time.
//!
//! Cost: a read unit for each 4 KB of the tenant's webhooks, at most once per tenant and batch, and
//! under load once in ten seconds per process. A contract of the operator's own costs a read unit
//! once in ten seconds per process, whoever uses it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::DisableReason;
use domain::event_type::EventType;
use domain::ids::TenantId;
use domain::ports::{ConfigStore, Fault, Stage};
use domain::tenant::{TenantSnapshot, WebhookVersion};
use domain::time::Time;
use domain::webhook::LastChange;

use super::contract_cache::ContractCache;
use super::places::webhook_key;
use super::troubled::{TROUBLED, TROUBLED_WEBHOOKS};
use super::{ConfigTable, tenant_partition};
use crate::cache::Cache;
use crate::clock::now;
use crate::dynamo::{Update, condition_held, n, s, to_item};

/// The maximum age of a cached snapshot, and of a cached contract. A snapshot may contain a
/// contract that was read before it, so a contract's change takes up to twice as long.
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
    contracts: ContractCache,
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
            contracts: ContractCache::new(KEPT),
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

    /// Removes a mark, and the webhook from the index if the other mark and the disabling are not
    /// there either: two writes where they are.
    async fn remove_mark(
        &self,
        configuration: &WebhookVersion,
        (mark, other): (&str, &str),
        since: Time,
    ) -> Result<bool, Fault> {
        let is_last = format!("attribute_not_exists({other}) AND attribute_not_exists(disabled)");
        let remove = |also: &str| format!("REMOVE {mark}{also}");
        let is_it = |row: Update, change: String| {
            row.change(change)
                .only_if(format!("{mark} = :since"))
                .value(":since", n(since.millis()))
        };
        let also = format!(", {TROUBLED}");
        Ok(self
            .update(configuration, |row| {
                is_it(row, remove(&also)).only_if(is_last)
            })
            .await?
            || self
                .update(configuration, |row| is_it(row, remove("")))
                .await?)
    }
}

/// Sets a mark that the webhook does not have.
fn set_mark(row: Update, mark: &str, since: Time) -> Update {
    row.change(format!("SET {mark} = :since, {TROUBLED} = :yes"))
        .only_if(format!("attribute_not_exists({mark})"))
        .value(":since", n(since.millis()))
        .value(":yes", s(TROUBLED_WEBHOOKS))
}

impl ConfigStore for ConfigCache {
    async fn tenant_snapshot(
        &self,
        tenant: &TenantId,
        not_older_than: Time,
    ) -> Result<Option<Arc<TenantSnapshot>>, Fault> {
        let read = async {
            let (table, contracts) = (&self.table, &self.contracts);
            let snapshot = table.snapshot_with(tenant, self.max_timeout, contracts);
            let snapshot = snapshot.await.map_err(Some)?;
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
        let written = to_item(&LastChange::switched_off(at), Stage::WriteConfig)?;
        self.update(configuration, |row| {
            let switched = "switched = list_append(if_not_exists(switched, :none), :now)";
            row.change(format!(
                "SET active = :off, disabled = :reason, updated_at = :at, written = :written, {switched}, {TROUBLED} = :yes"
            ))
            .only_if("active = :on")
            .value(":none", AttributeValue::L(Vec::new()))
            .value(":now", AttributeValue::L(vec![n(at.millis())]))
            .value(":off", AttributeValue::Bool(false))
            .value(":on", AttributeValue::Bool(true))
            .value(":reason", s(reason.as_str()))
            .value(":written", AttributeValue::M(written))
            .value(":yes", s(TROUBLED_WEBHOOKS))
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
        self.update(configuration, |row| set_mark(row, "slow_since", at))
            .await
    }

    async fn mark_failing(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> Result<bool, Fault> {
        self.update(configuration, |row| set_mark(row, "failing_since", since))
            .await
    }

    async fn unmark_failing(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> Result<bool, Fault> {
        self.remove_mark(configuration, ("failing_since", "slow_since"), since)
            .await
    }

    async fn unmark_slow(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> Result<bool, Fault> {
        self.remove_mark(configuration, ("slow_since", "failing_since"), since)
            .await
    }
}
