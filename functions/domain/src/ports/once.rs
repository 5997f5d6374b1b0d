//! Names under which an event is published exactly once, however many callers try.

use std::fmt;

use crate::ids::{DeadLetterId, EventId, TenantId};
use crate::time::Time;
use crate::ulid::Ulid;

/// The result of claiming a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventIdClaim {
    /// This caller has the name.
    Acquired {
        /// The key of the event.
        key: Ulid,
        /// An earlier caller had the name and gave up. It chose the key, and may have stored the
        /// event and sent its message.
        is_taken_over: bool,
    },
    /// The name's event is stored and announced.
    AlreadyAccepted(Ulid),
    /// Another caller is publishing it now.
    InProgress,
    /// The name belongs to another event.
    Conflict,
}

/// A name under which an event is published once. Each kind has its own namespace: no caller can
/// take the name of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnceName {
    /// The event's id, chosen by its caller.
    Event(EventId),
    /// The dead letter of a message without such an id, when it is redriven.
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
    /// The tenant of the name.
    pub tenant: &'a TenantId,
    /// The name.
    pub name: &'a OnceName,
    /// The key the event gets if the name is free.
    pub key: Ulid,
    /// A hash of the event's content.
    pub fingerprint: &'a str,
    /// A claim with an older event belongs to an earlier, deleted tenant: the name is free.
    pub since: Time,
    /// Random, per caller; for a message, its own key, so that it recognises its claim when it
    /// comes back.
    pub owner: &'a str,
    /// The current time.
    pub now: Time,
    /// Whether the event is durable once the name is claimed (an SQS message stays in its queue) or
    /// must first be marked as accepted (HTTP).
    pub already_durable: bool,
}
