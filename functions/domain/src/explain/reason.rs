//! Results and reasons of explanations.

use crate::dead_letter::Reason;

/// What becomes of an event for a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExplainResult {
    /// The receiver has accepted it.
    Delivered,
    /// The webhook gets it; no attempt is recorded.
    Pending,
    /// Attempts have failed, and another is due.
    Due,
    /// It was given up.
    Failed,
    /// The webhook does not get it.
    NotWanted,
}

impl ExplainResult {
    /// All, for the document.
    pub const ALL: [Self; 5] = [
        Self::Delivered,
        Self::Pending,
        Self::Due,
        Self::Failed,
        Self::NotWanted,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Pending => "pending",
            Self::Due => "due",
            Self::Failed => "failed",
            Self::NotWanted => "not_wanted",
        }
    }
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainReason {
    /// `not_wanted`: no filter of the webhook selects the event's type.
    TypeNotSelected,
    /// `not_wanted`: the webhook selects the type, but its filter does not match the event.
    Filtered,
    /// `not_wanted`: its owner switched the webhook off.
    Inactive,
    /// `not_wanted`: Postel switched the webhook off.
    Disabled,
    /// `not_wanted`: the webhook is newer than the event.
    CreatedLater,
    /// `not_wanted`: the webhook was off when the event was accepted.
    InactiveThen,
    /// `not_wanted`: the webhook was changed after the event was accepted, and has no delivery of
    /// it: its filters did not select the type.
    ChangedLater,
    /// `not_wanted`: a test event goes to the webhook that is tested, and to no other.
    TestEvent,
    /// `pending`: the first attempt is due.
    FirstAttempt,
    /// The next attempt is made from the slow lane.
    SlowLane,
    /// An attempt is being made.
    AttemptInProgress,
    /// `due`: an attempt failed, and the schedule has another.
    Retrying,
    /// `due`: a redrive started the schedule again.
    Redriven,
    /// Nothing can be sent: the contract signs, and the webhook has no secret.
    Unsigned,
    /// The webhook's row, its contract or a delivery cannot be read.
    Unreadable,
    /// It becomes a dead letter: the webhook was switched off after the event was accepted.
    WebhookInactive,
    /// It becomes a dead letter: the webhook was deleted.
    WebhookDeleted,
    /// It becomes a dead letter: the event's content was erased.
    EventErased,
    /// `delivered`: an attempt was a success.
    Delivered,
    /// `failed`: the attempt of a test event was no success, and no other follows.
    TestFailed,
    /// `failed`: the reason of its dead letter.
    Ended(Reason),
}

impl ExplainReason {
    /// One of each name, for the document: two are of waiting deliveries and of ended ones.
    pub const ALL: [Self; 26] = [
        Self::TypeNotSelected,
        Self::Filtered,
        Self::Inactive,
        Self::Disabled,
        Self::CreatedLater,
        Self::InactiveThen,
        Self::ChangedLater,
        Self::TestEvent,
        Self::FirstAttempt,
        Self::SlowLane,
        Self::AttemptInProgress,
        Self::Retrying,
        Self::Redriven,
        Self::Unsigned,
        Self::Unreadable,
        Self::WebhookInactive,
        Self::WebhookDeleted,
        Self::EventErased,
        Self::Delivered,
        Self::TestFailed,
        Self::Ended(Reason::Refused),
        Self::Ended(Reason::Exhausted),
        Self::Ended(Reason::Gone),
        Self::Ended(Reason::AddressBlocked),
        Self::Ended(Reason::InvalidUrl),
        Self::Ended(Reason::Undeliverable),
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TypeNotSelected => "type_not_selected",
            Self::Filtered => "filtered",
            Self::Inactive => "inactive",
            Self::Disabled => "disabled",
            Self::CreatedLater => "created_later",
            Self::InactiveThen => "inactive_then",
            Self::ChangedLater => "changed_later",
            Self::TestEvent => "test_event",
            Self::FirstAttempt => "first_attempt",
            Self::SlowLane => "slow_lane",
            Self::AttemptInProgress => "attempt_in_progress",
            Self::Retrying => "retrying",
            Self::Redriven => "redriven",
            Self::Unsigned => "unsigned",
            Self::Unreadable => "unreadable",
            Self::WebhookInactive => Reason::WebhookInactive.as_str(),
            Self::WebhookDeleted => "webhook_deleted",
            Self::EventErased => Reason::EventErased.as_str(),
            Self::Delivered => "delivered",
            Self::TestFailed => "test_failed",
            Self::Ended(reason) => reason.as_str(),
        }
    }

    /// Of a delivery that will become a dead letter for this reason.
    pub(super) const fn of_waiting(reason: Reason) -> Self {
        match reason {
            Reason::WebhookInactive => Self::WebhookInactive,
            Reason::EventErased => Self::EventErased,
            other => Self::Ended(other),
        }
    }

    /// Whether it follows from the webhook's settings, so that their last change may be the cause.
    pub(super) const fn is_of_settings(self) -> bool {
        matches!(
            self,
            Self::TypeNotSelected
                | Self::Filtered
                | Self::Inactive
                | Self::Disabled
                | Self::InactiveThen
                | Self::ChangedLater
                | Self::Unsigned
                | Self::WebhookInactive
                | Self::Ended(Reason::WebhookInactive)
        )
    }

    /// Whether attempts are due, of a delivery that waits.
    pub(super) const fn is_attempted(self) -> bool {
        matches!(
            self,
            Self::FirstAttempt
                | Self::SlowLane
                | Self::AttemptInProgress
                | Self::Retrying
                | Self::Redriven
                | Self::Unsigned
        )
    }
}
