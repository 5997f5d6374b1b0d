//! Tenants and webhooks.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::contract::{Contract, Overrides};
use domain::credential::SealingKeys;
use domain::delivery::DisableReason;
use domain::filter::Filter;
use domain::ids::{TenantId, WebhookId};
use domain::signing_secrets::SigningSecrets;
use domain::tenant::{Limits, Subscription, Tenant, TenantSnapshot, Webhook, WebhookVersion};
use domain::time::Time;
use domain::webhook::LastChange;

use crate::owner::{secret, url};
use crate::receivers::ReceiverBehaviour;

/// A webhook and the behaviour of its receiver.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub contract: Contract,
    /// How its receiver responds.
    pub manner: ReceiverBehaviour,
}

/// Nothing is encrypted here.
fn keys() -> Arc<SealingKeys> {
    Arc::new(SealingKeys {
        public: String::new(),
        sealed_private: String::new(),
    })
}

/// The conditions of an owner's write.
#[derive(Clone, Copy)]
pub(crate) struct Conditions {
    pub(crate) put_checks_what_it_read: bool,
    pub(crate) put_keeps_the_warning: bool,
}

#[derive(Default)]
pub(crate) struct Directory {
    tenants: BTreeMap<TenantId, TenantSnapshot>,
    warned: BTreeMap<WebhookId, Time>,
    /// Earlier versions of a tenant's snapshot that a cache may still have.
    earlier: BTreeMap<TenantId, Vec<(Time, Arc<TenantSnapshot>)>>,
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
            TenantSnapshot {
                tenant,
                subscriptions: Vec::new(),
                unreadable: Vec::new(),
            },
        );
    }

    pub(crate) fn add_webhook(&mut self, tenant: &TenantId, id: &WebhookId, contract: &Contract) {
        let Some(snapshot) = self.tenants.get_mut(tenant) else {
            return;
        };
        snapshot.subscriptions.push(Subscription {
            webhook: Webhook {
                id: id.clone(),
                tenant: tenant.clone(),
                name: None,
                url: url(id, 0),
                events: vec![domain::event_type::EventFilter::All],
                filter: None,
                active: true,
                contract: contract.name.clone(),
                overrides: Overrides::default(),
                context: BTreeMap::new(),
                secrets: SigningSecrets::new(secret(0)),
                basic_auth: None,
                headers: BTreeMap::new(),
                created_at: Time::from_millis(0),
                updated_at: Time::from_millis(0),
                version: 1,
                disabled: None,
                switched: Vec::new(),
                slow_since: None,
                failing_since: None,
                since: None,
                written: None,
            },
            contract: contract.clone(),
            sealing_keys: keys(),
            context: BTreeMap::new(),
        });
    }

    /// From the beginning the webhook gets only events whose number is below this.
    #[expect(clippy::expect_used, reason = "a pattern")]
    pub(crate) fn filter(&mut self, tenant: &TenantId, at: usize, below: u32) -> Option<WebhookId> {
        let filter = format!(r#"{{"data": {{"n": [{{"numeric": ["<", {below}]}}]}}}}"#);
        let filter = Filter::parse(&filter).expect("a filter");
        let snapshot = self.tenants.get_mut(tenant)?;
        let webhook = &mut snapshot.subscriptions.get_mut(at)?.webhook;
        webhook.filter = Some(filter);
        Some(webhook.id.clone())
    }

    /// A snapshot as a cache may return it: from some moment between `from` and now.
    pub(crate) fn tenant_snapshot(
        &self,
        tenant: &TenantId,
        from: Time,
        old: bool,
    ) -> Option<Arc<TenantSnapshot>> {
        let earlier = self.earlier.get(tenant).and_then(|versions| {
            // The version that was overwritten after `from` was still current then.
            versions.iter().find(|(until, _)| *until > from)
        });
        match earlier {
            Some((_, snapshot)) if old => Some(Arc::clone(snapshot)),
            _ => self.tenants.get(tenant).map(|r| Arc::new(r.clone())),
        }
    }

    /// Postel switches a webhook off, like `switch_off` of the adapter.
    pub(crate) fn switch_off(
        &mut self,
        of: &WebhookVersion,
        reason: DisableReason,
        at: Time,
        now: Time,
    ) -> bool {
        self.write(&of.tenant, &of.webhook, now, |webhook| {
            let was_on = webhook.active;
            if was_on {
                (webhook.active, webhook.disabled) = (false, Some(reason));
                webhook.updated_at = at;
                webhook.written = Some(LastChange::switched_off(at));
                webhook.switched.push(at);
            }
            was_on
        })
    }

    /// Writes an owner's change, like `put_webhook` of the adapters.
    pub(crate) fn put(
        &mut self,
        before: &Webhook,
        after: &Webhook,
        has: Conditions,
        now: Time,
    ) -> bool {
        let written = self.write(&before.tenant, &before.id, now, |webhook| {
            let is_as_read =
                webhook.updated_at == before.updated_at && webhook.active == before.active;
            if !is_as_read && has.put_checks_what_it_read {
                return false;
            }
            // The dispatchers' attributes are kept.
            let marks = after.kept_marks(before);
            let slow_since = webhook.slow_since.filter(|_| marks.slow);
            let failing_since = webhook.failing_since.filter(|_| marks.failing);
            *webhook = Webhook {
                slow_since,
                failing_since,
                ..after.clone()
            };
            true
        });
        if written && !has.put_keeps_the_warning {
            self.warned.remove(&before.id);
        }
        written
    }

    /// Deletes a webhook. False if it does not exist.
    pub(crate) fn delete(&mut self, tenant: &TenantId, id: &WebhookId, now: Time) -> bool {
        if !self.write(tenant, id, now, |_| true) {
            return false;
        }
        if let Some(snapshot) = self.tenants.get_mut(tenant) {
            snapshot.subscriptions.retain(|s| s.webhook.id != *id);
        }
        true
    }

    /// Changes a webhook's row, if it exists and meets the change's condition. A cache may still
    /// have the version before.
    fn write(
        &mut self,
        tenant: &TenantId,
        id: &WebhookId,
        now: Time,
        change: impl FnOnce(&mut Webhook) -> bool,
    ) -> bool {
        let Some(snapshot) = self.tenants.get_mut(tenant) else {
            return false;
        };
        let before = Arc::new(snapshot.clone());
        let mut subscriptions = snapshot.subscriptions.iter_mut();
        let Some(entry) = subscriptions.find(|s| s.webhook.id == *id) else {
            return false;
        };
        if !change(&mut entry.webhook) {
            return false;
        }
        self.earlier
            .entry(tenant.clone())
            .or_default()
            .push((now, before));
        true
    }

    /// Sets a webhook's mark, or removes the one of `since`. False if the current mark is another.
    pub(crate) fn mark(
        &mut self,
        tenant: &TenantId,
        id: &WebhookId,
        since: Option<Time>,
        now: Time,
    ) -> bool {
        self.write(tenant, id, now, |webhook| {
            let is_so = webhook.slow_since == since;
            if is_so {
                webhook.slow_since = since.is_none().then_some(now);
            }
            is_so
        })
    }

    /// Sets the mark of a failing webhook if it has none, or removes the `current` one.
    pub(crate) fn mark_failing(
        &mut self,
        of: &WebhookVersion,
        current: Option<Time>,
        since: Time,
        now: Time,
    ) -> bool {
        self.write(&of.tenant, &of.webhook, now, |webhook| {
            let is_so = webhook.failing_since == current;
            if is_so {
                webhook.failing_since = current.is_none().then_some(since);
            }
            is_so
        })
    }

    /// Whether a webhook still has the version that an attempt used.
    pub(crate) fn is_current(&self, of: &WebhookVersion) -> bool {
        self.webhooks(&of.tenant)
            .any(|s| s.webhook.configuration() == *of)
    }

    pub(crate) fn webhook(&self, tenant: &TenantId, id: &WebhookId) -> Option<&Webhook> {
        let mut webhooks = self.webhooks(tenant).map(|s| &s.webhook);
        webhooks.find(|webhook| webhook.id == *id)
    }

    pub(crate) fn slow_since(&self, id: &WebhookId) -> Option<Time> {
        let found = self.all().find(|(_, s)| s.webhook.id == *id);
        found.and_then(|(_, s)| s.webhook.slow_since)
    }

    pub(crate) fn record_warning_if_due(&mut self, id: &WebhookId, now: Time) -> bool {
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
            .flat_map(|snapshot| &snapshot.subscriptions)
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = (TenantId, WebhookId)> {
        self.all()
            .map(|(tenant, s)| (tenant.clone(), s.webhook.id.clone()))
    }

    fn all(&self) -> impl Iterator<Item = (&TenantId, &Subscription)> {
        self.tenants
            .iter()
            .flat_map(|(id, snapshot)| snapshot.subscriptions.iter().map(move |s| (id, s)))
    }
}

/// The principal that publishes for a tenant on the events queue.
pub(crate) fn publisher(tenant: &TenantId) -> String {
    format!("AIDA{tenant}")
}
