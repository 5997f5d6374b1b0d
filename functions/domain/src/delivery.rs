//! One event's way to one webhook: its state, its attempts, and what an attempt's outcome makes of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::dead_letter::Reason;
use crate::event::Event;
use crate::event_type::EventType;
use crate::ids::{DeadLetterId, DeliveryId, EventId, TenantId, WebhookId};
use crate::outcome::{FailureKind, Outcome};
use crate::retry;
use crate::time::Time;

/// Where a delivery stands.
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
    Cancelled,
}

impl Status {
    /// All, for filters and tests.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Processing,
        Self::Retrying,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As callers see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Retrying => "retrying",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Who asked for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The schedule.
    Automatic,
    /// Somebody, by the API.
    Manual,
    /// Somebody who tries out a webhook.
    Test,
}

impl Trigger {
    /// As callers and logs see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
            Self::Test => "test",
        }
    }
}

/// One HTTP request of a delivery and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Counts from 1 over automatic and manual attempts.
    pub number: u32,
    /// Who asked for it.
    pub trigger: Trigger,
    /// When it started; `webhook-timestamp` is this in seconds.
    pub at: Time,
    /// From start to answer.
    pub duration: Duration,
    /// Where it went.
    pub url: String,
    /// The contract it followed.
    pub contract: String,
    /// The signature header's value.
    pub signature: Option<String>,
    /// The names of the webhook's own headers that were sent; their values are secrets.
    pub own_headers: Vec<String>,
    /// What the catalogue called the event's type, where the envelope says it.
    pub type_name: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Whose it is.
    pub tenant: TenantId,
    /// Names its event and its webhook.
    pub id: DeliveryId,
    /// Its event's name.
    pub event_id: EventId,
    /// Its event's type.
    pub event_type: EventType,
    /// Where it stands.
    pub status: Status,
    /// Which automatic attempt is expected next, over all rounds. A message that carries an older ticket has been dealt with.
    pub ticket: u32,
    /// Automatic attempts made in this round; a redrive starts a new round.
    pub made: u32,
    /// The number of the last attempt.
    pub attempts: u32,
    /// When the next automatic attempt is due.
    pub due: Option<Time>,
    /// Set while a manual attempt waits: the message that carries it names this token.
    pub manual: Option<String>,
    /// The last attempt. Earlier ones are kept beside the delivery.
    pub last: Option<Attempt>,
    /// Why it was given up.
    pub reason: Option<Reason>,
    /// Whether it is a test event's: one attempt, no retry, no dead letter.
    pub test: bool,
    /// Its dead letter, until it is redriven or delivered by hand.
    pub dead: Option<DeadLetterId>,
}

/// What an attempt's outcome means under a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Delivered,
    /// Try again after this delay.
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
    /// The contract says so after the last failed attempt.
    Exhausted,
}

impl DisableReason {
    /// As callers see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Exhausted => "exhausted",
        }
    }
}

/// Judges an outcome. `made` counts this round's automatic attempts, this one included; `chance` is in 0..1.
#[must_use]
pub fn judge(contract: &Contract, outcome: &Outcome, made: u32, now: Time, chance: f64) -> Verdict {
    let retry_after = match outcome {
        Outcome::Response { status, .. } if contract.success.holds(*status) => {
            return Verdict::Delivered;
        }
        Outcome::Response { status, .. } if contract.gone.holds(*status) => {
            return Verdict::Dead(Reason::Gone);
        }
        Outcome::Response { status, .. } if contract.refused.holds(*status) => {
            return Verdict::Dead(Reason::Refused);
        }
        Outcome::Response {
            status, headers, ..
        } if contract.retry_after.holds(*status) => headers
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
    /// A delivery before its first attempt.
    #[must_use]
    pub fn new(event: &Event, webhook: &WebhookId) -> Self {
        Self {
            tenant: event.tenant.clone(),
            id: DeliveryId {
                event: event.key,
                webhook: webhook.clone(),
            },
            event_id: event.id.clone(),
            event_type: event.event_type.clone(),
            status: Status::Pending,
            ticket: 0,
            made: 0,
            attempts: 0,
            due: None,
            manual: None,
            last: None,
            reason: None,
            test: false,
            dead: None,
        }
    }

    /// Records an automatic attempt and its verdict.
    #[must_use]
    pub fn after_automatic(mut self, attempt: Attempt, verdict: Verdict) -> Self {
        let ended = attempt.at.plus(attempt.duration);
        self.attempts = attempt.number;
        self.made = self.made.saturating_add(1);
        self.ticket = self.ticket.saturating_add(1);
        self.last = Some(attempt);
        (self.status, self.due, self.reason) = match verdict {
            Verdict::Delivered => (Status::Completed, None, None),
            Verdict::Retry(delay) => (Status::Retrying, Some(ended.plus(delay)), None),
            Verdict::Dead(reason) => (Status::Failed, None, Some(reason)),
        };
        self
    }

    /// Records the attempt of a test event: it ends here, whatever came of it.
    #[must_use]
    pub fn after_test(mut self, attempt: Attempt, verdict: Verdict) -> Self {
        self.attempts = attempt.number;
        self.ticket = self.ticket.saturating_add(1);
        self.last = Some(attempt);
        self.due = None;
        self.status = if verdict == Verdict::Delivered {
            Status::Completed
        } else {
            Status::Failed
        };
        self
    }

    /// Records a manual attempt. Success ends the delivery; failure leaves the automatic schedule, or the end already reached, as it was.
    #[must_use]
    pub fn after_manual(mut self, attempt: Attempt, verdict: Verdict) -> Self {
        self.attempts = attempt.number;
        self.last = Some(attempt);
        self.manual = None;
        if verdict == Verdict::Delivered {
            (self.status, self.due, self.reason, self.dead) = (Status::Completed, None, None, None);
        }
        self
    }

    /// Gives up without an attempt.
    #[must_use]
    pub fn given_up(mut self, reason: Reason) -> Self {
        (self.status, self.due, self.reason) = (Status::Failed, None, Some(reason));
        self.ticket = self.ticket.saturating_add(1);
        self
    }

    /// Starts a new round at once, with the whole schedule before it.
    #[must_use]
    pub fn redriven(mut self, now: Time) -> Self {
        (self.status, self.due, self.reason, self.dead) = (Status::Retrying, Some(now), None, None);
        self.made = 0;
        self.ticket = self.ticket.saturating_add(1);
        self
    }

    /// What came of a lease, on top of what others did meanwhile: a manual attempt may be asked for, and a dead delivery be redriven, while an
    /// attempt is under way. `before` is what the lease began with, `current` what stands now. Test: regressions.rs, redriven under a manual
    /// attempt.
    #[must_use]
    pub fn rebased(mut self, before: &Self, current: &Self) -> Self {
        let life = |d: &Self| (d.status, d.ticket, d.made, d.due, d.reason, d.dead);
        if life(&self) == life(before) {
            (self.status, self.ticket, self.made) = (current.status, current.ticket, current.made);
            (self.due, self.reason, self.dead) = (current.due, current.reason, current.dead);
        } else {
            // It ended or moved on by this attempt: a redrive meanwhile is settled with it, and its message finds its ticket taken.
            self.ticket = self.ticket.max(current.ticket);
        }
        if self.manual == before.manual {
            self.manual.clone_from(&current.manual);
        }
        self
    }

    /// Whether nothing automatic will happen to it any more.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        matches!(
            self.status,
            Status::Completed | Status::Failed | Status::Cancelled
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{builtin, builtin_names};
    use crate::event;
    use crate::outcome::FailureKind;
    use crate::ulid::Ulid;

    const NOW: Time = Time::from_millis(1_445_412_000_000);

    fn answer(status: u16, retry_after: Option<&str>) -> Outcome {
        let header = |value: &str| ("Retry-After".to_owned(), value.to_owned());
        Outcome::Response {
            status,
            headers: retry_after.map(header).into_iter().collect(),
            body: String::new(),
            truncated: false,
        }
    }

    fn failure(kind: FailureKind) -> Outcome {
        Outcome::failure(kind, "")
    }

    fn attempt(number: u32) -> Attempt {
        Attempt {
            number,
            trigger: Trigger::Automatic,
            at: NOW,
            duration: Duration::from_secs(2),
            url: String::new(),
            contract: String::new(),
            signature: None,
            own_headers: Vec::new(),
            type_name: None,
            outcome: answer(500, None),
        }
    }

    fn fresh() -> Delivery {
        let key = Ulid::derived(NOW, "x");
        let event = event::parse(br#"{"type":"a.b","data":1}"#)
            .unwrap()
            .accept("t".parse().unwrap(), key);
        Delivery::new(&event, &WebhookId::new([1; 16]))
    }

    fn dead() -> Delivery {
        let mut dead = fresh().after_automatic(attempt(1), Verdict::Dead(Reason::Exhausted));
        dead.dead = Some(DeadLetterId(Ulid::derived(NOW, "letter")));
        dead.manual = Some("token".to_owned());
        dead
    }

    #[test]
    fn every_status_is_judged_as_its_contract_says() {
        for name in builtin_names() {
            let contract = builtin(name).unwrap();
            for status in 100..=599 {
                let expected = if contract.success.holds(status) {
                    Verdict::Delivered
                } else if contract.gone.holds(status) {
                    Verdict::Dead(Reason::Gone)
                } else if contract.refused.holds(status) {
                    Verdict::Dead(Reason::Refused)
                } else {
                    Verdict::Retry(retry::next_delay(&contract, 1, 0.0, None).unwrap())
                };
                let verdict = judge(&contract, &answer(status, None), 1, NOW, 0.0);
                assert_eq!(verdict, expected, "{name} {status}");
                // A receiver's wish counts only where the contract listens to it.
                let wish = judge(&contract, &answer(status, Some("77777")), 1, NOW, 0.0);
                let listens = contract.retry_after.holds(status);
                let wished = Verdict::Retry(Duration::from_secs(77_777));
                let heeded = matches!(expected, Verdict::Retry(_)) && listens;
                assert_eq!(
                    wish,
                    if heeded { wished } else { expected },
                    "{name} {status}"
                );
            }
        }
    }

    #[test]
    fn what_can_never_arrive_dies_at_once_and_all_else_after_the_last_attempt() {
        let kuviq = builtin("kuviq").unwrap();
        let verdict = |kind, made| judge(&kuviq, &failure(kind), made, NOW, 0.0);
        let blocked = verdict(FailureKind::AddressBlocked, 1);
        assert_eq!(blocked, Verdict::Dead(Reason::AddressBlocked));
        let invalid = verdict(FailureKind::InvalidUrl, 1);
        assert_eq!(invalid, Verdict::Dead(Reason::InvalidUrl));
        let minute = Verdict::Retry(Duration::from_secs(60));
        assert_eq!(verdict(FailureKind::Timeout, 1), minute);
        let exhausted = verdict(FailureKind::Timeout, 6);
        assert_eq!(exhausted, Verdict::Dead(Reason::Exhausted));
    }

    #[test]
    fn an_automatic_attempt_counts_and_moves_the_ticket_on() {
        let retried = fresh().after_automatic(attempt(1), Verdict::Retry(Duration::from_secs(60)));
        assert_eq!(retried.status, Status::Retrying);
        assert_eq!((retried.ticket, retried.made, retried.attempts), (1, 1, 1));
        // From the answer, not from the start.
        assert_eq!(retried.due, Some(NOW.plus(Duration::from_secs(62))));
        assert!(!retried.is_at_rest() && retried.last.is_some());
        let done = retried
            .clone()
            .after_automatic(attempt(2), Verdict::Delivered);
        assert_eq!(
            (done.status, done.due, done.ticket),
            (Status::Completed, None, 2)
        );
        let failed = retried.after_automatic(attempt(2), Verdict::Dead(Reason::Gone));
        assert_eq!((failed.status, failed.due), (Status::Failed, None));
        assert_eq!(failed.reason, Some(Reason::Gone));
        assert!(done.is_at_rest() && failed.is_at_rest());
    }

    #[test]
    fn a_manual_attempt_ends_a_delivery_or_leaves_it_as_it_was() {
        let failed = dead().after_manual(attempt(2), Verdict::Dead(Reason::Refused));
        let as_it_was = Delivery {
            attempts: 2,
            last: Some(attempt(2)),
            manual: None,
            ..dead()
        };
        assert_eq!(failed, as_it_was);
        let done = dead().after_manual(attempt(2), Verdict::Delivered);
        assert_eq!(
            (done.status, done.reason, done.dead),
            (Status::Completed, None, None)
        );
        assert_eq!((done.ticket, done.made, done.manual), (1, 1, None));
    }

    #[test]
    fn a_tests_attempt_is_the_only_one() {
        let done = fresh().after_test(attempt(1), Verdict::Delivered);
        assert_eq!((done.status, done.due), (Status::Completed, None));
        let retry = Verdict::Retry(Duration::from_secs(1));
        let failed = fresh().after_test(attempt(1), retry);
        assert_eq!((failed.status, failed.due), (Status::Failed, None));
        assert_eq!((failed.ticket, failed.attempts), (1, 1));
    }

    #[test]
    fn a_death_takes_the_ticket_and_a_redrive_starts_a_new_round() {
        let given_up = fresh().given_up(Reason::WebhookInactive);
        assert_eq!((given_up.status, given_up.ticket), (Status::Failed, 1));
        assert_eq!(given_up.reason, Some(Reason::WebhookInactive));
        let again = dead().redriven(NOW);
        assert_eq!((again.status, again.due), (Status::Retrying, Some(NOW)));
        assert_eq!((again.ticket, again.made, again.attempts), (2, 0, 1));
        assert_eq!((again.reason, again.dead), (None, None));
    }

    #[test]
    fn what_others_did_during_an_attempt_stays() {
        let before = dead();
        let redriven = before.clone().redriven(NOW);
        // A failed manual attempt changes nothing but its token and its number: the redrive stands.
        let failed = before
            .clone()
            .after_manual(attempt(2), Verdict::Dead(Reason::Refused))
            .rebased(&before, &redriven);
        assert_eq!(
            (failed.status, failed.ticket, failed.made),
            (Status::Retrying, 2, 0)
        );
        assert_eq!(
            (failed.due, failed.reason, failed.dead),
            (Some(NOW), None, None)
        );
        assert_eq!((failed.manual.as_deref(), failed.attempts), (None, 2));
        // A success ends it, and the redrive's message finds its ticket taken.
        let done = before
            .clone()
            .after_manual(attempt(2), Verdict::Delivered)
            .rebased(&before, &redriven);
        assert_eq!(
            (done.status, done.ticket, done.due),
            (Status::Completed, 2, None)
        );
        // An automatic attempt leaves a token that was set meanwhile.
        let before = fresh();
        let asked = Delivery {
            manual: Some("new".to_owned()),
            ..before.clone()
        };
        let done = before
            .clone()
            .after_automatic(attempt(1), Verdict::Delivered)
            .rebased(&before, &asked);
        assert_eq!(done.manual.as_deref(), Some("new"));
    }

    #[test]
    fn every_name_is_the_one_that_is_written() {
        let written = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for status in Status::ALL {
            assert_eq!(
                written(serde_json::to_value(status).unwrap()),
                status.as_str()
            );
        }
        for trigger in [Trigger::Automatic, Trigger::Manual, Trigger::Test] {
            assert_eq!(
                written(serde_json::to_value(trigger).unwrap()),
                trigger.as_str()
            );
        }
        for reason in [DisableReason::Gone, DisableReason::Exhausted] {
            assert_eq!(
                written(serde_json::to_value(reason).unwrap()),
                reason.as_str()
            );
        }
        let at_rest: Vec<_> = Status::ALL
            .into_iter()
            .filter(|status| {
                Delivery {
                    status: *status,
                    ..fresh()
                }
                .is_at_rest()
            })
            .collect();
        assert_eq!(
            at_rest,
            [Status::Completed, Status::Failed, Status::Cancelled]
        );
    }
}
