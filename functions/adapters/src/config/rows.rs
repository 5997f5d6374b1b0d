//! Tenants, webhooks and keys as they are stored.

use std::collections::BTreeMap;

use domain::api_key::{ApiKey, Scope};
use domain::contract::Overrides;
use domain::delivery::DisableReason;
use domain::event_type::EventFilter;
use domain::ids::{KeyId, TenantId, WebhookId};
use domain::tenant::{Limits, SealedBasicAuth, SealedHeader, SealedSecret, Tenant, Webhook};
use domain::time::Time;
use serde::{Deserialize, Serialize};

use super::tenant_partition;

#[derive(Serialize, Deserialize)]
pub(super) struct TenantRow {
    pk: String,
    sk: String,
    id: TenantId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    contract: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact_email: Option<String>,
    publishers: Vec<String>,
    limits: Limits,
    created_at: Time,
    updated_at: Time,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WebhookRow {
    pk: String,
    sk: String,
    tenant: TenantId,
    id: WebhookId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    url: String,
    events: Vec<EventFilter>,
    active: bool,
    contract: String,
    overrides: Overrides,
    secrets: Vec<SealedSecret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basic_auth: Option<SealedBasicAuth>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, SealedHeader>,
    created_at: Time,
    updated_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disabled: Option<DisableReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// Written by the authorizer alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Time>,
    /// The table's time to live, in seconds: removes it some time after it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

/// The sort key of the tenant itself.
pub(super) const TENANT: &str = "tenant";

/// The sort key of a webhook.
pub(super) fn webhook_key(id: &WebhookId) -> String {
    format!("webhook#{id}")
}

/// The partition of a key.
pub(super) fn key_partition(id: &KeyId) -> String {
    format!("key#{id}")
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
            created_at,
            updated_at,
        }
    }
}

impl From<TenantRow> for Tenant {
    fn from(row: TenantRow) -> Self {
        let TenantRow {
            id,
            name,
            contract,
            contact_email,
            publishers,
            limits,
            created_at,
            updated_at,
            ..
        } = row;
        Self {
            id,
            name,
            contract,
            contact_email,
            publishers,
            limits,
            created_at,
            updated_at,
        }
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
            secrets,
            basic_auth,
            headers,
            created_at,
            updated_at,
            disabled,
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
            secrets,
            basic_auth,
            headers,
            created_at,
            updated_at,
            disabled,
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
            secrets,
            basic_auth,
            headers,
            created_at,
            updated_at,
            disabled,
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
            secrets,
            basic_auth,
            headers,
            created_at,
            updated_at,
            disabled,
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
        let (pk, sk) = (key_partition(&id), "key".to_owned());
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
