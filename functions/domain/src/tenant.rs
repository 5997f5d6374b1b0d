//! A tenant, its webhooks, and what a dispatcher needs of both.

mod put;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::{Contract, Overrides};
use crate::credential::SealingKeys;
use crate::delivery::DisableReason;
use crate::event::Event;
use crate::event_type::{EventFilter, EventType};
use crate::ids::{TenantId, WebhookId};
use crate::ports::{Fault, Stage};
use crate::signing_secrets::SigningSecrets;
use crate::time::{CLOCK_SKEW, Time};

pub use put::{MAX_PUBLISHERS, PutTenant, new_tenant_id};

/// Webhooks per tenant, unless the operator says otherwise. They are read in one query and cached
/// together.
pub const WEBHOOKS_PER_TENANT: u32 = 25;

/// One customer of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, for people.
    pub name: Option<String>,
    /// The contract of webhooks that name none.
    pub contract: String,
    /// Whom to write to when a webhook is switched off.
    pub contact_email: Option<String>,
    /// The IAM principals (unique ids, the part of SQS's `SenderId` before the colon) that may
    /// publish for it on the events queue.
    pub publishers: Vec<String>,
    /// Limits other than the usual.
    pub limits: Limits,
    /// What envelopes find where neither the event nor the webhook says it: raw JSON scalars by
    /// name.
    pub context: BTreeMap<String, String>,
    /// What its webhooks' credentials are sealed with.
    pub sealing_keys: Arc<SealingKeys>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// How long the deletion of a tenant takes at least, from the moment in which it is marked until
/// another tenant can be made of its id: so what the old tenant did last is older than what the new
/// one can see, whichever clocks wrote the two times. See [`log_begins`].
pub const MIN_DELETION: Duration = Duration::from_secs(2 * CLOCK_SKEW.as_secs());

/// Enough for what waits in a queue while its webhook is switched on and off; a row pays for each.
const MAX_SWITCHES: usize = 16;

/// What is older than this belongs to an earlier tenant of the same id, which was deleted: log and
/// dead letters are kept under the id, and outlive the tenant. Keys of both tell their time.
///
/// The clock that wrote a key may be behind the one that wrote `created_at`, so a tenant sees what
/// is up to [`CLOCK_SKEW`] older than itself. That shows nothing of the earlier tenant: its
/// deletion took at least [`MIN_DELETION`], twice as long.
#[must_use]
pub fn log_begins(created_at: Time) -> Time {
    created_at.minus(CLOCK_SKEW)
}

impl Tenant {
    /// See [`log_begins`].
    #[must_use]
    pub fn log_begins(&self) -> Time {
        log_begins(self.created_at)
    }
}

/// A tenant's own limits; none means the usual one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// How many webhooks it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<u32>,
    /// How many API requests a minute it may make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
}

/// Basic authentication (RFC 7617), its password sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptedBasicAuth {
    /// In clear: it is shown.
    pub username: String,
    /// The ciphertext in base64.
    pub cipher: String,
}

/// A header's sealed value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptedHeader {
    /// The ciphertext in base64.
    pub cipher: String,
    /// How long the value is: the limit holds for all of a webhook's headers together.
    pub bytes: usize,
}

/// One version of a webhook's configuration: what an attempt is made with, and the only thing its
/// outcome may change. An owner may move a webhook, give it a new secret or switch it off and on
/// while an attempt is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookVersion {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which webhook.
    pub webhook: WebhookId,
    /// Its [`Webhook::version`].
    pub version: u32,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, for people.
    pub name: Option<String>,
    /// Where it delivers to, as the guard normalised it.
    pub url: String,
    /// Which events it wants; at least one filter.
    pub events: Vec<EventFilter>,
    /// Whether it gets events.
    pub active: bool,
    /// Its contract's name.
    pub contract: String,
    /// What it says differently from its contract.
    pub overrides: Overrides,
    /// What envelopes find where the event does not say it: raw JSON scalars by name.
    pub context: BTreeMap<String, String>,
    /// What signs its deliveries.
    pub secrets: SigningSecrets,
    /// The user name and sealed password sent as Basic authentication.
    pub basic_auth: Option<EncryptedBasicAuth>,
    /// Further headers: names, and sealed values.
    pub headers: BTreeMap<String, EncryptedHeader>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Counts the changes that attempts depend on: see [`Webhook::replacing`].
    pub version: u32,
    /// Why Postel switched it off, if Postel did.
    pub disabled: Option<DisableReason>,
    /// When it was switched on or off, oldest first; of more than [`MAX_SWITCHES`] the newest.
    pub switched: Vec<Time>,
    /// Since when it is on the slow lane, if it is.
    pub slow_since: Option<Time>,
}

impl Webhook {
    /// Whether its attempts are made from the slow lane.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.slow_since.is_some()
    }

    /// Its configuration as it is now.
    #[must_use]
    pub fn configuration(&self) -> WebhookVersion {
        WebhookVersion {
            tenant: self.tenant.clone(),
            webhook: self.id.clone(),
            version: self.version,
        }
    }

    /// This webhook as its owner's change of `before`: later than it, and of a new version if
    /// attempts may go another way from now on. A new name or another event filter makes no new
    /// version; whatever else differs does, fields that are added later included.
    #[must_use]
    pub fn replacing(mut self, before: &Self, now: Time) -> Self {
        self.updated_at = now.max(before.updated_at.plus(Duration::from_millis(1)));
        let is_same = Self {
            name: before.name.clone(),
            events: before.events.clone(),
            updated_at: before.updated_at,
            version: before.version,
            disabled: before.disabled,
            switched: before.switched.clone(),
            slow_since: before.slow_since,
            ..self.clone()
        } == *before;
        self.version = before.version.saturating_add(u32::from(!is_same));
        self.switched.clone_from(&before.switched);
        if self.active != before.active {
            self.switched.push(self.updated_at);
            let older = self.switched.len().saturating_sub(MAX_SWITCHES);
            self.switched.drain(..older);
        }
        if self.url != before.url {
            // A new URL resets the slow mark.
            self.slow_since = None;
        }
        self
    }

    /// Whether it gets events of a type.
    #[must_use]
    pub fn wants(&self, event_type: &EventType) -> bool {
        self.active && self.selects(event_type)
    }

    /// Whether an event has to be on record for it: it is on, or it was when the event was accepted
    /// and has been switched off since. Then the event ends as a dead letter, as it does where a
    /// retry waits, instead of leaving no trace.
    #[must_use]
    pub fn is_owed(&self, event: &Event) -> bool {
        (self.active || self.was_on(event.key.time())) && self.selects(&event.event_type)
    }

    fn was_on(&self, at: Time) -> bool {
        if self.switched.len() >= MAX_SWITCHES
            && self.switched.first().is_some_and(|oldest| at < *oldest)
        {
            // Not known any more: better a dead letter too many than one that is missing.
            return self.created_at <= at;
        }
        let later = self.switched.iter().filter(|switch| at < **switch).count();
        self.created_at <= at && self.active == later.is_multiple_of(2)
    }

    fn selects(&self, event_type: &EventType) -> bool {
        self.events.iter().any(|filter| filter.matches(event_type))
    }
}

/// A webhook and the rules it follows, its own overrides applied.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The webhook.
    pub webhook: Webhook,
    /// Its rules.
    pub contract: Contract,
    /// What its credentials are sealed with.
    pub sealing_keys: Arc<SealingKeys>,
    /// The webhook's context, over its tenant's.
    pub context: BTreeMap<String, String>,
}

/// A tenant and all its subscriptions, as read together.
#[derive(Clone, Debug)]
pub struct TenantSnapshot {
    /// The tenant.
    pub tenant: Tenant,
    /// Its webhooks, the inactive ones included.
    pub subscriptions: Vec<Subscription>,
    /// Webhooks whose row or contract cannot be read: what they want, nobody knows.
    pub unreadable: Vec<WebhookId>,
}

impl TenantSnapshot {
    /// One webhook.
    #[must_use]
    pub fn subscription(&self, id: &WebhookId) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.webhook.id == *id)
    }

    /// For an event whose readable webhooks have been served. Where another cannot be read, its
    /// message comes back, until somebody has mended the row or the message is a dead letter:
    /// nothing is lost unseen. Test: test_unreadable_rows.py, beside a webhook.
    ///
    /// # Errors
    /// A fault that stays, if there is a webhook that cannot be read.
    pub fn all_readable(&self) -> Result<(), Fault> {
        match self.unreadable.first() {
            None => Ok(()),
            Some(id) => Err(unreadable(id)),
        }
    }

    /// The same for a delivery, which has one webhook.
    ///
    /// # Errors
    /// A fault that stays, if it cannot be read.
    pub fn readable(&self, id: &WebhookId) -> Result<(), Fault> {
        match self.unreadable.contains(id) {
            false => Ok(()),
            true => Err(unreadable(id)),
        }
    }
}

fn unreadable(id: &WebhookId) -> Fault {
    let what = format!("the row of the webhook {id}, or its contract, cannot be read");
    Fault::new(Stage::Corrupt, what)
}

/// Whether a principal may publish for a tenant. `sender` is SQS's `SenderId`: only what stands
/// before the colon is AWS's own word, the session name after it is the caller's choice.
#[must_use]
pub fn may_publish(tenant: &Tenant, sender: &str, trusted: &[String]) -> bool {
    let principal = sender.split(':').next().unwrap_or_default();
    let is_principal = |known: &String| !principal.is_empty() && known == principal;
    trusted.iter().any(is_principal) || tenant.publishers.iter().any(is_principal)
}

#[cfg(test)]
mod tests;
