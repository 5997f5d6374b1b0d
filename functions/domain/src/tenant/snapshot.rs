//! A tenant and its webhooks, as a dispatcher reads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Tenant, Webhook};
use crate::contract::Contract;
use crate::credential::SealingKeys;
use crate::ids::WebhookId;
use crate::ports::{Fault, Stage};

/// A webhook and its contract, with the webhook's overrides applied.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The webhook.
    pub webhook: Webhook,
    /// Its contract.
    pub contract: Contract,
    /// The keys that encrypt its credentials.
    pub sealing_keys: Arc<SealingKeys>,
    /// The webhook's context, which overrides its tenant's.
    pub context: BTreeMap<String, String>,
}

/// A tenant and all its subscriptions, as read together.
#[derive(Clone, Debug)]
pub struct TenantSnapshot {
    /// The tenant.
    pub tenant: Tenant,
    /// Its webhooks, the inactive ones included.
    pub subscriptions: Vec<Subscription>,
    /// Webhooks whose row or contract cannot be read, so it is unknown which events they select.
    pub unreadable: Vec<WebhookId>,
}

impl TenantSnapshot {
    /// One webhook.
    #[must_use]
    pub fn subscription(&self, id: &WebhookId) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.webhook.id == *id)
    }

    /// Checks that all webhooks of an event could be read. If one could not, the event's message
    /// comes back until the row is repaired or the message becomes a dead letter: nothing is lost
    /// unnoticed. Test: test_unreadable_rows.py, beside a webhook.
    ///
    /// # Errors
    /// A permanent fault, if a webhook cannot be read.
    pub fn all_readable(&self) -> Result<(), Fault> {
        match self.unreadable.first() {
            None => Ok(()),
            Some(id) => Err(unreadable(id)),
        }
    }

    /// Checks that a delivery's webhook could be read.
    ///
    /// # Errors
    /// A permanent fault, if it cannot be read.
    pub fn readable(&self, id: &WebhookId) -> Result<(), Fault> {
        match self.unreadable.contains(id) {
            false => Ok(()),
            true => Err(unreadable(id)),
        }
    }
}

fn unreadable(id: &WebhookId) -> Fault {
    let what = format!("the row of the webhook {id}, or its contract, cannot be read");
    Fault::corrupt(Stage::ReadConfig, what)
}
