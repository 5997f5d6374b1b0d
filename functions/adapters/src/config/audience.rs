//! What the HTTP API reads of a tenant: whether it exists, its limits, and which webhooks an event
//! goes to.
//!
//! One consistent query. It costs a read unit for each 4 KB of the tenant's webhooks, whichever
//! attributes it leaves out; secrets are left out, since a function gets only what it needs.

use domain::event_type::{EventFilter, EventType};
use domain::ids::TenantId;
use domain::ports::{Fault, Stage};
use domain::tenant::Limits;
use domain::time::Time;
use serde::Deserialize;

use super::places::TENANT;
use super::{ConfigTable, tenant_partition};
use crate::dynamo::{Query, from_item, s, text};

/// The attributes that are read of each row.
const READ: [&str; 7] = [
    "pk",
    "sk",
    "created_at",
    "limits",
    "deleting_since",
    "active",
    "events",
];

/// A tenant and the event filters of its active webhooks.
#[derive(Clone, Debug)]
pub struct Audience {
    /// When the tenant was created.
    pub created_at: Time,
    /// Its own limits.
    pub limits: Limits,
    /// The filters of each active webhook.
    webhooks: Vec<Vec<EventFilter>>,
}

impl Audience {
    /// The audience of a tenant, from the filters of its active webhooks.
    #[must_use]
    pub const fn new(created_at: Time, limits: Limits, webhooks: Vec<Vec<EventFilter>>) -> Self {
        Self {
            created_at,
            limits,
            webhooks,
        }
    }

    /// How many active webhooks select events of a type.
    #[must_use]
    pub fn webhook_count(&self, event_type: &EventType) -> usize {
        let wants = |filters: &&Vec<EventFilter>| filters.iter().any(|f| f.matches(event_type));
        self.webhooks.iter().filter(wants).count()
    }
}

#[derive(Deserialize)]
struct TenantPart {
    created_at: Time,
    limits: Limits,
    #[serde(default)]
    deleting_since: Option<Time>,
}

#[derive(Deserialize)]
struct WebhookPart {
    active: bool,
    events: Vec<EventFilter>,
}

impl ConfigTable {
    /// A tenant's audience; `None` if the tenant does not exist or is being deleted.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn audience(&self, tenant: &TenantId) -> Result<Option<Audience>, Fault> {
        enum Part {
            Tenant(TenantPart),
            Webhook(WebhookPart),
            /// A webhook's row that cannot be read does not prevent an event from being accepted.
            Unreadable,
        }
        let rows = Query::new(&self.table, "pk = :pk")
            .value(":pk", s(tenant_partition(tenant)))
            .attributes(&READ)
            .consistent()
            .whole(&self.dynamo, Stage::ReadConfig)
            .await?;
        let parts = rows.all(|item| {
            Ok(if text(&item, "sk") == Some(TENANT) {
                Part::Tenant(from_item(item, Stage::ReadConfig)?)
            } else {
                from_item(item, Stage::ReadConfig).map_or(Part::Unreadable, Part::Webhook)
            })
        })?;
        let (mut found, mut webhooks) = (None, Vec::new());
        for part in parts {
            match part {
                Part::Tenant(tenant) => found = Some(tenant),
                Part::Webhook(webhook) => webhooks.push(webhook),
                Part::Unreadable => {}
            }
        }
        let standing = found.filter(|tenant| tenant.deleting_since.is_none());
        let active = webhooks.into_iter().filter(|webhook| webhook.active);
        let filters = active.map(|webhook| webhook.events).collect();
        Ok(standing.map(|tenant| Audience::new(tenant.created_at, tenant.limits, filters)))
    }
}
