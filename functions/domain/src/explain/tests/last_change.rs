//! Which explanations carry the webhook's last change.

use super::*;
use crate::author::Author;
use crate::webhook::ChangedMember;

/// The webhook, changed after the event was accepted.
fn changed(change: fn(&mut Webhook)) -> Webhook {
    let mut after = signing();
    change(&mut after);
    after.replacing(&signing(), &Author::Postel, at(150))
}

/// The reason, and the members of the last change.
fn told(
    webhook: &Webhook,
    deliveries: Vec<Delivery>,
) -> (&'static str, Option<Vec<ChangedMember>>) {
    let event = an_event();
    let (snapshot, record) = (snapshot(Some(webhook.clone())), record(&event, deliveries));
    let all = explained(&event, Some(&record), &snapshot).webhooks();
    let change = all[0].changed_webhook();
    if let Some((of, change)) = change {
        assert_eq!((of, change.at), (webhook, at(150)));
    }
    let members = change.map(|(_, change)| change.changed.clone());
    (all[0].reason.as_str(), members)
}

#[test]
fn the_last_change_is_told_where_the_reason_follows_from_the_settings() {
    let other_type = |w: &mut Webhook| {
        w.events = vec![EventFilter::try_from("order.*".to_owned()).unwrap()];
    };
    for (webhook, reason, member) in [
        (
            changed(other_type),
            "type_not_selected",
            ChangedMember::Events,
        ),
        (
            changed(|w| w.name = None),
            "changed_later",
            ChangedMember::Name,
        ),
        (
            changed(|w| w.active = false),
            "webhook_inactive",
            ChangedMember::Active,
        ),
    ] {
        assert_eq!(told(&webhook, vec![]), (reason, Some(vec![member])));
    }
    // A webhook that switched off while a retry waited: before the retry is due, and after.
    let off = changed(|w| w.active = false);
    for (delivery, reason) in [
        (retrying(), "webhook_inactive"),
        (failed(Reason::WebhookInactive), "webhook_inactive"),
    ] {
        assert_eq!(
            told(&off, vec![delivery]),
            (reason, Some(vec![ChangedMember::Active]))
        );
    }
}

#[test]
fn nothing_is_told_where_the_settings_are_not_the_reason_or_nobody_changed_them() {
    let renamed = changed(|w| w.name = None);
    let delivered = new().after_automatic(attempt(1, response(200)), Verdict::Delivered);
    for (delivery, reason) in [
        (delivered, "delivered"),
        (retrying(), "retrying"),
        (failed(Reason::Refused), "refused"),
    ] {
        assert_eq!(told(&renamed, vec![delivery]), (reason, None));
    }
    assert_eq!(told(&signing(), vec![]), ("first_attempt", None));
    let unknown = Webhook {
        written: None,
        ..renamed
    };
    assert_eq!(told(&unknown, vec![]), ("changed_later", None));
}
