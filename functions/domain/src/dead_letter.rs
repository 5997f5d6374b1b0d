//! What will not be tried again by itself, kept with its reason until somebody redrives it.

use serde::{Deserialize, Serialize};

use crate::event_type::EventType;
use crate::ids::{DeadLetterId, DeliveryId, EventId, TenantId};
use crate::rejection::Code;
use crate::time::Time;

/// Why. The first group are messages that could not become an event, the second are deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "those without a comment are their name")]
pub enum Reason {
    MalformedJson,
    /// JSON, but no event: a field, the type, the id or the time is wrong.
    InvalidEvent,
    PayloadTooLarge,
    UnknownTenant,
    /// The sender is not one of the principals registered for the tenant named in the body.
    SenderNotAllowed,
    /// The caller's id was used within the last 24 hours for another event.
    IdConflict,

    /// The receiver answered with a status that the contract never retries.
    Refused,
    /// Every attempt of the schedule failed.
    Exhausted,
    /// The receiver answered 410 Gone; the webhook is switched off.
    Gone,
    AddressBlocked,
    InvalidUrl,
    /// The webhook was switched off or deleted while a retry waited.
    WebhookInactive,
    /// Its message was received too often without being finished.
    Undeliverable,
    /// What the event says was erased before it was delivered.
    EventErased,
}

impl Reason {
    /// Every reason; a test notices a new one.
    pub const ALL: [Self; 14] = [
        Self::MalformedJson,
        Self::InvalidEvent,
        Self::PayloadTooLarge,
        Self::UnknownTenant,
        Self::SenderNotAllowed,
        Self::IdConflict,
        Self::Refused,
        Self::Exhausted,
        Self::Gone,
        Self::AddressBlocked,
        Self::InvalidUrl,
        Self::WebhookInactive,
        Self::Undeliverable,
        Self::EventErased,
    ];

    /// As callers see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::InvalidEvent => "invalid_event",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnknownTenant => "unknown_tenant",
            Self::SenderNotAllowed => "sender_not_allowed",
            Self::IdConflict => "id_conflict",
            Self::Refused => "refused",
            Self::Exhausted => "exhausted",
            Self::Gone => "gone",
            Self::AddressBlocked => "address_blocked",
            Self::InvalidUrl => "invalid_url",
            Self::WebhookInactive => "webhook_inactive",
            Self::Undeliverable => "undeliverable",
            Self::EventErased => "event_erased",
        }
    }

    /// The reason that an event's rejection becomes at the events queue, where nobody waits for an
    /// answer.
    #[must_use]
    pub const fn of_event(code: Code) -> Self {
        match code {
            Code::InvalidJson | Code::InvalidUtf8 => Self::MalformedJson,
            Code::PayloadTooLarge => Self::PayloadTooLarge,
            Code::IdConflict => Self::IdConflict,
            _ => Self::InvalidEvent,
        }
    }
}

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id; the same death makes the same id, however often it is written.
    pub id: DeadLetterId,
    /// Whose it is; none, if the message does not prove to be anybody's.
    pub tenant: Option<TenantId>,
    /// When.
    pub at: Time,
    /// Why.
    pub reason: Reason,
    /// A sentence for people.
    pub detail: String,
    /// What died.
    pub body: Body,
}

/// The detail of what an earlier tenant left in a queue. It is nobody's: the tenant that has the id
/// now must not see it.
pub const OLDER_THAN_TENANT: &str = "The message is older than the tenant that has the id now: it was for an earlier tenant of that id, which was deleted.";

impl DeadLetter {
    /// Whether it is a message for an earlier tenant of an id that another one has by now, whose
    /// log begins then. Nobody's message that found no tenant may have come before its tenant was
    /// made: that one may still have it.
    #[must_use]
    pub fn is_of_earlier_tenant(&self, log_begins: Time) -> bool {
        match self.tenant {
            Some(_) => self.id.0.time() < log_begins,
            None => self.detail == OLDER_THAN_TENANT,
        }
    }
}

/// What died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A delivery; event and log are kept elsewhere.
    Delivery(DeadDelivery),
    /// A message, as it came, with what SQS says of its sender.
    Message {
        /// The message's body; none once it is erased.
        text: Option<String>,
        /// SQS's `SenderId`.
        sender: String,
        /// SQS's `MessageId`.
        message_id: String,
    },
}

/// The last that is known of a delivery that died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadDelivery {
    /// The delivery.
    pub id: DeliveryId,
    /// Its event's name.
    pub event_id: EventId,
    /// Its event's type.
    pub event_type: EventType,
    /// How many attempts it had.
    pub attempts: u32,
    /// The last answer's status.
    pub last_status: Option<u16>,
    /// The last failure's code.
    pub last_error: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_is_listed() {
        // A new reason does not compile here, and belongs into the list as well.
        let name = |reason: Reason| match reason {
            Reason::MalformedJson
            | Reason::InvalidEvent
            | Reason::PayloadTooLarge
            | Reason::UnknownTenant
            | Reason::SenderNotAllowed
            | Reason::IdConflict
            | Reason::Refused
            | Reason::Exhausted
            | Reason::Gone
            | Reason::AddressBlocked
            | Reason::InvalidUrl
            | Reason::WebhookInactive
            | Reason::Undeliverable
            | Reason::EventErased => reason.as_str(),
        };
        let names: BTreeSet<_> = Reason::ALL.map(name).into();
        assert_eq!(names.len(), Reason::ALL.len());
    }
}
