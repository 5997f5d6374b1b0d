//! A tenant, its webhooks, and what a dispatcher needs of both.

mod patch;
mod put;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::author::{Author, readable};
use crate::contract::Overrides;
use crate::credential::SealingKeys;
use crate::delivery::{Delivery, DisableReason};
use crate::event::Event;
use crate::event_type::{EventFilter, EventType};
use crate::filter::{Filter, Selection};
use crate::ids::{TenantId, WebhookId};
use crate::signing_secrets::SigningSecrets;
use crate::time::{CLOCK_SKEW, Time};
use crate::webhook::{LastChange, changed_members};

pub use patch::{PATCHED, READ_ONLY, TenantPatch};
pub use put::{MAX_PUBLISHERS, PutTenant, new_tenant_id};
pub use snapshot::{Subscription, TenantSnapshot};

/// The default maximum of webhooks per tenant. They are read in one query and cached together.
pub const WEBHOOKS_PER_TENANT: u32 = 25;

/// One customer of the operator. The serialized fields are the attributes of its row; a missing
/// value is null, not left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Display name.
    pub name: Option<String>,
    /// The default contract of its webhooks.
    pub contract: String,
    /// The address for mails, for instance when a webhook is switched off.
    pub contact_email: Option<String>,
    /// The IAM principals (unique ids, the part of SQS's `SenderId` before the colon) that may
    /// publish for it on the events queue.
    pub publishers: Vec<String>,
    /// Limits that differ from the defaults.
    pub limits: Limits,
    /// Values for envelopes if neither the event nor the webhook has them: raw JSON scalars by
    /// name.
    #[serde(default)]
    pub context: BTreeMap<String, String>,
    /// The keys that encrypt its webhooks' credentials.
    pub sealing_keys: Arc<SealingKeys>,
    /// When it was created.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// The minimum duration of a tenant's deletion, from the moment in which it is marked until another
/// tenant can be created with its id. So the old tenant's last entries are older than anything the
/// new one can see, whichever clocks wrote the two times. See [`log_begins`].
pub const MIN_DELETION: Duration = Duration::from_secs(2 * CLOCK_SKEW.as_secs());

/// Enough for messages that wait in a queue while their webhook is switched on and off; each entry
/// makes the row larger.
const MAX_SWITCHES: usize = 16;

/// Entries that are older than this belong to an earlier, deleted tenant with the same id: log and
/// dead letters are stored under the id, and outlive the tenant. Their keys contain their time.
///
/// The clock that wrote a key may be behind the one that wrote `created_at`, so a tenant sees
/// entries up to [`CLOCK_SKEW`] older than itself. That reveals nothing of the earlier tenant: its
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

/// The most webhooks that a limit may allow: clients may keep it in any integer.
pub const MAX_WEBHOOKS: u32 = 10_000;
/// The most API requests a minute that a limit may allow.
pub const MAX_REQUESTS_PER_MINUTE: u32 = 1_000_000;

/// A tenant's own limits; `None` means the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// The maximum number of webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<u32>,
    /// The maximum number of API requests per minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
}

/// Requests a minute, unless the operator says otherwise for the tenant.
const REQUESTS_PER_MINUTE: u32 = 1000;

impl Limits {
    /// How many API requests a minute the tenant may make.
    #[must_use]
    pub fn requests_a_minute(self) -> u32 {
        self.requests_per_minute.unwrap_or(REQUESTS_PER_MINUTE)
    }
}

/// Basic authentication (RFC 7617), its password sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptedBasicAuth {
    /// In plaintext: it is shown.
    pub username: String,
    /// The ciphertext in base64.
    pub cipher: String,
}

/// A header's encrypted value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptedHeader {
    /// The ciphertext in base64.
    pub cipher: String,
    /// The length of the value: the limit applies to all of a webhook's headers together.
    pub bytes: usize,
}

/// One version of a webhook's configuration: an attempt uses one version, and its outcome may
/// change only that version. During an attempt, the owner may change the URL, rotate the secret or
/// switch the webhook off and on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebhookVersion {
    /// The webhook's tenant.
    pub tenant: TenantId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Its [`Webhook::version`].
    pub version: u32,
}

/// One subscription. The serialized fields are the attributes of its row; a missing value is null,
/// not left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Display name.
    pub name: Option<String>,
    /// The URL, normalised by the guard.
    pub url: String,
    /// Which events it selects; at least one filter.
    pub events: Vec<EventFilter>,
    /// What those events must contain.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Whether it receives events.
    pub active: bool,
    /// Its contract's name.
    pub contract: String,
    /// Its overrides of the contract.
    pub overrides: Overrides,
    /// Values for envelopes if the event does not have them: raw JSON scalars by name.
    #[serde(default)]
    pub context: BTreeMap<String, String>,
    /// The secrets that sign its deliveries.
    pub secrets: SigningSecrets,
    /// The user name and encrypted password sent as Basic authentication.
    pub basic_auth: Option<EncryptedBasicAuth>,
    /// Further headers: names and encrypted values.
    #[serde(default)]
    pub headers: BTreeMap<String, EncryptedHeader>,
    /// When it was created.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Counts the changes that attempts depend on: see [`Webhook::replacing`].
    pub version: u32,
    /// Why Postel switched it off, if it did.
    pub disabled: Option<DisableReason>,
    /// When it was switched on or off, oldest first; only the newest [`MAX_SWITCHES`] are stored.
    #[serde(default)]
    pub switched: Vec<Time>,
    /// Since when it is on the slow lane, if it is.
    pub slow_since: Option<Time>,
    /// Since when its receiver fails, if it does.
    #[serde(default)]
    pub failing_since: Option<Time>,
    /// When it was created here, if a deleted webhook may have had its id. `created_at` may be the
    /// time in another system.
    #[serde(default)]
    pub since: Option<Time>,
    /// Who wrote this state: see [`Webhook::last_change`].
    #[serde(default, deserialize_with = "readable")]
    pub written: Option<LastChange>,
}

impl Webhook {
    /// Whether its attempts are made from the slow lane.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.slow_since.is_some()
    }

    /// Its current configuration.
    #[must_use]
    pub fn configuration(&self) -> WebhookVersion {
        WebhookVersion {
            tenant: self.tenant.clone(),
            webhook: self.id.clone(),
            version: self.version,
        }
    }

    /// This webhook as the owner's change of `before`: later than `before`, and with a new version
    /// if the change affects attempts. A new name or another selection of events makes no new
    /// version; every other difference does, fields that are added later included.
    #[must_use]
    pub fn replacing(mut self, before: &Self, by: &Author, now: Time) -> Self {
        self.updated_at = now.max(before.updated_at.plus(Duration::from_millis(1)));
        let is_same = Self {
            name: before.name.clone(),
            events: before.events.clone(),
            filter: before.filter.clone(),
            updated_at: before.updated_at,
            version: before.version,
            disabled: before.disabled,
            switched: before.switched.clone(),
            slow_since: before.slow_since,
            failing_since: before.failing_since,
            written: before.written.clone(),
            ..self.clone()
        } == *before;
        self.version = before.version.saturating_add(u32::from(!is_same));
        self.switched.clone_from(&before.switched);
        if self.active != before.active {
            self.switched.push(self.updated_at);
            let older = self.switched.len().saturating_sub(MAX_SWITCHES);
            self.switched.drain(..older);
        }
        let marks = self.kept_marks(before);
        self.slow_since = self.slow_since.filter(|_| marks.slow);
        self.failing_since = self.failing_since.filter(|_| marks.failing);
        self.written = Some(LastChange {
            at: self.updated_at,
            by: by.clone(),
            changed: changed_members(before, &self),
        });
        self
    }

    /// A new webhook whose id a deleted one may have had: the outcome of an attempt for the deleted
    /// one must not change this one. Its versions begin with the second of its creation, which is
    /// higher than any version that changes reach.
    #[must_use]
    pub fn after_any_of_its_id(self, now: Time) -> Self {
        Self {
            version: u32::try_from(now.seconds()).unwrap_or(u32::MAX),
            since: Some(now),
            ..self
        }
    }

    /// Whether a delivery that waits for its next automatic attempt belongs to a deleted webhook
    /// that had this one's id. A redriven delivery does not: the caller who redrives it means the
    /// webhook that has the id now.
    #[must_use]
    pub fn was_created_after(&self, delivery: &Delivery) -> bool {
        let waits_since = match &delivery.last_attempt {
            Some(last) if delivery.attempts_this_round > 0 => last.at,
            None if delivery.sequence == 0 => delivery.id.event.time(),
            _ => return false,
        };
        self.since
            .is_some_and(|since| waits_since.plus(CLOCK_SKEW) < since)
    }

    /// A new webhook that another system created earlier. It is active from now on: no event that
    /// was accepted before is owed to it, though it may get one that is still in the queue.
    #[must_use]
    pub fn made_elsewhere(self, created_at: Time) -> Self {
        let now = self.created_at;
        Self {
            created_at,
            switched: self.active.then_some(now).into_iter().collect(),
            ..self
        }
    }

    /// Whether it selects events of a type. Its filter may leave out some of them.
    #[must_use]
    pub fn wants(&self, event_type: &EventType) -> bool {
        self.active && self.selects(event_type)
    }

    /// Whether the event must have a delivery to it: the webhook is active, or was active when the
    /// event was accepted and has been switched off since. Then the event becomes a dead letter, as
    /// a waiting retry does, instead of leaving no trace. `selection` is the event's.
    #[must_use]
    pub fn is_owed(&self, event: &Event, selection: &Selection<'_>) -> bool {
        (self.active || self.was_on(event.key.time())) && selection.is_for(self)
    }

    /// Whether it was active at a time, as far as its row still knows.
    pub(crate) fn was_on(&self, at: Time) -> bool {
        if self.switched.len() >= MAX_SWITCHES
            && self.switched.first().is_some_and(|oldest| at < *oldest)
        {
            // No longer known: an unnecessary dead letter is better than a missing one.
            return self.created_at <= at;
        }
        let later = self.switched.iter().filter(|switch| at < **switch).count();
        self.created_at <= at && self.active == later.is_multiple_of(2)
    }

    /// Whether it subscribes to the type.
    pub(crate) fn selects(&self, event_type: &EventType) -> bool {
        self.events.iter().any(|filter| filter.matches(event_type))
    }
}

/// Whether a principal may publish for a tenant. `sender` is SQS's `SenderId`: AWS guarantees only
/// the part before the colon; the session name after it is the caller's choice.
#[must_use]
pub fn may_publish(tenant: &Tenant, sender: &str, trusted: &[String]) -> bool {
    is_among(sender, trusted) || is_among(sender, &tenant.publishers)
}

/// Whether a sender is one of these principals, such as one of Postel's own functions.
#[must_use]
pub fn is_among(sender: &str, principals: &[String]) -> bool {
    let principal = sender.split(':').next().unwrap_or_default();
    !principal.is_empty() && principals.iter().any(|known| known == principal)
}

#[cfg(test)]
mod tests;
