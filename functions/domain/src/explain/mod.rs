//! Why a webhook gets an event or not, what is sent to it, and when.
//!
//! Nothing is sent and nothing is written. The decisions and the request are the dispatcher's own
//! code: [`FirstStep`], [`NextStep`] and [`UnsignedRequest`](crate::flow::UnsignedRequest). Test:
//! the simulator compares every explanation with what was delivered.

mod reason;
mod request;
mod sentence;
#[cfg(test)]
mod tests;

use crate::dead_letter::Reason;
use crate::delivery::{Delivery, Status};
use crate::event::Event;
use crate::filter::{Selection, Verdict};
use crate::flow::{FirstStep, NextStep};
use crate::ids::WebhookId;
use crate::ports::StoredEvent;
use crate::retry;
use crate::tenant::{Subscription, TenantSnapshot, Webhook};
use crate::time::Time;
use crate::webhook::LastChange;

pub use reason::{ExplainReason, ExplainResult};
pub use request::{ExplainedRequest, names_types};

use self::request::RequestSource;

/// An event and all that decides what becomes of it.
#[derive(Clone, Copy)]
pub struct Explained<'a> {
    /// The event: a published one, or one that might be published now.
    pub event: &'a Event,
    /// The event's record with its deliveries; `None` if it is not published.
    pub record: Option<&'a StoredEvent>,
    /// Whether the event's message is a dead letter: then nothing makes first attempts.
    pub is_message_dead: bool,
    /// Its tenant with all webhooks.
    pub snapshot: &'a TenantSnapshot,
    /// The time.
    pub now: Time,
}

/// What becomes of an event for one webhook.
pub struct Explanation<'a> {
    /// The webhook. It may be deleted.
    pub webhook: WebhookId,
    /// The webhook with its contract; `None` if it is deleted or cannot be read.
    pub to: Option<&'a Subscription>,
    /// The delivery, if it is recorded.
    pub delivery: Option<&'a Delivery>,
    /// What becomes of it.
    pub result: ExplainResult,
    /// Why.
    pub reason: ExplainReason,
    /// The same as a sentence or two.
    pub detail: String,
    /// When attempts are due, if each one before fails. Empty if none is.
    pub next_attempts: Vec<Time>,
    /// Of the webhook's filters that do not select the event's type, the one most like it.
    pub nearest_filter: Option<String>,
    /// What the webhook's filter says about the event, if the filter leaves it out. `None` also if
    /// the event's content was erased.
    pub filter: Option<Verdict>,
    source: RequestSource,
}

impl Explanation<'_> {
    /// Whether the event's message, which is in the queue, has to make the first attempt.
    #[must_use]
    pub fn awaits_first_attempt(&self) -> bool {
        self.result == ExplainResult::Pending && self.delivery.is_none()
    }

    /// The webhook with its last change, if the reason follows from its settings and it is known
    /// who changed them.
    #[must_use]
    pub fn changed_webhook(&self) -> Option<(&Webhook, &LastChange)> {
        let webhook = &self.to.filter(|_| self.reason.is_of_settings())?.webhook;
        Some((webhook, webhook.last_change()?))
    }
}

impl<'a> Explained<'a> {
    /// An explanation for each webhook of the tenant, the newest first; then for webhooks that
    /// cannot be read, and for deleted ones that have a delivery of the event.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Explanation<'a>> {
        let mut standing: Vec<&'a Subscription> = self.snapshot.subscriptions.iter().collect();
        let age = |to: &Subscription| (to.webhook.created_at, to.webhook.id.clone());
        standing.sort_by_key(|to| std::cmp::Reverse(age(to)));
        let selection = Selection::of(self.event);
        let explained = standing.into_iter().map(|to| self.webhook(to, &selection));
        let mut all: Vec<_> = explained.collect();
        let unreadable = self.snapshot.unreadable.iter();
        all.extend(unreadable.map(|id| self.unreadable(id)));
        let is_known =
            |id: &WebhookId, all: &[Explanation<'_>]| all.iter().any(|e| e.webhook == *id);
        for recorded in self.record.iter().flat_map(|record| &record.deliveries) {
            let delivery = &recorded.delivery;
            if !is_known(&delivery.id.webhook, &all) {
                all.push(self.recorded(delivery, None));
            }
        }
        all
    }

    fn webhook(&self, to: &'a Subscription, selection: &Selection<'_>) -> Explanation<'a> {
        match self.delivery(&to.webhook.id) {
            Some(delivery) => self.recorded(delivery, Some(to)),
            None => self.unrecorded(to, selection),
        }
    }

    fn delivery(&self, id: &WebhookId) -> Option<&'a Delivery> {
        let recorded = self
            .record
            .into_iter()
            .flat_map(|record| &record.deliveries);
        let mut deliveries = recorded.map(|recorded| &recorded.delivery);
        deliveries.find(|delivery| delivery.id.webhook == *id)
    }

    fn unreadable(&self, id: &WebhookId) -> Explanation<'a> {
        match self.delivery(id) {
            Some(delivery) if delivery.is_terminal() => self.recorded(delivery, None),
            delivery => Explanation {
                webhook: id.clone(),
                to: None,
                delivery,
                result: delivery.map_or(ExplainResult::Pending, waiting),
                reason: ExplainReason::Unreadable,
                detail: sentence::UNREADABLE.to_owned(),
                next_attempts: Vec::new(),
                nearest_filter: None,
                filter: None,
                source: RequestSource::Nothing,
            },
        }
    }

    /// For a webhook without a delivery of the event.
    fn unrecorded(&self, to: &'a Subscription, selection: &Selection<'_>) -> Explanation<'a> {
        let webhook = &to.webhook;
        let first_step = FirstStep::of(self.event, selection, webhook);
        let (result, reason) = match (self.unwanted(webhook, selection), first_step) {
            (Some(reason), _) => (ExplainResult::NotWanted, reason),
            (None, None) => (ExplainResult::NotWanted, self.off(webhook)),
            _ if self.record.is_some_and(|record| !record.is_complete) => {
                (ExplainResult::Pending, ExplainReason::Unreadable)
            }
            (None, Some(_)) if self.is_message_dead => {
                let reason = ExplainReason::Ended(Reason::Undeliverable);
                (ExplainResult::Failed, reason)
            }
            (None, Some(FirstStep::GiveUp(reason))) => {
                (ExplainResult::Pending, ExplainReason::of_waiting(reason))
            }
            (None, Some(FirstStep::Attempt(_))) => (ExplainResult::Pending, self.first_attempt(to)),
        };
        let next_attempts = match reason {
            ExplainReason::FirstAttempt | ExplainReason::SlowLane | ExplainReason::Unsigned => {
                retry::calendar(&to.contract, 0, self.now)
            }
            _ => Vec::new(),
        };
        let is_not_selected = reason == ExplainReason::TypeNotSelected;
        let filters = is_not_selected.then_some(&webhook.events);
        let nearest_filter =
            filters.and_then(|filters| sentence::nearest_filter(filters, &self.event.event_type));
        let is_filtered = reason == ExplainReason::Filtered;
        let filter = webhook.filter.as_ref().filter(|_| is_filtered);
        let filter = filter.and_then(|filter| selection.verdict(filter));
        Explanation {
            detail: match reason {
                ExplainReason::Filtered => sentence::filtered(webhook, filter.as_ref()),
                _ => sentence::unrecorded(self, to, reason, nearest_filter.as_deref()),
            },
            webhook: webhook.id.clone(),
            to: Some(to),
            delivery: None,
            result,
            reason,
            source: RequestSource::next(reason, self.now),
            next_attempts,
            nearest_filter,
            filter,
        }
    }

    /// Why a webhook that selects the event's type does not get it.
    fn off(&self, webhook: &Webhook) -> ExplainReason {
        if self.record.is_some() && self.is_older_than(webhook) {
            return ExplainReason::CreatedLater;
        }
        match webhook.disabled {
            Some(_) => ExplainReason::Disabled,
            None => ExplainReason::Inactive,
        }
    }

    fn is_older_than(&self, webhook: &Webhook) -> bool {
        let created = webhook.since.unwrap_or(webhook.created_at);
        self.event.key.time() < created.max(webhook.created_at)
    }

    /// Why the event is not for a webhook, although it may be active now. A published event was
    /// handled already, unless its message still waits: what the webhook was at that time counts.
    fn unwanted(&self, webhook: &Webhook, selection: &Selection<'_>) -> Option<ExplainReason> {
        if self.event.test {
            return Some(ExplainReason::TestEvent);
        }
        if !webhook.selects(&self.event.event_type) {
            return Some(ExplainReason::TypeNotSelected);
        }
        let filtered = selection.is_filtered_from(webhook);
        let filtered = filtered.then_some(ExplainReason::Filtered);
        if self.record.is_none() || !webhook.active {
            return filtered;
        }
        let accepted = self.event.key.time();
        if self.is_older_than(webhook) {
            Some(ExplainReason::CreatedLater)
        } else if !webhook.was_on(accepted) {
            Some(ExplainReason::InactiveThen)
        } else if accepted < webhook.updated_at {
            Some(ExplainReason::ChangedLater)
        } else {
            filtered
        }
    }

    fn first_attempt(&self, to: &Subscription) -> ExplainReason {
        if request::is_unsigned(to, self.now) {
            ExplainReason::Unsigned
        } else if to.webhook.is_slow() {
            ExplainReason::SlowLane
        } else {
            ExplainReason::FirstAttempt
        }
    }

    /// For a webhook with a delivery of the event. `to` is `None` if it is deleted.
    fn recorded(&self, delivery: &'a Delivery, to: Option<&'a Subscription>) -> Explanation<'a> {
        let result = match delivery.status {
            Status::Completed => ExplainResult::Delivered,
            Status::Failed => ExplainResult::Failed,
            Status::Pending | Status::Processing | Status::Retrying => waiting(delivery),
        };
        let reason = match result {
            ExplainResult::Delivered => ExplainReason::Delivered,
            ExplainResult::Failed => delivery
                .reason
                .map_or(ExplainReason::TestFailed, ExplainReason::Ended),
            _ => self.waiting_reason(delivery, to),
        };
        let next_attempts = match (to, reason.is_attempted()) {
            (Some(to), true) => self.calendar(delivery, to),
            _ => Vec::new(),
        };
        let source = match result {
            ExplainResult::Delivered | ExplainResult::Failed => RequestSource::Last,
            _ => RequestSource::next(reason, next_attempts.first().map_or(self.now, |due| *due)),
        };
        Explanation {
            detail: sentence::recorded(delivery, to, reason, next_attempts.first()),
            webhook: delivery.id.webhook.clone(),
            to,
            delivery: Some(delivery),
            result,
            reason,
            next_attempts,
            nearest_filter: None,
            filter: None,
            source,
        }
    }

    fn waiting_reason(&self, delivery: &Delivery, to: Option<&Subscription>) -> ExplainReason {
        let Some(to) = to else {
            return ExplainReason::WebhookDeleted;
        };
        match NextStep::of(delivery, Some(&to.webhook), false) {
            NextStep::Erased(_) => ExplainReason::EventErased,
            NextStep::GiveUp(reason) => ExplainReason::of_waiting(reason),
            NextStep::Attempt if delivery.status == Status::Processing => {
                ExplainReason::AttemptInProgress
            }
            NextStep::Attempt if request::is_unsigned(to, self.now) => ExplainReason::Unsigned,
            NextStep::Attempt if to.webhook.is_slow() => ExplainReason::SlowLane,
            NextStep::Attempt if delivery.attempt_count == 0 => ExplainReason::FirstAttempt,
            NextStep::Attempt if delivery.attempts_this_round == 0 => ExplainReason::Redriven,
            NextStep::Attempt => ExplainReason::Retrying,
        }
    }

    /// The attempts that are left of a waiting delivery's round. While one is made, those after it.
    fn calendar(&self, delivery: &Delivery, to: &Subscription) -> Vec<Time> {
        let next = delivery.next_attempt_at.unwrap_or(self.now).max(self.now);
        if delivery.is_test {
            let is_made = delivery.status == Status::Processing;
            return if is_made { Vec::new() } else { vec![next] };
        }
        let made = delivery.attempts_this_round;
        let mut all = retry::calendar(&to.contract, made, next);
        if delivery.status == Status::Processing {
            all.remove(0);
        }
        all
    }
}

/// The result of a delivery that has not ended.
fn waiting(delivery: &Delivery) -> ExplainResult {
    match delivery.attempt_count {
        0 => ExplainResult::Pending,
        _ => ExplainResult::Due,
    }
}
