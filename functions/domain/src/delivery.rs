//! The delivery of one event to one webhook: its state, its attempts, and the transition for each
//! outcome.

mod attempt;
mod lost_message;
mod manual;
mod summary;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::dead_letter::Reason;
use crate::event::Event;
use crate::event_summary::EventSummary;
use crate::event_type::EventType;
use crate::ids::{DeadLetterId, DeliveryId, EventId, TenantId, WebhookId};
use crate::messages::DeliveryTask;
use crate::outcome::{FailureKind, Outcome};
use crate::retry;
use crate::time::Time;

pub use attempt::Attempt;
pub use lost_message::{LOST_TOGETHER, LostMessages, MAX_LOST_MESSAGES};

pub use manual::check_not_erased;

/// The status of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "those without a comment are their name")]
pub enum Status {
    /// Accepted, no attempt made yet.
    Pending,
    /// An attempt is being made.
    Processing,
    /// An attempt failed and another is due.
    Retrying,
    Completed,
    /// Given up: there is a dead letter.
    Failed,
}

impl Status {
    /// All, for filters and tests.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Processing,
        Self::Retrying,
        Self::Completed,
        Self::Failed,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Retrying => "retrying",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// Who asked for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The schedule.
    Automatic,
    /// A caller of the API.
    Manual,
    /// A caller who tests a webhook.
    Test,
}

impl Trigger {
    /// All, for the document.
    pub const ALL: [Self; 3] = [Self::Automatic, Self::Manual, Self::Test];

    /// The name in the API and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
            Self::Test => "test",
        }
    }
}

/// The delivery of one event to one webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its tenant.
    pub tenant: TenantId,
    /// Names its event and its webhook.
    pub id: DeliveryId,
    /// Its event's id.
    pub event_id: EventId,
    /// Its event's type.
    pub event_type: EventType,
    /// Its status.
    pub status: Status,
    /// Which automatic attempt is expected next, over all rounds. A message with an older sequence
    /// has been handled.
    pub sequence: u32,
    /// Automatic attempts made in this round; a redrive starts a new round.
    pub attempts_this_round: u32,
    /// The number of the last attempt.
    pub attempt_count: u32,
    /// When the next automatic attempt is due.
    pub next_attempt_at: Option<Time>,
    /// Messages of the next automatic attempt that Postel failed on until SQS gave them up. An
    /// attempt or a redrive begins again with none.
    pub lost: LostMessages,
    /// Set while a manual attempt is pending: the message that carries it has this token.
    pub pending_manual_token: Option<String>,
    /// The last attempt. Earlier attempts are stored as separate items.
    pub last_attempt: Option<Attempt>,
    /// Why it was given up.
    pub reason: Option<Reason>,
    /// Whether it belongs to a test event: one automatic attempt, no dead letter, and no effect on
    /// its webhook.
    pub is_test: bool,
    /// Its dead letter, until it is redriven or a manual attempt succeeds.
    pub dead_letter_id: Option<DeadLetterId>,
    /// When its event was erased. From then on no attempt is made, and none is recorded with the
    /// receiver's response.
    pub erased_at: Option<Time>,
}

/// What an attempt's outcome means under a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has accepted it.
    Delivered,
    /// Retry after this delay.
    Retry(Duration),
    /// Give up.
    Dead(Reason),
}

/// Why Postel itself switched a webhook off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    /// The receiver answered 410.
    Gone,
    /// The contract switches the webhook off after the last failed attempt.
    Exhausted,
}

impl DisableReason {
    /// All, for the document.
    pub const ALL: [Self; 2] = [Self::Gone, Self::Exhausted];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Exhausted => "exhausted",
        }
    }
}

/// Evaluates an outcome. `made` counts this round's automatic attempts, this one included; `chance`
/// is in 0..1.
#[must_use]
pub fn evaluate(
    contract: &Contract,
    outcome: &Outcome,
    made: u32,
    now: Time,
    chance: f64,
) -> Verdict {
    let retry_after = match outcome {
        Outcome::Response { status, .. } if contract.success.contains(*status) => {
            return Verdict::Delivered;
        }
        Outcome::Response { status, .. } if contract.gone.contains(*status) => {
            return Verdict::Dead(Reason::Gone);
        }
        Outcome::Response { status, .. } if contract.refused.contains(*status) => {
            return Verdict::Dead(Reason::Refused);
        }
        Outcome::Response {
            status, headers, ..
        } if contract.retry_after.contains(*status) => headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
            .and_then(|(_, value)| retry::parse_retry_after(value, now)),
        Outcome::Failure {
            kind: FailureKind::AddressBlocked,
            ..
        } => return Verdict::Dead(Reason::AddressBlocked),
        Outcome::Failure {
            kind: FailureKind::InvalidUrl,
            ..
        } => return Verdict::Dead(Reason::InvalidUrl),
        Outcome::Response { .. } | Outcome::Failure { .. } => None,
    };
    retry::next_delay(contract, made, chance, retry_after)
        .map_or(Verdict::Dead(Reason::Exhausted), Verdict::Retry)
}

impl Delivery {
    /// The task of the next automatic attempt.
    #[must_use]
    pub fn task(&self) -> DeliveryTask {
        DeliveryTask::scheduled(self.tenant.clone(), self.id.clone(), self.sequence)
    }

    /// A delivery before its first attempt.
    #[must_use]
    pub fn new(event: &Event, webhook: &WebhookId) -> Self {
        Self::of_event(EventSummary::from(event), webhook)
    }

    pub(crate) fn of_event(event: EventSummary, webhook: &WebhookId) -> Self {
        Self {
            tenant: event.tenant,
            id: DeliveryId {
                event: event.key,
                webhook: webhook.clone(),
            },
            event_id: event.id,
            event_type: event.event_type,
            status: Status::Pending,
            sequence: 0,
            attempts_this_round: 0,
            attempt_count: 0,
            next_attempt_at: None,
            lost: LostMessages::default(),
            pending_manual_token: None,
            last_attempt: None,
            reason: None,
            is_test: event.is_test,
            dead_letter_id: None,
            erased_at: event.erased_at,
        }
    }

    /// Due at once.
    #[must_use]
    pub fn due_at(mut self, now: Time) -> Self {
        self.next_attempt_at = Some(now);
        self
    }

    /// For an erased event, the attempt is stored without the receiver's response.
    fn keep(&mut self, attempt: Attempt) {
        self.last_attempt = Some(match self.erased_at {
            Some(_) => attempt.erased(),
            None => attempt,
        });
    }

    /// Records an automatic attempt and its verdict.
    #[must_use]
    pub fn after_automatic(mut self, attempt: Attempt, verdict: Verdict) -> Self {
        let ended = attempt.at.plus(attempt.duration);
        self.attempt_count = attempt.number;
        self.attempts_this_round = self.attempts_this_round.saturating_add(1);
        self.advance();
        self.keep(attempt);
        (self.status, self.next_attempt_at, self.reason) = match verdict {
            Verdict::Delivered => (Status::Completed, None, None),
            Verdict::Retry(delay) => (Status::Retrying, Some(ended.plus(delay)), None),
            Verdict::Dead(reason) => (Status::Failed, None, Some(reason)),
        };
        self
    }

    /// Records the attempt of a test event, which ends the delivery whatever the outcome.
    #[must_use]
    pub fn after_test(mut self, attempt: Attempt, verdict: Verdict) -> Self {
        self.attempt_count = attempt.number;
        self.advance();
        self.keep(attempt);
        self.next_attempt_at = None;
        self.status = if verdict == Verdict::Delivered {
            Status::Completed
        } else {
            Status::Failed
        };
        self
    }

    /// Records a manual attempt. A success ends the delivery; a failure leaves the automatic
    /// schedule, or the end already reached, unchanged.
    #[must_use]
    pub fn after_manual(mut self, attempt: Attempt, verdict: Verdict) -> Self {
        self.attempt_count = attempt.number;
        self.keep(attempt);
        self.pending_manual_token = None;
        if verdict == Verdict::Delivered {
            (
                self.status,
                self.next_attempt_at,
                self.reason,
                self.dead_letter_id,
            ) = (Status::Completed, None, None, None);
        }
        self
    }

    /// Gives up without an attempt.
    #[must_use]
    pub fn abandoned(mut self, reason: Reason) -> Self {
        (self.status, self.next_attempt_at, self.reason) = (Status::Failed, None, Some(reason));
        self.advance();
        self
    }

    /// The next automatic attempt has another message.
    fn advance(&mut self) {
        self.sequence = self.sequence.saturating_add(1);
        self.lost = LostMessages::default();
    }

    /// Marks that its event was erased.
    #[must_use]
    pub fn erased(mut self, at: Time) -> Self {
        self.erased_at = self.erased_at.or(Some(at));
        self.last_attempt = self.last_attempt.map(Attempt::erased);
        self
    }

    /// Starts a new round at once, with the whole schedule.
    #[must_use]
    pub fn redriven(mut self, now: Time) -> Self {
        (
            self.status,
            self.next_attempt_at,
            self.reason,
            self.dead_letter_id,
        ) = (Status::Retrying, Some(now), None, None);
        self.attempts_this_round = 0;
        self.advance();
        self
    }

    /// Applies the result of this lease to the current state, which others may have changed since:
    /// during an attempt, a manual attempt may be requested and a dead delivery may be redriven.
    /// `before` is the state when the lease was acquired, `current` the state now. Test:
    /// regressions.rs, redriven under a manual attempt.
    #[must_use]
    pub fn rebased(mut self, before: &Self, current: &Self) -> Self {
        let life = |d: &Self| {
            (
                d.status,
                d.sequence,
                d.attempts_this_round,
                d.next_attempt_at,
                d.lost,
                d.reason,
                d.dead_letter_id,
            )
        };
        if life(&self) == life(before) {
            (self.status, self.sequence, self.attempts_this_round) = (
                current.status,
                current.sequence,
                current.attempts_this_round,
            );
            (self.next_attempt_at, self.reason, self.dead_letter_id) = (
                current.next_attempt_at,
                current.reason,
                current.dead_letter_id,
            );
            self.lost = current.lost;
        } else {
            // This attempt ended or advanced the delivery. That settles a redrive made meanwhile:
            // its message finds the sequence already used.
            self.sequence = self.sequence.max(current.sequence);
        }
        if self.pending_manual_token == before.pending_manual_token {
            self.pending_manual_token
                .clone_from(&current.pending_manual_token);
        }
        match current.erased_at {
            Some(at) => self.erased(at),
            None => self,
        }
    }

    /// Whether no automatic attempt will follow.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self.status, Status::Completed | Status::Failed)
    }
}

#[cfg(test)]
mod tests;
