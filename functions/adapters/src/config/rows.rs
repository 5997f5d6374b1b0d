//! Tenants, webhooks and keys as they are stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::api_key::{ApiKey, Scope};
use domain::contract::Overrides;
use domain::credential::SealingKeys;
use domain::delivery::DisableReason;
use domain::event_type::EventFilter;
use domain::ids::{KeyId, TenantId, WebhookId};
use domain::signing_secrets::SigningSecrets;
use domain::tenant::{EncryptedBasicAuth, EncryptedHeader, Limits, Tenant, Webhook};
use domain::time::Time;
use serde::{Deserialize, Serialize};

use super::places::{KEY, TENANT, key_partition, webhook_key};
use super::tenant_partition;

/// The attribute of a webhook or a key with the fingerprint of the request that created it. Later
/// writes do not change it.
pub(super) const CONTENT: &str = "content";

/// Like [`WebhookRow`], it is written with [`crate::dynamo::Update::assign`]: an absent value is
/// null, not left out.
#[derive(Serialize, Deserialize)]
pub(super) struct TenantRow {
    pk: String,
    sk: String,
    id: TenantId,
    #[serde(default)]
    name: Option<String>,
    contract: String,
    #[serde(default)]
    contact_email: Option<String>,
    publishers: Vec<String>,
    limits: Limits,
    #[serde(default)]
    context: BTreeMap<String, String>,
    sealing_keys: SealingKeys,
    created_at: Time,
    updated_at: Time,
    /// Set by the deletion before it looks for rows below the tenant: from then on nothing is
    /// written there, and the tenant is not found.
    #[serde(default)]
    deleting_since: Option<Time>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WebhookRow {
    pk: String,
    sk: String,
    tenant: TenantId,
    id: WebhookId,
    #[serde(default)]
    name: Option<String>,
    url: String,
    events: Vec<EventFilter>,
    active: bool,
    contract: String,
    overrides: Overrides,
    #[serde(default)]
    context: BTreeMap<String, String>,
    secrets: SigningSecrets,
    #[serde(default)]
    basic_auth: Option<EncryptedBasicAuth>,
    #[serde(default)]
    headers: BTreeMap<String, EncryptedHeader>,
    created_at: Time,
    updated_at: Time,
    version: u32,
    #[serde(default)]
    disabled: Option<DisableReason>,
    #[serde(default)]
    switched: Vec<Time>,
    /// Written by the dispatcher, and removed when the owner changes the URL.
    #[serde(default)]
    slow_since: Option<Time>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeyRow {
    pk: String,
    sk: String,
    id: KeyId,
    tenant: TenantId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    hash: String,
    scopes: Vec<Scope>,
    created_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<Time>,
    /// Written only by the authorizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Time>,
    /// The table's time to live, in seconds: DynamoDB removes the key some time after it has
    /// expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl From<&Tenant> for TenantRow {
    fn from(tenant: &Tenant) -> Self {
        let Tenant {
            id,
            name,
            contract,
            contact_email,
            publishers,
            limits,
            context,
            sealing_keys,
            created_at,
            updated_at,
        } = tenant.clone();
        let (pk, sk) = (tenant_partition(&id), TENANT.to_owned());
        Self {
            pk,
            sk,
            id,
            name,
            contract,
            contact_email,
            publishers,
            limits,
            context,
            sealing_keys: SealingKeys::clone(&sealing_keys),
            created_at,
            updated_at,
            deleting_since: None,
        }
    }
}

impl TenantRow {
    /// The tenant, unless it is being deleted.
    pub(super) fn standing(self) -> Option<Tenant> {
        let Self {
            id,
            name,
            contract,
            contact_email,
            publishers,
            limits,
            context,
            sealing_keys,
            created_at,
            updated_at,
            deleting_since,
            ..
        } = self;
        if deleting_since.is_some() {
            return None;
        }
        Some(Tenant {
            id,
            name,
            contract,
            contact_email,
            publishers,
            limits,
            context,
            sealing_keys: Arc::new(sealing_keys),
            created_at,
            updated_at,
        })
    }
}

impl From<&Webhook> for WebhookRow {
    fn from(webhook: &Webhook) -> Self {
        let Webhook {
            id,
            tenant,
            name,
            url,
            events,
            active,
            contract,
            overrides,
            context,
            secrets,
            basic_auth,
            headers,
            created_at,
            updated_at,
            version,
            disabled,
            switched,
            slow_since,
        } = webhook.clone();
        let (pk, sk) = (tenant_partition(&tenant), webhook_key(&id));
        Self {
            pk,
            sk,
            tenant,
            id,
            name,
            url,
            events,
            active,
            contract,
            overrides,
            context,
            secrets,
            basic_auth,
            headers,
            created_at,
            updated_at,
            version,
            disabled,
            switched,
            slow_since,
        }
    }
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        let WebhookRow {
            tenant,
            id,
            name,
            url,
            events,
            active,
            contract,
            overrides,
            context,
            secrets,
            basic_auth,
            headers,
            created_at,
            updated_at,
            version,
            disabled,
            switched,
            slow_since,
            ..
        } = row;
        Self {
            id,
            tenant,
            name,
            url,
            events,
            active,
            contract,
            overrides,
            context,
            secrets,
            basic_auth,
            headers,
            created_at,
            updated_at,
            version,
            disabled,
            switched,
            slow_since,
        }
    }
}

impl From<&ApiKey> for KeyRow {
    fn from(key: &ApiKey) -> Self {
        let ApiKey {
            id,
            tenant,
            name,
            hash,
            scopes,
            created_at,
            expires_at,
            last_used_at,
        } = key.clone();
        let (pk, sk) = (key_partition(&id), KEY.to_owned());
        Self {
            pk,
            sk,
            id,
            tenant,
            name,
            hash,
            scopes,
            created_at,
            ends_at: expires_at,
            last_used_at,
            expires_at: expires_at.map(|end| end.seconds() + 1),
        }
    }
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
        let KeyRow {
            id,
            tenant,
            name,
            hash,
            scopes,
            created_at,
            ends_at,
            last_used_at,
            ..
        } = row;
        Self {
            id,
            tenant,
            name,
            hash,
            scopes,
            created_at,
            expires_at: ends_at,
            last_used_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ports::Stage;

    use super::*;
    use crate::dynamo::{Update, to_item};

    fn webhook() -> Webhook {
        Webhook {
            id: WebhookId::new([1; 16]),
            tenant: "t".parse().unwrap(),
            name: None,
            url: "https://example.com/".to_owned(),
            events: vec![EventFilter::All],
            active: true,
            contract: "standard".to_owned(),
            overrides: Overrides::default(),
            context: BTreeMap::new(),
            secrets: SigningSecrets::default(),
            basic_auth: None,
            headers: BTreeMap::new(),
            created_at: Time::from_millis(5),
            updated_at: Time::from_millis(5),
            version: 1,
            disabled: None,
            switched: Vec::new(),
            slow_since: None,
        }
    }

    #[test]
    fn a_replacement_removes_what_is_absent_and_touches_nothing_of_others() {
        let row = WebhookRow::from(&webhook());
        let update = |others| {
            let update = Update::existing("t", "p", "s")
                .assign(&row, others, Stage::WriteConfig)
                .unwrap();
            let part = update.transacted(Stage::WriteConfig).unwrap();
            part.update.unwrap().update_expression
        };
        let own = update(&["slow_since"]);
        let (set, removed) = own.split_once(" REMOVE ").unwrap();
        let mut removed: Vec<_> = removed.split(", ").collect();
        removed.sort_unstable();
        assert_eq!(removed, ["#basic_auth", "#disabled", "#name"]);
        for name in ["#url = :url", "#headers = :headers", "#version = :version"] {
            assert!(set.contains(name), "{set}");
        }
        for name in ["slow_since", "warned_at", "#pk", "#sk"] {
            assert!(!own.contains(name), "{own}");
        }
        // Another URL: the mark is removed.
        let all = update(&[]);
        let (_, removed) = all.split_once(" REMOVE ").unwrap();
        assert!(removed.contains("#slow_since"), "{removed}");
    }

    #[test]
    fn a_new_item_has_no_nulls_since_a_null_would_be_there_for_a_condition() {
        let item = to_item(&WebhookRow::from(&webhook()), Stage::WriteConfig).unwrap();
        assert!(!item.contains_key("slow_since") && !item.contains_key("name"));
        let read: Webhook = crate::dynamo::from_item::<WebhookRow>(item, Stage::ReadConfig)
            .unwrap()
            .into();
        assert_eq!(read, webhook());
    }
}
