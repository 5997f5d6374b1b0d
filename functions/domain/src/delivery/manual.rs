//! When a caller may request a manual attempt of a delivery.

use super::Delivery;
use crate::payload::Payload;
use crate::ports::{MAX_MANUAL_ATTEMPTS, NotAsked};
use crate::rejection::{Code, Rejection};
use crate::tenant::Webhook;

/// Whether the event's content still exists.
///
/// # Errors
/// `event_erased`.
pub fn check_not_erased(payload: &Payload) -> Result<(), Rejection> {
    match payload.erased_at() {
        Some(_) => Err(Rejection::event_erased()),
        None => Ok(()),
    }
}

impl Delivery {
    /// Whether its webhook exists and still takes attempts. A test event may also go to an inactive
    /// webhook.
    ///
    /// # Errors
    /// `webhook_inactive`.
    pub fn check_webhook(&self, webhook: Option<&Webhook>) -> Result<(), Rejection> {
        if webhook.is_some_and(|webhook| webhook.active || self.is_test) {
            return Ok(());
        }
        let detail = "The webhook of this delivery is switched off or deleted: switch it on first.";
        Err(Rejection::new(Code::WebhookInactive, detail))
    }
}

impl From<NotAsked> for Rejection {
    fn from(not_asked: NotAsked) -> Self {
        match not_asked {
            NotAsked::Missing => Self::not_found(),
            NotAsked::TooMany => {
                let detail = format!(
                    "This delivery has been retried {MAX_MANUAL_ATTEMPTS} times, the maximum: redrive its dead letter, or publish the event again."
                );
                Self::new(Code::RetryLimit, detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::time::Time;
    use crate::ulid::Ulid;
    use crate::webhook::testing::{at, tenant, webhook};

    fn delivery(test: bool) -> Delivery {
        let key = Ulid::floor(Time::from_millis(1000));
        let mut event = event::parse(br#"{"type":"a.b","data":1}"#)
            .unwrap()
            .accept(tenant().id, key);
        event.test = test;
        Delivery::new(&event, &webhook().id)
    }

    fn webhook_is(active: bool) -> Webhook {
        Webhook {
            active,
            ..webhook()
        }
    }

    #[test]
    fn a_delivery_is_retried_only_while_its_webhook_is_on() {
        let delivery = delivery(false);
        assert_eq!(delivery.check_webhook(Some(&webhook_is(true))), Ok(()));
        for off in [Some(&webhook_is(false)), None] {
            let refusal = delivery.check_webhook(off).unwrap_err();
            assert_eq!(refusal.code, Code::WebhookInactive);
            assert_eq!(
                &*refusal.detail,
                "The webhook of this delivery is switched off or deleted: switch it on first."
            );
        }
    }

    #[test]
    fn a_test_event_is_retried_while_its_webhook_exists() {
        let delivery = delivery(true);
        for active in [true, false] {
            assert_eq!(delivery.check_webhook(Some(&webhook_is(active))), Ok(()));
        }
        assert!(delivery.check_webhook(None).is_err());
    }

    #[test]
    fn nothing_is_sent_of_an_erased_event() {
        let refusal = check_not_erased(&Payload::Erased(at(1))).unwrap_err();
        assert_eq!(refusal, Rejection::event_erased());
        let event = event::parse(br#"{"type":"a.b","data":1}"#).unwrap();
        let event = event.accept(tenant().id, Ulid::floor(at(1)));
        assert_eq!(check_not_erased(&event.payload), Ok(()));
    }

    #[test]
    fn who_asks_too_often_is_told_what_else_helps() {
        let refusal = Rejection::from(NotAsked::TooMany);
        assert_eq!(refusal.code, Code::RetryLimit);
        assert_eq!(
            &*refusal.detail,
            "This delivery has been retried 100 times, the maximum: redrive its dead letter, or publish the event again."
        );
        assert_eq!(Rejection::from(NotAsked::Missing), Rejection::not_found());
    }
}
