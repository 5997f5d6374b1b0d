//! First-attempt successes that are stored inline in their event's item, and so need no write of
//! their own.

use crate::delivery::{Attempt, Delivery, Status};
use crate::outcome::Outcome;
use crate::tenant::Subscription;

/// A delivery after its first attempt, and its subscription.
pub(super) type AttemptedDelivery<'a> = (Delivery, &'a Subscription);

/// An item has at most 400 KB, and an event alone may have 256 KB. This much is for the inline
/// successes of an event, each of a limited length. Test:
/// a_first_success_lives_inside_its_event_only_while_the_item_has_room.
const MAX_INLINE_BYTES: usize = 64 * 1024;
const MAX_INLINE_RESPONSE_BYTES: usize = 4 * 1024;

/// Splits first attempts: a success with a short response is stored inline in its event's item and
/// needs no write of its own.
pub(super) fn split(
    tried: Vec<AttemptedDelivery<'_>>,
) -> (Vec<AttemptedDelivery<'_>>, Vec<AttemptedDelivery<'_>>) {
    let mut left = MAX_INLINE_BYTES;
    tried.into_iter().partition(|(delivery, _)| {
        let bytes = delivery.last_attempt.as_ref().map_or(0, stored_bytes);
        let fits =
            delivery.status == Status::Completed && bytes <= MAX_INLINE_RESPONSE_BYTES.min(left);
        left = left.saturating_sub(if fits { bytes } else { 0 });
        fits
    })
}

/// The maximum size of an attempt in an item: it is written as JSON, in which a character may take
/// six bytes.
fn stored_bytes(attempt: &Attempt) -> usize {
    let written = |text: &str| serde_json::Value::from(text).to_string().len();
    let answer = match &attempt.outcome {
        Outcome::Response { headers, body, .. } => {
            written(body)
                + headers
                    .iter()
                    .map(|(name, value)| written(name) + written(value))
                    .sum::<usize>()
        }
        Outcome::Failure { detail, .. } => written(detail),
    };
    answer
        + written(&attempt.url)
        + attempt
            .own_headers
            .iter()
            .map(|name| written(name))
            .sum::<usize>()
        + attempt
            .context
            .iter()
            .map(|(name, value)| written(name) + written(value))
            .sum::<usize>()
        + 400
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::contract::builtin;
    use crate::delivery::{Trigger, Verdict};
    use crate::event;
    use crate::ids::{TenantId, WebhookId};
    use crate::tenant::Webhook;
    use crate::time::Time;
    use crate::ulid::Ulid;

    fn success(number: u8, body: &str) -> (Delivery, Subscription) {
        let id = WebhookId::new([number; 16]);
        let key = Ulid::derived(Time::from_millis(1), "x");
        let tenant: TenantId = "t".parse().unwrap();
        let event = event::parse(br#"{"type":"a.b","data":1}"#)
            .unwrap()
            .accept(tenant.clone(), key);
        let attempt = Attempt {
            number: 1,
            trigger: Trigger::Automatic,
            at: key.time(),
            duration: Duration::from_millis(1),
            webhook_version: 1,
            url: "https://example.com/".into(),
            contract: "standard".into(),
            signature: None,
            own_headers: Vec::new(),
            type_name: None,
            context: std::collections::BTreeMap::new(),
            outcome: Outcome::Response {
                status: 200,
                headers: Vec::new(),
                body: body.into(),
                truncated: false,
            },
        };
        let webhook = Webhook {
            id: id.clone(),
            tenant,
            name: None,
            url: attempt.url.clone(),
            events: Vec::new(),
            filter: None,
            active: true,
            contract: "standard".into(),
            overrides: crate::contract::Overrides::default(),
            context: std::collections::BTreeMap::new(),
            secrets: crate::signing_secrets::SigningSecrets::default(),
            basic_auth: None,
            headers: std::collections::BTreeMap::new(),
            created_at: key.time(),
            updated_at: key.time(),
            version: 1,
            disabled: None,
            switched: Vec::new(),
            slow_since: None,
            failing_since: None,
            since: None,
            written: None,
        };
        let delivery = Delivery::new(&event, &id).after_automatic(attempt, Verdict::Delivered);
        (
            delivery,
            Subscription {
                webhook,
                contract: builtin("standard").unwrap(),
                sealing_keys: crate::credential::SealingKeys::unused(),
                context: std::collections::BTreeMap::new(),
            },
        )
    }

    #[test]
    fn a_first_success_lives_inside_its_event_only_while_the_item_has_room() {
        // Control characters take six bytes each in JSON.
        let hostile = "\u{1}".repeat(600);
        let made: Vec<_> = (0..25).map(|n| success(n, &hostile)).collect();
        let (inline, separate) = split(made.iter().map(|(d, s)| (d.clone(), s)).collect());
        let bytes: usize = inline
            .iter()
            .map(|(d, _)| stored_bytes(d.last_attempt.as_ref().unwrap()))
            .sum();
        assert!(
            bytes <= MAX_INLINE_BYTES && !inline.is_empty() && !separate.is_empty(),
            "{} inside, {bytes} bytes",
            inline.len()
        );
        let (long, short) = (
            success(1, &"x".repeat(MAX_INLINE_RESPONSE_BYTES)),
            success(2, "ok"),
        );
        let (inline, separate) = split([&long, &short].map(|(d, s)| (d.clone(), s)).into());
        assert_eq!((inline.len(), separate.len()), (1, 1));
    }

    #[test]
    fn every_text_of_an_attempt_counts_as_long_as_it_is_written() {
        let (delivery, _) = success(1, "");
        let least = delivery.last_attempt.unwrap();
        let mut most = least.clone();
        most.url.push_str("more");
        most.own_headers = vec!["x-key".into(), "authorization".into()];
        most.outcome = Outcome::Response {
            status: 200,
            headers: vec![
                ("server".into(), "\u{1}".into()),
                ("x".into(), String::new()),
            ],
            body: "\"ok\"".into(),
            truncated: false,
        };
        let quotes = |texts: usize| texts * "\"\"".len();
        let texts = [
            "more",
            "x-key",
            "authorization",
            "server",
            "\\u0001",
            "x",
            "\\\"ok\\\"",
        ];
        let more = texts.concat().len() + quotes(2 + 4);
        assert_eq!(stored_bytes(&most), stored_bytes(&least) + more);
        let mut failed = least.clone();
        failed.outcome = Outcome::failure(crate::outcome::FailureKind::Dns, "no name");
        assert_eq!(
            stored_bytes(&failed),
            stored_bytes(&least) + "no name".len()
        );
    }
}
