//! A tenant with all its webhooks and their contracts, in one query.
//!
//! Cost: a read unit for each 4 KB of the tenant's webhooks, and one for each contract of the
//! operator's own that the caller has not cached.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, Stage};
use domain::tenant::{Subscription, Tenant, TenantSnapshot, Webhook};
use futures::future::try_join_all;

use super::contract_cache::ContractCache;
use super::places::{TENANT, WEBHOOK};
use super::rows::TenantRow;
use super::{ConfigTable, tenant_partition};
use crate::dynamo::{Query, RowKey, from_item, s, text};

impl ConfigTable {
    /// A tenant with all its webhooks; `None` if the tenant does not exist or is being deleted. The
    /// timeouts of webhooks are limited to `max_timeout`.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn snapshot(
        &self,
        tenant: &TenantId,
        max_timeout: Duration,
    ) -> Result<Option<TenantSnapshot>, Fault> {
        // For this snapshot alone: its webhooks share their contracts.
        let contracts = ContractCache::new(Duration::MAX);
        self.snapshot_with(tenant, max_timeout, &contracts).await
    }

    /// The same, with contracts that may have been read before.
    pub(super) async fn snapshot_with(
        &self,
        tenant: &TenantId,
        max_timeout: Duration,
        contracts: &ContractCache,
    ) -> Result<Option<TenantSnapshot>, Fault> {
        let rows = Query::new(&self.table, "pk = :pk")
            .value(":pk", s(tenant_partition(tenant)))
            .consistent()
            .whole(&self.dynamo, Stage::ReadConfig)
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
            async move {
                Ok((
                    place,
                    id,
                    self.subscribe(tenant, webhook, max_timeout, contracts)
                        .await?,
                ))
            }
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
        max_timeout: Duration,
        contracts: &ContractCache,
    ) -> Result<Option<Subscription>, Fault> {
        let contract = match contracts.contract(self, &webhook.contract).await {
            Ok(Some(contract)) => contract,
            Ok(None) => return Ok(None),
            Err(fault) if fault.is_corrupt() => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let contract = contract.with(&webhook.overrides, max_timeout);
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

#[cfg(test)]
mod tests {
    use super::super::places::webhook_key;
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
