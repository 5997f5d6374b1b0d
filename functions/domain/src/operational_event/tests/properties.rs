use proptest::prelude::*;

use super::*;

/// States of a webhook's row as writes leave them: by an owner, who sets `updated_at`, or by a
/// dispatcher, who sets one mark or switches off.
fn histories() -> impl Strategy<Value = Vec<Webhook>> {
    proptest::collection::vec((0..8_u8, 1..1000_i64), 1..30).prop_map(|steps| {
        let mut rows = vec![webhook()];
        for (step, time) in steps {
            let before = rows.last().unwrap().clone();
            let mut row = before.clone();
            match step {
                0 if row.active => row.failing_since = row.failing_since.or(Some(at(time))),
                1 => row.failing_since = None,
                2 if row.active => row.slow_since = row.slow_since.or(Some(at(time))),
                3 => row.slow_since = None,
                4 if row.active => {
                    (row.active, row.disabled) = (false, Some(DisableReason::Gone));
                    row.updated_at = before.updated_at.plus(std::time::Duration::from_millis(1));
                }
                5 => {
                    (row.active, row.disabled) = (!row.active, None);
                    row = row.replacing(&before, &Author::Postel, before.updated_at);
                }
                6 => {
                    row.url = format!("https://example.com/{time}");
                    row = row.replacing(&before, &Author::Postel, before.updated_at);
                }
                _ => row = row.replacing(&before, &Author::Postel, before.updated_at),
            }
            rows.push(row);
        }
        rows
    })
}

proptest! {
    #[test]
    fn whoever_follows_the_events_knows_the_state(rows in histories()) {
        let (mut active, mut failing, mut slow) = (true, false, false);
        for pair in rows.windows(2) {
            for event in events(&written(&pair[0], &pair[1])) {
                use OperationalEventKind as Kind;
                match event.kind {
                    Kind::WebhookFailing => { prop_assert!(!failing); failing = true; }
                    Kind::WebhookRecovered => { prop_assert!(failing); failing = false; }
                    Kind::WebhookSlow => { prop_assert!(!slow); slow = true; }
                    Kind::WebhookQuick => { prop_assert!(slow); slow = false; }
                    Kind::WebhookDisabled => { prop_assert!(active); active = false; }
                    Kind::WebhookEnabled => { prop_assert!(!active); (active, failing) = (true, false); }
                    Kind::WebhookUpdated if event.body["changed"].as_array().unwrap().contains(&json!("url")) => {
                        (failing, slow) = (false, false);
                    }
                    _ => {}
                }
            }
            let row = &pair[1];
            prop_assert_eq!((active, failing, slow), (row.active, row.failing_since.is_some(), row.slow_since.is_some()));
        }
    }

    #[test]
    fn the_same_record_gives_the_same_events_and_another_record_other_ids(one in "[0-9a-f]{32}", other in "[0-9a-f]{32}") {
        for (_, change) in one_of_each() {
            let of = |id: &str| operational_events(&change, StreamRecord { id, time: at(1) }, "postel", None);
            prop_assert_eq!(of(&one), of(&one));
            prop_assert_eq!(of(&one) == of(&other), one == other);
        }
    }

    #[test]
    fn a_body_is_bounded_whatever_the_rows_contain(
        text in ".{0,2000}", host in "[a-z]{1,63}(\\.[a-z]{1,63}){0,3}", id in "[A-Za-z0-9_-]{64}", kind in "[a-z.]{256}",
    ) {
        let mut row = full();
        row.url = format!("https://{host}/{text}");
        row.id = id.parse().unwrap();
        let mut after = row.clone();
        (after.name, after.active, after.contract) = (None, false, "c".repeat(64));
        let mut dead = died();
        let Body::Delivery(delivery) = &mut dead.body else { unreachable!() };
        (delivery.event_id, delivery.event_type, delivery.id.webhook) = (id.parse().unwrap(), kind.parse().unwrap(), id.parse().unwrap());
        let mut message = rejected(&text);
        if let Body::Message { sender, message_id, .. } = &mut message.body {
            (*sender, *message_id) = (text.clone(), text.clone());
        }
        for change in [written(&row, &after), Change::DeadLetter(Box::new(dead)), Change::DeadLetter(Box::new(message))] {
            for event in events(&change) {
                prop_assert!(event.body.to_string().len() <= MAX_BODY_BYTES);
            }
        }
    }
}
