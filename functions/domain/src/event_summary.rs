//! An event without its content, as lists show it, and the deliveries that it still waits for.
//!
//! A delivery is not recorded before its first attempt has ended. So pending deliveries are
//! derived: an event without a delivery waits for one to each webhook that selects it, by its type
//! and by the webhook's filter. A webhook created or changed after the event is left out, because
//! it is unknown whether it should have received the event. The list of deliveries and the counts
//! derive them here, so that a count and the list behind it are the same deliveries.

use std::collections::HashSet;

use crate::dead_letter::Reason;
use crate::delivery::{Delivery, Status};
use crate::event::Event;
use crate::event_type::EventType;
use crate::filter::Selection;
use crate::ids::{EventId, TenantId, WebhookId};
use crate::payload::Content;
use crate::tenant::Webhook;
use crate::time::Time;
use crate::ulid::Ulid;

/// An event without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSummary {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its key in the log; the key's time is the time of acceptance.
    pub key: Ulid,
    /// Its id for tenant and receiver.
    pub id: EventId,
    /// The type.
    pub event_type: EventType,
    /// When the event happened, RFC 3339 in UTC.
    pub timestamp: String,
    /// Whether it is a test event.
    pub is_test: bool,
    /// When its content was erased.
    pub erased_at: Option<Time>,
    /// The webhooks whose filters leave it out, as [`Self::filtered`] found them. Its content
    /// decides it, which is not kept here.
    pub filtered: Vec<WebhookId>,
}

impl From<&Event> for EventSummary {
    fn from(event: &Event) -> Self {
        Self {
            tenant: event.tenant.clone(),
            key: event.key,
            id: event.id.clone(),
            event_type: event.event_type.clone(),
            timestamp: event.timestamp.clone(),
            is_test: event.test,
            erased_at: event.payload.erased_at(),
            filtered: Vec::new(),
        }
    }
}

impl EventSummary {
    /// Its delivery to a webhook, before the first attempt.
    #[must_use]
    pub fn new_delivery(self, webhook: &WebhookId) -> Delivery {
        Delivery::of_event(self, webhook)
    }

    /// With the webhooks whose filters leave it out. The content is read only if a webhook with a
    /// filter might get the event; without it no filter matches.
    #[must_use]
    pub fn filtered(
        mut self,
        content: impl FnOnce() -> Option<Content>,
        webhooks: &[Webhook],
    ) -> Self {
        let asked = |webhook: &&Webhook| webhook.filter.is_some() && self.awaits(webhook);
        let asked: Vec<_> = webhooks.iter().filter(asked).collect();
        if asked.is_empty() {
            return self;
        }
        let content = content();
        let filtered = {
            let selection = Selection::new(&self.event_type, content.as_ref());
            let left_out = asked.into_iter();
            let left_out = left_out.filter(|webhook| selection.is_filtered_from(webhook));
            left_out.map(|webhook| webhook.id.clone()).collect()
        };
        self.filtered = filtered;
        self
    }

    /// Whether it waits for its delivery to a webhook, if it has no delivery yet. A test event
    /// never does: its one delivery is recorded with it.
    #[must_use]
    pub fn awaits(&self, webhook: &Webhook) -> bool {
        !self.is_test
            && webhook.wants(&self.event_type)
            && webhook.updated_at <= self.key.time()
            && !self.filtered.contains(&webhook.id)
    }

    /// The deliveries that it waits for, if it has no delivery yet. `dead` are the events whose
    /// messages are dead letters: their deliveries have failed.
    #[must_use]
    pub fn awaited(&self, webhooks: &[Webhook], dead: &HashSet<Ulid>) -> Vec<Delivery> {
        let awaited = webhooks.iter().filter(|webhook| self.awaits(webhook));
        let delivery = |webhook: &Webhook| {
            let pending = self.clone().new_delivery(&webhook.id);
            match dead.contains(&self.key) {
                true => Delivery {
                    status: Status::Failed,
                    reason: Some(Reason::Undeliverable),
                    ..pending
                },
                false => pending,
            }
        };
        awaited.map(delivery).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::event_type::EventFilter;
    use crate::webhook::testing::{at, tenant, webhook};

    fn event() -> EventSummary {
        let event = event::parse(br#"{"type":"item.created","data":1}"#).unwrap();
        let key = Ulid::derived(at(5), "x");
        EventSummary::from(&event.accept(tenant().id, key))
    }

    fn awaited(webhook: Webhook, dead: &[Ulid]) -> Vec<(Status, Option<&'static str>)> {
        let dead = dead.iter().copied().collect();
        let found = event().awaited(&[webhook], &dead);
        let shown = |delivery: &Delivery| (delivery.status, delivery.error_code());
        found.iter().map(shown).collect()
    }

    #[test]
    fn an_event_waits_for_each_webhook_that_selected_it_when_it_was_accepted() {
        let other = EventFilter::try_from("other.*".to_owned()).ok().unwrap();
        assert_eq!(awaited(webhook(), &[]), [(Status::Pending, None)]);
        for unwanted in [
            Webhook {
                events: vec![other],
                ..webhook()
            },
            Webhook {
                active: false,
                ..webhook()
            },
            Webhook {
                updated_at: Time::from_millis(5_001),
                ..webhook()
            },
        ] {
            assert_eq!(awaited(unwanted, &[]), []);
        }
        let test = EventSummary {
            is_test: true,
            ..event()
        };
        assert!(!test.awaits(&webhook()));
    }

    #[test]
    fn a_delivery_whose_message_is_a_dead_letter_has_failed() {
        let failed = (Status::Failed, Some("undeliverable"));
        assert_eq!(awaited(webhook(), &[event().key]), [failed]);
        let other = Ulid::derived(at(6), "x");
        assert_eq!(awaited(webhook(), &[other]), [(Status::Pending, None)]);
    }

    #[test]
    fn an_awaited_delivery_has_the_id_that_it_is_recorded_with() {
        let key = event().key;
        let event = event::parse(br#"{"type":"item.created","data":1}"#).unwrap();
        let recorded = Delivery::new(&event.accept(tenant().id, key), &webhook().id);
        let awaited = EventSummary {
            id: recorded.event_id.clone(),
            ..self::event()
        };
        assert_eq!(awaited.awaited(&[webhook()], &HashSet::new()), [recorded]);
    }
}
