//! What an attempt sends, and what is stored of it.

use super::fixtures::*;
use super::*;

#[test]
fn what_a_receiver_gets_is_told_by_contract_and_webhook_to_the_byte() {
    let mut desk = dispatcher("standard");
    desk.deps.record = record(Vec::new(), false);
    if let Some(snapshot) = &mut desk.deps.snapshot {
        let webhook = &mut snapshot.subscriptions[0].webhook;
        webhook.basic_auth = Some(EncryptedBasicAuth {
            username: "user".to_owned(),
            cipher: "passw0rd!".to_owned(),
        });
        let header = EncryptedHeader {
            cipher: "Token abcdefghij".to_owned(),
            bytes: 16,
        };
        webhook.headers.insert("x-key".to_owned(), header);
        // A rotation within its overlap, and one after it.
        let rotated = |secrets: &SigningSecrets, cipher: &str, overlap: Duration| {
            let before = Time::from_millis(NOW.millis() - 1000);
            secrets.rotated(cipher.to_owned(), before, overlap, true)
        };
        webhook.secrets =
            SigningSecrets::new("whsec_dGhpcmQgc2VjcmV0IG9mIHRoZSB0ZXN0IQ==".to_owned());
        webhook.secrets = rotated(
            &webhook.secrets,
            "whsec_c2Vjb25kIHNlY3JldCBvZiB0aGUgdGVzdA==",
            Duration::from_secs(1),
        );
        webhook.secrets = rotated(
            &webhook.secrets,
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            RECORDING_RESERVE + Duration::from_secs(1),
        );
    }
    desk.deps.answer = answer(
        500,
        "abcdefghij Token abcdefghij passw0rd! dXNlcjpwYXNzdzByZCE=",
    );
    let calls = work(&desk, &announced(1));
    let [
        Call::Post(request),
        Call::AttemptFinished(..),
        Call::CreateDelivery(kept, None),
        Call::ScheduleTask(..),
    ] = &calls[..]
    else {
        panic!("{calls:?}");
    };
    let body = r#"{"type":"a.b","timestamp":"2026-01-01T00:00:00Z","data":{"n":1}}"#;
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    assert_eq!(request.url, "https://receiver.example/1");
    assert_eq!(request.timeout, Duration::from_secs(30));
    let last = kept.last_attempt.clone().unwrap();
    let signature = last.signature.unwrap();
    let id = event().id.to_string();
    let expected = [
        ("content-type", "application/json"),
        ("user-agent", "Postel/test"),
        ("webhook-id", id.as_str()),
        ("webhook-timestamp", "1767225600"),
        ("postel-hop", "1"),
        ("webhook-signature", signature.as_str()),
        ("x-key", "Token abcdefghij"),
        ("authorization", "Basic dXNlcjpwYXNzdzByZCE="),
    ];
    let sent: Vec<_> = request
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(sent, expected);
    assert_eq!(signature.split(' ').count(), 2, "{signature}");
    // The stored attempt contains no secret, not even one that the receiver sent back.
    assert_eq!(last.outcome, answer(500, "*** Token *** *** ***"));
    assert_eq!(last.own_headers, ["x-key", "authorization"]);
    assert_eq!(
        (last.number, last.at, last.contract.as_str()),
        (1, NOW, "standard")
    );
    assert_eq!(last.duration, Duration::from_millis(200));
}

#[test]
fn a_header_that_the_contract_now_sets_is_sent_once_and_logged_as_the_contracts() {
    let mut desk = dispatcher("standard");
    desk.deps.record = record(Vec::new(), false);
    if let Some(snapshot) = &mut desk.deps.snapshot {
        let subscription = &mut snapshot.subscriptions[0];
        let mine = |value: &str| EncryptedHeader {
            cipher: value.to_owned(),
            bytes: value.len(),
        };
        for name in ["x_tenant", "X-Free", "WEBHOOK_SIGNATURE"] {
            let own = (name.to_owned(), mine("mine"));
            subscription.webhook.headers.extend([own]);
        }
        subscription.webhook.basic_auth = Some(EncryptedBasicAuth {
            username: "user".to_owned(),
            cipher: "passw0rd!".to_owned(),
        });
        for name in ["Authorization", "X-Tenant"] {
            let template = serde_json::from_str(r#""the contract's""#).unwrap();
            let header = (name.to_owned(), template);
            subscription.contract.headers.extend([header]);
        }
    }

    let calls = work(&desk, &announced(1));

    let (Call::Post(request), Call::CreateDelivery(kept, _)) = (&calls[0], &calls[2]) else {
        panic!("{calls:?}");
    };
    let names: Vec<_> = request.headers.iter().map(|(n, _)| n.as_str()).collect();
    let expected = [
        "content-type",
        "user-agent",
        "webhook-id",
        "webhook-timestamp",
        "postel-hop",
        "Authorization",
        "X-Tenant",
        "webhook-signature",
        "X-Free",
    ];
    assert_eq!(names, expected);
    assert_eq!(kept.last_attempt.as_ref().unwrap().own_headers, ["X-Free"]);
}

#[test]
fn kazinexs_ids_come_from_event_webhook_or_tenant_and_are_kept() {
    let own = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(name, raw)| ((*name).to_owned(), (*raw).to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    for (context, said, organisation, project, kept) in [
        (own(&[]), own(&[]), r#""t""#, "null", own(&[])),
        (
            own(&[("organisation_id", "7"), ("other", "1")]),
            own(&[]),
            "7",
            "null",
            own(&[("organisation_id", "7")]),
        ),
        (
            own(&[("organisation_id", "7"), ("project_id", r#""p""#)]),
            own(&[("organisation_id", r#""o""#)]),
            r#""o""#,
            r#""p""#,
            own(&[("project_id", r#""p""#)]),
        ),
    ] {
        let mut desk = dispatcher("kazinex");
        desk.deps.record = record(Vec::new(), false);
        if let Some(record) = &mut desk.deps.record {
            record.event.payload = Payload::Kept(Content {
                context: said,
                ..content(&record.event).clone()
            });
        }
        if let Some(snapshot) = &mut desk.deps.snapshot {
            snapshot.subscriptions[0].context = context;
        }
        desk.deps.answer = answer(500, "");
        let calls = work(&desk, &announced(1));
        let [
            Call::Post(request),
            _,
            Call::CreateDelivery(delivery, None),
            ..,
        ] = &calls[..]
        else {
            panic!("{calls:?}");
        };
        let body = String::from_utf8_lossy(&request.body);
        let ids = format!(r#""organisation_id":{organisation},"project_id":{project},"#);
        assert!(body.contains(&ids), "{body}");
        let attempt = delivery.last_attempt.as_ref().unwrap();
        assert_eq!(attempt.context, kept);
        // The request rebuilt from the stored attempt is the same to the byte.
        let contract = builtin("kazinex").unwrap();
        let event = desk.deps.record.as_ref().unwrap().event.clone();
        let webhook = &delivery.id.webhook;
        let again = crate::flow::request_body(
            &contract,
            &event,
            content(&event),
            webhook,
            None,
            &attempt.context,
        );
        assert_eq!(again, *request.body);
    }
}

#[test]
fn a_contract_that_signs_sends_nothing_without_a_secret() {
    let mut desk = dispatcher("standard");
    desk.deps.record = record(Vec::new(), false);
    if let Some(snapshot) = &mut desk.deps.snapshot {
        snapshot.subscriptions[0].webhook.secrets = SigningSecrets::default();
    }
    let calls = work(&desk, &announced(1));
    assert!(
        matches!(&calls[..], [Call::AttemptFinished(..), Call::CreateDelivery(kept, None), Call::ScheduleTask(..)]
            if matches!(&kept.last_attempt, Some(Attempt { outcome: Outcome::Failure { kind: FailureKind::Unsigned, .. }, .. }))),
        "{calls:?}"
    );
    // A contract without a signature needs no secret.
    if let Some(snapshot) = &mut desk.deps.snapshot {
        snapshot.subscriptions[0].contract.signature = None;
    }
    let calls = work(&desk, &announced(1));
    assert!(matches!(&calls[..], [Call::Post(_), ..]), "{calls:?}");
}

#[test]
fn an_attempt_that_does_not_fit_before_the_end_is_not_begun() {
    let mut desk = dispatcher("standard");
    desk.deps.record = record(Vec::new(), false);
    let enough = Duration::from_secs(30) + RECORDING_RESERVE;
    for (left, posts) in [
        (enough, 1),
        (enough + Duration::from_secs(60), 1),
        (enough.saturating_sub(Duration::from_millis(1)), 0),
    ] {
        let failed = process(&desk, &announced(1), left);
        let calls = told(&desk.deps);
        *desk.deps.now.lock().unwrap() = NOW;
        let posted = calls.iter().filter(|c| matches!(c, Call::Post(_))).count();
        assert_eq!(
            (posted, failed.len()),
            (posts, 1 - posts),
            "{left:?} {calls:?}"
        );
        let stages: Vec<_> = failed
            .iter()
            .map(|(id, fault)| (id.as_str(), fault.stage))
            .collect();
        assert_eq!(stages, [("m", Stage::NoTime)][posts..], "{left:?}");
    }
    // Under a lease, the end of the lease is the deadline; the lease is released and the message
    // comes back.
    let before = retrying(NOW);
    desk.deps.claim = Some(LeaseResult::Acquired(Box::new(before.clone())));
    let message = asked(&task(&before, TaskKind::Scheduled(1)), 1);
    let failed = process(&desk, &message, Duration::from_secs(10));
    let calls = told(&desk.deps);
    assert_eq!(failed.len(), 1);
    assert!(
        matches!(&calls[..], [Call::CompleteAttempt(after, None)] if *after == before),
        "{calls:?}"
    );
}

#[test]
fn a_body_has_the_type_of_catalogue_or_contract_and_the_deliverys_uuid() {
    let contract = builtin("inspectorio").unwrap();
    let body = |event: &Event, to: &WebhookId, name: Option<&str>| -> serde_json::Value {
        let nothing = BTreeMap::new();
        let body = crate::flow::request_body(&contract, event, content(event), to, name, &nothing);
        serde_json::from_slice(&body).unwrap()
    };
    let (event, to) = (event(), WebhookId::new([1; 16]));
    let plain = body(&event, &to, None);
    assert_eq!(plain["eventName"], "a.b");
    assert_eq!(body(&event, &to, Some("A b"))["eventName"], "A b");
    let (named, name) = contract.type_names.iter().next().unwrap();
    let mut known = event.clone();
    known.event_type = named.parse().unwrap();
    assert_eq!(body(&known, &to, None)["eventName"], name.as_str());

    // RFC 9562: hexadecimal in groups of 8-4-4-4-12, version 8, variant 10.
    let uuid = |event: &Event, to: &WebhookId| {
        let id = body(event, to, None)["messageId"]
            .as_str()
            .unwrap()
            .to_owned();
        id.strip_prefix("wh-").unwrap().to_owned()
    };
    // Computed from the same text with Python's hashlib and uuid.
    for (webhook, expected) in [
        (1, "e259fc10-6537-8cb7-9f88-874813aec44e"),
        (2, "4c158eea-de70-8f48-978e-914019bea658"),
        (3, "ef5d494e-5463-8bce-895b-446b8524beab"),
        (4, "bca7d3e4-a0ec-88c1-9c63-8b878dc428bc"),
    ] {
        assert_eq!(uuid(&event, &WebhookId::new([webhook; 16])), expected);
    }
    let mut of_another = event.clone();
    of_another.tenant = "u".parse().unwrap();
    assert_ne!(uuid(&of_another, &to), uuid(&event, &to));

    // The name in the catalogue is read where the envelope contains it, and stored with the
    // attempt.
    for (contract, kept_name) in [("inspectorio", Some("A b")), ("standard", None)] {
        let mut desk = dispatcher(contract);
        desk.deps.type_name = Some("A b".to_owned());
        desk.deps.record = record(Vec::new(), false);
        desk.deps.answer = answer(500, "");
        let calls = work(&desk, &announced(1));
        let Some(Call::CreateDelivery(kept, _)) = calls.get(2) else {
            panic!("{calls:?}");
        };
        assert_eq!(
            kept.last_attempt.as_ref().unwrap().type_name.as_deref(),
            kept_name
        );
    }
}

#[test]
fn only_a_first_attempt_outside_the_slow_lane_reports_its_delay_since_acceptance() {
    // With the attempt's own time.
    let waited = Duration::from_millis(40_200);
    let sent = Time::from_millis(NOW.millis() - 40_000);
    // A tenant that is older than the message.
    let older = || {
        let mut desk = dispatcher("standard");
        if let Some(snapshot) = &mut desk.deps.snapshot {
            snapshot.tenant.created_at = sent;
        }
        desk
    };
    let desk = older();
    let message = QueueMessage {
        sent,
        ..published(1)
    };
    work(&desk, &message);
    assert_eq!(*desk.deps.latencies.lock().unwrap(), [waited]);

    let mut slow = older();
    if let Some(snapshot) = &mut slow.deps.snapshot {
        snapshot.subscriptions[0].webhook.slow_since = Some(NOW);
    }
    work(&slow, &message);
    assert!(slow.deps.latencies.lock().unwrap().is_empty());
}
