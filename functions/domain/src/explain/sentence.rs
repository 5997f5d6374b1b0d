//! Explanations in words.

use super::{ExplainReason, Explained};
use crate::dead_letter::Reason;
use crate::delivery::{Delivery, DisableReason};
use crate::event_type::{EventFilter, EventType};
use crate::filter::Verdict;
use crate::tenant::{Subscription, Webhook};
use crate::time::Time;

pub(super) const UNREADABLE: &str = "The webhook, its contract or its delivery cannot be read. The event waits for it, and becomes a dead letter (undeliverable) if that stays so.";

const QUEUED: &str = "It gets the event only if that still waits in the queue.";

/// For a webhook without a delivery of the event.
pub(super) fn unrecorded(
    explained: &Explained<'_>,
    to: &Subscription,
    reason: ExplainReason,
    nearest: Option<&str>,
) -> String {
    let webhook = &to.webhook;
    let accepted = explained.event.key.time().rfc3339();
    match reason {
        ExplainReason::TypeNotSelected => {
            let event_type = &explained.event.event_type;
            let near = nearest.map_or_else(String::new, |filter| {
                format!(" The nearest filter is {filter}.")
            });
            let off = match webhook.active {
                true => String::new(),
                false => format!(" {}", off_since(webhook)),
            };
            format!("The webhook does not subscribe to {event_type}.{near}{off}")
        }
        ExplainReason::Inactive | ExplainReason::Disabled => {
            format!(
                "{} Events of this time do not go to it.",
                off_since(webhook)
            )
        }
        ExplainReason::CreatedLater => {
            let created = webhook.since.unwrap_or(webhook.created_at);
            let created = created.max(webhook.created_at).rfc3339();
            format!(
                "The webhook was created at {created}, after the event was accepted at {accepted}. {QUEUED}"
            )
        }
        ExplainReason::InactiveThen => format!(
            "The webhook was off when the event was accepted at {accepted}, and was switched on later. {QUEUED}"
        ),
        ExplainReason::ChangedLater => format!(
            "The webhook was changed at {}, after the event was accepted at {accepted}, and has no delivery of it: it did not subscribe to the event at that time, or the event still waits in the queue.",
            webhook.updated_at.rfc3339()
        ),
        ExplainReason::TestEvent => {
            "The event is a test of another webhook, and goes to no other.".to_owned()
        }
        ExplainReason::WebhookInactive => format!(
            "{} The event was accepted before that: it becomes a dead letter (webhook_inactive), unless the webhook is switched on first.",
            off_since(webhook)
        ),
        ExplainReason::EventErased => {
            "The content of the event was erased: it becomes a dead letter (event_erased)."
                .to_owned()
        }
        ExplainReason::Ended(_) => "Postel failed on the event's message too often before all first attempts were made: redrive its dead letter.".to_owned(),
        ExplainReason::Unsigned => unsigned(),
        ExplainReason::Unreadable => UNREADABLE.to_owned(),
        ExplainReason::SlowLane => slow(webhook),
        _ if explained.record.is_none() => {
            "The webhook gets the event. The first attempt is made at once.".to_owned()
        }
        _ => "The event is accepted. Its first attempt is due, and not recorded yet.".to_owned(),
    }
}

/// For a webhook whose filter leaves the event out.
pub(super) fn filtered(webhook: &Webhook, verdict: Option<&Verdict>) -> String {
    let off = match webhook.active {
        true => String::new(),
        false => format!(" {}", off_since(webhook)),
    };
    let why = match verdict.map(Verdict::first_mismatch) {
        Some(Some(field)) => format!("The webhook's filter does not match the event: {field}."),
        Some(None) => "The webhook's filter does not match the event: each of its fields matches, but not all of them in the same item of a list.".to_owned(),
        None => "The webhook has a filter, and the content of the event was erased: no filter matches what is not there.".to_owned(),
    };
    format!("{why}{off}")
}

/// For a webhook with a delivery of the event.
pub(super) fn recorded(
    delivery: &Delivery,
    to: Option<&Subscription>,
    reason: ExplainReason,
    next: Option<&Time>,
) -> String {
    let so_far = so_far(delivery);
    let due = next.map_or_else(String::new, |due| {
        format!(" The next attempt is due at {}.", due.rfc3339())
    });
    match (reason, to) {
        (ExplainReason::Delivered, _) => format!("The event is delivered.{so_far}"),
        (ExplainReason::TestFailed, _) => {
            format!("The test event was not delivered, and has only one attempt.{so_far}")
        }
        (ExplainReason::Ended(reason), _) => format!("{}{so_far}", ended(reason)),
        (ExplainReason::AttemptInProgress, _) => {
            let number = delivery.attempt_count.saturating_add(1);
            format!("Attempt {number} is being made.{so_far}")
        }
        (ExplainReason::WebhookDeleted, _) => format!(
            "The webhook is deleted: the delivery becomes a dead letter (webhook_inactive) when it is due.{so_far}"
        ),
        (ExplainReason::WebhookInactive, Some(to)) if to.webhook.active => format!(
            "The delivery is one of a deleted webhook that had this id: it becomes a dead letter (webhook_inactive) when it is due.{so_far}"
        ),
        (ExplainReason::WebhookInactive, Some(to)) => format!(
            "{} The delivery becomes a dead letter (webhook_inactive) when it is due, unless the webhook is switched on first.{so_far}",
            off_since(&to.webhook)
        ),
        (ExplainReason::EventErased, _) => format!(
            "The content of the event was erased: the delivery becomes a dead letter (event_erased).{so_far}"
        ),
        (ExplainReason::Unsigned, _) => format!("{}{so_far}{due}", unsigned()),
        (ExplainReason::SlowLane, Some(to)) => format!("{}{so_far}{due}", slow(&to.webhook)),
        (ExplainReason::Redriven, _) => format!("The delivery was redriven.{so_far}{due}"),
        _ => format!("The webhook gets the event.{so_far}{due}"),
    }
}

/// What came of the last attempt, with a space before.
fn so_far(delivery: &Delivery) -> String {
    delivery
        .last_attempt
        .as_ref()
        .map_or_else(String::new, |last| {
            let at = last.at.rfc3339();
            let sentence = last.outcome.sentence();
            format!(" Attempt {} at {at}: {sentence}", last.number)
        })
}

fn unsigned() -> String {
    "The webhook has no secret that its contract can sign with, so nothing is sent and each attempt fails: rotate its secret.".to_owned()
}

fn slow(webhook: &Webhook) -> String {
    let since = webhook
        .slow_since
        .map_or_else(String::new, |since| format!(" since {}", since.rfc3339()));
    format!(
        "The receiver has been slow{since}, so attempts are made from the slow lane, where they may wait for others."
    )
}

fn off_since(webhook: &Webhook) -> String {
    let since = webhook.switched.last().copied();
    let since = since.unwrap_or(webhook.created_at).rfc3339();
    match webhook.disabled {
        None => format!("The webhook has been off since {since}."),
        Some(DisableReason::Gone) => format!(
            "Postel disabled the webhook at {since}, because the receiver answered that it is gone."
        ),
        Some(DisableReason::Exhausted) => format!(
            "Postel disabled the webhook at {since}, because the last attempt of a delivery failed."
        ),
    }
}

/// Why a delivery was given up.
fn ended(reason: Reason) -> &'static str {
    match reason {
        Reason::Refused => "The receiver answered with a status that the contract never retries.",
        Reason::Exhausted => "Every attempt of the schedule failed.",
        Reason::Gone => "The receiver answered that it is gone.",
        Reason::AddressBlocked => "The address of the webhook is blocked.",
        Reason::InvalidUrl => "The URL of the webhook is not allowed.",
        Reason::WebhookInactive => {
            "The webhook was switched off or deleted while an attempt waited."
        }
        Reason::Undeliverable => "The delivery's message failed too often.",
        Reason::EventErased => "The content of the event was erased before it was delivered.",
        Reason::MalformedJson
        | Reason::InvalidEvent
        | Reason::PayloadTooLarge
        | Reason::UnknownTenant
        | Reason::SenderNotAllowed
        | Reason::IdConflict => "The message could not become an event.",
    }
}

/// The filter that has most in common with a type: its longest common beginning, upper and lower
/// case alike. `None` if none has a first letter in common.
pub(super) fn nearest_filter(filters: &[EventFilter], event_type: &EventType) -> Option<String> {
    let common = |filter: &EventFilter| {
        let text = String::from(filter.clone());
        let pairs = text.bytes().zip(event_type.as_str().bytes());
        let length = pairs.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
        (length, text)
    };
    let found = filters.iter().map(common).filter(|(length, _)| *length > 0);
    // Of several, the first that the owner named.
    let best = found.reduce(|best, other| if other.0 > best.0 { other } else { best });
    best.map(|(_, text)| text)
}
