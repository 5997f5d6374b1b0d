//! Tenants and webhooks.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::contract::{Contract, Overrides};
use domain::credential::SealingKeys;
use domain::delivery::DisableReason;
use domain::ids::{TenantId, WebhookId};
use domain::signing_secrets::SigningSecrets;
use domain::tenant::{Limits, Roster, Subscription, Tenant, Webhook, WebhookVersion};
use domain::time::Time;

use crate::receivers::Manner;

/// A webhook and how its receiver behaves.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// Its contract.
    pub contract: Contract,
    /// How its receiver answers.
    pub manner: Manner,
}

/// Nothing is sealed here.
fn keys() -> Arc<SealingKeys> {
    Arc::new(SealingKeys {
        public: String::new(),
        sealed_private: String::new(),
    })
}

/// All tenants.
#[derive(Default)]
pub(crate) struct Directory {
    tenants: BTreeMap<TenantId, Roster>,
    /// Webhooks that were off at some time: an event may or may not have a delivery to them.
    pub(crate) wavered: Vec<WebhookId>,
    warned: BTreeMap<WebhookId, Time>,
    /// Versions of a tenant's roster that a cache may still hold.
    earlier: BTreeMap<TenantId, Vec<(Time, Arc<Roster>)>>,
}

impl Directory {
    pub(crate) fn add_tenant(&mut self, id: &TenantId, contact: &str) {
        let tenant = Tenant {
            id: id.clone(),
            name: None,
            contract: "standard".to_owned(),
            contact_email: Some(contact.to_owned()),
            publishers: vec![publisher(id)],
            limits: Limits::default(),
            context: BTreeMap::new(),
            sealing_keys: keys(),
            created_at: Time::from_millis(0),
            updated_at: Time::from_millis(0),
        };
        self.tenants.insert(
            id.clone(),
            Roster {
                tenant,
                subscriptions: Vec::new(),
            },
        );
    }

    pub(crate) fn add_webhook(&mut self, tenant: &TenantId, id: &WebhookId, contract: &Contract) {
        let Some(roster) = self.tenants.get_mut(tenant) else {
            return;
        };
        roster.subscriptions.push(Subscription {
            webhook: Webhook {
                id: id.clone(),
                tenant: tenant.clone(),
                name: None,
                url: format!("https://receiver.example/{id}"),
                events: vec![domain::event_type::EventFilter::All],
                active: true,
                contract: contract.name.clone(),
                overrides: Overrides::default(),
                context: BTreeMap::new(),
                secrets: SigningSecrets::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
                basic_auth: None,
                headers: BTreeMap::new(),
                created_at: Time::from_millis(0),
                updated_at: Time::from_millis(0),
                version: 1,
                disabled: None,
                slow_since: None,
            },
            contract: contract.clone(),
            sealing_keys: keys(),
            context: BTreeMap::new(),
        });
    }

    /// As a cache may give it: as of some moment between `from` and now.
    pub(crate) fn roster(&self, tenant: &TenantId, from: Time, old: bool) -> Option<Arc<Roster>> {
        let earlier = self.earlier.get(tenant).and_then(|versions| {
            // The version that was overwritten after `from` still stood then.
            versions.iter().find(|(until, _)| *until > from)
        });
        match earlier {
            Some((_, roster)) if old => Some(Arc::clone(roster)),
            _ => self.tenants.get(tenant).map(|r| Arc::new(r.clone())),
        }
    }

    pub(crate) fn switch(
        &mut self,
        tenant: &TenantId,
        id: &WebhookId,
        active: bool,
        reason: Option<DisableReason>,
        now: Time,
    ) -> bool {
        let Some(roster) = self.tenants.get_mut(tenant) else {
            return false;
        };
        let before = Arc::new(roster.clone());
        let Some(entry) = roster
            .subscriptions
            .iter_mut()
            .find(|s| s.webhook.id == *id)
        else {
            return false;
        };
        if entry.webhook.active == active {
            return false;
        }
        let before_it = entry.webhook.clone();
        (entry.webhook.active, entry.webhook.disabled) = (active, reason);
        if reason.is_none() {
            // Its owner did.
            entry.webhook = entry.webhook.clone().replacing(&before_it, now);
        }
        self.wavered.push(id.clone());
        self.earlier
            .entry(tenant.clone())
            .or_default()
            .push((now, before));
        true
    }

    /// Sets a webhook's mark, or takes away the one of `since`. False if it does not stand so.
    pub(crate) fn mark(
        &mut self,
        tenant: &TenantId,
        id: &WebhookId,
        since: Option<Time>,
        now: Time,
    ) -> bool {
        let Some(roster) = self.tenants.get_mut(tenant) else {
            return false;
        };
        let before = Arc::new(roster.clone());
        let Some(entry) = roster
            .subscriptions
            .iter_mut()
            .find(|s| s.webhook.id == *id)
        else {
            return false;
        };
        if entry.webhook.slow_since != since {
            return false;
        }
        entry.webhook.slow_since = since.is_none().then_some(now);
        self.earlier
            .entry(tenant.clone())
            .or_default()
            .push((now, before));
        true
    }

    /// Whether a webhook is still of the version that an attempt was made with.
    pub(crate) fn is_current(&self, of: &WebhookVersion) -> bool {
        self.webhooks(&of.tenant)
            .any(|s| s.webhook.configuration() == *of)
    }

    /// Whose webhook it is.
    pub(crate) fn owner(&self, id: &WebhookId) -> Option<TenantId> {
        let found = self.all().find(|(_, s)| s.webhook.id == *id);
        found.map(|(tenant, _)| tenant.clone())
    }

    pub(crate) fn slow_since(&self, id: &WebhookId) -> Option<Time> {
        let found = self.all().find(|(_, s)| s.webhook.id == *id);
        found.and_then(|(_, s)| s.webhook.slow_since)
    }

    pub(crate) fn may_warn(&mut self, id: &WebhookId, now: Time) -> bool {
        let day = std::time::Duration::from_secs(24 * 3600);
        if self.warned.get(id).is_some_and(|at| now.since(*at) < day) {
            return false;
        }
        self.warned.insert(id.clone(), now);
        true
    }

    pub(crate) fn webhooks(&self, tenant: &TenantId) -> impl Iterator<Item = &Subscription> {
        self.tenants
            .get(tenant)
            .into_iter()
            .flat_map(|roster| &roster.subscriptions)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&TenantId, &Subscription)> {
        self.tenants
            .iter()
            .flat_map(|(id, roster)| roster.subscriptions.iter().map(move |s| (id, s)))
    }
}

/// The principal that publishes for a tenant on the events queue.
pub(crate) fn publisher(tenant: &TenantId) -> String {
    format!("AIDA{tenant}")
}
