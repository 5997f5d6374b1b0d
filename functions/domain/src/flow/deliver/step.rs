//! What the dispatcher does next with an event for a webhook. [`crate::explain`] tells it in
//! advance.

use crate::dead_letter::Reason;
use crate::delivery::Delivery;
use crate::event::Event;
use crate::filter::Selection;
use crate::payload::Content;
use crate::tenant::Webhook;
use crate::time::Time;

/// What happens to an event for a webhook that has no delivery of it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstStep<'a> {
    /// The delivery becomes a dead letter without an attempt.
    GiveUp(Reason),
    /// The first attempt is made.
    Attempt(&'a Content),
}

impl<'a> FirstStep<'a> {
    /// `None` if the event is not for this webhook. `selection` is the event's.
    pub(crate) fn of(
        event: &'a Event,
        selection: &Selection<'_>,
        webhook: &Webhook,
    ) -> Option<Self> {
        if !webhook.is_owed(event, selection) {
            return None;
        }
        Some(match event.payload.content() {
            None => Self::GiveUp(Reason::EventErased),
            Some(_) if !webhook.active => Self::GiveUp(Reason::WebhookInactive),
            Some(content) => Self::Attempt(content),
        })
    }
}

/// What happens to a delivery whose next attempt is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// It becomes a dead letter: its event was erased at this time.
    Erased(Time),
    /// It becomes a dead letter without an attempt.
    GiveUp(Reason),
    /// The attempt is made.
    Attempt,
}

impl NextStep {
    /// `webhook` is the delivery's, if it still exists; `is_manual` whether a caller asked for the
    /// attempt.
    pub(crate) fn of(delivery: &Delivery, webhook: Option<&Webhook>, is_manual: bool) -> Self {
        if let Some(at) = delivery.erased_at {
            return Self::Erased(at);
        }
        // A test event may go to an inactive webhook: this is how a webhook is tested before it is
        // switched on.
        let is_owed = |webhook: &Webhook| {
            (webhook.active || delivery.is_test)
                && (is_manual || !webhook.was_created_after(delivery))
        };
        match webhook {
            Some(webhook) if is_owed(webhook) => Self::Attempt,
            _ => Self::GiveUp(Reason::WebhookInactive),
        }
    }
}
