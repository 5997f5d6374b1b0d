//! The request of an attempt, rebuilt from the log with its secrets masked.

use crate::contract::{Contract, SigningInput};
use crate::delivery::{Attempt, Delivery};
use crate::event::Event;
use crate::flow::{request_body, request_headers};

pub use crate::masking::MASK;

/// A request as it was sent.
#[derive(Debug, PartialEq)]
pub struct SentRequest {
    /// The request's URL.
    pub url: String,
    /// Its headers in the order of sending, by name: see [`joined_headers`].
    pub headers: Vec<(String, String)>,
    /// Its body if it is UTF-8; `None` after the event was erased.
    pub body: Option<String>,
}

impl SentRequest {
    /// The request of one attempt. The signature is the one that was sent; it reveals nothing about
    /// the secret. The values of the webhook's own headers are masked.
    #[must_use]
    pub fn of(
        contract: &Contract,
        event: &Event,
        delivery: &Delivery,
        attempt: &Attempt,
        user_agent: &str,
    ) -> Self {
        let body = event.payload.content().map(|content| {
            request_body(
                contract,
                event,
                content,
                &delivery.id.webhook,
                attempt.type_name.as_deref(),
                &attempt.context,
            )
        });
        let moment = SigningInput {
            id: event.id.as_str(),
            at: attempt.at,
            // No header contains the body: only the signed text may use it.
            body: body.as_deref().unwrap_or_default(),
        };
        let headers = request_headers(contract, &moment, attempt.signature.as_deref(), user_agent);
        let own = attempt.own_headers.iter();
        let own = own.map(|name| (name.clone(), MASK.to_owned()));
        Self {
            url: attempt.url.clone(),
            headers: joined_headers(headers.into_iter().chain(own)),
            body: body.map(|body| String::from_utf8_lossy(&body).into_owned()),
        }
    }
}

/// Headers by name, in the order of their first value. HTTP allows a name more than once, a JSON
/// object does not: the values of one name are joined as in RFC 9110, 5.3. Names are compared
/// without case.
#[must_use]
pub fn joined_headers(pairs: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut joined: Vec<(String, String)> = Vec::new();
    for (name, value) in pairs {
        let known = joined
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(&name));
        match known {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(&value);
            }
            None => joined.push((name, value)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::delivery::Trigger;
    use crate::event;
    use crate::outcome::{FailureKind, Outcome};
    use crate::payload::Payload;
    use crate::ulid::Ulid;
    use crate::webhook::testing::{at, contract, tenant, webhook};

    fn event() -> Event {
        let event = event::parse(br#"{"type":"a.b","data":{"n":1.0}}"#).unwrap();
        event.accept(tenant().id, Ulid::floor(at(1)))
    }

    fn attempt() -> Attempt {
        Attempt {
            number: 1,
            trigger: Trigger::Automatic,
            at: at(10),
            duration: Duration::ZERO,
            webhook_version: 1,
            url: "https://example.com/then".to_owned(),
            contract: "standard".to_owned(),
            signature: Some("v1,abc".to_owned()),
            own_headers: vec!["X-Key".to_owned(), "Authorization".to_owned()],
            type_name: None,
            context: BTreeMap::new(),
            outcome: Outcome::failure(FailureKind::Timeout, ""),
        }
    }

    fn sent(event: &Event) -> SentRequest {
        let delivery = Delivery::new(event, &webhook().id);
        SentRequest::of(&contract(), event, &delivery, &attempt(), "Postel/1")
    }

    fn value<'a>(sent: &'a SentRequest, name: &str) -> Option<&'a str> {
        let found = sent.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_values_of_a_webhooks_own_headers_are_masked() {
        let sent = sent(&event());
        assert_eq!(value(&sent, "X-Key"), Some("***"));
        assert_eq!(value(&sent, "Authorization"), Some("***"));
    }

    #[test]
    fn a_request_is_shown_as_its_attempt_sent_it() {
        let sent = sent(&event());
        assert_eq!(sent.url, "https://example.com/then", "not its current URL");
        assert_eq!(value(&sent, "webhook-signature"), Some("v1,abc"));
        assert_eq!(value(&sent, "webhook-timestamp"), Some("10"));
        assert_eq!(value(&sent, "user-agent"), Some("Postel/1"));
        assert!(sent.body.unwrap().contains(r#"{"n":1.0}"#));
    }

    #[test]
    fn an_erased_event_leaves_no_body() {
        let erased = Event {
            payload: Payload::Erased(at(20)),
            ..event()
        };
        let sent = sent(&erased);
        assert_eq!(sent.body, None);
        assert_eq!(value(&sent, "webhook-signature"), Some("v1,abc"));
    }

    #[test]
    fn the_values_of_one_header_are_joined_in_their_order() {
        let pairs = [
            ("www-authenticate", "Negotiate"),
            ("via", "1.1 a"),
            ("WWW-Authenticate", "NTLM"),
            ("www-authenticate", r#"Basic realm="x""#),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expected = [
            ("www-authenticate", r#"Negotiate, NTLM, Basic realm="x""#),
            ("via", "1.1 a"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(joined_headers(pairs.into_iter()), expected);
    }
}
