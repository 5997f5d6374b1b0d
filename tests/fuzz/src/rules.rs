//! Operators' and tenants' configuration.

use std::collections::BTreeMap;

use api::caller;
use api::publishing::{Event, Events};
use domain::contract::{
    Contract, Envelope, EnvelopeData, MAX_RETRY_DELAY, Overrides, Secret, SigningInput, Template,
};
use domain::event_type::{EventFilter, EventType};
use domain::guard::check_header;
use domain::retry::next_delay;
use domain::time::Time;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::{text, two};

/// Data of a tenant: each is sent through the contract.
const DATA: [&str; 5] = [
    r#"{"a":"b\"c\\","d":[1,{"e":null}]}"#,
    r#""\u0000\ud800 text""#,
    "[]",
    "-1.50e+3",
    "null",
];

/// A contract: a valid one parses to the same contract when it is stored, sends JSON for all data,
/// and keeps within its limits.
pub fn contract(data: &[u8]) {
    let Ok(contract) = caller::from_json::<Contract>(data) else {
        return;
    };
    let stored = serde_json::to_string(&contract).unwrap();
    let mut again: Contract = serde_json::from_str(&stored).unwrap();
    // serde_json's value for a number with many digits may be off by one unit in the last place.
    assert!((again.jitter - contract.jitter).abs() <= f64::EPSILON * contract.jitter.abs());
    again.jitter = contract.jitter;
    assert_eq!(again, contract);
    sends_json(&contract.envelope);
    if contract.check().is_err() {
        return;
    }
    if let Some(envelope) = &contract.test_envelope {
        sends_json(envelope);
    }
    let moment = SigningInput {
        id: "evt_1",
        at: Time::from_millis(1_767_225_600_000),
        body: b"{}",
    };
    for (name, template) in &contract.headers {
        let mut value = Vec::new();
        template.render(&moment, &mut value);
        assert_eq!(
            check_header(name, std::str::from_utf8(&value).unwrap()),
            Ok(())
        );
    }
    if let Some(signature) = &contract.signature {
        let secrets = [Secret::new(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        )];
        let value = signature
            .value(&secrets, &moment)
            .expect("a good secret signs");
        assert!(value.bytes().all(|b| b.is_ascii_graphic()), "{value}");
    }
    for made in 1..40 {
        let delay = next_delay(&contract, made, 1.0, None);
        assert!(delay.unwrap_or_default() <= MAX_RETRY_DELAY * 2);
        assert_eq!(
            delay.is_some(),
            made as usize <= contract.retry_delays_seconds.len()
        );
    }
}

fn sends_json(envelope: &Envelope) {
    let context = BTreeMap::from([
        ("a".to_owned(), r#""\"""#.to_owned()),
        ("b".to_owned(), "1".to_owned()),
    ]);
    for data in DATA {
        let facts = EnvelopeData {
            id: "evt_1",
            event_type: "a.b",
            timestamp: "2026-01-01T00:00:00Z",
            tenant: "t",
            webhook: "wh_1",
            type_name: "A \"B\"\n",
            uuid: "u",
            data,
            context: &context,
            own_context: &context,
        };
        let sent = String::from_utf8(envelope.render(&facts)).unwrap();
        serde_json::from_str::<IgnoredAny>(&sent)
            .unwrap_or_else(|e| panic!("no JSON: {e}: {sent}"));
    }
}

/// The template of a header or signature: stored in its own spelling, filled with the values it
/// names.
pub fn template(data: &[u8]) {
    let (written, body) = two(data);
    let Ok(template) = Template::try_from(written.clone()) else {
        return;
    };
    assert_eq!(String::from(template.clone()), written);
    let mut filled = Vec::new();
    let moment = SigningInput {
        id: "evt_1",
        at: Time::from_millis(0),
        body: body.as_bytes(),
    };
    template.render(&moment, &mut filled);
    let by_hand = written
        .replace("{id}", "evt_1")
        .replace("{timestamp}", "0")
        .replace("{timestampIso}", "1970-01-01T00:00:00.000Z");
    // The body last: it may contain text that looks like a placeholder.
    assert_eq!(
        String::from_utf8(filled).unwrap(),
        by_hand.replace("{body}", &body)
    );
    assert_eq!(template.names_body(), by_hand.contains("{body}"));
}

/// A webhook's filter applied to an event's type.
pub fn event_filter(data: &[u8]) {
    let (filter, event_type) = two(data);
    let Ok(filter) = EventFilter::try_from(filter) else {
        return;
    };
    let written = String::from(filter.clone());
    assert_eq!(EventFilter::try_from(written.clone()), Ok(filter.clone()));
    let Ok(event_type) = event_type.parse::<EventType>() else {
        return;
    };
    let wanted = match written.strip_suffix('*') {
        Some(start) => event_type.as_str().starts_with(start),
        None => event_type.as_str() == written,
    };
    assert_eq!(filter.matches(&event_type), wanted);
}

/// Request bodies: rejected with a message, never with a panic, and a rejection names at most a
/// field.
pub fn requests(data: &[u8]) {
    for refused in [
        caller::from_json::<Events>(data).err(),
        caller::from_json::<Event>(data).err(),
        caller::from_json::<Overrides>(data).err(),
        caller::from_json::<BTreeMap<String, Box<RawValue>>>(data).err(),
    ]
    .into_iter()
    .flatten()
    {
        assert!(!refused.detail.is_empty());
    }
    if let Ok(overrides) = caller::from_json::<Overrides>(data) {
        let stored = serde_json::to_string(&overrides).unwrap();
        assert_eq!(
            serde_json::from_str::<Overrides>(&stored).unwrap(),
            overrides
        );
    }
    if let Ok(raw) = caller::from_json::<BTreeMap<String, Box<RawValue>>>(data)
        && let Ok(context) = domain::context::of_owner(&raw)
    {
        assert!(
            context.len() <= 16 && context.values().all(|value| !value.starts_with(['{', '[']))
        );
    }
    let _ = text(data);
}
