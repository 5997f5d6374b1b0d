//! Names under which an event is published once, however often it is asked.

use std::fmt;

use crate::ids::{DeadLetterId, EventId, TenantId};
use crate::time::Time;
use crate::ulid::Ulid;

/// What came of claiming a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventIdClaim {
    /// The name is this caller's now: the event belongs under this key, which an interrupted
    /// earlier caller may have chosen.
    Acquired(Ulid),
    /// The name's event is stored and on its way.
    AlreadyAccepted(Ulid),
    /// Another caller is at it right now.
    InProgress,
    /// The name stands for another event.
    Conflict,
}

/// Under which name an event is published once. Each kind has a space of its own: no caller can
/// take the name of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnceName {
    /// The event's id, which its caller chose.
    Event(EventId),
    /// The dead letter of a message without such an id, which is redriven.
    DeadLetter(DeadLetterId),
}

impl fmt::Display for OnceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(id) => id.fmt(f),
            Self::DeadLetter(id) => id.fmt(f),
        }
    }
}

/// A claim on a name.
#[derive(Clone, Debug)]
pub struct EventIdRequest<'a> {
    /// Whose name.
    pub tenant: &'a TenantId,
    /// The name.
    pub name: &'a OnceName,
    /// The key the event gets if the name is free.
    pub key: Ulid,
    /// What the event says, hashed.
    pub fingerprint: &'a str,
    /// A claim whose event is older is an earlier tenant's, which was deleted: the name is free.
    pub since: Time,
    /// Random, per caller; of a message, its own key, so that it knows itself when it comes back.
    pub owner: &'a str,
    /// Now.
    pub now: Time,
    /// Whether the event is durable once the name is claimed (an SQS message stays in its queue) or
    /// must be marked sent first (HTTP).
    pub already_durable: bool,
}
