//! Who changed a webhook last, and what: the names of members, never their values, because URLs
//! and headers may contain credentials.

use serde::{Deserialize, Serialize};

use crate::author::Author;
use crate::delivery::DisableReason;
use crate::tenant::Webhook;
use crate::time::Time;

/// A member that can be changed. The serialized form is part of the webhook's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each is a member of a webhook in the API")]
pub enum ChangedMember {
    Name,
    Url,
    Events,
    Filter,
    Active,
    Contract,
    Overrides,
    Context,
    Secret,
    BasicAuth,
    Headers,
}

impl ChangedMember {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Name,
        Self::Url,
        Self::Events,
        Self::Filter,
        Self::Active,
        Self::Contract,
        Self::Overrides,
        Self::Context,
        Self::Secret,
        Self::BasicAuth,
        Self::Headers,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Url => "url",
            Self::Events => "events",
            Self::Filter => "filter",
            Self::Active => "active",
            Self::Contract => "contract",
            Self::Overrides => "overrides",
            Self::Context => "context",
            Self::Secret => "secret",
            Self::BasicAuth => "basicAuth",
            Self::Headers => "headers",
        }
    }
}

/// Who wrote a webhook's current state. It is part of the row, and is written with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// The webhook's `updated_at` as this change set it: see [`Webhook::last_change`].
    pub at: Time,
    /// Who.
    pub by: Author,
    /// What; empty for the creation.
    pub changed: Vec<ChangedMember>,
}

impl LastChange {
    /// That Postel switches a webhook off.
    #[must_use]
    pub fn switched_off(at: Time) -> Self {
        Self {
            at,
            by: Author::Postel,
            changed: vec![ChangedMember::Active],
        }
    }
}

impl Webhook {
    /// A new webhook as its author's.
    #[must_use]
    pub fn created_by(self, by: Author) -> Self {
        let change = LastChange {
            at: self.updated_at,
            by,
            changed: Vec::new(),
        };
        Self {
            written: Some(change),
            ..self
        }
    }

    /// Who wrote its current state. `None` if a version of Postel did that does not write its
    /// author: that version keeps an older author in the row, but sets `updated_at`.
    #[must_use]
    pub fn author(&self) -> Option<&Author> {
        self.current().map(|change| &change.by)
    }

    /// The last change since its creation. `None` if there was none, or if it is not known who made
    /// it.
    #[must_use]
    pub fn last_change(&self) -> Option<&LastChange> {
        self.current().filter(|change| !change.changed.is_empty())
    }

    /// Why Postel switched it off, if that was the last change.
    #[must_use]
    pub fn last_change_reason(&self) -> Option<DisableReason> {
        let is_postel = self.author() == Some(&Author::Postel);
        self.disabled.filter(|_| is_postel)
    }

    fn current(&self) -> Option<&LastChange> {
        let written = self.written.as_ref();
        written.filter(|change| change.at == self.updated_at)
    }
}

/// The members in which two states of a webhook differ.
#[must_use]
pub fn changed_members(before: &Webhook, after: &Webhook) -> Vec<ChangedMember> {
    // Every field is listed, so that a new one does not compile before it is decided here.
    let Webhook {
        id: _,
        tenant: _,
        name,
        url,
        events,
        filter,
        active,
        contract,
        overrides,
        context,
        secrets,
        basic_auth,
        headers,
        created_at: _,
        updated_at: _,
        version: _,
        disabled: _,
        switched: _,
        slow_since: _,
        failing_since: _,
        since: _,
        written: _,
    } = before;
    let is_changed = |member: &ChangedMember| match member {
        ChangedMember::Name => *name != after.name,
        ChangedMember::Url => *url != after.url,
        ChangedMember::Events => *events != after.events,
        ChangedMember::Filter => *filter != after.filter,
        ChangedMember::Active => *active != after.active,
        ChangedMember::Contract => *contract != after.contract,
        ChangedMember::Overrides => *overrides != after.overrides,
        ChangedMember::Context => *context != after.context,
        ChangedMember::Secret => *secrets != after.secrets,
        ChangedMember::BasicAuth => *basic_auth != after.basic_auth,
        ChangedMember::Headers => *headers != after.headers,
    };
    ChangedMember::ALL.into_iter().filter(is_changed).collect()
}

#[cfg(test)]
mod tests;
