//! Dead letters: events and deliveries that are not retried automatically, stored with their reason
//! until a redrive.

use serde::{Deserialize, Serialize};

use crate::event_type::EventType;
use crate::ids::{DeadLetterId, DeliveryId, EventId, TenantId};
use crate::rejection::Code;
use crate::time::Time;

/// Why a dead letter exists. The first group are messages that could not become an event, the
/// second are deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "those without a comment are their name")]
pub enum Reason {
    MalformedJson,
    /// Valid JSON, but not an event: a field, the type, the id or the time is wrong.
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
    /// The event's content was erased before it was delivered.
    EventErased,
}

impl Reason {
    /// Every reason; a test detects a new one.
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

    /// The name in the API.
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

    /// The reason for a rejected event on the events queue, where no caller waits for an answer.
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
    /// Its id; the same end gives the same id, however often it is written.
    pub id: DeadLetterId,
    /// Its tenant; `None` if the message does not prove its tenant.
    pub tenant: Option<TenantId>,
    /// When.
    pub at: Time,
    /// Why.
    pub reason: Reason,
    /// A sentence for people.
    pub detail: String,
    /// What was not delivered.
    pub body: Body,
}

/// The detail of a message that an earlier tenant left in a queue. It belongs to no tenant: the
/// tenant that has the id now must not see it.
pub const OLDER_THAN_TENANT: &str = "The message is older than the tenant that has the id now: it was for an earlier tenant of that id, which was deleted.";

impl DeadLetter {
    /// Whether it is a message for an earlier tenant of an id that a later tenant has now, whose
    /// log begins at `log_begins`. A message without a tenant that found no tenant may have been
    /// sent before its tenant was created, so that tenant may still redrive it.
    #[must_use]
    pub fn is_of_earlier_tenant(&self, log_begins: Time) -> bool {
        match self.tenant {
            Some(_) => self.id.0.time() < log_begins,
            None => self.detail == OLDER_THAN_TENANT,
        }
    }
}

/// What was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A delivery; the event and the attempts are stored in the log.
    Delivery(DeadDelivery),
    /// A message as it was received, with what SQS says about its sender.
    Message {
        /// The message's body; `None` once it is erased.
        text: Option<String>,
        /// SQS's `SenderId`.
        sender: String,
        /// SQS's `MessageId`.
        message_id: String,
    },
}

/// The last known state of a delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadDelivery {
    /// The delivery.
    pub id: DeliveryId,
    /// Its event's id.
    pub event_id: EventId,
    /// Its event's type.
    pub event_type: EventType,
    /// How many attempts it had.
    pub attempts: u32,
    /// The last response's status.
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
        // A new reason does not compile here, and must be added to the list as well.
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
