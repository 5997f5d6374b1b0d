//! The request that is shown.

use super::*;

/// The request that is shown for a webhook with every kind of header of its own.
fn request(contract: Contract, delivery: Option<Delivery>) -> ExplainedRequest {
    let sealed = |cipher: &str| EncryptedHeader {
        cipher: cipher.to_owned(),
        bytes: 6,
    };
    let webhook = Webhook {
        headers: [("X-Key".to_owned(), sealed("canary"))].into(),
        basic_auth: Some(EncryptedBasicAuth {
            username: "canary".to_owned(),
            cipher: "canary".to_owned(),
        }),
        secrets: SigningSecrets::new("canary".to_owned()),
        ..webhook()
    };
    let event = an_event();
    let record = delivery.map(|delivery| record(&event, vec![delivery]));
    let snapshot = TenantSnapshot {
        subscriptions: vec![subscribed(webhook, contract.clone())],
        ..snapshot(None)
    };
    let explained = explained(&event, record.as_ref(), &snapshot);
    let all = explained.webhooks();
    let recorded = all[0].recorded_contract().map(|_| &contract);
    all[0].request(&event, None, recorded, "Postel/1").unwrap()
}

#[test]
fn a_request_is_shown_without_its_signature_and_its_credentials() {
    let shown = request(short(), None);
    let expected = [
        ("content-type", "application/json"),
        ("user-agent", "Postel/1"),
        ("webhook-id", "e"),
        ("webhook-timestamp", "1000"),
        ("postel-hop", "1"),
        ("webhook-signature", "***"),
        ("X-Key", "***"),
        ("authorization", "***"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(shown.headers, expected);
    assert_eq!(shown.url, "https://example.com/hooks");
    let body = r#"{"type":"item.created","timestamp":"1970-01-01T00:01:40.000Z","data":{"n":1.0}}"#;
    assert_eq!(shown.body.as_deref(), Some(body));
    assert_eq!(shown.signed_text, Some(format!("e.1000.{body}")));
    assert!(!format!("{shown:?}").contains("canary"));
    assert_eq!(request(unsigned(), None).signed_text, None);
    let signed = request(literal(), None);
    assert!(
        signed
            .headers
            .contains(&("x-signature".to_owned(), "***".to_owned()))
    );
}

#[test]
fn the_next_attempts_request_has_the_time_at_which_it_is_due() {
    let shown = request(short(), Some(retrying()));
    assert_eq!(shown.url, "https://example.com/hooks");
    let timestamp = ("webhook-timestamp".to_owned(), "2102".to_owned());
    assert!(shown.headers.contains(&timestamp));
    assert!(shown.signed_text.unwrap().starts_with("e.2102.{"));
}

#[test]
fn the_last_attempts_request_is_shown_as_it_was_sent() {
    let shown = request(short(), Some(failed(Reason::Refused)));
    assert_eq!(shown.url, "https://example.com/then");
    for (name, value) in [
        ("webhook-timestamp", "101"),
        ("webhook-signature", "***"),
        ("X-Key", "***"),
    ] {
        assert!(
            shown.headers.contains(&(name.to_owned(), value.to_owned())),
            "{name}"
        );
    }
    assert!(shown.signed_text.unwrap().starts_with("e.101.{"));
}

#[test]
fn an_attempt_that_sent_nothing_has_no_request() {
    for kind in [FailureKind::Unsigned, FailureKind::Credentials] {
        let dead = Verdict::Dead(Reason::Exhausted);
        let delivery = new().after_automatic(attempt(1, Outcome::failure(kind, "why")), dead);
        assert!(!recorded(delivery, Some(signing())).has_request);
    }
    let failure = Outcome::failure(FailureKind::Timeout, "why");
    let delivery = new().after_automatic(attempt(1, failure), Verdict::Dead(Reason::Exhausted));
    assert!(recorded(delivery, Some(signing())).has_request);
}
